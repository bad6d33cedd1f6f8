"""Whether the best split is one that the runs tried."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.questions.glance import untried_split
from bayes_scaling.runs import RunTable
from tests.synthetic import synthetic_fit


def one_ratio(fit: Fit, ratio: float) -> RunTable:
    flops = fit.runs["flops"]
    sizes = {"params": np.sqrt(flops / 6 / ratio), "tokens": np.sqrt(flops / 6 * ratio)}
    return RunTable(columns={**fit.runs.columns, **sizes})


@pytest.mark.parametrize(("off", "untried"), [(0.95, False), (1.4, False), (0.5, True), (4, True)])
def test_a_split_beside_the_one_ratio_that_was_tried_was_tried(off: float, untried: bool) -> None:
    """Of runs that all had 20 tokens per parameter, a best of 21 was said to be hardly tried."""
    fit = synthetic_fit()
    path = fit.allocate(flops=float(fit.runs["flops"].max()))
    best = float(np.median(path.tokens_per_param))
    found = untried_split(fit, one_ratio(fit, off * best), path)
    assert (found is not None) == untried
    if found is not None:
        assert not found.low <= found.best <= found.high
        assert found.best == pytest.approx(best)
