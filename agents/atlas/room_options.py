from __future__ import annotations

from livekit import rtc
from livekit.agents.voice import room_io

from agents.atlas.agent import AtlasAgent

# What recognisers want. At any other rate livekit puts a resampler of its own before them, which
# holds back about 80 ms of every turn.
HEARING_RATE = 16000


def room_options(agent: AtlasAgent, human_identity: str, *, typing: bool) -> room_io.RoomOptions:
    """Whom Atlas hears, how it speaks; with `typing` the caller may write and reads along."""
    return room_io.RoomOptions(
        participant_identity=human_identity,
        # Speech from before the gate must not be heard: that is what pre-connect audio is.
        audio_input=room_io.AudioInputOptions(pre_connect_audio=False, sample_rate=HEARING_RATE),
        audio_output=room_io.AudioOutputOptions(
            track_publish_options=rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        ),
        text_input=room_io.TextInputOptions(text_input_cb=agent.on_text) if typing else False,
        # What was said goes into the room as text for those who type, and nobody else.
        text_output=typing,
        # The workflow decides when a call is over.
        close_on_disconnect=False,
    )
