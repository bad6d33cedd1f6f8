"""Shift: do losses on other texts fall one for one with that on the training text."""

from __future__ import annotations

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.questions.answer import Answer
from bayes_scaling.questions.surface import Source

BAND = 0.05
"""Distance of a slope from 1 that still counts as 1, by default."""

WANTED = ("slope", "offset")


def shift(source: Source, *, band: float = BAND, family: str | None = None) -> Answer:
    """Tell slope and offset of the loss on each text against that on the first.

    Parameters
    ----------
    source : Fit
        Of a law with a slope and an offset: loss-shift, whose groups are the texts, or
        distribution-shift.
    band : float
        Distance of a slope from 1 that still counts as 1.
    family : str, optional
        One group; all of them by default.

    Returns
    -------
    Answer
        A case for each group: slope and offset (nats per token), and the probabilities that the
        slope is 1 within the band (``slope_is_1``) and that the other text is the harder one at
        every loss, an offset above 0 (``offset_above_0``).

    Raises
    ------
    InputError
        No law knows a slope, a group is unknown, or the band is not above 0.
    """
    groups = source.groups if family is None else (family,)
    problems = []
    if not 0 < band < 1:
        problems.append(f"band is a distance between 0 and 1, got {band!r}")
    known = ", ".join(source.groups)
    problems += [
        f"{name!r} is no group of the fit; known are {known}"
        for name in groups
        if name not in source.groups
    ]
    lacking = [law.id for law in source.members.values() if not set(WANTED) <= set(law.known(0))]
    problems += [
        f"{name} has no slope and offset: ask a fit of loss-shift or distribution-shift"
        for name in lacking
    ]
    if problems:
        raise InputError(problems, source="shift")
    places = [source.groups.index(name) for name in groups]

    def drawn(name: str) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        parts = [
            np.concatenate([np.reshape(law.known(each)[name], (-1, 1)) for each in places], axis=1)
            for law in source.members.values()
        ]
        return source.mix(parts)

    draws = {name: drawn(name) for name in WANTED}
    return Answer(
        asked={source.leading.reads.group: np.array(groups)},
        draws=draws,
        flags={
            "slope_is_1": np.abs(draws["slope"] - 1) <= band,
            "offset_above_0": draws["offset"] > 0,
        },
        member=source.member,
        members=tuple(source.members),
        weights=tuple(source.weights[name] for name in source.members),
        notes=tuple(source.leading.notes),
    )
