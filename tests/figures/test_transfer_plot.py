"""The figure of transfer shows its multipliers."""

from __future__ import annotations

import numpy as np
from matplotlib.collections import LineCollection

from bayes_scaling.figures import plot_transfer
from bayes_scaling.intervals import quantiles
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


def test_a_single_case_has_a_bar_for_each_first_text_and_ticks_that_can_be_read() -> None:
    found = known(spread=0.3).transfer(params=2e6, finetune_tokens=1e6)
    ax = plot_transfer(found)
    bars = [bar.get_segments()[0] for bar in ax.collections if isinstance(bar, LineCollection)]
    wanted = [quantiles(found.multiplier[text], 0.9)[1:, 0] for text in found.texts]
    np.testing.assert_allclose([bar[:, 1] for bar in bars], wanted)
    assert bars[0][0, 0] != bars[1][0, 0]
    ticks = [tick.get_text() for tick in ax.get_yticklabels()]
    assert len(ticks) > 1
    assert not any("^" in tick for tick in ticks)


def test_sizes_alone_are_the_axis_where_data_stay() -> None:
    ax = plot_transfer(known().transfer(params=[1e6, 4e6], finetune_tokens=1e5))
    assert ax.get_xlabel() == "parameters"
