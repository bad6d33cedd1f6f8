"""Protocols of papers, and the frontier of losses that they rest on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.datasets import load_dataset
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.designs import clusters
from bayes_scaling.runs.protocols import (
    PROTOCOLS,
    Frontier,
    Points,
    find_frontier,
    levelled,
    smoothed,
    take_rows,
)


def frontier(
    size: list[float],
    other: list[float],
    loss: list[float],
    *,
    run: list[int] | None = None,
    tuning: list[int] | None = None,
) -> Frontier:
    count = len(size)
    return find_frontier(
        Points(
            size=np.log(size),
            other=np.log(other),
            loss=np.log(loss),
            run=np.array(run or range(count)),
            tuning=np.array(tuning or [0] * count),
        )
    )


def test_a_row_is_off_where_another_setting_does_better_with_no_more() -> None:
    found = frontier([1, 1, 4, 4], [1, 2, 1, 2], [3.0, 3.1, 2.5, 2.4])
    assert found.on.tolist() == [True, False, False, True]


def test_rows_of_one_setting_never_push_each_other_out() -> None:
    found = frontier([1, 1, 1, 4, 4], [1, 1, 2, 2, 2], [3.0, 3.05, 3.2, 2.4, 2.6])
    assert found.on.tolist() == [True, True, False, True, True]


def test_a_setting_alone_keeps_all_its_rows() -> None:
    assert frontier([1, 2, 300], [7, 7, 7], [3.0, 3.5, 2.0]).on.all()
    curve = frontier([1, 2, 300], [7, 7, 7], [3.0, 3.5, 2.0], run=[4, 4, 4])
    assert curve.on.all()
    assert not curve.bracketed.any()


def test_worse_hyperparameters_at_the_same_sizes_are_off() -> None:
    found = frontier([1, 1, 1, 9], [1, 1, 1, 2], [3.0, 2.9, 3.1, 2.0], tuning=[1, 2, 1, 1])
    assert found.on.tolist() == [False, True, False, True]


def test_another_setting_counts_between_its_rows() -> None:
    # At size 10 the line of setting 1 from 3.2 at 5 to 2.0 at 20 passes 2.53.
    found = frontier([5, 20, 10], [1, 1, 2], [3.2, 2.0, 2.6])
    assert found.on.tolist() == [True, True, False]
    assert frontier([5, 20, 10], [1, 1, 2], [3.2, 2.0, 2.5]).on.tolist() == [True, True, True]


def test_the_compute_of_one_line_may_scatter() -> None:
    assert frontier([1.0, 1.05], [1, 2], [3.0, 2.5]).on.tolist() == [False, True]
    assert frontier([1.0, 1.2], [1, 2], [3.0, 2.5]).on.tolist() == [True, True]


def test_bracketed_is_between_settings_tried_at_that_size() -> None:
    found = frontier([1, 1, 1, 50], [1, 2, 3, 2], [3.0, 2.9, 3.0, 2.0])
    assert found.bracketed.tolist() == [False, True, False, False]


def test_runs_of_several_rows_compete_also_at_one_other_size() -> None:
    found = frontier([10, 100, 10, 100], [1, 1, 1, 1], [3.0, 2.5, 2.9, 2.6], run=[1, 1, 2, 2])
    assert found.on.tolist() == [False, True, True, False]


def test_the_start_of_a_run_counts_for_nothing() -> None:
    rows: tuple[list[float], list[float], list[float]] = (
        [4, 100, 4, 50], [1, 1, 2, 2], [2.0, 1.5, 3.0, 1.9]
    )  # fmt: skip
    found = frontier(*rows, run=[1, 1, 2, 2])
    assert found.on.tolist() == [False, True, True, True]


def test_a_dip_in_a_run_is_levelled_to_its_neighbours() -> None:
    assert levelled(np.array([3.0, 5.0, 4.0, 1.0, 2.0, 1.5])).tolist() == [5, 5, 4, 2, 2, 1.5]
    assert levelled(np.array([3.0])).tolist() == [3.0]


def test_dense_rows_are_smoothed_by_a_line_and_far_ones_left() -> None:
    rng = np.random.default_rng(1)
    size = np.linspace(0, 0.4, 80)
    line = 1 - 0.1 * size
    noisy = line + 0.01 * rng.standard_normal(80)
    assert np.std(smoothed(size, noisy) - line) < 0.4 * np.std(noisy - line)
    assert smoothed(size, line) == pytest.approx(line)
    apart = np.array([0.0, 1.0, 2.0, 3.0])
    assert smoothed(apart, noisy[:4]).tolist() == noisy[:4].tolist()
    repeated = smoothed(np.array([0.0, 0.001, 1.0]), np.array([1.0, 2.0, 0.0]))
    assert repeated.tolist() == [1.5, 1.5, 0.0]


def test_sizes_within_one_per_cent_are_one() -> None:
    numbers = clusters(np.log([100.0, 205.0, 100.9, 101.5, 200.0, np.nan, np.nan]))
    assert numbers[0] == numbers[2] != numbers[3]
    assert len(set(numbers.tolist())) == 5
    assert numbers[5] == numbers[6]


E, A, B, ALPHA, BETA = 1.8, 480.0, 2100.0, 0.348, 0.366
EXPONENT = BETA / (ALPHA + BETA)


def law(params: NDArray[np.float64], tokens: NDArray[np.float64]) -> NDArray[np.float64]:
    loss: NDArray[np.float64] = E + A * params**-ALPHA + B * tokens**-BETA
    return loss


def best_params(flops: NDArray[np.float64]) -> NDArray[np.float64]:
    best: NDArray[np.float64] = (ALPHA * A / (BETA * B)) ** (1 / (ALPHA + BETA)) * (
        flops / 6
    ) ** EXPONENT
    return best


def table(
    params: NDArray[np.float64],
    tokens: NDArray[np.float64],
    run: NDArray[np.int64] | None = None,
    noise: float = 0.0,
    seed: int = 0,
) -> RunTable:
    rng = np.random.default_rng(seed)
    names = np.arange(params.size) if run is None else run
    return RunTable(
        columns={
            "run": names.astype(np.str_),
            "params": params,
            "tokens": tokens,
            "flops": 6 * params * tokens,
            "loss": law(params, tokens) * np.exp(noise * rng.standard_normal(params.size)),
        }
    )


def grid(noise: float = 0.0) -> RunTable:
    params, tokens = np.meshgrid(np.geomspace(5e7, 5e9, 9), np.geomspace(5e8, 1e11, 9))
    return table(params.ravel(), tokens.ravel(), noise=noise)


def curves(seed: int, noise: float = 0.01) -> RunTable:
    """Ten sizes, three lengths each, sixty rows a run."""
    share = np.linspace(1 / 60, 1, 60)
    runs = [(size, ratio) for size in np.geomspace(3e7, 1e10, 10) for ratio in (5, 20, 80)]
    params = np.repeat([size for size, _ in runs], 60)
    tokens = np.concatenate([size * ratio * share for size, ratio in runs])
    return table(params, tokens, np.repeat(np.arange(len(runs)), 60), noise, seed)


def above(runs: RunTable) -> NDArray[np.float64]:
    """Return how far rows lie above the lowest loss at their compute, on the log scale."""
    best = best_params(runs["flops"])
    height: NDArray[np.float64] = np.log(runs["loss"] / law(best, runs["flops"] / 6 / best))
    return height


def exponent(runs: RunTable) -> float:
    return float(np.polyfit(np.log(runs["flops"]), np.log(runs["params"]), 1)[0])


def test_the_envelope_of_a_grid_follows_the_best_split() -> None:
    taken = take_rows(grid(), "envelope")
    assert 8 < len(taken) < 20
    assert above(taken).max() < 0.01
    assert exponent(taken) == pytest.approx(EXPONENT, abs=0.03)
    assert taken["params"].min() > 5.1e7
    assert taken["params"].max() < 4.9e9
    note = taken.notes[-1]
    assert note.startswith(f"envelope: {len(taken)} of 81 rows, the lowest loss at each compute; ")
    assert "more are left out, whose params are the fewest or the most tried" in note


def test_noise_along_training_curves_hardly_lowers_the_envelope() -> None:
    tables = [curves(seed) for seed in range(4)]
    heights = [above(take_rows(runs, "envelope")).mean() for runs in tables]
    assert abs(np.mean(heights)) < 0.003
    best = [take_rows(runs, "optimum") for runs in tables]
    assert np.mean([exponent(runs) for runs in best]) == pytest.approx(EXPONENT, abs=0.02)
    assert all(len(set(runs["run"].tolist())) == len(runs) < 30 for runs in best)


def test_one_length_for_each_size_leaves_nothing_to_choose_from() -> None:
    params = np.geomspace(1e8, 1e10, 12)
    taken = take_rows(table(params, 20 * params), "envelope")
    assert len(taken) == 12
    assert "left out" not in taken.notes[-1]
    with pytest.raises(InputError, match=r"which params are best: .* 0 rows of 0 different params"):
        take_rows(table(params, 20 * params), "optimum")


def test_converged_runs_are_those_with_the_most_data() -> None:
    taken = take_rows(grid(), "converged")
    assert taken["tokens"] == pytest.approx(np.full(9, 1e11))
    assert len(set(taken["params"])) == 9


def test_largest_runs_are_those_of_the_largest_models() -> None:
    taken = take_rows(grid(), "largest")
    assert taken["params"] == pytest.approx(np.full(9, 5e9))


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_second_time_changes_nothing(protocol: str) -> None:
    once = take_rows(load_dataset("nano-lm") if protocol == "isoflop" else curves(1), protocol)
    again = take_rows(once, protocol)
    assert again.content_hash == once.content_hash
    assert again.notes == once.notes


def test_the_best_hyperparameters_of_each_size_on_a_line() -> None:
    runs = load_dataset("nano-lm")
    taken = take_rows(runs, "isoflop")
    for budget in np.unique(taken["budget"]):
        line = taken.take(taken["budget"] == budget)
        off = np.log(line["params"] / line["params"][np.argmin(line["loss"])])
        assert np.abs(off).max() <= np.log(6)
    assert taken["budget"].tolist() == runs["budget"][np.isin(runs["run"], taken["run"])].tolist()
    cells = [f"{b:g} {n:g}" for b, n in zip(taken["budget"], taken["params"], strict=True)]
    repeats = len(cells) - len(set(cells))
    assert 0 < repeats <= 12  # further seeds of the best rate
    for cell, best in zip(cells[:20], taken["loss"][:20], strict=True):
        same = [f"{b:g} {n:g}" == cell for b, n in zip(runs["budget"], runs["params"], strict=True)]
        assert best < runs["loss"][same].min() * 1.05
    assert taken.notes[-1].startswith(f"isoflop: {len(taken)} of 343 rows, well tuned ones on 10")


def test_other_designs_have_no_lines() -> None:
    with pytest.raises(InputError, match="rows for 'isoflop': the runs are no isoFLOP design"):
        take_rows(curves(0), "isoflop")


def test_groups_and_metrics_are_looked_at_one_by_one() -> None:
    one = grid().columns
    worse = RunTable(
        columns={
            **{name: np.concatenate([values, values]) for name, values in one.items()},
            "tokens": np.concatenate([one["tokens"], 1.5 * one["tokens"]]),
            "loss": np.concatenate([one["loss"], 1.5 * one["loss"]]),
            "run": np.arange(162).astype(np.str_),
            "corpus": np.repeat(["c4", "pile"], 81),
        }
    )
    apart = take_rows(worse, "converged", group="corpus/family")
    assert np.unique(apart["corpus"], return_counts=True)[1].tolist() == [9, 9]
    assert len(take_rows(worse, "converged")) == 9
    metrics = RunTable(columns={**worse.columns, "metric": worse["corpus"]})
    assert len(take_rows(metrics, "converged")) == 18


def test_without_the_other_size_all_rows_are_taken() -> None:
    runs = RunTable(columns={"tokens": np.array([1e6, 2e6]), "loss": np.array([3.0, 3.1])})
    taken = take_rows(runs, "largest")
    assert len(taken) == 2
    assert "does not say their params" in taken.notes[-1]


def test_rows_of_unknown_size_are_left_for_a_fit_to_complain_of() -> None:
    whole = grid().columns
    holed = {**whole, "flops": np.where(np.arange(81) == 3, np.nan, whole["flops"])}
    assert np.isnan(take_rows(RunTable(columns=holed), "envelope")["flops"]).sum() == 1


def test_what_a_protocol_needs_is_said() -> None:
    runs = RunTable(columns={"tokens": np.array([1e6]), "loss": np.array([3.0])})
    with pytest.raises(
        InputError, match=r"rows for 'envelope': .* no column 'flops'; it has tokens, loss"
    ):
        take_rows(runs, "envelope")
    with pytest.raises(InputError, match="no protocol is called 'frontier'; known are envelope"):
        take_rows(runs, "frontier")


def test_the_envelope_of_our_own_curves() -> None:
    taken = take_rows(load_dataset("nano-lm-curves"), "optimum")
    assert 10 <= len(taken) <= 16
    assert exponent(taken) == pytest.approx(0.5, abs=0.05)


def test_the_envelope_of_published_runs(public_data: Callable[[str], Path]) -> None:
    taken = take_rows(read_runs(public_data("chinchilla_epoch.csv")), "envelope")
    assert 15 <= len(taken) <= 25
    assert exponent(taken) == pytest.approx(0.5, abs=0.04)
