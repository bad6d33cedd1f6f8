"""The generated density is that of the PyMC model: value and slopes, for every law and feature."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.catalogue import list_models
from bayes_scaling.laws.density import log_likelihood
from bayes_scaling.laws.design import Design, make_design
from bayes_scaling.laws.drift import REACH, walk
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.noise import NoiseFamily
from bayes_scaling.laws.program import NoProgramError, write_program
from bayes_scaling.laws.target import Target, make_target
from bayes_scaling.posterior.recipes import pooled_as_variants
from bayes_scaling.runs import RunTable
from tests.laws.examples import design as sizes_of
from tests.laws.plain_density import plain_density, plain_target
from tests.laws.shapes import shapes

SWITCHES: Mapping[str, dict[str, Any]] = {
    "as it is": {},
    "drift": {"drift": True},
    "drift, transient, tempered": {"drift": True, "transient": True, "temper": 1.0},
    "run effect, tempered": {"run_effect": True, "temper": 0.7},
    "correlated": {"correlated": True},
    "mistuned": {"mistuned": True},
}
KNOWN = [model for model in list_models() if model.kind == "law"]
LAWS = [model.id for model in KNOWN]

EVERY = bool(os.environ.get("BAYES_SCALING_EVERY_DENSITY"))
"""Whether every law is tried with every feature, which takes half an hour; else one law of each
shape, and not the noises, which are the same functions for all of them and tried below."""

NOT_OF_NOISE = ("as it is", "drift, transient, tempered")
NESTED = {"by": ["corpus", "family"], "sd": {"dist": "HalfNormal", "sigma": 0.2}}


def example(model: Model, families: int) -> RunTable:
    """Runs that a law reads, with responses at random, of one family or of several."""
    rng = np.random.default_rng(5)
    columns = dict(sizes_of(model, rng, 24).columns)
    for name in model.responses:
        shares = name == "error"
        columns[name] = rng.uniform(0.2, 0.8, 24) if shares else np.exp(rng.normal(0.5, 0.3, 24))
    if families > 1:
        names = np.array([f"f{index % families}" for index in range(24)])
        columns |= {name: names for name in model.group.split("/")}
    return RunTable(columns=columns)


def density_of_pymc(
    model: Model, design: Design, target: Target, points: list[np.ndarray]
) -> list[tuple[float, np.ndarray]]:
    """Value and slopes of the PyMC model, in the order of the vector."""
    import pymc as pm
    from pytensor.compile.mode import Mode

    from bayes_scaling.laws.build import build_model

    built = build_model(model, design)
    blocks = {block.name: block for block in target.vector.blocks}
    assert {variable.name for variable in built.value_vars} == set(blocks)
    compiled = pm.compile(
        built.value_vars,
        [*built.logp(sum=False), built.dlogp()],  # one sum of all is too long for Python's linker
        mode=Mode(linker="py", optimizer="fast_compile"),
        on_unused_input="ignore",
    )
    found = []
    for q in points:
        parts = [
            q[block.start : block.start + int(np.prod(block.shape))].reshape(block.shape)
            for block in (blocks[variable.name] for variable in built.value_vars)
        ]
        *terms, given = compiled(*parts)
        slopes, at = np.empty(q.size), 0
        for variable in built.value_vars:
            block, size = blocks[variable.name], int(np.prod(blocks[variable.name].shape))
            slopes[block.start : block.start + size] = given[at : at + size]
            at += size
        found.append((float(sum(np.sum(term) for term in terms)), slopes))
    return found


def assert_same(model: Model, runs: RunTable) -> None:
    """Hold the generated density against that of PyMC at two points.

    Values are compared by their difference: constants of PyMC, of a Beta say, are off by 2e-8.
    """
    design = make_design(model, runs)
    target = plain_target(model, design)
    rng = np.random.default_rng(1)
    points = [target.vector.start + rng.uniform(-0.3, 0.3, target.vector.size) for _ in range(2)]
    own = [plain_density(target, q) for q in points]
    wanted = density_of_pymc(model, design, target, points)
    assert np.isfinite(own[0][0])
    scale = max(1.0, abs(own[0][0]))
    assert own[0][0] - own[1][0] == pytest.approx(wanted[0][0] - wanted[1][0], abs=1e-9 * scale)
    assert own[0][0] == pytest.approx(wanted[0][0], abs=1e-6 * scale)
    if not (model.run_effect.on or model.correlated.on):  # their rows are not independent
        for q, (value, _) in zip(points, own, strict=True):
            likelihood = value - log_prior_of(target, q)
            assert likelihood == pytest.approx(numpy_likelihood(target, design, q), rel=1e-9)
    # The tail of a normal, where runs are mistuned, is a series of nine digits in PyMC.
    tolerance = 1e-7 if model.mistuned.on else 1e-9
    for (_, slopes), (_, given) in zip(own, wanted, strict=True):
        np.testing.assert_allclose(
            slopes, given, atol=tolerance * max(1.0, float(abs(given).max()))
        )


@pytest.mark.parametrize("noise", ["student_t", "normal"])
def test_pairs_of_runs_of_two_groups_share_a_deviation(noise: NoiseFamily) -> None:
    law = load_model("coupled")
    own = [item for item in law.parameters if noise == "student_t" or item.name != "nu"]
    law = replace(law, noise=noise, parameters=tuple(own)).with_features(run_effect=True)
    runs = example(law, 2)
    pairs = np.array([str(row // 2) if row < 10 else "" for row in range(24)])
    assert_same(pooled_as_variants(law), RunTable(columns={**runs.columns, "pair": pairs}))


def log_prior_of(target: Target, q: np.ndarray) -> float:
    """Log prior of a vector."""
    vector = target.vector
    values = np.zeros(vector.slots)
    return float(target.module.forward(q, vector.instructions, vector.constants, values))


def numpy_likelihood(target: Target, design: Design, q: np.ndarray) -> float:
    """Log likelihood of all runs, as weighed, by the functions that forecasts use."""
    draws, steps = target.values(q[None])
    walks = {
        name: walk(name, design.references, draws["tau"], steps[name], np.zeros((2, 1, REACH)))
        for name in target.model.drifting
    }
    found = log_likelihood(target.model, design, draws, walks)
    return float((design.weights * found).sum())


def switched(name: str, switches: str) -> Model | None:
    """The law with features, where it can have them."""
    try:
        return replace(load_model(name).with_features(**SWITCHES[switches]), select="")
    except InputError:
        return None


@pytest.mark.parametrize(
    ("name", "switches", "families"),
    [
        ("chinchilla", "as it is", 1),
        ("chinchilla", "drift, transient, tempered", 3),
        ("step-law", "as it is", 1),
        ("kaplan-nd", "run effect, tempered", 3),
        ("saturating-m2", "correlated", 1),
        ("saturating-m2", "mistuned", 3),
        ("broken-2", "as it is", 3),
        ("kaplan-ns-batch", "as it is", 1),
    ],
)
def test_density_equals_that_of_pymc(name: str, switches: str, families: int) -> None:
    model = switched(name, switches)
    assert model is not None
    assert_same(model, example(model, families))


def cases(name: str) -> Iterator[tuple[Model, RunTable]]:
    """Every feature that a law can have, with one group and with several."""
    for switches in SWITCHES if EVERY else NOT_OF_NOISE:
        model = switched(name, switches)
        for families in (1, 3) if model is not None else ():
            assert model is not None
            try:
                runs = example(model, families)
                make_design(model, runs)
            except InputError:
                continue  # rows without steps do not remember each other
            yield model, runs


@pytest.mark.slow
@pytest.mark.parametrize("name", LAWS if EVERY else sorted(set(shapes(KNOWN).values())))
def test_density_of_every_law_with_every_feature_equals_that_of_pymc(name: str) -> None:
    tried = 0
    for model, runs in cases(name):
        assert_same(model, runs)
        tried += 1
    assert tried >= 2


def test_two_levels_of_groups() -> None:
    model = load_model(
        {"id": "nested", "base": "chinchilla", "parameters": {"alpha": {"pool": NESTED}}}
    )
    runs = example(model, 4)
    corpora = np.where(np.isin(runs["family"], ["f0", "f1"]), "a", "b")
    assert_same(model, RunTable(columns={**runs.columns, "corpus": corpora}))


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        ({"formula": "E + a * tokens**-g", "extra_inputs": ["v3"]}, None),
        ({"formula": "E + a * v3**-g", "extra_inputs": ["v3"]}, "'v3' has the name of a line"),
    ],
)
def test_what_cannot_be_written_is_said(definition: dict[str, Any], said: str | None) -> None:
    prior = {"prior": {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}}
    given = {"id": "own", "title": "own", "parameters": dict.fromkeys(("E", "a", "g"), prior)}
    if said is None:
        definition = {**definition, "extra_inputs": []}
        assert "def law" in write_program(load_model({**given, **definition})).text
        return
    with pytest.raises(NoProgramError, match=said):
        write_program(load_model({**given, **definition}))


def test_compiled_density_is_that_of_its_text_with_right_slopes() -> None:
    for name, families in (("coupled-drift", 3), ("kaplan-ns-batch", 1)):
        model = load_model(name)
        design = make_design(model, example(model, families))
        compiled, plain = make_target(model, design), plain_target(model, design)
        q = compiled.vector.start + 0.1
        value, slopes = compiled.density(q)
        wanted, by_text = plain_density(plain, q)
        assert value == pytest.approx(wanted, rel=1e-12)
        np.testing.assert_allclose(slopes, by_text, rtol=1e-9, atol=1e-9)
        steps = 1e-6 * np.eye(q.size)
        numeric = [
            (compiled.density(q + step)[0] - compiled.density(q - step)[0]) / 2e-6 for step in steps
        ]
        np.testing.assert_allclose(slopes, numeric, rtol=1e-4, atol=1e-4 * abs(slopes).max())


def test_values_of_vectors_are_those_that_the_density_reads() -> None:
    model = load_model("coupled-drift")
    target = plain_target(model, make_design(model, example(model, 3)))
    vectors = target.vector.start + np.random.default_rng(2).uniform(-1, 1, (3, target.vector.size))
    values = target.vector.values(vectors)
    for vector, wanted in zip(vectors, values.T, strict=True):
        found = np.zeros(target.vector.slots)
        target.module.forward(vector, target.vector.instructions, target.vector.constants, found)
        np.testing.assert_allclose(found, wanted, rtol=1e-13)
