"""Fitting: the truth is found, seeds hold, a compiled model is used again, settings are checked."""

from __future__ import annotations

from typing import Any

import numpy as np
import nutpie
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.program import NoProgramError
from bayes_scaling.posterior import sampler
from bayes_scaling.posterior.fit_model import assemble
from bayes_scaling.posterior.sampler import Sampled, Settings
from bayes_scaling.runs import RunTable
from tests.posterior.densities import log_posterior
from tests.synthetic import PLAIN, TRUTH, synthetic_fit, synthetic_runs, truth

SHORT: dict[str, Any] = {"draws": 60, "tune": 60, "chains": 2}


def refit(fitted: Fit, runs: Any = None, **changes: Any) -> Fit:
    """Fit the same model as `fitted`, for a few draws."""
    settings = {**SHORT, "random_seed": 3, **changes}
    return bs.fit(fitted.model, fitted.runs if runs is None else runs, **settings)


def same(one: Fit, other: Fit) -> bool:
    return all(np.array_equal(one.draws[name], other.draws[name]) for name in one.draws)


@pytest.fixture
def no_compile(fitted: Fit, monkeypatch: pytest.MonkeyPatch) -> None:
    """Fail on any compile; `fitted` has compiled before."""

    def refuse(model: object) -> None:
        raise AssertionError("compiled again")

    monkeypatch.setattr(nutpie, "compile_pymc_model", refuse)


# ---- the posterior -------------------------------------------------------------------------------


def test_the_posterior_holds_the_truth(fitted: Fit) -> None:
    expected = {**truth(fitted.model), **{name: TRUTH[name] for name in ("E", "a", "b")}}
    for name, value in expected.items():
        low, high = np.quantile(fitted.draws[name], [0.005, 0.995])
        assert low < value < high, name


def test_the_posterior_is_narrower_than_the_prior(fitted: Fit) -> None:
    for item in fitted.model.parameters:
        low, high = item.prior.quantile([0.05, 0.95])
        width = np.ptp(np.quantile(fitted.draws[item.name], [0.05, 0.95]))
        assert width < 0.5 * (high - low) or item.name == "nu"


def test_the_fit_converged_and_says_what_it_came_from(fitted: Fit) -> None:
    assert fitted.status == "converged"
    assert fitted.trustworthy
    assert {check.name for check in fitted.checks} >= {
        "R-hat", "effective draws", "divergences", "E-BFMI", "prior against data",
    }  # fmt: skip
    assert fitted.provenance["model_hash"] == fitted.model.content_hash
    assert fitted.provenance["runs_hash"] == fitted.runs.content_hash
    assert fitted.provenance["version_bayes-scaling"] == bs.__version__
    assert all(values.shape == (2, 500) for values in fitted.draws.values())
    assert all(values.shape == (2, 500) for values in fitted.stats.values())


def test_derived_quantities_follow_their_formula_draw_by_draw(fitted: Fit) -> None:
    draws, refs = fitted.draws, fitted.references
    np.testing.assert_allclose(draws["A"], draws["a"] * refs["params_ref"] ** draws["alpha"])
    np.testing.assert_allclose(draws["B"], draws["b"] * refs["tokens_ref"] ** draws["beta"])


def test_what_was_sampled_is_prior_times_likelihood(fitted: Fit) -> None:
    np.testing.assert_allclose(fitted.stats["logp"].ravel(), log_posterior(fitted), atol=1e-4)


# ---- seeds and the cache -------------------------------------------------------------------------


@pytest.mark.usefixtures("no_compile")
def test_the_same_seed_gives_the_same_draws_and_another_does_not(fitted: Fit) -> None:
    first = refit(fitted)
    assert same(first, refit(fitted))
    assert not same(first, refit(fitted, random_seed=4))


@pytest.mark.usefixtures("no_compile")
def test_without_a_seed_a_fresh_one_is_taken_and_kept(fitted: Fit) -> None:
    first, second = refit(fitted, random_seed=None), refit(fitted, random_seed=None)
    assert first.settings.random_seed != second.settings.random_seed
    assert same(first, refit(fitted, random_seed=first.settings.random_seed))


