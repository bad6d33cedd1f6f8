"""Every model of the catalogue: what must hold of any of them, with data made for each."""

from __future__ import annotations

from functools import cache
from math import lgamma

import numpy as np
import pytest
from pytensor.compile.mode import Mode
from pytensor.graph.traversal import graph_inputs

import bayes_scaling as bs
from bayes_scaling.formula.nodes import evaluate, names
from bayes_scaling.laws import Model, list_models, load_model
from bayes_scaling.laws.build import model_data
from bayes_scaling.laws.density import draw_prior, log_likelihood, log_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.drift import REACH, Walk, walk
from bayes_scaling.laws.nominal import NOMINAL, nominal_sizes
from tests.laws.draws import standard_steps, steps_density
from tests.laws.examples import Example, example
from tests.laws.hand import hand_of

CATALOGUE = {model.id: model for model in list_models()}
LAWS = [name for name, model in CATALOGUE.items() if model.kind == "law"]

SIZE_LAWS = {
    "batch-tradeoff", "critical-batch", "kaplan-ns-batch", "kaplan-ns-by-size", "schedule",
    "broken-1", "broken-2", "broken-3", "chinchilla", "chinchilla-optimum", "context", "coupled",
    "data-constrained", "distribution-shift", "early-stop", "envelope", "farseer", "isoflop",
    "isoflop-cubic", "kaplan-c", "kaplan-cmin", "kaplan-d", "kaplan-n", "kaplan-nd", "kaplan-ns",
    "kaplan-optimum", "moe", "overfitting-bound", "overtrain", "saturating-m1", "saturating-m2",
    "saturating-m3", "saturating-m4",
    "aspect", "gradient-noise", "heads-ffn", "log-width", "moe-granularity", "moe-joint",
    "timescale-valley", "valley", "width-depth",
}  # fmt: skip
"""Loss of pre-training, and what follows from it."""

TRANSFER = {"finetune", "transfer"}
SCORES = {
    "downstream-exp",
    "downstream-sigmoid",
    "emergence",
    "loss-shift",
    "loss-to-loss",
    "score-c",
    "score-shape",
}
COUNTING = {"counting-flops", "counting-params"}
RATES = {"bjorck", "deepseek", "kaplan-lr", "porian", "step-law"}
"""Rules of the best learning rate and batch."""

VARIANTS = {
    "ceiling-drift-tempered", "ceiling-tempered",
    "chinchilla-lr", "coupled-drift", "coupled-drift-tempered", "coupled-tempered",
    "lr-batch-valley", "lr-batch-valley-steep", "lr-valley", "lr-valley-steep",
    *(f"{law}-{size}" for law in (
        "broken-1", "broken-2", "broken-3", "saturating-m1", "saturating-m2", "saturating-m3",
        "saturating-m4",
    ) for size in "nc"),
}  # fmt: skip

FROM_ANY_LEVEL = {
    "ceiling-drift-tempered", "ceiling-tempered", "chinchilla", "chinchilla-lr",
    "coupled", "coupled-drift", "coupled-drift-tempered", "coupled-tempered", "data-constrained",
    "data-constrained-coupled", "distribution-shift", "lr-batch-valley", "lr-batch-valley-steep",
    "lr-valley", "lr-valley-steep", "overtrain",
}  # fmt: skip
"""Laws of two sizes whose prior says what shares of an open level stay and fall."""

QUICK = {
    "chinchilla", "coupled-drift-tempered", "data-constrained", "isoflop", "kaplan-nd",
    "lr-valley-steep", "schedule",
}  # fmt: skip
"""Laws whose gradients are looked at in every test run; the others wait for the slow one."""

INTERPRETED = Mode(linker="py", optimizer=None)
"""The fastest way to a density that is evaluated twice."""


@cache
def example_of(name: str) -> Example:
    return example(CATALOGUE[name], seed=1)


def test_the_models_are_there() -> None:
    assert not (SIZE_LAWS | TRANSFER | SCORES | COUNTING | RATES | VARIANTS) - set(CATALOGUE)


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_definition_survives_its_own_form(name: str) -> None:
    model = CATALOGUE[name]
    again = load_model(model.to_dict())
    assert again.to_dict() == model.to_dict()
    assert again.content_hash == model.content_hash


@pytest.mark.parametrize("name", CATALOGUE)
def test_a_definition_says_what_it_is_for_and_where_it_is_from(name: str) -> None:
    model = CATALOGUE[name]
    assert model.title != "untitled"
    assert model.valid
    assert model.references
    assert all(item.about for item in model.parameters)


