"""Tables that no law describes: what the checks of the form say, and that sound tables pass.

The law is fitted by least squares here, which errs as a posterior does; slow tests sample it.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy import optimize

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.link import link_of
from bayes_scaling.posterior.diagnostics import Check
from bayes_scaling.posterior.form_checks import form_checks
from bayes_scaling.runs import RunTable
from tests.posterior.test_bad_ends import law, simulate

pytestmark = pytest.mark.filterwarnings("ignore::bayes_scaling.errors.BayesScalingWarning")
"""What reading doubts of these tables is tested where they are read."""

Columns = dict[str, NDArray[np.float64]]


def rising(seed: int) -> Columns:
    columns = simulate(30, seed)
    return columns | {"loss": 8.0 / columns["loss"]}


def u_shaped(seed: int) -> Columns:
    columns = simulate(30, seed)
    scale = np.log(columns["params"] * columns["tokens"])
    away = (scale - scale.mean()) / scale.std()
    return columns | {"loss": 2.6 * np.exp(0.06 * away**2) * columns["loss"] ** 0.01}


def half_in_bits(seed: int) -> Columns:
    columns = simulate(30, seed)
    scale = columns["params"] * columns["tokens"]
    larger = scale > np.median(scale)
    return columns | {"loss": columns["loss"] * np.where(larger, 1 / np.log(2), 1.0)}


def two_units(seed: int) -> Columns:
    columns = simulate(30, seed)
    billions = np.arange(30) % 2 == 0
    return columns | {"tokens": columns["tokens"] / np.where(billions, 1e9, 1.0)}


def clipped(seed: int) -> Columns:
    columns = simulate(30, seed)
    return columns | {"loss": np.maximum(columns["loss"], np.quantile(columns["loss"], 0.4))}


def noisy(seed: int) -> Columns:
    columns = simulate(30, seed)
    noise = np.exp(0.05 * np.random.default_rng(seed).standard_normal(30))
    return columns | {"loss": columns["loss"] * noise}


def one_diverged(seed: int) -> Columns:
    columns = simulate(20, seed)
    columns["loss"][np.argmax(columns["params"] * columns["tokens"])] = 10.0
    return columns


def at_the_floor(seed: int) -> Columns:
    columns = simulate(30, seed)
    big = {name: columns[name] * 1e9 for name in ("params", "tokens")}
    noise = np.exp(0.005 * np.random.default_rng(seed).standard_normal(30))
    return big | {"loss": law(**big) * noise}


BAD: Mapping[str, tuple[Callable[[int], Columns], set[str]]] = {
    "losses that rise": (rising, {"direction"}),
    "a U": (u_shaped, {"form"}),
    "the larger half in bits": (half_in_bits, {"form", "direction"}),
    "half the tokens in billions": (two_units, {"units"}),
    "losses that were clipped": (clipped, {"floor"}),
}

GOOD: Mapping[str, Callable[[int], Columns]] = {
    "plain": lambda seed: simulate(30, seed),
    "few": lambda seed: simulate(5, seed),
    "noisy": noisy,
    "one size": lambda seed: simulate(30, seed, params=1e8),
    "one diverged": one_diverged,
    "at the floor": at_the_floor,
}


def verdicts(columns: Mapping[str, Any]) -> dict[str, str]:
    """Verdicts on the chinchilla law, fitted by least squares."""
    runs = RunTable.from_columns(columns)
    model = load_model("chinchilla")
    design = make_design(model, runs)

    sizes = [np.log(design.inputs[k] / design.references[f"{k}_ref"]) for k in ("params", "tokens")]

    def log_law(theta: NDArray[np.float64]) -> NDArray[np.float64]:
        n, d = (np.exp(slope) * size for slope, size in zip(theta[3:], sizes, strict=True))
        logs = np.stack([np.full(n.size, theta[0]), theta[1] - n, theta[2] - d])
        return np.asarray(np.logaddexp.reduce(logs))

    response = np.log(design.response)
    start = np.array([response.mean() - 0.7, response.mean() - 2, response.mean() - 2, -1.1, -1.1])

    def left(theta: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.concatenate([response - log_law(theta), 0.01 * (theta - start)])

    found = optimize.least_squares(left, start, loss="soft_l1", f_scale=0.02).x
    checks = form_checks(model, design, np.tile(log_law(found), (3, 1)))
    return {check.name: check.verdict for check in checks}


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", BAD)
def test_what_no_law_describes_fails_with_the_reason(case: str, seed: int) -> None:
    make, wanted = BAD[case]
    found = verdicts(make(seed))
    assert {name for name, verdict in found.items() if verdict == "fail"} & wanted, found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("case", GOOD)
def test_what_is_sound_does_not_fail(case: str, seed: int) -> None:
    assert "fail" not in verdicts(GOOD[case](seed)).values()


def test_few_losses_that_rise_in_every_group_are_enough() -> None:
    params = np.array([1e6, 4e6, 1.4e7, 2.5e7, 1e6, 3e6, 1.1e7, 2.5e7, 6e7])
    loss = np.array([0.86, 0.83, 0.94, 1.13, 0.92, 0.88, 0.9, 1.03, 1.12])
    family = np.array(["lstm"] * 4 + ["tf"] * 5)
    model = load_model("kaplan-n")
    runs = RunTable.from_columns({"params": params, "loss": loss, "family": family})
    design = make_design(model, runs)
    flat = np.tile(np.log(np.where(family == "lstm", 0.93, 0.97)), (3, 1))
    checks = {check.name: check for check in form_checks(model, design, flat)}
    assert checks["direction"].verdict == "fail"
    assert "the larger has the higher loss in 8" in checks["direction"].evidence


def check_of(columns: Mapping[str, Any], model: str, loss: float) -> dict[str, Check]:
    """Checks of a law that says the same number at every run."""
    law, runs = load_model(model), RunTable.from_columns(columns)
    design = make_design(law, runs)
    at = link_of(law).forward(np.full(len(runs), loss))
    return {check.name: check for check in form_checks(law, design, np.tile(at, (3, 1)))}


@pytest.mark.parametrize("loss", [3.0, 1e-3, 1e6])
def test_equal_losses_have_no_spread_to_explain(loss: float) -> None:
    size = 2.0 ** np.arange(8)
    columns = {"params": 1e8 * size, "tokens": 2e9 * size, "loss": np.full(8, loss)}
    found = check_of(columns, "chinchilla", 1.01 * loss)
    assert found["form"].verdict == "warn"
    assert "the losses have no spread: they are equal" in found["form"].evidence
    assert "%" not in found["form"].evidence
    assert found["floor"].verdict == "fail"


def test_one_run_in_each_group_is_no_spread_of_equal_losses() -> None:
    columns = {"params": [1e8, 2e8], "tokens": [2e9, 4e9], "loss": [3.0, 2.9]}
    found = check_of({**columns, "family": ["a", "b"]}, "chinchilla", 3.0)
    assert found["form"].verdict == "ok"
    assert found["form"].evidence == "no group has two runs to compare"


def test_a_law_that_explains_nothing_is_said_and_scores_are_called_so() -> None:
    right = np.random.default_rng(5).binomial(2000, 0.25, 16)
    columns = {"flops": np.geomspace(1e18, 1e24, 16), "score": right / 2000}
    form = check_of(columns, "emergence", 0.75)["form"]
    assert form.verdict == "warn"
    assert "of the spread of the scores: it explains nothing of these runs" in form.evidence


def test_rows_of_one_run_are_no_neighbours() -> None:
    columns = simulate(6, 1)
    rows = {name: np.repeat(values, 6) for name, values in columns.items()}
    deviation = np.repeat(np.random.default_rng(1).standard_normal(6), 6)
    rows["loss"] = rows["loss"] * np.exp(0.05 * deviation)
    rows["tokens"] = rows["tokens"] * np.tile(np.linspace(0.5, 1, 6), 6)
    named = {**rows, "run": np.repeat([f"r{i}" for i in range(6)], 6)}
    runs = RunTable(columns=named)
    model = load_model("chinchilla").with_features(run_effect=True)
    design = make_design(model, runs)
    truth = np.tile(np.log(law(rows["params"], rows["tokens"])), (3, 1))
    (check,) = form_checks(model, design, truth)
    assert check.verdict == "ok"


@pytest.mark.slow
@pytest.mark.parametrize("case", BAD)
def test_a_fit_of_such_a_table_is_not_to_be_trusted(case: str) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        runs = RunTable.from_columns(BAD[case][0](0))
        fit = bs.fit("chinchilla", runs, draws=300, tune=300, chains=2, random_seed=1)
    assert not fit.trustworthy
