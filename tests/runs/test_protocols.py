from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from bayes_scaling.datasets import load_dataset
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.protocols import PROTOCOLS, take_rows

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
