"""The density: what PyMC builds is what numpy says, with groups and with features on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_scaling.laws import load_model
from bayes_scaling.laws.density import log_likelihood, log_prior
from bayes_scaling.laws.design import Design, make_design
from bayes_scaling.laws.drift import REACH, steps_name, walk
from bayes_scaling.laws.groups import Groups
from bayes_scaling.laws.model import Model
from tests.laws.draws import standard_steps, steps_density
from tests.laws.tables import table
from tests.synthetic import synthetic_fit

SWITCHES: dict[str, dict[str, Any]] = {
    "as it is": {},
    "drift": {"drift": True},
    "transient": {"transient": True},
    "tempered": {"temper": 0.5},
    "all three": {"drift": True, "transient": True, "temper": 1.0},
}
# One family and no feature: tests/laws/test_every_model.py has every law so.
CASES = [
    (3, "chinchilla-lr", "as it is"),
    (1, "chinchilla", "drift"),
    (3, "kaplan-nd", "all three"),
    (1, "saturating-m2", "transient"),
    (3, "saturating-m2", "tempered"),
]


@pytest.mark.parametrize(("families", "name", "switched"), CASES)
def test_built_density_equals_the_numpy_one_and_has_a_gradient(
    name: str, switched: str, families: int
) -> None:
    model = load_model(name).with_features(**SWITCHES[switched])
    design = make_design(model, table(families))
    built = model.build(table(families))
    point = moved(built.initial_point())
    assert all(np.isfinite(value).all() for value in point.values())
    variables = built.unobserved_value_vars
    density, slope = built.logp(jacobian=False), built.dlogp(jacobian=False)
    compiled = built.compile_fn([density, slope, *variables], mode="FAST_COMPILE")
    found, gradient, *values = compiled(point)
    assert np.isfinite(gradient).all()
    assert (gradient != 0).all(), "what is sampled has no effect on the density"
    natural = {variable.name: value for variable, value in zip(variables, values, strict=True)}
    draws = {key: np.asarray(value)[None] for key, value in natural.items() if "__" not in key}
    walks = {
        key: walk(key, design.references, draws["tau"], standard_steps(draws, key), NO_STEPS)
        for key in model.drifting
    }
    wanted = sum(
        float(np.sum(value)) for value in log_prior_of_built(model, draws, design).values()
    )
    wanted += float((design.weights * log_likelihood(model, design, draws, walks)).sum())
    np.testing.assert_allclose(found, wanted, rtol=1e-8)


NO_STEPS = np.zeros((2, 1, REACH))
"""Steps of a walk beyond the runs, which no fitted run sees."""


def moved(point: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """A point beside the initial one, at which all steps and deviations are zero."""
    rng = np.random.default_rng(2)
    return {key: value + 0.3 * rng.standard_normal(value.shape) for key, value in point.items()}


def log_prior_of_built(
    model: Model, draws: dict[str, np.ndarray], design: Design
) -> dict[str, np.ndarray]:
    """The prior in terms of what is sampled: standardised deviations in the non-centred form."""
    found = log_prior(model, draws, design.grouping)
    for name in model.drifting:
        found[steps_name(name)] = steps_density(draws, name)
    for item in model.parameters:
        if item.offset_name in draws:
            offset = draws[item.offset_name]
            found[item.name] = -0.5 * offset**2 - 0.5 * np.log(2 * np.pi)
    return found


def test_a_further_quantity_that_was_not_observed_says_nothing() -> None:
    fit = synthetic_fit()
    definition = fit.model.to_dict() | {
        "id": "both",
        "likelihood": [{"response": "score", "formula": "exp(-E)"}],
    }
    model = load_model(definition)
    design = make_design(fit.model, fit.runs)
    score = np.full(design.response.size, 0.2)
    draws = dict(fit.flat) | {"sigma_score": np.full(fit.n_draws, 0.1)}
    seen = log_likelihood(model, replace(design, further={"score": score}), draws)
    gone = np.where(np.arange(score.size) == 3, np.nan, score)
    some = log_likelihood(model, replace(design, further={"score": gone}), draws)
    plain = log_likelihood(fit.model, design, fit.flat)
    np.testing.assert_allclose(some[:, 3], plain[:, 3])
    np.testing.assert_allclose(np.delete(some, 3, axis=1), np.delete(seen, 3, axis=1))
    assert np.abs(seen[:, 3] - plain[:, 3]).min() > 1e-3


PRIORS: dict[str, dict[str, Any]] = {
    "log": {"dist": "LogNormal", "mu": -1.0, "sigma": 0.5},
    "logit": {"dist": "Beta", "alpha": 2.0, "beta": 3.0},
    "identity": {"dist": "Normal", "mu": 0.0, "sigma": 1.0},
}


@pytest.mark.parametrize(
    ("scale", "grid"),
    [
        ("log", np.exp(np.linspace(-8, 6, 4001))),
        ("logit", 1 / (1 + np.exp(-np.linspace(-9, 9, 4001)))),
        ("identity", np.linspace(-7, 8, 4001)),
    ],
)
def test_the_density_of_a_group_around_its_population_has_mass_one(
    scale: str, grid: np.ndarray
) -> None:
    """Whatever scale the deviations are normal on: the density is of the parameter itself."""
    pool = {"by": "family", "sd": {"dist": "HalfNormal", "sigma": 0.5}}
    given = {"E": "shared", "g": pool}
    model = load_model(
        {
            "id": "pooled",
            "formula": "E + g * (tokens / tokens_ref)**-1",
            "parameters": {
                name: {"prior": PRIORS[scale if name == "g" else "log"], "pool": kind}
                for name, kind in given.items()
            },
        }
    )
    groups = Groups(labels=("one", "two"), of_run=np.arange(2), levels={("family",): np.arange(2)})
    other = np.full(grid.size, 0.3)
    draws = {item.name: other for item in model.parameters} | {
        "g": np.stack([grid, other], axis=1),
        "g_population": other,
        "g_sd": np.full(grid.size, 0.8),
    }
    found = np.exp(log_prior(model, draws, groups)["g"][:, 0])
    assert np.trapezoid(found, grid) == pytest.approx(1.0, abs=1e-5)
