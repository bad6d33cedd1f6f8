"""Saturation: the size beyond which doubling it buys less than a share of the loss."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.questions.answer import Answer, Found, answer_of
from bayes_scaling.questions.search import SEARCHED, Array, Index, crossing
from bayes_scaling.questions.sizes import Numbers, given_sizes
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.runs import training_flops

GAIN = 0.02
"""Share of the loss below which a doubling buys little, by default."""

DOUBLING = float(np.log(2.0))


def saturation(
    source: Source,
    gain: float = GAIN,
    *,
    params: Numbers | None = None,
    tokens: Numbers | None = None,
    family: str | None = None,
    inputs: Mapping[str, float] | None = None,
) -> Answer:
    """Find the size beyond which doubling it lowers the noise-free loss by less than a share.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A law in params and tokens, or in one size.
    gain : float
        Share of the loss.
    params, tokens : float or sequence of float
        The size that stays as it is; the other one is found. A law of one size takes neither.
    family : str, optional
        The group, where the fit has several.
    inputs : mapping of str to float, optional
        Other inputs of the law, such as unique_tokens.

    Returns
    -------
    Answer
        The size, compute and loss there; ``never`` where doubling goes on to pay at any size
        (which then is inf).

    Raises
    ------
    InputError
        The gain is no share, or not the sizes are given that the law needs.

    Examples
    --------
    >>> fit.saturation(0.02, tokens=2.2e10).table  # doctest: +SKIP
    """
    given = given_sizes({"params": params, "tokens": tokens})
    law = surface(source, group=family, inputs=inputs)
    found = find_saturation(law, gain, given)
    return answer_of(law, found, given=given, settings={"gain": gain}, named=family is not None)


def find_saturation(law: Surface, gain: float, given: Mapping[str, Array]) -> Found:
    """Find where doubling stops to pay; `given` holds the size that stays (n_cases,)."""
    if not 0 < gain < 1:
        raise InputError(f"gain must be a share between 0 and 1, got {gain!r}; .02 is 2 %")
    sought = the_other(law, given)
    count = next((values.size for values in given.values()), 1)
    found = [
        _last_gain(law, sought, {name: values[case] for name, values in given.items()}, gain)
        for case in range(count)
    ]
    log_size = np.stack(found, axis=1)
    size = np.exp(log_size)
    draws = {sought: size}
    if {sought, *given} == {"params", "tokens"}:
        other = next(iter(given))
        draws["flops"] = law.share * training_flops(size, given[other])
    reached = np.exp(np.minimum(log_size, SEARCHED[-1]))
    draws[law.response] = law.at({**given, sought: reached}, law.draws[:, None])
    return Found(draws=draws, flags={"never": np.isinf(log_size)})


def the_other(law: Surface, given: Mapping[str, Array]) -> str:
    """Return the size that is not given, or say which sizes to give."""
    left = [name for name in law.traded if name not in given]
    extra = [name for name in given if name not in law.traded]
    if len(left) == 1 and not extra:
        return left[0]
    if len(law.traded) == 1:
        raise InputError(
            f"{law.id} reads only {law.traded[0]}, which is what is found; give no size"
        )
    raise InputError(
        f"{law.id} trades {' and '.join(law.traded)}: give one of them, and the other is found; "
        f"got {', '.join(given) or 'none'}"
    )


def _last_gain(law: Surface, sought: str, given: Mapping[str, Any], gain: float) -> Array:
    """Log of the last size (n_draws,) whose doubling gains as much; inf where none is the last."""

    def gains(x: Array, draw: Index) -> Array:
        now, doubled = (
            law.at({**given, sought: np.exp(place)}, draw) for place in (x, x + DOUBLING)
        )
        return np.asarray(np.log(now) + np.log1p(-gain) - np.log(doubled))

    grid = np.arange(SEARCHED[0], SEARCHED[-1], DOUBLING / 2)
    found = crossing(gains, grid, law.draws, last=True)
    return np.asarray(np.maximum(found, SEARCHED[0]))
