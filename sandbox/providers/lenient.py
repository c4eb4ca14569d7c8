"""The second ears, for a person at a microphone: English sentences by pocketsphinx.

More forgiving than `Ears` in both senses: any voice is understood, and now and then a sentence is
heard that nobody listed. Figures: docs/sandbox_providers.md, "People at a microphone".
"""

from __future__ import annotations

import asyncio
import json
import logging
import sys
from asyncio.subprocess import PIPE, Process

from sandbox.providers.ears import Ears, Heard, Phrase, base_language, plain
from sandbox.providers.mouth import Samples

_ANSWER_SECONDS = 10.0  # 20 s of speech take 1 s; the rest is for a busy machine
_CONFIDENCE = 0.6  # the strict ears say 0.7 to 1

log = logging.getLogger(__name__)


class LenientEars:
    """Asks a helper process, which starts with the first question and is asked one at a time."""

    def __init__(self, ears: Ears) -> None:
        """`ears` keep the list of phrases."""
        self._ears = ears
        self._turn = asyncio.Lock()
        self._helper: Process | None = None
        self._asked: set[asyncio.Task[Heard | None]] = set()  # asyncio holds tasks only weakly

    def ask(self, samples: Samples, rate: int, language: str) -> asyncio.Task[Heard | None]:
        """The listed English phrase that this clip may be. Never raises: no answer is None."""
        task = asyncio.create_task(self._recognise(samples, rate, language))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)
        return task

    async def close(self) -> None:
        for task in self._asked:
            task.cancel()
        await self._end()

    async def _recognise(self, samples: Samples, rate: int, language: str) -> Heard | None:
        phrases = [p for p in self._ears.phrases if base_language(p.language) == "en"]
        if not phrases or base_language(language) not in ("", "multi", "en"):
            return None
        async with self._turn:
            try:
                async with asyncio.timeout(_ANSWER_SECONDS):
                    return await self._answer(phrases, samples, rate)
            except (OSError, ValueError, TimeoutError) as error:
                log.warning("the lenient ears gave no answer: %r", error)
                await self._end()
                return None
            except asyncio.CancelledError:
                await self._end()  # its answer would be taken for that of the next question
                raise

    async def _answer(self, phrases: list[Phrase], samples: Samples, rate: int) -> Heard | None:
        if self._helper is None or self._helper.returncode is not None:
            self._helper = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "sandbox.providers.lenient_worker"), stdin=PIPE, stdout=PIPE
            )
        assert self._helper.stdin is not None
        assert self._helper.stdout is not None
        sentences = [plain(phrase.text) for phrase in phrases]
        header = {"sentences": sentences, "rate": rate, "bytes": samples.nbytes}
        self._helper.stdin.write(json.dumps(header).encode() + b"\n" + samples.tobytes())
        await self._helper.stdin.drain()
        answer = json.loads(await self._helper.stdout.readline())
        if "sentence" not in answer:
            return None
        return Heard(phrases[answer["sentence"]], _CONFIDENCE, hearing="lenient")

    async def _end(self) -> None:
        helper, self._helper = self._helper, None
        if helper is not None and helper.returncode is None:
            helper.kill()
            await helper.wait()
