"""`python -m sandbox.providers.lenient_worker`: pocketsphinx, in a process of its own.

A request on stdin is a line of JSON, {"sentences": [...], "rate": 16000, "bytes": n}, and n bytes
of 16-bit samples. The answer on stdout is a line, {"sentence": index} or {}. A process, because
pocketsphinx keeps the interpreter to itself for up to 0.3 s at a time.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import pocketsphinx  # type: ignore[import-untyped]

from sandbox.providers.mouth import Samples, resample
from sandbox.providers.spectrum import HOP_SECONDS, QUIETEST_DB, SPEECH_RANGE_DB, levels

RATE = 16_000
_LEAD_SECONDS = 0.05
_LEAST_COVERED = 0.9  # see docs/sandbox_providers.md, "People at a microphone"
_SILENCE = frozenset({"<sil>", "<s>", "</s>", "(NULL)", "SIL", "+NSN+", "+SPN+"})
_NOISE = frozenset({"[NOISE]", "[SPEECH]", "[COUGH]", "[SMACK]", "[UH]", "[UM]"})


@dataclass(frozen=True, slots=True)
class Found:
    sentence: int  # index in what was listed
    covered: float


class SentenceGrammar:
    """Finds the one listed sentence that fills an utterance."""

    def __init__(self) -> None:
        self._decoder = pocketsphinx.Decoder(
            hmm=pocketsphinx.get_model_path("en-us/en-us"),
            dict=pocketsphinx.get_model_path("en-us/cmudict-en-us.dict"),
            lm=None,
            samprate=RATE,
            loglevel="FATAL",
        )
        self._decoder.add_allphone_file(
            "phones", pocketsphinx.get_model_path("en-us/en-us-phone.lm.bin")
        )
        self._listed: tuple[str, ...] = ()
        self._known = False

    def find(self, sentences: Sequence[str], samples: Samples) -> Found | None:
        """`sentences` in plain words. Those with a word that no dictionary has are not heard."""
        self._learn(tuple(sentences))
        samples = _from_onset(samples)
        if not self._known or not samples.size:
            return None
        text, words = self._decode("sentences", samples)
        # A path that did not reach the end of a sentence leaves its beginning.
        if text not in self._listed:
            return None
        _, phones = self._decode("phones", samples)
        said, covered = _frames(words), _frames(phones)
        # The grammar calls what fits no sentence noise; a free phone loop knows it for speech.
        share = len(said & covered) / len(covered) if covered else 0.0
        return Found(self._listed.index(text), share) if share >= _LEAST_COVERED else None

    def _learn(self, sentences: tuple[str, ...]) -> None:
        if sentences == self._listed:
            return
        self._listed = sentences
        usable = [
            s for s in dict.fromkeys(sentences) if s and all(map(self._in_dictionary, s.split()))
        ]
        self._known = bool(usable)
        if usable:
            self._decoder.activate_search("phones")  # not the one that is replaced
            alternatives = " | ".join(usable)
            grammar = f"#JSGF V1.0;\ngrammar listed;\npublic <listed> = {alternatives};\n"
            self._decoder.add_jsgf_string("sentences", grammar)

    def _in_dictionary(self, word: str) -> bool:
        return self._decoder.lookup_word(word) is not None

    def _decode(self, search: str, samples: Samples) -> tuple[str, list[tuple[str, int, int]]]:
        self._decoder.reinit_feat()  # or the last utterance's level and noise colour this one
        self._decoder.activate_search(search)
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        pieces = [(s.word, s.start_frame, s.end_frame) for s in self._decoder.seg() or ()]
        return (best.hypstr if best else ""), pieces


def _from_onset(samples: Samples) -> Samples:
    """Without the quiet before the first sound: with 0.2 s of it, short sentences are lost."""
    level = levels(samples, RATE)
    if not level.size or level.max() < QUIETEST_DB:
        return samples[:0]
    onset = int(np.argmax(level > max(level.max() - SPEECH_RANGE_DB, QUIETEST_DB)))
    return samples[max(0, int((onset * HOP_SECONDS - _LEAD_SECONDS) * RATE)) :]


def _frames(pieces: Iterable[tuple[str, int, int]]) -> set[int]:
    """The frames of 10 ms that are neither silence nor noise."""
    return {
        frame
        for name, first, last in pieces
        if name not in _SILENCE and name not in _NOISE
        for frame in range(first, last + 1)
    }


def main() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends when its stdin does
    os.nice(5)  # the strict ears' finals are on time, a person's may be a little late
    grammar = SentenceGrammar()
    while header := sys.stdin.buffer.readline():
        asked = json.loads(header)
        samples = np.frombuffer(sys.stdin.buffer.read(asked["bytes"]), dtype=np.int16)
        found = grammar.find(asked["sentences"], resample(samples, asked["rate"], RATE))
        answer = {"sentence": found.sentence} if found else {}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
