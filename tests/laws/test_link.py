"""The scale of noise: numbers, formulas, and laws of what lies between 0 and 1."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytensor.compile.mode import Mode

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Name, evaluate
from bayes_scaling.laws import load_model
from bayes_scaling.laws.density import draw_prior, log_likelihood, log_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.link import Link, link_of
from bayes_scaling.laws.noise import noise_logpdf
from bayes_scaling.laws.shares import of_shares
from bayes_scaling.laws.variants import features_in_words
from bayes_scaling.runs import RunTable
from tests.laws.tables import OWN, table

LOG, LOGIT = Link(), Link(scale="logit")
INTERPRETED = Mode(linker="py", optimizer=None)


def errors() -> RunTable:
    runs = table()
    loss = runs["loss"] / (1 + runs["loss"])
    return RunTable.from_columns({**runs.columns, "loss": loss})


# ---- numbers and formulas ------------------------------------------------------------------------


@pytest.mark.parametrize("link", [LOG, LOGIT])
def test_there_and_back(link: Link) -> None:
    shares = np.array([1e-6, 0.2, 0.5, 0.99])
    np.testing.assert_allclose(link.inverse(link.forward(shares)), shares, rtol=1e-9)
    moved = link.shifted(shares, np.array(0.3))
    np.testing.assert_allclose(link.forward(moved), link.forward(shares) + 0.3, rtol=1e-9)
    step = 1e-7
    slope = (link.forward(shares + step * shares) - link.forward(shares)) / (step * shares)
    np.testing.assert_allclose(np.exp(link.log_slope(shares)), slope, rtol=1e-4)


@pytest.mark.parametrize("link", [LOG, LOGIT])
def test_formulas_do_what_numbers_do(link: Link) -> None:
    values = {"law": np.array([1e-6, 0.2, 0.9]), "by": np.array(0.4)}
    found = evaluate(link.forward_node(Name("law")), values)
    np.testing.assert_allclose(found, link.forward(values["law"]), rtol=1e-12)
    found = evaluate(link.shifted_node(Name("law"), Name("by")), values)
    np.testing.assert_allclose(found, link.shifted(values["law"], values["by"]), rtol=1e-12)


def test_a_small_share_moves_as_its_log_does() -> None:
    share = np.array([1e-7])
    found, wanted = (link.shifted(share, np.array(1.0)) for link in (LOGIT, LOG))
    np.testing.assert_allclose(found, wanted, rtol=1e-5)
    assert np.isfinite(LOGIT.forward(np.array([1.0, 2.0]))).all()


# ---- laws ----------------------------------------------------------------------------------------


def test_a_model_says_its_scale_and_keeps_it() -> None:
    model = load_model({**OWN, "noise": {"scale": "logit"}})
    assert link_of(model) == LOGIT
    again = load_model(model.to_dict())
    assert again.content_hash == model.content_hash
    plain = load_model(OWN)
    assert link_of(plain) == LOG
    assert plain.content_hash != model.content_hash
    assert "scale" not in plain.to_dict()["noise"]
    based = load_model({"id": "b", "base": "chinchilla", "noise": {"scale": "logit"}})
    assert link_of(based.with_features(drift=True)) == LOGIT
    with pytest.raises(InputError, match="scale must be log or logit; got 'probit'"):
        load_model({**OWN, "noise": {"scale": "probit"}})


def test_a_law_of_shares_stays_below_one_whatever_lies_on_top() -> None:
    model = of_shares(load_model("ceiling-drift-tempered"))
    said = features_in_words(model)
    assert "noise on the log odds" in said
    assert "a ceiling" in said
    found = bs.prior_predictive(model, random_seed=0)
    for values in (found.noise_free, found.draws):
        assert (values > 0).all()
        assert (values <= 1).all()
    assert (found.noise_free[:, 0] >= found.noise_free[:, 1]).mean() > 0.99
    with pytest.raises(InputError, match="names no parameter"):
        of_shares(load_model("moe"))


def test_at_the_reference_runs_show_the_level_their_transient_included() -> None:
    model = of_shares(load_model("coupled-tempered"))
    draws = draw_prior(model, (6,), np.random.default_rng(1))
    values = {name: value[:, None] for name, value in draws.items()}
    references = {name: 1e9 for name in model.reference_names}
    references |= {"scale_low": 1e15, "scale_ref": 1e18, "scale_high": 1e19}
    sizes = {name: np.array([1e9]) for name in model.inputs}
    found = model.predict(values, sizes, references)
    np.testing.assert_allclose(found[:, 0], draws["c"], rtol=1e-6)


def test_the_density_of_pymc_is_the_one_in_numpy() -> None:
    runs = errors()
    model = of_shares(load_model("coupled-tempered")).with_features(temper=0, ceiling=1.0)
    built = model.build(runs)
    compiled = built.compile_fn(
        [built.logp(jacobian=False), *built.unobserved_value_vars], mode=INTERPRETED
    )
    rng = np.random.default_rng(2)
    start = built.initial_point()
    value, *found = compiled(
        {k: at + 0.3 * rng.standard_normal(at.shape) for k, at in start.items()}
    )
    named = zip(built.unobserved_value_vars, found, strict=True)
    draws = {variable.name: np.asarray(at)[None] for variable, at in named}
    design = make_design(model, runs)
    likelihood = log_likelihood(model, design, draws)
    prior = log_prior(model, draws, design.grouping).values()
    wanted = likelihood.sum() + sum(float(density.sum()) for density in prior)
    assert float(value) == pytest.approx(wanted, rel=1e-8)
    law = model.predict(
        {name: at[:, None] for name, at in draws.items()}, design.inputs, design.references
    )
    deviation = np.log(runs["loss"] / (1 - runs["loss"])) - np.log(law / (1 - law))
    wrong = 1e5 * runs["loss"]  # of as many questions as an evaluation is taken to have
    measured = 1 / (wrong + 0.5) + 1 / (1e5 - wrong + 0.5)
    noise = {"sigma": np.sqrt(draws["sigma"] ** 2 + measured[None]), "nu": draws["nu"][:, None]}
    np.testing.assert_allclose(likelihood, noise_logpdf(model.noise, deviation, noise), rtol=1e-9)


def test_the_log_of_a_response_moves_with_what_noise_acts_on() -> None:
    error, small = np.array([0.1, 0.5, 0.95]), 1e-6
    for link in (Link(), Link(scale="logit")):
        moved = np.log(link.shifted(error, np.array(small))) - np.log(error)
        np.testing.assert_allclose(moved / small, link.log_per_unit(error), rtol=1e-4)


# ---- tables --------------------------------------------------------------------------------------


def said(model: Any, runs: RunTable) -> str:
    return "\n".join(make_design(model, runs).warnings)


def test_error_rates_on_a_log_scale_are_warned_of() -> None:
    runs = errors()
    named = RunTable.from_columns({**runs.columns, "metric": np.full(len(runs), "error rate")})
    assert "[noise] scale" in said(load_model("chinchilla"), named)
    assert "[noise] scale" not in said(of_shares(load_model("chinchilla")), named)
    rising = RunTable.from_columns({**runs.columns, "metric": np.full(len(runs), "accuracy")})
    assert "give 1 - accuracy" in said(load_model("chinchilla"), rising)


def test_losses_beyond_one_are_no_shares() -> None:
    with pytest.raises(InputError, match="lies between 0 and 1"):
        make_design(of_shares(load_model("chinchilla")), table())


def test_two_units_in_one_table_are_refused() -> None:
    runs = table(2)
    metric = np.where(runs["family"] == "f0", "nats per token", "bits/byte")
    with pytest.raises(InputError, match="several units, 'bits/byte'"):
        make_design(
            load_model("chinchilla"), RunTable.from_columns({**runs.columns, "metric": metric})
        )
