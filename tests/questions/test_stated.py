"""Splits of laws that state them, and budgets that no run had; draws of the prior, no sampler."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.questions.allocate import allocate
from bayes_scaling.questions.forecast import forecast
from bayes_scaling.runs import RunTable
from tests.synthetic import changed, synthetic_fit

DRAWS = 50
STATED = ("envelope", "isoflop", "isoflop-cubic")


def table(*families: str) -> RunTable:
    """Six sizes on each of three budgets."""
    budget = np.tile(np.repeat([1e18, 1e19, 1e20], 6), len(families))
    ratio = np.tile(np.geomspace(3, 200, 6), 3 * len(families))
    params = np.sqrt(budget / 6 / ratio)
    return RunTable(
        columns={
            "run": np.array([f"r{i}" for i in range(budget.size)]),
            "family": np.repeat(np.array(families), 18),
            "params": params,
            "tokens": ratio * params,
            "flops": budget,
            "budget": budget,
            "loss": np.full(budget.size, 2.5),
        }
    )


def drawn(name: str, *families: str) -> Fit:
    """Draw from the prior, with curvatures that differ between budgets."""
    model = load_model(name)
    runs = table(*(families or ("gpt",)))
    fit = Fit.of_one(prior_member(model, runs, draws=DRAWS, random_seed=3))
    if name == "envelope":
        return fit
    groups = make_design(model, runs).groups
    rng = np.random.default_rng(5)
    shape = (1, DRAWS, len(groups))
    k = fit.draws["k"][..., None] * np.exp(0.3 * rng.standard_normal(shape))
    pooled = {"k": k, "k_population": fit.draws["k"], "k_sd": np.full((1, DRAWS), 0.3)}
    if len(families) > 1:
        of_family = np.arange(len(groups)) // 3
        spread = {"k_family": k[..., 3 * of_family], "k_family_sd": np.full((1, DRAWS), 0.3)}
        shift = 1 + 0.01 * of_family
        pooled |= spread | {
            item: fit.draws[item][..., None] * shift for item in ("c", "f_shift", "r", "g", "a")
        }
        pooled |= {f"{item}_population": fit.draws[item] for item in ("g", "a")}
        pooled |= {f"{item}_sd": np.full((1, DRAWS), 0.1) for item in ("g", "a")}
    return changed(fit, runs=runs, groups=groups, draws={**fit.draws, **pooled})


@pytest.mark.parametrize("name", STATED)
def test_the_split_is_the_power_law_of_the_definition(name: str) -> None:
    fit = drawn(name)
    assert fit.leading.states_split
    found = allocate(fit, flops=[1e19, 1e23])
    best = fit.flat["G"][:, None] * np.array([1e19, 1e23]) ** fit.flat["a"][:, None]
    assert found.params == pytest.approx(best)
    assert found.tokens == pytest.approx(found.flops / 6 / found.params)
    floor = fit.flat["E"][:, None] + fit.flat["F"][:, None] * np.array([1e19, 1e23]) ** (
        -fit.flat["g"][:, None]
    )
    assert found.loss == pytest.approx(floor)
    assert not found.edge.any()


@pytest.mark.parametrize("given", ["params", "tokens"])
@pytest.mark.parametrize("name", ["envelope", "isoflop"])
def test_from_a_size_back_to_its_budget(name: str, given: str) -> None:
    fit = drawn(name)
    there = allocate(fit, flops=1e21)
    for draw in range(3):
        size = float(getattr(there, given)[draw, 0])
        back = allocate(fit, params=size) if given == "params" else allocate(fit, tokens=size)
        assert back.flops[draw, 0] == pytest.approx(1e21, rel=1e-9)
        assert back.params[draw, 0] == pytest.approx(there.params[draw, 0], rel=1e-9)


def test_the_bottom_of_a_skewed_valley_is_its_lowest_place() -> None:
    fit = drawn("isoflop-cubic")
    bottom = allocate(fit, flops=1e20)
    for step in (-3.0, -0.1, 0.1, 3.0):
        off = bottom.params[:, 0] * np.exp(step)
        sizes = {"flops": np.full(DRAWS, 1e20), "params": off}
        rows = np.arange(DRAWS)
        loss = fit.predict(sizes, group=np.zeros(DRAWS, dtype=np.int64), draw=rows)
        assert (loss > bottom.loss[:, 0]).all()


def test_a_budget_to_come_is_drawn_from_those_that_were() -> None:
    fit = drawn("isoflop")
    found = forecast(fit, {"flops": 1e22, "params": 1e8})
    assert found.plan.labels == ("gpt/new",)
    known = forecast(fit, {"flops": 1e22, "params": 1e8, "family/budget": fit.groups[0]})
    assert not np.allclose(found.noise_free, known.noise_free)
    assert np.median(found.noise_free / known.noise_free) == pytest.approx(1, abs=0.2)
    at_bottom = forecast(fit, {"flops": 1e22})
    assert at_bottom.noise_free == pytest.approx(allocate(fit, flops=1e22).loss)
    assert at_bottom.tuned["params"] == pytest.approx(allocate(fit, flops=1e22).params)


def test_one_of_several_families_is_named() -> None:
    fit = drawn("isoflop", "gpt", "moe")
    gpt, moe = (allocate(fit, flops=1e22, family=name) for name in ("gpt", "moe"))
    assert gpt.label == "gpt/new"
    assert (moe.params != gpt.params).all()
    assert allocate(fit, flops=1e22, family="gpt/1e+19").params == pytest.approx(gpt.params)
    assert forecast(fit, {"flops": 1e22, "family": "moe"}).noise_free == pytest.approx(moe.loss)
    with pytest.raises(InputError, match="none is named: gpt, moe"):
        allocate(fit, flops=1e22)
    with pytest.raises(InputError, match="'rwkv' is none of them: gpt, moe"):
        allocate(fit, flops=1e22, family="rwkv")


def test_of_a_family_to_come_a_fit_of_one_knows_nothing() -> None:
    with pytest.raises(InputError, match="c has one family in the fit: no population") as caught:
        drawn("isoflop").with_new_group({"family": "moe", "budget": "new"})
    assert len(caught.value.problems) == 6  # c, f_shift, g, r, a and the noise; k has budgets


@pytest.mark.parametrize("families", [("gpt",), ("gpt", "moe")])
def test_a_level_with_one_group_is_no_level(families: tuple[str, ...]) -> None:
    built = load_model("isoflop").build(table(*families))
    levels = {"g_population", "g_sd", "c_of_level", "k_family_sd"}
    assert {"k_population", "k_sd", "k", "c", "g"} <= set(built.named_vars)
    assert levels & set(built.named_vars) == (levels if len(families) > 1 else set())


def test_other_laws_state_no_split() -> None:
    assert not synthetic_fit("chinchilla").leading.states_split
    assert not synthetic_fit("kaplan-c").leading.states_split
