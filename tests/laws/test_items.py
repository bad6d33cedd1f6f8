"""Questions of an evaluation: what their number adds to the noise of a score."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy import integrate, special, stats

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.items import items_of_groups
from bayes_scaling.laws.noise import (
    ITEM_SD,
    ITEMS,
    ODDS,
    REACH,
    UNTOLD,
    NoiseFamily,
    counted_logpdf,
    item_sd,
    noise_quantile,
    on_logpdf,
    sample_noise,
)
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.runs import RunTable
from tests.laws.test_target import assert_same


def scores(
    items: np.ndarray | None = None, *, noise: float = 0.0, seed: int = 0, tasks: int = 1
) -> RunTable:
    """Runs whose score falls with the loss from .75 to .35, measured on some questions."""
    rng = np.random.default_rng(seed)
    loss = np.tile(np.linspace(2.2, 3.8, 24), tasks)
    error = 0.2 + 0.6 / (1 + np.exp(-2.4 * (loss - 3)))
    error = 1 / (1 + (1 / error - 1) * np.exp(-noise * rng.standard_normal(loss.size)))
    columns = {"loss": loss, "family": np.repeat([f"t{k}" for k in range(tasks)], 24)}
    if items is None:
        return RunTable(columns={**columns, "error": error})
    wrong = rng.binomial(items.astype(int), error)
    return RunTable(columns={**columns, "items": items, "error": wrong / items})


def normal(name: str = "downstream-sigmoid") -> Model:
    """A law of scores with normal noise."""
    law = load_model(name)
    own = tuple(item for item in law.parameters if item.name != "nu")
    return replace(law, noise="normal", parameters=own)


@pytest.mark.parametrize(("error", "items"), [(0.5, 200), (0.2, 1000), (0.95, 4000)])
def test_the_log_odds_of_questions_spread_as_said(error: float, items: int) -> None:
    wrong = np.random.default_rng(1).binomial(items, error, 200_000)
    odds = np.log((wrong + 0.5) / (items - wrong + 0.5))
    assert odds.std() == pytest.approx(item_sd(np.array(error), np.array(float(items))), rel=0.02)


def test_a_score_is_read_half_a_question_from_its_ends() -> None:
    items = np.resize([32.0, 400.0], 24)
    runs = scores(items)
    runs = RunTable(columns={**runs.columns, "error": np.resize([1.0, 0.25], 24)})
    design = make_design(load_model("downstream-sigmoid"), runs)
    np.testing.assert_allclose(design.response[:2], [32.5 / 33, 100.5 / 401])
    np.testing.assert_allclose(design.item_sd[:2], item_sd(design.response[:2], items[:2]))


def test_without_questions_the_ends_are_refused_and_it_is_said_what_to_do() -> None:
    runs = RunTable(columns={**scores().columns, "error": np.resize([1.0, 0.25], 24)})
    with pytest.raises(InputError, match="reaches 1 in row 1") as found:
        make_design(load_model("downstream-sigmoid"), runs)
    assert "column items" in str(found.value)
    plain = make_design(load_model("downstream-sigmoid"), scores())
    np.testing.assert_allclose(plain.item_sd, item_sd(plain.response, np.array(UNTOLD)))


def test_a_law_of_losses_counts_none() -> None:
    law = load_model("chinchilla")
    assert not law.counts_items
    assert load_model("downstream-exp").counts_items
    assert not load_model("downstream-exp").with_features(mistuned=True).counts_items


@pytest.mark.parametrize("noise", ["student_t", "normal"])
@pytest.mark.parametrize("tasks", [1, 2])
def test_the_generated_density_is_that_of_pymc(noise: NoiseFamily, tasks: int) -> None:
    law = normal() if noise == "normal" else load_model("downstream-sigmoid")
    items = np.resize([50.0, 3000.0, np.nan], 24 * tasks)
    runs = scores(np.where(np.isnan(items), 1000.0, items), tasks=tasks)
    runs = RunTable(columns={**runs.columns, "items": items})
    error = np.clip(runs["error"], 0.01, 0.99)
    assert_same(
        law,
        RunTable(columns={**runs.columns, "error": error}),
    )


@pytest.mark.parametrize("noise", ["student_t", "normal"])
@pytest.mark.parametrize("tasks", [1, 2])
def test_answers_that_are_few_are_counted(noise: NoiseFamily, tasks: int) -> None:
    """In the generated density as in that of PyMC, and as an integral over the noise of a run."""
    law = normal() if noise == "normal" else load_model("downstream-sigmoid")
    items = np.resize([40.0, 300.0, 12.0, 5000.0], 24 * tasks)
    wrong = np.resize([0.0, 296.0, 6.0, 5000.0, 40.0, 4.0], 24 * tasks)
    error = np.clip(wrong / items, 0, 1)
    runs = RunTable(columns={**scores(items, tasks=tasks).columns, "error": error})
    assert_same(law, runs)
    design = make_design(law, runs)
    few = np.isfinite(design.counts[:, 0])
    np.testing.assert_array_equal(few, np.fmin(error, 1 - error) * items < 5)
    sigma, nu, off = np.array([0.1, 0.4, 1.5]), np.array([3.0, 30.0, 7.0]), np.array([-1.0, 0.3, 2])
    of_run = stats.norm() if noise == "normal" else stats.t(nu)
    for row in np.flatnonzero(few)[:4]:
        wrong_ones, all_ones = error[row] * items[row], items[row]
        odds = special.logit(design.response[row]) + off
        z = np.linspace(-REACH, REACH, 100_001)[:, None]  # of nu = 3, .4 % lies beyond
        answers = stats.binom.pmf(wrong_ones.round(), all_ones, special.expit(odds + sigma * z))
        density = integrate.trapezoid(answers * of_run.pdf(z), z, axis=0)
        read = design.response[row]
        wanted = np.log(density * all_ones * read * (1 - read))
        found = counted_logpdf(
            law.noise, odds[:, None], design.counts[[row]],
            {"sigma": sigma[:, None], "nu": nu[:, None]},
        )[:, 0]  # fmt: skip
        np.testing.assert_allclose(found, wanted, atol=0.002)


@pytest.mark.parametrize(("error", "items"), [(0.995, 200), (0.9999, 100), (0.02, 50)])
def test_a_new_run_of_few_answers_is_a_binomial(error: float, items: int) -> None:
    """Dealt, drawn at random, and as a density: each counts the same answers."""
    rng = np.random.default_rng(3)
    shape, odds = (20_000,), special.logit(error)
    sd = item_sd(np.array(error), np.array(float(items)))
    own = {"sigma": 0.3, "nu": 8.0, ITEMS: float(items), ODDS: odds, ITEM_SD: sd}
    parameters = {name: np.full(shape, value) for name, value in own.items()}
    shares = (rng.permutation(20_000) + 0.5) / 20_000
    dealt = noise_quantile("student_t", shares, parameters, rng)
    drawn = sample_noise("student_t", parameters, shape, rng)
    z = np.linspace(-40, 40, 8001)
    by_node = stats.binom.pmf(np.arange(items + 1)[:, None], items, special.expit(odds + 0.3 * z))
    wanted = integrate.trapezoid(by_node * stats.t(8).pdf(z), z)
    for found in (dealt, drawn):
        share = np.bincount((special.expit(odds + found) * items).round().astype(int)) / 20_000
        np.testing.assert_allclose(share[-3:], wanted[: len(share)][-3:], atol=0.01)
    few = np.array([0.0, 1, 2]) if error < 0.5 else items - np.array([0.0, 1, 2])
    read = (few + 0.5) / (items + 1)
    one = {name: values[:1] for name, values in parameters.items()}
    density = on_logpdf("student_t", special.logit(read) - odds, one)
    np.testing.assert_allclose(
        np.exp(density) / (items * read * (1 - read)), wanted[few.astype(int)], rtol=0.01
    )


def test_groups_have_the_questions_of_their_runs() -> None:
    runs = scores(np.repeat([30.0, 900.0], 24), tasks=2)
    np.testing.assert_allclose(items_of_groups(runs, "family", ("t1", "t0")), [900.0, 30.0])
    assert items_of_groups(runs, "family", ("new",))[0] == np.median(runs["items"])


@pytest.mark.parametrize("items", [25.0, 2500.0])
def test_a_new_run_is_measured_as_the_fitted_ones_were(items: float) -> None:
    law = normal().with_priors({"sigma": {"dist": "LogNormal", "mu": -6.0, "sigma": 0.01}})
    runs = scores(np.full(24, items))
    member = prior_member(law, runs, draws=2000, random_seed=3)
    found = Fit.of_one(member).accept_unconverged().forecast({"loss": [3.0]})
    told = items * np.minimum(found.noise_free, 1 - found.noise_free) > 10  # else they are counted
    odds = [special.logit(each[told]) for each in (found.draws, found.noise_free)]
    spread = np.sqrt(((odds[0] - odds[1]) ** 2).mean())
    wanted = item_sd(found.noise_free[told], np.array(items))
    assert spread == pytest.approx(np.sqrt((wanted**2).mean()), rel=0.1)
    rng = np.random.default_rng(1)
    one = member.with_noise(np.full(2000, 0.5), group=0, draw=np.arange(2000), rng=rng)
    measured = np.sqrt(2 / (items / 2 + 0.5))
    assert np.log(one / (1 - one)).std() == pytest.approx(measured, rel=0.1)


@pytest.mark.slow
def test_few_questions_make_wide_intervals_and_the_noise_of_runs_is_found() -> None:
    def fitted(runs: RunTable) -> tuple[float, np.ndarray]:
        fit = bs.fit(normal(), runs, draws=400, chains=2, random_seed=1, progress=False)
        fit = fit.accept_unconverged()
        ends = np.quantile(fit.forecast({"loss": [2.6]}).noise_free, (0.05, 0.95))
        return float(np.ptp(ends)), np.quantile(fit.flat["sigma"], (0.05, 0.5, 0.95))

    many, few = (scores(np.full(96, n), noise=0.1, seed=2, tasks=4) for n in (20_000.0, 400.0))
    one = {"family": np.full(96, "one")}
    many, few = (RunTable(columns={**runs.columns, **one}) for runs in (many, few))
    untold = RunTable(columns={name: few[name] for name in ("loss", "error", "family")})
    (narrow, sigma_many), (wide, sigma_few), (_, sigma_untold) = map(fitted, (many, few, untold))
    assert wide > 1.2 * narrow
    assert sigma_many[0] < 0.1 < sigma_many[2]
    assert sigma_few[0] < 0.1 < sigma_few[2], "what the questions explain is no noise of runs"
    assert sigma_untold[0] > 0.11, "and it is taken for that where they are not told"


def test_a_row_without_items_at_the_end_is_named() -> None:
    """Not the first row at an end, which says how many questions it was measured on."""
    given = scores(np.full(24, 20.0))
    error, items = given["error"].copy(), given["items"].copy()
    error[[0, 6]], items[6] = 1.0, np.nan
    runs = RunTable(columns={**given.columns, "error": error, "items": items})
    law = load_model("downstream-sigmoid")
    with pytest.raises(InputError, match="error is 1 in row 7, where items is blank: say there"):
        make_design(law, runs)
    error[6] = 0.5
    make_design(law, RunTable(columns={**runs.columns, "error": error}))
