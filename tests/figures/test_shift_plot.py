"""The figure of a shift shows the slope of each set."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.figures import plot_shift
from tests.questions.test_shift import drawn, pairs


def test_a_row_for_each_set_with_its_probability() -> None:
    found = drawn("loss-shift", pairs()).shift(band=0.2)
    ax = plot_shift(found)
    dots = ax.lines[1]
    middle = np.median(found.draws["slope"], axis=0)
    np.testing.assert_allclose(np.sort(np.asarray(dots.get_xdata(), float)), np.sort(middle))
    assert ax.texts[0].get_text() == f"{found.shares['slope_is_1'][0]:.2f}"
    assert [tick.get_text() for tick in ax.get_yticklabels()] == ["all"]


def test_another_answer_is_refused() -> None:
    with pytest.raises(InputError, match=r"slopes are drawn of fit\.shift\(\)"):
        plot_shift(bs.published("hoffmann-2022").reach(loss=2.0, params=1e10))