# ---- priors --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CATALOGUE)
def test_the_prior_expects_finite_responses_of_a_possible_size(name: str) -> None:
    model = CATALOGUE[name]
    if model.kind == "query":
        model = at_level(model, 3.0)  # what a loss takes is without end in most units of loss
    for response in model.responses:
        found = bs.prior_predictive(model.of(response), random_seed=0)
        assert np.isfinite(found.noise_free).all()
        assert (found.noise_free > 0).mean(axis=0).min() >= 0.995
        if response == "loss":
            rows = {row["run"]: row for row in found.rows()}
            low, high = (rows["reference run"][f"noise_free_{end}90"] for end in ("lower", "upper"))
            assert low < 3.5 < high, "the loss of a small language model"
            if model.kind == "law" and open_level(model):
                assert low < 0.01, "an error rate"
                assert high > 100, "a perplexity"
            else:
                assert high / low < 2e3


@pytest.mark.parametrize("name", sorted(FROM_ANY_LEVEL))
def test_where_the_level_is_open_the_prior_expects_possible_shares_of_it(name: str) -> None:
    rows = bs.prior_predictive(at_level(CATALOGUE[name], 1.0), random_seed=0).rows()
    smallest, reference, largest, beyond = (
        (row["noise_free_lower90"], row["noise_free_upper90"]) for row in rows
    )
    assert 1.05 < smallest[0] < smallest[1] < 6, "a tenth of the sizes is worse, not hopeless"
    assert reference[0] == pytest.approx(1, rel=1e-3), "but for repeats and a transient"
    assert 0.4 < largest[0] < largest[1] < 0.97, "ten times the sizes gain, and little may stay"
    assert 0.2 < beyond[0] < largest[0]
    assert beyond[1] < largest[1]


def open_level(model: Model) -> str:
    """Name of the parameter that is a loss in any unit; empty where there is none."""
    wide = [item.name for item in model.parameters if dict(item.prior.args).get("sigma") == 4.0]
    assert len(wide) < 2, "all but one are told relative to that one"
    return wide[0] if wide else ""


def at_level(model: Model, loss: float) -> Model:
    """The law with its level held: what its prior says of any other run."""
    held = {"dist": "LogNormal", "mu": float(np.log(loss)), "sigma": 1e-9}
    return model.with_priors({level: held}) if (level := open_level(model)) else model


def test_no_prior_but_those_of_losses_of_any_unit_is_wider_than_a_factor_thirty() -> None:
    for name in LAWS:
        model = CATALOGUE[name]
        if model.response != "loss" or name.startswith(("saturating", "broken")):
            continue
        rows = bs.prior_predictive(at_level(model, 1.0), random_seed=0).rows()
        for losses in rows if name in FROM_ANY_LEVEL else rows[1:2]:
            assert losses["noise_free_upper90"] / losses["noise_free_lower90"] < 30, name


# ---- the law -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "response"),
    [(name, response) for name in CATALOGUE for response in CATALOGUE[name].responses],
)
def test_it_is_what_its_paper_prints_at_three_runs(name: str, response: str) -> None:
    model = CATALOGUE[name].of(response)
    hand = hand_of(model, CATALOGUE)
    for seed in range(3):
        references, sizes, draws = moderate(model, seed)
        asked = CATALOGUE[model.base or ""] if model.kind == "query" else model
        constants = {**draws, **asked.derive(as_arrays(draws), references), **references}
        found = float(model.predict(as_arrays(draws), as_arrays(sizes), references))
        wanted = hand({key: float(value) for key, value in constants.items()}, sizes)
        assert found == pytest.approx(wanted, rel=1e-9)


@pytest.mark.parametrize("name", [name for name in CATALOGUE if CATALOGUE[name].published])
def test_the_published_form_is_the_law_in_its_derived_constants(name: str) -> None:
    model = CATALOGUE[name]
    assert model.published is not None
    references, sizes, draws = moderate(model, 5)
    values = {**sizes, **draws, **model.derive(as_arrays(draws), references), **references}
    for line in model.where:
        if names(model.closed(line.node)) <= set(values):
            values.setdefault(line.name, evaluate(model.closed(line.node), values))
    node = model.published.closed()
    assert names(node) <= set(values), "give published constants the names of derived quantities"
    found = float(model.predict(as_arrays(draws), as_arrays(sizes), references))
    assert float(evaluate(node, values)) == pytest.approx(found, rel=1e-9)


