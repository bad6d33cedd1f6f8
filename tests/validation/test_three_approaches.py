"""Approaches to the compute-optimal split: which are taken, what they say, why they differ."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.posterior.diagnostics import Check
from bayes_scaling.runs import RunTable
from bayes_scaling.validation import Approaches
from tests.approaches import (
    EXPONENT,
    RATIOS,
    best_params,
    curves,
    lines,
    standard,
    synthetic_approaches,
)

LAWS = ["envelope", "isoflop", "isoflop-cubic", "chinchilla", "coupled"]


@pytest.fixture(scope="module")
def found() -> Approaches:
    return standard()


def said(result: Approaches, pattern: str) -> re.Match[str]:
    """Return the match of a pattern in the sentences, each of which is one line."""
    match = re.search(pattern, "\n".join(result.why))
    assert match, "\n".join(result.why)
    return match


# ---- the table -----------------------------------------------------------------------------------


def test_all_approaches_find_the_best_split(found: Approaches) -> None:
    assert list(found.fits) == LAWS
    assert not found.skipped
    rows = found.rows()
    assert [row["law"] for row in rows] == LAWS * 2
    assert [row["flops"] for row in rows] == [1e20] * 5 + [1e23] * 5
    for row in rows:
        assert row["params"] == pytest.approx(float(best_params(row["flops"])), rel=0.05)
        assert row["tokens"] == pytest.approx(row["flops"] / 6 / row["params"], rel=0.01)
        assert row["exponent"] == pytest.approx(EXPONENT, abs=0.003)
        assert row["params_lower"] < row["params"] < row["params_upper"]
        assert row["status"] == "converged"
    published = {row["law"]: row["published_exponent"] for row in rows}
    assert published == dict(zip(LAWS, (0.50, 0.49, None, 0.46, None), strict=True))


def test_each_says_its_rows_and_how_far_it_reaches(found: Approaches) -> None:
    rows = {row["law"]: row for row in found.rows()[5:]}
    assert rows["isoflop"]["rows"] == rows["chinchilla"]["rows"] == 4 * RATIOS.size
    assert rows["envelope"]["rows"] == len(found.fits["envelope"].runs) < 24
    assert rows["isoflop"]["efolds_flops"] == pytest.approx(np.log(100))
    assert rows["envelope"]["efolds_flops"] > rows["isoflop"]["efolds_flops"]
    assert found.table.shape == (10, len(rows["isoflop"]))


def test_by_default_budgets_are_powers_of_ten_to_a_hundred_times_the_largest() -> None:
    few = lines().take(np.arange(18))  # of 1e18 and 1e19 FLOP
    result = synthetic_approaches(few)
    flops = next(iter(result.at.values())).flops
    assert flops.tolist() == [1e18, 1e19, 1e20, 1e21]
    path = next(iter(result.path.values())).flops
    assert path[[0, -1]].tolist() == pytest.approx([1e18, 1e21])


# ---- rows ----------------------------------------------------------------------------------------


def test_rows_during_training_stand_in_for_curves_and_their_ends_for_runs() -> None:
    result = synthetic_approaches(curves(), flops=1e21)
    assert set(result.fits) == {"envelope", "chinchilla", "coupled"}
    assert "no isoFLOP design: 0 of 24" in result.skipped["isoflop"]
    assert len(result.fits["chinchilla"].runs) == 24
    assert len(result.fits["envelope"].runs) >= 8


def test_runs_at_a_worse_learning_rate_are_left_out() -> None:
    runs = lines().columns
    doubled = {name: np.concatenate([values, values]) for name, values in runs.items()}
    worse = doubled | {
        "run": np.arange(72).astype(np.str_),
        "learning_rate": np.repeat([1e-3, 1e-2], 36),
        "loss": np.concatenate([runs["loss"], 1.02 * runs["loss"]]),
    }
    result = synthetic_approaches(RunTable(columns=worse), flops=1e21)
    assert {len(result.fits[name].runs) for name in LAWS[1:]} == {36}
    assert set(result.fits["chinchilla"].runs["learning_rate"]) == {1e-3}


def test_one_family_of_several() -> None:
    runs = lines().columns
    both = RunTable(
        columns={
            name: np.concatenate([values, values])
            if name != "family"
            else np.repeat(["gpt", "moe"], 36)
            for name, values in runs.items()
        }
        | {"run": np.arange(72).astype(np.str_)}
    )
    result = synthetic_approaches(both, flops=1e21, family="moe")
    assert result.family == "moe"
    assert set(result.fits["isoflop"].runs["family"]) == {"moe"}
    with pytest.raises(InputError, match="say which family, one of gpt, moe"):
        bs.approaches(both)
    with pytest.raises(InputError, match="'rwkv' is not in the runs; known are gpt, moe"):
        bs.approaches(both, family="rwkv")


def test_what_cannot_be_asked() -> None:
    with pytest.raises(InputError, match="flops must be positive numbers"):
        bs.approaches(lines(), flops=[1e20, -1.0])
    with pytest.raises(InputError, match="probability must lie between 0 and 1"):
        bs.approaches(lines(), probability=90)
    with pytest.raises(InputError, match="draws must be a whole number"):
        bs.approaches(lines(), draws=1)


def test_runs_that_allow_nothing_say_why_of_each() -> None:
    params = np.geomspace(1e8, 1e9, 12)
    fixed_ratio = dict(lines().take(np.arange(12)).columns) | {
        "params": params,
        "tokens": 20 * params,
        "flops": 120 * params**2,
    }
    with pytest.raises(InputError, match="no approach can be taken") as caught:
        bs.approaches(RunTable(columns=fixed_ratio))
    problems = dict(text.split(": ", 1) for text in caught.value.problems)
    assert list(problems) == LAWS
    assert "do not show which params are best" in problems["envelope"]
    assert "no isoFLOP design" in problems["isoflop"]
    assert "move together (correlation 1.000)" in problems["chinchilla"]


def test_tables_that_cannot_be_used() -> None:
    runs = lines()
    lacking = RunTable(columns={n: v for n, v in runs.columns.items() if n != "params"})
    with pytest.raises(InputError, match="runs: no column 'params'"):
        bs.approaches(lacking)
    metric = np.resize(["wiki", "code"], len(runs))
    with pytest.raises(InputError, match=r"several metrics, .*: take one of code, wiki"):
        bs.approaches(RunTable(columns={**runs.columns, "metric": metric}))
    other = RunTable(columns={**curves().columns, "family": np.full(600, "moe")})
    with pytest.raises(InputError, match="curves have no row of family 'gpt'"):
        bs.approaches(runs, curves=other)


# ---- why -----------------------------------------------------------------------------------------


def test_equal_approaches_do_not_differ(found: Approaches) -> None:
    match = said(found, r"isoflop \(2\) puts ([\d.]+) .* params of chinchilla .*no difference that")
    assert float(match[1]) == pytest.approx(1, abs=0.1)


def test_a_difference_has_its_size_and_its_probability() -> None:
    result = synthetic_approaches(lines(), flops=1e24, tilt={"isoflop": 0.1})
    match = said(
        result,
        r"at 1e\+24 FLOP isoflop \(2\) puts ([\d.]+) \[.*\] times the params of chinchilla \(3\); "
        r"the exponents are ([\d.]+) and ([\d.]+): more with probability ([\d.]+)",
    )
    away = np.log(1e24) - np.mean(np.log(lines()["flops"]))
    assert float(match[1]) == pytest.approx(np.exp(0.1 * away), rel=0.2)
    assert float(match[2]) - float(match[3]) == pytest.approx(0.1, abs=0.005)
    assert float(match[4]) > 0.99
    less = synthetic_approaches(lines(), flops=1e24, tilt={"isoflop": -0.1})
    assert said(less, r"isoflop \(2\) puts 0\.[\d]+ .* of chinchilla .*: fewer with probability")


def test_what_a_cubic_term_changes(found: Approaches) -> None:
    match = said(found, r"by a factor ([\d.]+) in params .*exponent by ([+-][\d.]+); .*too large")
    assert float(match[1]) == pytest.approx(1, abs=0.03)
    assert abs(float(match[2])) < 0.004


def test_how_far_the_sizes_on_lines_reach(found: Approaches) -> None:
    match = said(found, r"the 4 isoFLOP lines hold 9 to 9 sizes, from ([\d.]+) to ([\d.]+) times")
    runs = lines()
    off = runs["params"] / best_params(runs["flops"])
    assert float(match[1]) == pytest.approx(np.median(off.reshape(4, 9).min(axis=1)), rel=0.1)
    assert float(match[2]) == pytest.approx(np.median(off.reshape(4, 9).max(axis=1)), rel=0.1)
    beside = synthetic_approaches(lines(off=12.0), flops=1e21)
    assert said(beside, r"on 1e\+18, 1e\+19, 1e\+20, 1e\+21 FLOP the best lies outside the sizes")


def test_rows_from_before_the_end_of_their_run(found: Approaches) -> None:
    match = said(found, r"(\d+) of the (\d+) rows of the envelope are .* runs lie ([\d.]+) % above")
    assert 0 < int(match[1]) <= int(match[2]) == len(found.fits["envelope"].runs)
    assert float(match[3]) == pytest.approx(2.0, abs=0.3)


def test_distance_floors_and_runs_far_from_the_best(found: Approaches) -> None:
    match = said(
        found, r"1e\+23 FLOP is this many times .*: ([\d.]+) \(envelope\), 100 \(isoflop\)"
    )
    assert float(match[1]) > 100
    assert said(found, r"irreducible loss is 1\.8.* \(envelope\), 1\.8.* \(isoflop\)")
    share = said(found, r"chinchilla \(3\) takes 36 runs, and (\d+)% of them")
    runs = lines()
    far = np.abs(np.log(runs["params"] / best_params(runs["flops"]))) > np.log(3)
    assert float(share[1]) / 100 == pytest.approx(far.mean(), abs=0.06)
    assert said(found, r"the envelope rests on \d+ runs of \d sizes, .* by 20 % around its line")


def test_laws_that_fail_are_named() -> None:
    off = Check(name="largest runs", verdict="warn", evidence="the best 3 lie 7 % below the law")
    result = synthetic_approaches(
        lines(), flops=1e21, unconverged=["coupled"], checks={"chinchilla": off}
    )
    assert said(result, r"chinchilla \(3\) leaves its data at the upper end: the best 3 lie 7 %")
    assert said(result, r"coupled \(3\) did not converge: do not use its numbers")
    assert not result.trustworthy
    assert [row["status"] for row in result.rows()] == ["converged"] * 3 + ["unconverged"]
    assert {check["name"] for check in result.to_dict()["checks"]} >= {"R-hat of coupled"}


# ---- the real thing ------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_published_runs_of_chinchilla(public_data: Callable[[str], Path]) -> None:
    runs = bs.read_runs(public_data("chinchilla_epoch.csv"))
    runs = runs.take(runs["epoch_outlier"] == 0)
    found = bs.approaches(runs, flops=5.76e23, draws=400, tune=400, chains=2, random_seed=2)
    rows = {row["law"]: row for row in found.rows()}
    assert list(rows) == LAWS
    assert rows["envelope"]["exponent"] == pytest.approx(0.50, abs=0.03)
    assert rows["isoflop"]["exponent"] == pytest.approx(0.50, abs=0.03)
    assert rows["chinchilla"]["exponent"] == pytest.approx(0.513, abs=0.015)
    assert rows["isoflop"]["params"] == pytest.approx(70e9, rel=0.15)
    assert rows["isoflop"]["params_upper"] < 1.4 * rows["isoflop"]["params_lower"]
