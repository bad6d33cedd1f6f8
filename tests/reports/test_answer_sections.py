"""Every answer of the report tells how far it lies beyond the runs, in compute and every size."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.facade import Fit
from bayes_scaling.reports.answer_sections import allocation_section, loss_section
from bayes_scaling.reports.answers import Answers, ask
from bayes_scaling.reports.blocks import Block, Table
from bayes_scaling.reports.verdict import numbers_section
from bayes_scaling.runs import RunTable
from tests.synthetic import changed, synthetic_fit

HEAD = "e-folds beyond the runs"


def answers(fit: Fit, family: str | None = None) -> Answers:
    return Answers(fit=fit, question=ask(fit), family=family)


def last_column(blocks: tuple[Block, ...]) -> list[str]:
    table = next(block for block in blocks if isinstance(block, Table))
    assert table.head[-1] == HEAD
    return [str(row[-1]) for row in table.rows]


def test_forecasts_and_splits_tell_compute_and_both_sizes() -> None:
    item = answers(synthetic_fit())
    for blocks, found in (
        (loss_section(item), [forecast.extrapolation for forecast in item.forecasts]),
        (allocation_section(item), None),
    ):
        cells = last_column(blocks)
        assert cells[2].startswith("4.6 (params ")
        if found:
            wanted = found[2]
            assert cells[2] == (
                f"4.6 (params {wanted['params'][0]:.1f}, tokens {wanted['tokens'][0]:.1f})"
            )


@pytest.mark.parametrize("model", ["saturating-m2", "kaplan-c"])
def test_a_law_of_one_input_tells_its_own_distance(model: str) -> None:
    assert last_column(loss_section(answers(synthetic_fit(model))))[2] == "4.6"


def test_the_distance_of_a_family_is_from_its_own_runs() -> None:
    fit = synthetic_fit(families=("code", "web"))
    small = (fit.runs.labels("family") == "web") | (fit.runs["flops"] < 2e19)
    columns = {name: values[small] for name, values in fit.runs.columns.items()}
    item = answers(changed(fit, runs=RunTable(columns=columns)), "code")
    assert last_column(loss_section(item))[2].startswith(f"{np.log(1e4):.1f} (")
    numbers = next(block for block in numbers_section((item,)) if isinstance(block, Table))
    (beyond,) = (row for row in numbers.rows if row[0] == "Beyond the runs")
    assert "the largest run has 1e19 FLOP" in beyond[2]
