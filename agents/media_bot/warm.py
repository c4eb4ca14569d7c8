"""What every job process has from the start: imported, and made, once in the process that they are
all forked from."""

from __future__ import annotations

# Imported here so that idle job processes have it before a call comes.
import temporalio.contrib.pydantic  # noqa: F401
from livekit import local_inference

import agents.media_bot.call  # noqa: F401
from agents.media_bot.server import settings_of_jobs
from agents.media_bot.transcription.sentiment import sentiment_of

settings_of_jobs()
# The voice detector's weights, 2 MiB. As livekit's own warm-up does it, which would take along the
# end-of-turn model of 244 MiB.
local_inference.init_vad()

# VADER's lexicon, 5 MB, and 40 ms of a call's event loop.
sentiment_of("", "en")
