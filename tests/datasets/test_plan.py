from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import pytest

from bayes_scaling.datasets.nano_lm.plan import (
    MAX_TOKENS,
    MIN_TOKENS,
    SHAPES,
    SIZES,
    Planned,
    RateRule,
    fixed_rate,
    stage_runs,
    stages,
)
from bayes_scaling.datasets.nano_lm.transformer import Shape


def best_power(params: float, tokens: float) -> float:
    """Learning rate of an invented optimum, log2."""
    return -5 - 0.5 * math.log2(params / 7168) - 0.1 * math.log2(tokens / 2e5)


def row_of(run: Planned) -> dict[str, Any]:
    off = math.log2(run.learning_rate) - best_power(run.shape.params, run.tokens)
    return {
        "run": run.run,
        "purpose": run.purpose,
        "budget": run.budget,
        "width": run.width,
        "depth": run.depth,
        "params": run.shape.params,
        "tokens": run.tokens,
        "learning_rate": run.learning_rate,
        "seed": run.seed,
        "loss": 2 * math.exp(0.01 * off**2),
    }


@pytest.fixture(scope="module")
def planned() -> list[Planned]:
    rows: list[dict[str, Any]] = []
    runs: dict[str, Planned] = {}
    for stage in stages():
        for run in stage_runs(stage, rows):
            if run.run not in runs:
                runs[run.run] = run
                rows.append(row_of(run))
    return list(runs.values())


def test_at_least_320_runs_within_the_limits(planned: list[Planned]) -> None:
    assert len(planned) >= 320
    assert all(MIN_TOKENS <= run.tokens <= MAX_TOKENS for run in planned)
    assert 1e14 < sum(run.budget for run in planned) < 1.8e14


def test_sizes_span_three_thousand_to_two_million(planned: list[Planned]) -> None:
    sizes = {run.shape.params_nonembedding for run in planned}
    assert min(sizes) < 3.1e3
    assert max(sizes) > 1.8e6


def test_isoflop_lines_reach_1e13_at_five_sizes(planned: list[Planned]) -> None:
    sizes = defaultdict(set)
    for run in planned:
        sizes[run.budget].add((run.width, run.depth))
    assert min(sizes) == 1e10
    assert max(sizes) == 1e13
    assert min(len(there) for there in sizes.values()) >= 5


def test_learning_rates_span_a_factor_30_at_many_cells(planned: list[Planned]) -> None:
    cells = defaultdict(set)
    for run in planned:
        cells[run.width, run.depth, run.budget].add(run.learning_rate)
    wide = [
        key for key, rates in cells.items() if len(rates) >= 5 and max(rates) >= 30 * min(rates)
    ]
    assert len(wide) >= 30
    assert len({key[:2] for key in wide}) >= 8


def test_the_fixed_rate_is_used_at_every_size(planned: list[Planned]) -> None:
    (rate,) = {run.learning_rate for run in planned if run.purpose == "fixed-lr"}
    assert {(r.width, r.depth) for r in planned if r.learning_rate == rate} >= set(SIZES)


def test_three_seeds_at_six_cells(planned: list[Planned]) -> None:
    seeds = defaultdict(set)
    for run in planned:
        seeds[run.width, run.depth, run.budget, run.learning_rate].add(run.seed)
    cells = [cell for cell, used in seeds.items() if used == {0, 1, 2}]
    assert len(cells) == 6
    assert len({cell[:2] for cell in cells}) == 6


@pytest.mark.parametrize("budget", SHAPES)
def test_four_shapes_of_equal_parameters(budget: float) -> None:
    counts = [Shape(width=w, depth=d).params_nonembedding for w, d in SHAPES[budget]]
    assert len(counts) >= 4
    assert max(counts) < 1.1 * min(counts)


def test_fixed_rate_is_the_best_of_the_smallest_sizes() -> None:
    rows = [row_of(run) for run in stage_runs("small sweeps", [])]
    assert fixed_rate(rows) == 2**-5
    for row in rows:
        if row["width"] > 32:
            row["loss"] = 9.0
    assert fixed_rate(rows) == 2**-5


def test_rate_rule_recovers_a_power_law() -> None:
    rule = RateRule.fit([row_of(run) for run in stage_runs("small sweeps", [])])
    assert rule.by_params == pytest.approx(-0.5, abs=0.01)
    assert rule.by_tokens == pytest.approx(-0.1, abs=0.01)
    rate = rule.rate((64, 3), 1e13)
    params = Shape(width=64, depth=3).params
    assert abs(math.log2(rate) - best_power(params, 1e13 / 6 / params)) <= 0.25