def moderate(
    model: Model, seed: int
) -> tuple[dict[str, float], dict[str, float], dict[str, float]]:
    """Reference sizes, sizes of one run, and parameters of a moderate draw of the prior."""
    fit = bs.prior_predictive(model, random_seed=0, draws=50)
    references = dict(fit.references)
    if model.kind == "query":
        base = bs.prior_predictive(CATALOGUE[model.base or ""], random_seed=0, draws=50)
        references |= base.references
    sizes = {
        key: float(values[seed % len(fit.plan)])
        for key, values in fit.plan.columns.items()
        if key in model.inputs
    }
    sizes |= {name: value for name, value in model.arguments if name not in sizes}
    # The middle of nine draws, which ascends where parameters do.
    drawn = draw_prior(model, (9,), np.random.default_rng([seed, 3]))
    draws = {key: float(np.sort(values)[4]) for key, values in drawn.items()}
    for line in model.tuned:
        if line.name in NOMINAL:
            sizes.setdefault(line.name, float(nominal_sizes([line.name], 1.0)[line.name][0]))
        else:
            best = model.tuned_values(as_arrays(draws), as_arrays(sizes), references)
            sizes[line.name] = float(best[line.name])
    return references, sizes, draws


def as_arrays(values: dict[str, float]) -> dict[str, np.ndarray]:
    return {key: np.asarray(value) for key, value in values.items()}


# ---- density and data ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAWS)
def test_its_own_data_can_be_laid_out_and_told_from_a_flat_line(name: str) -> None:
    found = example_of(name)
    design = make_design(found.model, found.runs)
    assert set(design.inputs) == set(found.model.inputs)
    for response, noise_free in found.noise_free.items():
        assert np.isfinite(found.runs[response]).all()
        assert np.ptp(np.log(noise_free)) > 0.02


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=() if name in QUICK else pytest.mark.slow) for name in LAWS],
)
def test_the_density_has_a_gradient_and_is_the_numpy_one(name: str) -> None:
    found = example_of(name)
    model, runs = found.model, found.runs
    built = model.build(runs)
    density, slope = built.logp(jacobian=False), built.dlogp(jacobian=False)
    read = {variable.name for variable in graph_inputs([density])}
    assert read >= set(model_data(model, make_design(model, runs))), "a refit passes on all data"
    variables = built.unobserved_value_vars
    compiled = built.compile_fn([density, slope, *variables], mode=INTERPRETED)
    start = built.initial_point()
    value, gradient, *_ = compiled(start)
    assert np.isfinite(value)
    assert np.isfinite(gradient).all()
    rng = np.random.default_rng(2)
    moved = {key: at + 0.3 * rng.standard_normal(at.shape) for key, at in start.items()}
    value, gradient, *at = compiled(moved)
    assert (gradient != 0).all(), "what is sampled has no effect on the density"
    natural = {variable.name: item for variable, item in zip(variables, at, strict=True)}
    # PyMC leaves out what ordering does to the norm of a density.
    constant = sum(lgamma(len(names) + 1) for names in model.ordered)
    assert float(value) == pytest.approx(numpy_density(found, natural) - constant, rel=1e-8)


def numpy_density(found: Example, natural: dict[str, np.ndarray]) -> float:
    """Log density of the runs at a point, by numpy alone."""
    model = found.model
    design = make_design(model, found.runs)
    draws = {key: np.asarray(value)[None] for key, value in natural.items() if "__" not in key}
    walks: dict[str, Walk] = {
        key: walk(key, design.references, draws["tau"], standard_steps(draws, key), NO_STEPS)
        for key in model.drifting
    }
    parts = dict(log_prior(model, draws, design.grouping))
    for item in model.parameters:
        # Groups are sampled by standardised deviations from what they are pooled around.
        for offset, pooled in (
            (item.offset_name, item.name),
            (item.outer_offset_name, item.outer_name),
        ):
            if offset in draws:
                parts[pooled] = -0.5 * draws[offset] ** 2 - 0.5 * np.log(2 * np.pi)
    total = sum(float(np.sum(part)) for part in parts.values())
    for key in model.drifting:
        total += float(np.sum(steps_density(draws, key)))
    likelihood = log_likelihood(model, design, draws, walks)
    return total + float((design.weights * likelihood).sum())


NO_STEPS = np.zeros((2, 1, REACH))
"""Steps of a walk beyond the runs, which no fitted run sees."""
