from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator, Callable

from livekit.agents.llm import ChatChunk
from livekit.agents.types import FlushSentinel

from contract.assistants import FillerOptions

Chunk = ChatChunk | str | FlushSentinel

# The turn may not be the assistant's yet when the word is due: with pre-emptive generation the
# answer is asked for before that is decided.
_ASK_AGAIN_SECONDS = 0.1


class FillerController:
    """A short word at the head of an answer that is long in coming.

    It goes into the answer's own stream: said by itself it would queue behind the answer, since
    livekit plays one speech after the other and the answer has its place already.
    """

    def __init__(self, options: FillerOptions, *, may_speak: Callable[[], bool]) -> None:
        self._options = options
        self._may_speak = may_speak
        self._words = itertools.cycle(options.words)
        self._started = False

    def start(self) -> None:
        self._started = self._options.enabled and bool(self._options.words)

    async def aclose(self) -> None:
        self._started = False

    @property
    def delay(self) -> float:
        return self._options.delay

    def next_word(self) -> str | None:
        """A word, if one may be said now."""
        return next(self._words) if self._started and self._may_speak() else None

    async def ahead_of(self, answer: AsyncIterable[Chunk]) -> AsyncIterator[Chunk]:
        """The answer's chunks, with a filler before them if they start late."""
        chunks = aiter(answer)
        loop = asyncio.get_running_loop()
        due = loop.time() + self._options.delay
        waiting = self._started
        coming: asyncio.Future[Chunk] = asyncio.ensure_future(anext(chunks))
        try:
            while True:
                while waiting and not coming.done():
                    await asyncio.wait({coming}, timeout=max(due - loop.time(), 0))
                    if coming.done():
                        break
                    if word := self.next_word():
                        waiting = False
                        yield f"{word} "
                        # Ends the voice's segment, or it would wait for the rest of a sentence.
                        yield FlushSentinel()
                    due = loop.time() + _ASK_AGAIN_SECONDS
                chunk = await coming
                # Groq opens with an empty chunk that says nothing yet.
                waiting = waiting and not _says_something(chunk)
                yield chunk
                coming = asyncio.ensure_future(anext(chunks))
        except StopAsyncIteration:
            return
        finally:
            coming.cancel()
            await asyncio.gather(coming, return_exceptions=True)
            if isinstance(chunks, AsyncGenerator):
                await chunks.aclose()


def _says_something(chunk: Chunk) -> bool:
    if isinstance(chunk, ChatChunk):
        return chunk.delta is not None and bool(chunk.delta.content or chunk.delta.tool_calls)
    return bool(chunk)
