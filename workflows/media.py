"""What Media Bot is to play at this moment, and the one writer who tells it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from temporalio import workflow
from temporalio.exceptions import ActivityError

from contract.calls import PlayAnswer, PlayCommand, StopPlayingCommand
from contract.endings import EndedReason
from contract.identity import AgentRole
from contract.media import CallMedia
from contract.rooms import MediaCommand, MediaPurpose
from contract.steps import MediaWritten, WriteMedia
from workflows import options, steps
from workflows.call_state import CallState
from workflows.phone_controls import refusal
from workflows.waiting import within

_SILENCE = CallMedia()
# Whoever is still there is told by a tone that nobody will speak to them.
_WITH_BUSY_TONE = frozenset({EndedReason.ASSISTANT_FAILED, EndedReason.CAPACITY})


@dataclass(frozen=True, slots=True)
class _Sound:
    purpose: MediaPurpose
    url: str
    loop: bool
    number: int = 0  # the same clip may be ordered twice, the same music tried again


@dataclass(frozen=True, slots=True)
class _Told:
    """What is on the human's participant; a page that reloads has lost its attributes."""

    sound: _Sound | None = None
    sid: str = ""


class MediaKeeper:
    """Hold music while one of us holds, else a clip, else the ringback while Atlas is on its way.

    A hold ends a clip for good: half of it, minutes later, would help nobody.
    """

    def __init__(self, state: CallState) -> None:
        self._state = state
        self._told = _Told()
        self._number = 0  # of media.command_id
        self._sounds: dict[str, _Sound] = {}  # by it
        self._was_missed = False  # what was written last: nobody was there to read it
        self._music_tries = 0  # of the default music, in all holds
        self._clip: _Sound | None = None
        self._clips = 0
        self._clips_told = 0
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._keep())

    def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()

    # --- Clips -----------------------------------------------------------------------------------

    def refuse_while_held(self) -> None:
        """Raises ApplicationError, for the validator of `play`."""
        if self._state.is_held:
            text = "The call is on hold, and who is held hears the hold music; resume it first."
            raise refusal(text, "call-on-hold")

    async def play(self, command: PlayCommand) -> PlayAnswer:
        """Returns when the room knows. Raises ApplicationError when the call was held or over
        before that."""
        self._clips += 1
        clip = _Sound(MediaPurpose.CLIP, command.asset_url, command.loop, self._clips)
        self._clip = clip
        self._note("play_requested", "A clip is asked for.", command.requested_by)
        await workflow.wait_condition(
            lambda: (
                self._state.ending is not None
                or bool(self._state.holds.ours)
                or self._clips_told >= clip.number
            )
        )
        command_id = self._id_of(clip)
        if command_id is not None:
            return PlayAnswer(command_id)
        if self._state.ending is not None:
            raise refusal("The call ended meanwhile.", "call-ended")
        self.refuse_while_held()
        raise refusal("Another clip, or a hold, came in between.", "clip-replaced")

    async def stop_playing(self, command: StopPlayingCommand) -> None:
        """Returns when the room knows. Nothing is played: nothing happens."""
        if self._clip is None or self._is_over(self._clip):
            return
        clip, self._clip = self._clip, None
        self._note("stop_requested", "The clip is to end.", command.requested_by)
        await workflow.wait_condition(
            lambda: self._state.ending is not None or self._told.sound != clip
        )

    # --- What is to be heard ---------------------------------------------------------------------

    @property
    def _wanted(self) -> _Told:
        sound = self._sound
        told = self._told.sound
        # A loop is stopped even if it is said to be over: a successor of who said so plays it.
        is_quiet = told is None or (not told.loop and self._is_over(told))
        if sound is None and is_quiet and not self._was_missed:
            return self._told
        by_sid = sound is not None or self._was_missed
        return _Told(sound, self._state.people.sid if by_sid else "")

    @property
    def _sound(self) -> _Sound | None:
        state, media = self._state, self._state.request.media or _SILENCE
        if state.ending is not None:
            return None
        if state.holds.ours:
            return self._hold_music(media)
        if self._clip is not None and not self._is_over(self._clip):
            return self._clip
        if media.ringback and self._is_waiting_for_atlas:
            return _Sound(MediaPurpose.RINGBACK, media.ringback, loop=True)
        return None

    def _hold_music(self, media: CallMedia) -> _Sound | None:
        """The assistant's own, unless that could not be played in this call: then the default."""
        own = _Sound(MediaPurpose.HOLD, media.hold_music, loop=True)
        if own.url and not self._has_failed(own):
            return own
        default = self._default_music(media)
        return default if default.url and not self._has_failed(default) else None

    def _default_music(self, media: CallMedia) -> _Sound:
        url = media.default_hold_music
        return _Sound(MediaPurpose.HOLD, url, loop=True, number=self._music_tries)

    @property
    def _lacks_music(self) -> bool:
        """Somebody is held in silence."""
        media = self._state.request.media or _SILENCE
        is_held = self._state.ending is None and bool(self._state.holds.ours)
        return is_held and bool(media.default_hold_music) and self._hold_music(media) is None

    @property
    def _is_waiting_for_atlas(self) -> bool:
        """A telephone that we call hears its own network ring."""
        state = self._state
        is_new = not state.agents.ready_generations
        return is_new and state.request.phone is None and state.people.present

    def _has_failed(self, sound: _Sound) -> bool:
        return any(self._sounds[id] == sound for id in self._state.media.failed & set(self._sounds))

    def _is_over(self, sound: _Sound) -> bool:
        """It ended by itself, or never began."""
        command_id, media = self._id_of(sound), self._state.media
        return command_id in media.failed or (not sound.loop and command_id in media.ended)

    def _id_of(self, sound: _Sound) -> str | None:
        """Of the last time that it was ordered."""
        return next((id for id, each in reversed(self._sounds.items()) if each == sound), None)

    # --- Telling ---------------------------------------------------------------------------------

    async def _keep(self) -> None:
        while True:
            if self._lacks_music:
                await self._pause_before_music()
            await workflow.wait_condition(lambda: self._wanted != self._told or self._lacks_music)
            if self._wanted == self._told:
                continue
            wanted, clips = self._wanted, self._clips
            if wanted.sound is not None and wanted.sound.purpose is MediaPurpose.HOLD:
                self._clip = None
            sid = self._state.people.sid
            try:
                written = await self._tell(wanted)
            except ActivityError as error:
                if self._state.ending is not None:
                    return  # it was given up; what is heard at the end is said elsewhere
                workflow.logger.warning("What to play could not be written: %s", error.cause)
                await workflow.sleep(options.MEDIA_AGAIN, summary="Say again what to play")
                continue
            # A stop that nobody read is written again for who comes back: Media Bot plays on.
            self._was_missed = not written.is_there
            by_sid = wanted.sound is not None or self._was_missed
            self._told = _Told(wanted.sound, sid if by_sid else "")
            self._clips_told = clips

    async def _pause_before_music(self) -> None:
        """The default music comes from our own API, which may just be starting anew."""
        await within(
            options.MUSIC_AGAIN, lambda: not self._lacks_music, "Try the hold music again after it"
        )
        self._music_tries += 1  # also when the hold is over: the next one begins anew

    async def _tell(self, wanted: _Told) -> MediaWritten:
        sound = wanted.sound
        if sound is None:
            order = self._order(MediaCommand.STOP, self._next_id())
            return await steps.write_media(self._state, order, "Have Media Bot fall silent")
        is_known = sound == self._told.sound  # on another connection
        command_id = self._id_of(sound) if is_known else None
        if command_id is None:
            command_id = self._next_id()
            self._sounds[command_id] = sound
        order = self._order(MediaCommand.PLAY, command_id, sound)
        summary = f"Have Media Bot play: {sound.purpose.value}"
        return await steps.write_media(self._state, order, summary)

    def _order(
        self, command: MediaCommand, command_id: str, sound: _Sound | None = None
    ) -> WriteMedia:
        request = self._state.request
        return WriteMedia(
            room_name=request.room_name,
            identity=request.human_identity,
            command=command,
            command_id=command_id,
            asset_url=sound.url if sound else "",
            loop=sound is not None and sound.loop,
            purpose=sound.purpose if sound else None,
        )

    def _next_id(self) -> str:
        self._number += 1
        return f"media-{self._number}"

    # --- The end ---------------------------------------------------------------------------------

    async def sound_the_end(self) -> None:
        """A busy tone for whoever is on the line when nobody came to serve them. The call has its
        ending already: that Media Bot closes the room after the tone is no operator's doing."""
        state, media = self._state, self._state.request.media
        if media is None or not media.busy or not self._hears_the_end:
            return
        busy = _Sound(MediaPurpose.BUSY, media.busy, loop=False)
        try:
            await self._tell(_Told(busy, state.people.sid))
        except ActivityError as error:
            workflow.logger.warning("The busy tone could not be ordered: %s", error.cause)
            return
        command_id = self._id_of(busy)
        await within(
            options.BUSY_TONE_DRAINS,
            lambda: command_id in state.media.ended or not self._hears_the_end,
            "The busy tone has this long to be heard",
        )

    @property
    def _hears_the_end(self) -> bool:
        state, bot = self._state, self._state.agents.posts[AgentRole.MEDIA_BOT]
        is_there = state.people.present and (state.request.phone is None or state.answered_at)
        ending = state.ending
        is_unserved = ending is not None and ending.reason in _WITH_BUSY_TONE
        is_up = state.phone.report is None and not state.phone.is_lost
        return bool(is_unserved and is_there and is_up and bot.came and not bot.lost)

    def _note(self, kind: str, text: str, requested_by: str) -> None:
        data = {"requested_by": requested_by}
        self._state.journal.note(workflow.now(), "operator", kind, text, data)