@pytest.mark.usefixtures("no_compile")
def test_a_refit_with_fewer_runs_needs_no_compile(fitted: Fit) -> None:
    first = refit(fitted)
    fewer = refit(fitted, fitted.runs.take(np.arange(0, 80, 2)))
    np.testing.assert_allclose(fewer.stats["logp"].ravel(), log_posterior(fewer), atol=1e-4)
    assert float(fewer.provenance["compile_seconds"]) < 1
    assert fewer.references != fitted.references
    assert same(first, refit(fitted)), "the data of a refit stayed in the compiled model"


@pytest.mark.slow
def test_pymc_samples_the_same_posterior(fitted: Fit) -> None:
    by_pymc = refit(fitted, engine="pymc", draws=500, tune=400)
    assert by_pymc.status == "converged"
    assert set(by_pymc.draws) == set(fitted.draws)
    for name, draws in fitted.draws.items():
        other = by_pymc.draws[name]
        error = np.hypot(
            draws.std() / np.sqrt(fitted.mixing[name].ess),
            other.std() / np.sqrt(by_pymc.mixing[name].ess),
        )
        assert abs(draws.mean() - other.mean()) < 4 * error, name


def test_a_law_without_a_program_is_sampled_by_pymc_in_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def no_program(*_: Any) -> None:
        raise NoProgramError("it compares text")

    monkeypatch.setattr(sampler, "generated", no_program)
    monkeypatch.setattr(sampler, "of_pymc", lambda model, _: model.id)
    model = bs.load_model("chinchilla")
    design = make_design(model, synthetic_runs(model))
    with pytest.warns(
        BayesScalingWarning, match="sampled by PyMC, which takes longer: it compares"
    ):
        found: Any = sampler._density(model, design, "generated")
    assert found == "chinchilla"


# ---- what goes in --------------------------------------------------------------------------------


@pytest.mark.usefixtures("no_compile")
def test_models_and_runs_may_be_given_by_name_frame_or_file(fitted: Fit, tmp_path: Any) -> None:
    path = tmp_path / "runs.csv"
    fitted.runs.frame.to_csv(path, index=False)
    wanted = refit(fitted)
    pairs = (("chinchilla", fitted.runs.frame), (fitted.model.to_dict(), path))
    for model, runs in (*pairs, (fitted.model, str(path))):
        found = bs.fit(model, runs, **SHORT, random_seed=3)
        np.testing.assert_allclose(found.draws["E"], wanted.draws["E"], rtol=1e-6)


@pytest.mark.parametrize(
    ("given", "problems"),
    [
        (
            {"draws": 10, "tune": 1.5, "chains": 1, "target_accept": 1.2},
            ["draws", "tune", "chains", "target_accept"],
        ),
        ({"draws": "many"}, ["draws"]),
        ({"chains": True}, ["chains"]),
        ({"target_accept": float("nan")}, ["target_accept"]),
        ({"target_accept": 0.2}, ["target_accept"]),
    ],
)
def test_every_setting_out_of_range_is_named(given: dict[str, Any], problems: list[str]) -> None:
    runs = synthetic_runs(bs.load_model("chinchilla"))
    with pytest.raises(InputError) as caught:
        bs.fit("chinchilla", runs, **given)
    assert [problem.split()[0] for problem in caught.value.problems] == problems
    assert all("got" in problem for problem in caught.value.problems)


@pytest.mark.usefixtures("no_compile")
def test_a_poor_design_is_a_warning_and_a_check(fitted: Fit) -> None:
    columns = dict(fitted.runs.columns)
    columns["tokens"] = 20 * columns["params"]
    with pytest.warns(BayesScalingWarning, match="cannot be told apart"):
        found = refit(fitted, RunTable(columns=columns))
    (check,) = (check for check in found.checks if check.name == "design: params with tokens")
    assert check.verdict == "warn"
    assert "cannot be told apart" in check.evidence
    assert "fewer and on more tokens" in check.advice
    assert not any(check.of_design for check in fitted.checks)


