"""Dynamic time warping of one utterance against many references at once.

Plain numpy: every step works on one anti-diagonal of all the references' matrices together, so the
cost is some hundred vector operations, whatever the number of references.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sandbox.providers.spectrum import CEPSTRA, Floats


@dataclass(frozen=True, slots=True)
class Warped:
    """Distances of an utterance to each reference, in standard deviations per step of the path."""

    whole: Floats  # (references,): the utterance against the whole reference
    opening: Floats  # (references,): against that opening of the reference which fits best
    heard: npt.NDArray[np.int64]  # (references,): the length of that opening in frames


def warp(utterance: Floats, references: list[Floats]) -> Warped:
    """Compare (frames, 12) cepstra with references of the same kind, frames of their own."""
    lengths = np.array([len(reference) for reference in references])
    width = int(lengths.max())
    padded = np.zeros((len(references), width, CEPSTRA), dtype=np.float32)
    for row, reference in zip(padded, references, strict=True):
        row[: len(reference)] = reference
    squares = (
        np.sum(utterance * utterance, axis=1)[None, :, None]
        + np.sum(padded * padded, axis=2)[:, None, :]
        - 2.0 * np.einsum("nd,rmd->rnm", utterance, padded, optimize=True)
    )
    local = np.sqrt(np.maximum(squares, 0.0))
    last = _last_row(local) / (len(utterance) + np.arange(1, width + 1))
    last[np.arange(width)[None, :] >= lengths[:, None]] = np.inf
    rows = np.arange(len(references))
    heard = last.argmin(axis=1)
    return Warped(last[rows, lengths - 1], last[rows, heard], heard + 1)


def _last_row(local: Floats) -> Floats:
    """(references, width): the cost of the best path from the start to each end in the last row.

    A diagonal step counts twice, so every path to a cell has the same total weight.
    """
    count, height, width = local.shape
    skewed = np.full((height + width - 1, count, height), np.inf, dtype=np.float32)
    for row in range(height):
        skewed[row : row + width, :, row] = local[:, row, :].T
    result = np.empty((count, width), dtype=np.float32)
    older = np.full((count, height + 1), np.inf, dtype=np.float32)
    newer = older.copy()
    older[:, 0] = 0.0  # the cell before the first one
    for index, cost in enumerate(skewed):
        straight = np.minimum(newer[:, 1:], newer[:, :-1]) + cost
        slanted = older[:, :-1] + 2.0 * cost
        latest = np.full_like(newer, np.inf)
        np.minimum(straight, slanted, out=latest[:, 1:])
        older, newer = newer, latest
        if index >= height - 1:
            result[:, index - height + 1] = latest[:, height]
    return result
