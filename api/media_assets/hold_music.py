"""Our own hold music: a slow round of four chords, broken up into single plucked notes.

It is written on a ring: what a note still sounds when the piece is over sounds on at its beginning.
So a loop has no seam, wherever it is entered.
"""

from __future__ import annotations

import numpy as np

from api.media_assets.wave import Sound

# Semitones above A3 (220 Hz): Dmaj7, Bm7, Gmaj7, A7sus4, whose notes a telephone passes.
_CHORDS = ((5, 9, 12, 16, 21), (2, 5, 9, 12, 17), (-2, 2, 5, 9, 14), (0, 5, 7, 10, 12))
_BASSES = (-7, -10, -14, -12)
# Which note of its chord each eighth plays; the second time round another way.
_FIGURES = ((0, 2, 3, 4, 3, 2, 1, 2), (0, 1, 2, 4, 3, 1, 2, 3))
_EIGHTH = 0.375  # seconds
_EIGHTHS_A_CHORD = 8
_A3 = 220.0
_RINGS = 1.1  # seconds until a note is down to 1/e
_LASTS = 5.0  # seconds until nobody hears it any more
_OVERTONES = (1.0, 0.42, 0.18, 0.07)
_ATTACK = 0.012  # seconds
_LOUDEST = 0.45


def hold_music(rate: int) -> Sound:
    """24 seconds, the same at each call."""
    length = round(_seconds() * rate)
    ring = np.zeros(length)
    for eighth, semitones, strength in _notes():
        note = _pluck(semitones, strength, rate)
        start = round(eighth * _EIGHTH * rate)
        np.add.at(ring, (start + np.arange(note.size)) % length, note)
    music: Sound = ring / np.abs(ring).max() * _LOUDEST
    return music


def _seconds() -> float:
    return len(_FIGURES) * len(_CHORDS) * _EIGHTHS_A_CHORD * _EIGHTH


def _notes() -> list[tuple[int, int, float]]:
    """Which eighth, which semitone, how strong."""
    notes: list[tuple[int, int, float]] = []
    bars = [(figure, at) for figure in _FIGURES for at in range(len(_CHORDS))]
    for bar, (figure, at) in enumerate(bars):
        first = bar * _EIGHTHS_A_CHORD
        notes.append((first, _BASSES[at], 0.8))
        for step, which in enumerate(figure):
            notes.append((first + step, _CHORDS[at][which], 1.0 if step % 4 == 0 else 0.75))
    return notes


def _pluck(semitones: int, strength: float, rate: int) -> Sound:
    moments = np.arange(round(_LASTS * rate)) / rate
    hertz = _A3 * 2 ** (semitones / 12)
    sound = np.zeros(moments.size)
    for number, part in enumerate(_OVERTONES, start=1):
        # Higher overtones die away sooner, as on a string.
        fades = np.exp(-moments * number / _RINGS)
        sound += part * np.sin(2 * np.pi * hertz * number * moments) * fades
    swell = np.minimum(1.0, moments / _ATTACK)
    ends = np.minimum(1.0, (_LASTS - moments) / 0.2)
    return sound * swell * ends * strength
