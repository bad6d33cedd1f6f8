"""Groups by several columns: levels, and the random variables of parameters pooled by them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.density import (
    bounded,
    draw_groups,
    draw_prior,
    log_likelihood,
    log_prior,
    unbounded,
)
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.groups import level_columns, make_groups
from bayes_scaling.laws.read import read_model
from bayes_scaling.laws.variables import helper_names
from bayes_scaling.runs import RunTable

PRIOR = {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}
SD = {"dist": "HalfNormal", "sigma": 0.3}
BY = ["corpus", "family"]
CORPORA = ("c4", "pile", "c4", "pile", "pile")
FAMILIES = ("a", "b", "b", "c", "b")


def nested(**pools: Any) -> Model:
    given = {"E": "separate", "a": "separate", "g": {"by": BY, "sd": SD}, **pools}
    return read_model(
        {
            "id": "nested",
            "formula": "E + a * (tokens / tokens_ref)**-g",
            "parameters": {name: {"prior": PRIOR, "pool": pool} for name, pool in given.items()},
        }
    )


def table() -> RunTable:
    """Five rows per cell; the cells are c4/a, c4/b, pile/b and pile/c."""
    count = 5
    tokens = np.tile(np.geomspace(1e8, 1e10, count), len(CORPORA))
    return RunTable.from_columns(
        {
            "run": [f"run-{index}" for index in range(tokens.size)],
            "corpus": np.repeat(CORPORA, count),
            "family": np.repeat(FAMILIES, count),
            "tokens": tokens * (1 + 0.01 * np.arange(tokens.size)),
            "loss": 2.0 + (tokens / 1e9) ** -0.3,
        }
    )


def test_groups_are_the_cells_and_levels_lay_them_out() -> None:
    groups = make_groups(nested(), table())
    assert groups.labels == ("c4/a", "c4/b", "pile/b", "pile/c")
    assert groups.level(("corpus",)).tolist() == [0, 0, 1, 1]
    assert groups.level(("corpus", "family")).tolist() == [0, 1, 2, 3]
    assert groups.count(("corpus",)) == 2
    assert groups.first(("corpus",)).tolist() == [0, 2]
    rows = {label: int((groups.of_run == index).sum()) for index, label in enumerate(groups.labels)}
    assert rows == {"c4/a": 5, "c4/b": 5, "pile/b": 10, "pile/c": 5}


def test_different_parameters_may_be_pooled_by_different_columns() -> None:
    model = nested(E="corpus", g="family", a={"by": "corpus", "separate": True})
    assert model.group == "corpus/family"
    groups = make_groups(model, table())
    assert groups.level(("family",)).tolist() == [0, 1, 1, 2]
    assert str(model.parameter("a").pool) == "one for each corpus"
    assert nested().parameter("g").pool.outer == "corpus"


def test_pooled_by_two_columns_nests_every_hierarchy() -> None:
    model = load_model("chinchilla").pooled_by("corpus", "family")
    assert model.group == "corpus/family"
    assert model.parameter("alpha").pool.by == ("corpus", "family")
    assert model.parameter("c").pool.kind == "separate"
    back = model.pooled_by("family")
    assert back == load_model("chinchilla")
    with pytest.raises(InputError, match="one column, or by two"):
        model.pooled_by("a", "b", "c")


CASES = {
    "nested": nested(),
    "several columns": nested(E="corpus", g="family", a={"by": "corpus", "separate": True}),
    "ordered": read_model(
        {
            "id": "ordered",
            "formula": "E + a * (tokens / tokens_ref)**-g",
            "ordered": ["E", "a"],
            "parameters": {name: {"prior": PRIOR, "pool": "separate"} for name in ("E", "a", "g")},
        }
    ),
    "two quantities": read_model(
        {
            "id": "two",
            "formula": "E + a * (tokens / tokens_ref)**-g",
            "likelihood": [{"response": "steps", "formula": "a * tokens / 1e6"}],
            "parameters": {name: {"prior": PRIOR, "pool": "separate"} for name in ("E", "a", "g")},
        }
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_built_density_equals_the_numpy_one(name: str) -> None:
    """Up to the densities of what is sampled in place of the parameters themselves."""
    model = CASES[name]
    runs = table()
    if name == "two quantities":
        steps = np.where(np.arange(len(runs)) % 3 == 0, np.nan, runs["tokens"] / 1e6)
        runs = RunTable.from_columns({**runs.columns, "steps": steps})
    design = make_design(model, runs)
    built = model.build(runs)
    rng = np.random.default_rng(5)
    point = {
        key: value + 0.2 * rng.standard_normal(value.shape)
        for key, value in built.initial_point().items()
    }
    variables = built.unobserved_value_vars
    likelihood = [*built.potentials, *built.observed_RVs]
    outputs = [built.logp(vars=likelihood, jacobian=False), built.logp(), *variables]
    found, whole, *values = built.compile_fn(outputs, mode="FAST_COMPILE")(point)
    draws = {
        variable.name: np.asarray(value)[None]
        for variable, value in zip(variables, values, strict=True)
        if "__" not in variable.name
    }
    assert np.isfinite(whole)
    np.testing.assert_allclose(found, log_likelihood(model, design, draws).sum(), rtol=1e-10)
    prior = log_prior(model, draws, design.grouping)
    assert all(np.isfinite(part).all() for part in prior.values())
    for columns, levels in design.grouping.levels.items():
        for item in model.parameters:
            if item.pool.by == columns and item.pool.kind != "shared":
                value = draws[item.name][0]
                assert len(set(value.tolist())) == levels.max() + 1, "one value for each level"


def test_two_levels_add_up() -> None:
    model = nested()
    built = model.build(table())
    rng = np.random.default_rng(1)
    point = {
        key: value + rng.standard_normal(value.shape)
        for key, value in built.initial_point().items()
    }
    variables = built.unobserved_value_vars
    values = built.compile_fn(variables, mode="FAST_COMPILE")(point)
    found = {
        variable.name: np.asarray(value) for variable, value in zip(variables, values, strict=True)
    }
    corpus = np.array([0, 0, 1, 1])
    outer = np.log(found["g_population"]) + found["g_corpus_sd"] * found["g_corpus_offset"]
    np.testing.assert_allclose(found["g_corpus"], np.exp(outer)[corpus])
    wanted = found["g_corpus"] * np.exp(found["g_sd"] * found["g_offset"])
    np.testing.assert_allclose(found["g"], wanted)


def test_the_density_of_ascending_parameters_counts_one_order() -> None:
    model = CASES["ordered"]
    design = make_design(model, table())
    draws = {
        "E": np.array([[1.0] * 3, [2.0] * 3]),
        "a": np.array([[1.5] * 3, [1.5] * 3]),
        "g": np.ones((2, 3)),
        "sigma": np.ones((2, 3)),
        "nu": np.ones(2),
    }
    found = log_prior(model, draws, design.grouping)["E"]
    plain = model.parameter("E").prior.logpdf(1.0)
    np.testing.assert_allclose(found[0], plain + np.log(2))
    assert np.isneginf(found[1]).all()


# ---- draws of the prior --------------------------------------------------------------------------

COUNT = 4000


def drawn(model: Model) -> dict[str, np.ndarray]:
    """Draws of the prior in groups, as a fit has them: (n_draws,) or (n_draws, n_groups)."""
    rng = np.random.default_rng(3)
    groups = make_groups(model, table())
    found = draw_groups(model, groups, draw_prior(model, COUNT, rng), rng)
    return {name: np.moveaxis(values, 0, -1) for name, values in found.items()}


@pytest.mark.parametrize("name", CASES)
def test_draws_in_groups_have_the_names_of_a_fit_and_a_density(name: str) -> None:
    model = CASES[name]
    draws, groups = drawn(model), make_groups(model, table())
    runs = table()
    built = model.build(RunTable.from_columns({**runs.columns, "steps": runs["tokens"] / 1e6}))
    variables = {variable.name for variable in (*built.free_RVs, *built.deterministics)}
    helpers = helper_names(model)
    assert set(draws) == {each for each in variables - helpers if "__" not in each}
    for part in log_prior(model, draws, groups).values():
        assert np.isfinite(part).all()
    for item in model.parameters:
        for columns in level_columns(item)[-1:]:
            values = draws[item.name]
            assert values.shape == (COUNT, len(groups))
            levels = groups.level(columns)
            np.testing.assert_array_equal(values, values[:, groups.first(columns)][:, levels])


def test_drawn_groups_lie_around_their_corpus_and_corpora_around_the_population() -> None:
    draws = drawn(nested())
    value, outer, population = (
        unbounded(draws[name], "log") for name in ("g", "g_corpus", "g_population")
    )
    own = (value - outer) / draws["g_sd"][:, None]
    far = (outer - population[:, None]) / draws["g_corpus_sd"][:, None]
    for standard in (own, far):
        np.testing.assert_allclose(standard.mean(axis=0), 0.0, atol=0.06)
        np.testing.assert_allclose(standard.std(axis=0), 1.0, atol=0.05)
    np.testing.assert_array_equal(far[:, 0], far[:, 1])
    assert abs(np.corrcoef(own.T) - np.eye(4)).max() < 0.06
    assert abs(np.corrcoef(far[:, 0], far[:, 2])[0, 1]) < 0.06
    assert abs(np.corrcoef(draws["E"].T)[0, 1]) < 0.06
    np.testing.assert_allclose(bounded(value, "log"), draws["g"])


def test_one_group_has_the_population() -> None:
    model = nested()
    groups = make_groups(model, table().take(np.arange(5)))
    rng = np.random.default_rng(4)
    drawn = draw_prior(model, (1, 50), rng)
    found = draw_groups(model, groups, drawn, rng)
    assert set(found) == set(drawn)
    assert all((found[name] == drawn[name]).all() for name in drawn)


def test_ascending_parameters_ascend_in_every_group() -> None:
    model = CASES["ordered"]
    groups = make_groups(model, table())
    rng = np.random.default_rng(4)
    found = draw_groups(model, groups, draw_prior(model, (1, 50), rng), rng)
    assert found["E"].shape == (len(groups), 1, 50)
    assert (found["E"] < found["a"]).all()