@pytest.mark.usefixtures("no_compile")
def test_progress_goes_to_standard_error_and_only_when_asked_for(
    fitted: Fit, capsys: pytest.CaptureFixture[str]
) -> None:
    refit(fitted)
    assert capsys.readouterr() == ("", "")
    refit(fitted, progress=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert "sampling 2 chains" in err


# ---- several groups ------------------------------------------------------------------------------


def sampled_like(fit: Fit) -> Sampled:
    """What the sampler returns for a fit: no derived quantities."""
    derived = {line.name for line in fit.model.derived}
    draws = {name: values for name, values in fit.draws.items() if name not in derived}
    return Sampled(
        draws=draws,
        steps=fit.steps,
        stats=fit.stats,
        compile_seconds=1.25,
        sample_seconds=0.5,
    )


def test_a_fit_of_several_groups_is_put_together() -> None:
    wanted = synthetic_fit(families=("a", "b", "c"))
    model, runs = wanted.model, wanted.runs
    found = assemble(model, runs, make_design(model, runs), wanted.settings, sampled_like(wanted))
    assert set(found.draws) == set(wanted.draws)
    for name in ("A", "B"):
        assert found.draws[name].shape == (4, 100, 3)
        np.testing.assert_allclose(found.draws[name], wanted.draws[name])
    assert {"A[a]", "A[c]", "alpha[b]", "alpha_population", "nu"} <= set(found.mixing)
    assert found.provenance["compile_seconds"] == "1.250"


def test_derived_quantities_of_shared_parameters_have_no_group() -> None:
    model = bs.load_model(
        {
            **PLAIN,
            "parameters": {
                name: {**given, "pool": "shared"} if name in ("a", "alpha") else given
                for name, given in PLAIN["parameters"].items()
            },
        }
    )
    assert {item.name: item.pool.kind for item in model.parameters}["b"] == "separate"
    runs = synthetic_runs(model, families=("a", "b", "c"))
    design = make_design(model, runs)
    drawn = synthetic_fit(PLAIN, families=("a", "b", "c")).draws
    shared = {name: drawn[name][..., 0] for name in ("a", "alpha")}
    grouped = {
        name: drawn[name]
        for name in drawn
        if name.split("_")[0] in ("E", "b", "beta", "sigma", "nu")
    }
    sampled = Sampled(
        draws={**shared, **grouped},
        steps={},
        stats=synthetic_fit().stats,
        compile_seconds=0.0,
        sample_seconds=0.0,
    )
    found = assemble(model, runs, design, Settings(draws=100, chains=4), sampled)
    assert found.draws["A"].shape == (4, 100)
    np.testing.assert_allclose(
        found.draws["A"], shared["a"] * design.references["params_ref"] ** shared["alpha"]
    )
    assert found.draws["B"].shape == (4, 100, 3)


@pytest.mark.slow
def test_three_families_are_told_apart_and_pooled() -> None:
    """Loss levels differ by family; the exponents, the same in truth, shrink together."""
    model = bs.load_model("chinchilla")
    runs = synthetic_runs(model, families=("x", "y", "z"), seed=2)
    level = {"x": 1.0, "y": 1.1, "z": 0.9}
    columns = dict(runs.columns)
    columns["loss"] = columns["loss"] * np.array([level[label] for label in columns["family"]])
    found = bs.fit(model, RunTable(columns=columns), chains=2, random_seed=1)
    assert found.groups == ("x", "y", "z")
    for index, label in enumerate(found.groups):
        low, high = np.quantile(found.draws["E"][..., index], [0.005, 0.995])
        assert low < TRUTH["E"] * level[label] < high
        low, high = np.quantile(found.draws["alpha"][..., index], [0.005, 0.995])
        assert low < TRUTH["alpha"] < high
    assert found.status == "converged"


def test_a_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="random_seed"):
        bs.fit("chinchilla", synthetic_runs(load_model("chinchilla")), random_seed=-1, draws=1)


def test_an_interrupt_ends_a_fit_and_leaves_no_half_of_it(
    fitted: Fit, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By itself the sampler would return the draws there are, as if they were all."""
    begun = nutpie.sample
    cancelled = []

    def interrupted(*arguments: Any, **settings: Any) -> Any:
        running = begun(*arguments, **settings)
        if settings["blocking"]:
            return running

        class Interrupted:
            def wait(self) -> None:
                raise KeyboardInterrupt

            def cancel(self) -> None:
                running.cancel()
                cancelled.append(True)

        return Interrupted()

    monkeypatch.setattr(nutpie, "sample", interrupted)
    with pytest.raises(KeyboardInterrupt):
        refit(fitted)
    assert cancelled
