"""The figure of transfer shows its multipliers."""

from __future__ import annotations

import numpy as np

from bayes_scaling.figures import plot_transfer
from tests.questions.test_transfer import known


def test_lines_are_medians_of_the_multiplier() -> None:
    found = known().transfer(params=2e6, finetune_tokens=[1e6, 1e5])
    ax = plot_transfer(found)
    line = ax.lines[0]
    np.testing.assert_allclose(np.asarray(line.get_xdata(), float), [1e5, 1e6])
    wanted = np.median(found.multiplier["code"], axis=0)[::-1]
    np.testing.assert_allclose(np.asarray(line.get_ydata(), float), wanted)
    assert "fine-tuning data" in ax.get_xlabel()


def test_with_several_sizes_there_is_a_line_for_each() -> None:
    found = known().transfer(
        params=[1e6, 4e6, 1e6, 4e6], finetune_tokens=[1e5, 1e5, 1e6, 1e6], pretrained_on="prose"
    )
    labels = [line.get_label() for line in plot_transfer(found).lines[:2]]
    assert labels == ["prose, 1e+06 params", "prose, 4e+06 params"]


def test_sizes_alone_are_the_axis_where_data_stay() -> None:
    ax = plot_transfer(known().transfer(params=[1e6, 4e6], finetune_tokens=1e5))
    assert ax.get_xlabel() == "parameters"
