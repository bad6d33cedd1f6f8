"""Runs that were logged twice count once; repeats count as often as they are there."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning
from bayes_scaling.laws import Model
from bayes_scaling.laws.design import Design
from bayes_scaling.posterior import fit_model
from bayes_scaling.posterior.average import _said_before_sampling
from bayes_scaling.runs import RunTable, describe, read_runs
from bayes_scaling.runs.copies import doubt_of, once

SIZES: dict[str, list[float]] = {"params": [1e6, 2e6, 4e6], "tokens": [1e8, 2e8, 4e8]}
LOSS = [3.1234, 2.9876, 2.7654]
SHORT: dict[str, Any] = {
    "draws": 50,
    "tune": 50,
    "chains": 1,
    "target_accept": 0.8,
    "random_seed": 1,
}


def repeated(times: int = 2, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return three runs, each so many times, under names of their own."""
    columns = {**SIZES, "loss": LOSS, **(changes or {})}
    whole = {
        name: list(values) * times if len(values) == 3 else values
        for name, values in columns.items()
    }
    return {"run": [f"run-{index}" for index in range(3 * times)], **whole}


def table(columns: dict[str, Any]) -> RunTable:
    return RunTable(columns={name: np.array(values) for name, values in columns.items()})


def test_a_run_logged_twice_counts_once_and_is_said() -> None:
    found = table(repeated())
    (doubt,) = doubt_of(found)
    assert doubt.startswith(
        "3 of 6 rows are the same as another in every column but 'run', to the last digit of the "
        "loss ('run-3 as run-0', 'run-4 as run-1' and 'run-5 as run-2')"
    )
    assert once(found)["run"].tolist() == ["run-0", "run-1", "run-2"]
    assert once(found)["loss"].tolist() == LOSS
    assert doubt_of(once(found)) == ()


def test_a_table_without_copies_stays_the_same_object() -> None:
    found = table(repeated(1))
    assert once(found) is found


@pytest.mark.parametrize("name", ["_timestamp", "created_at", "Runtime", "display_name", "id"])
def test_when_and_as_what_it_was_logged_is_no_measurement(name: str) -> None:
    assert len(once(table(repeated(2, {name: list("abcdef")})))) == 3


@pytest.mark.parametrize(
    "changes",
    [
        {"seed": [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]},
        {"replicate": list("aaabbb")},
        {"loss": [*LOSS, *(value + 0.001 for value in LOSS)]},
        {"loss_of_wiki": [4.0, 3.8, 3.6, 4.1, 3.9, 3.7]},
        {"run": ["run-0", "run-1", "run-2"]},
    ],
)
def test_what_differs_in_anything_is_a_repeat(changes: dict[str, Any]) -> None:
    columns = repeated()
    columns |= {
        name: values if len(values) == 6 else values * 2 for name, values in changes.items()
    }
    assert len(once(table(columns))) == 6


def noisy(each: int) -> dict[str, Any]:
    """Return three sizes, each so many times with a noise of .3 %."""
    rng = np.random.default_rng(0)
    loss = np.repeat(LOSS, each) * np.exp(0.003 * rng.standard_normal(3 * each))
    sizes = {name: np.repeat(values, each) for name, values in SIZES.items()}
    return {"run": [f"run-{index}" for index in range(3 * each)], **sizes, "loss": loss}


@pytest.mark.parametrize("decimals", [2, 3, 4])
def test_losses_that_are_rounded_may_be_equal_by_chance(decimals: int) -> None:
    columns = noisy(20)
    assert len(once(table({**columns, "loss": np.round(columns["loss"], decimals)}))) == 60


def test_copies_among_repeats_are_found() -> None:
    columns = noisy(4)
    columns["loss"] = np.round(columns["loss"], 5)
    columns["loss"][[1, 6]] = columns["loss"][[0, 5]]
    kept = [f"run-{index}" for index in range(12) if index not in (1, 6)]
    assert once(table(columns))["run"].tolist() == kept


@pytest.mark.parametrize(
    ("decimals", "times", "count"), [(1, 9, 27), (2, 2, 6), (2, 5, 3), (3, 2, 3)]
)
def test_rounded_losses_of_which_none_differ(decimals: int, times: int, count: int) -> None:
    loss = [round(value, decimals) for value in LOSS]
    assert len(once(table(repeated(times, {"loss": loss})))) == count


def test_check_and_every_fit_say_so(monkeypatch: pytest.MonkeyPatch) -> None:
    runs = table(repeated())
    assert doubt_of(runs)[0] in describe(runs).warnings
    law, sampled = bs.load_model("chinchilla"), list[int]()

    def sample(law: Model, design: Design, *_: object, **__: object) -> None:
        sampled.append(design.response.size)
        raise InterruptedError

    monkeypatch.setattr(fit_model, "sample", sample)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always", BayesScalingWarning)
        with pytest.raises(InterruptedError):
            bs.fit(runs, law)
    assert doubt_of(runs)[0] in [str(each.message) for each in said]
    assert sampled == [3]
    assert doubt_of(runs)[0] in _said_before_sampling([law], runs)


# ---- tables that were published ------------------------------------------------------------------

COPIED = {"misfitting_final": 8, "misfitting_checkpoints": 9}
"""Public tables that hold copies: equal to the tenth digit, some under two learning rates."""

PUBLIC = (
    "chinchilla_epoch datablations gadre2024_losses gadre2024_downstream misfitting_final "
    "misfitting_checkpoints misfitting_lr_sweep multipowerlaw_curves porian2024_isoflop "
    "revisiting_lang steplaw_dense steplaw_moe"
).split()


@pytest.mark.parametrize("name", PUBLIC)
def test_only_tables_with_copies_are_said_to_have_them(
    name: str, public_data: Callable[[str], Path]
) -> None:
    runs = read_runs(public_data(f"{name}.csv"))
    assert len(runs) - len(once(runs)) == COPIED.get(name, 0)


@pytest.mark.parametrize("name", [each.name for each in bs.list_datasets() if each.shipped])
def test_repeats_of_shipped_sweeps_stay(name: str) -> None:
    runs = bs.load_dataset(name)
    assert once(runs) is runs


def test_a_run_with_a_row_for_each_score_has_one_loss() -> None:
    columns = {
        "run": np.repeat(["a", "b", ""], 2),
        "metric": np.array(["x", "y"] * 3),
        "params": np.repeat([1e6, 2e6, 4e6], 2),
        "tokens": np.repeat([1e8, 2e8, 4e8], 2),
        "loss": np.repeat(LOSS, 2),
        "error": np.linspace(0.9, 0.4, 6),
    }
    runs = RunTable(columns=columns)
    law = bs.load_model("chinchilla")
    assert law.rows_of(runs).labels("run").tolist() == ["a", "b", "", ""]
    assert len(law.pooled_by("metric").rows_of(runs)) == 6, "a loss for each text"
    later = RunTable(columns={**columns, "steps": np.arange(6.0) + 1})
    assert law.rows_of(later) is later, "checkpoints of a curve that is flat"
    assert bs.load_model("score-c").rows_of(runs) is runs
