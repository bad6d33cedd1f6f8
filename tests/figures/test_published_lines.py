"""Published laws beside a posterior."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.figures.curve_plots import plot_allocation, plot_loss
from tests.synthetic import synthetic_fit

BUDGETS = np.geomspace(1e20, 1e24, 5)


def test_losses_of_papers_are_lines_of_their_own() -> None:
    fit = synthetic_fit()
    laws = [bs.published("epoch-2024"), bs.published("kaplan-2020-nd")]
    ax = plot_loss(fit, published=laws)
    lines = {str(line.get_label()): line for line in ax.get_lines()}
    for law in laws:
        x, y = (np.asarray(values, float) for values in lines[law.id].get_data())
        assert x.size > 10
        assert (np.diff(y) < 0).all()
        low, high = ax.get_ylim()
        assert low < y.min() < high
    with pytest.raises(InputError, match="needs steps"):
        plot_loss(fit, published=[bs.published("kaplan-2020-ns")])


def test_splits_of_papers_are_drawn_beside() -> None:
    allocation = synthetic_fit().allocate(flops=BUDGETS.tolist())
    law = bs.published("hoffmann-2022")
    ax = plot_allocation(allocation, published=[law])
    labels = [str(line.get_label()) for line in ax.get_lines()]
    at = labels.index("hoffmann-2022, N* and D* (dotted)")
    params, tokens = (np.asarray(ax.get_lines()[at + i].get_ydata(), float) for i in (0, 1))
    np.testing.assert_allclose(6 * params * tokens, BUDGETS, rtol=1e-6)
    exponent = np.log(params[-1] / params[0]) / np.log(1e4)
    assert exponent == pytest.approx(0.28 / 0.62, abs=1e-3)
