"""What every job process has from the start: imported, and made, once in the process that they are
all forked from. The agent server's own process, which runs no call, does without (50 MB)."""

from __future__ import annotations

# Imported here so that idle job processes have it before a call comes.
import temporalio.contrib.pydantic  # noqa: F401

import agents.media_bot.call  # noqa: F401
from agents.media_bot.transcription.sentiment import sentiment_of

# VADER's lexicon, 5 MB, and 40 ms of a call's event loop.
sentiment_of("", "en")
