"""What a model takes from a table: columns, groups, reference sizes, problems and warnings."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import CENTRED_FROM, make_design, source_column
from bayes_scaling.runs import RunTable
from tests.synthetic import own_law

RATES = load_model("chinchilla-lr")


def table(size: int = 12, **changes: Any) -> RunTable:
    """Runs of uncorrelated sizes; `changes` replace columns, None removes one."""
    params = np.geomspace(1e7, 1e9, size)
    tokens = 1e10 * np.where(np.arange(size) % 2, 3.0, 1.0)
    columns: dict[str, Any] = {
        "params": params,
        "tokens": tokens,
        "flops": 6 * params * tokens,
        "learning_rate": np.geomspace(1e-4, 1e-2, size)[::-1],
        "loss": np.linspace(3.0, 2.0, size),
        **changes,
    }
    return RunTable(
        columns={name: values for name, values in columns.items() if values is not None}
    )


def problems(model: str, runs: RunTable) -> tuple[str, ...]:
    with pytest.raises(InputError) as caught:
        make_design(load_model(model), runs)
    return caught.value.problems


def with_values(column: str, values: dict[int, float], size: int = 12) -> dict[str, Any]:
    """One column of `table` with some rows, counted from 1, replaced."""
    array = table(size)[column].copy()
    for row, value in values.items():
        array[row - 1] = value
    return {column: array}


# ---- problems ------------------------------------------------------------------------------------


def test_every_missing_column_is_named_with_those_that_are_there() -> None:
    found = problems("chinchilla-lr", table(tokens=None, learning_rate=None, loss=None))
    assert len(found) == 3
    for column, problem in zip(("learning_rate", "tokens", "loss"), found, strict=True):
        assert f"no column {column!r}" in problem
        assert "they have params, flops" in problem


def test_every_bad_column_is_named_at_once_with_its_rows() -> None:
    bad = {
        **with_values("params", {2: np.nan}),
        **with_values("tokens", {4: -1e9, 5: 0.0}),
        **with_values("learning_rate", {7: np.inf}),
        **with_values("loss", {1: 0.0, 12: -2.0}),
    }
    found = {problem.split("'")[1]: problem for problem in problems("chinchilla-lr", table(**bad))}
    assert set(found) == {"params", "tokens", "learning_rate", "loss"}
    assert "row 2 (1 of 12)" in found["params"]
    assert "row 4, 5 (2 of 12)" in found["tokens"]
    assert "row 7 (1 of 12)" in found["learning_rate"]
    assert "row 1, 12 (2 of 12)" in found["loss"]
    assert "acts on its log" in found["loss"]
    assert "acts on its log" not in found["params"]


def test_a_long_list_of_rows_is_cut() -> None:
    (problem,) = problems(
        "chinchilla", table(**with_values("loss", dict.fromkeys(range(3, 13), 0)))
    )
    assert "row 3, 4, 5, 6, 7, 8, 9, 10, ... (10 of 12)" in problem


def test_columns_that_the_law_does_not_read_may_be_empty() -> None:
    runs = table(learning_rate=np.full(12, np.nan), flops=np.full(12, np.nan))
    assert set(make_design(load_model("chinchilla"), runs).inputs) == {"params", "tokens"}


def test_one_run_is_too_few_to_fit_anything() -> None:
    (problem,) = problems("kaplan-d", table(1))
    assert problem.startswith("1 run")


def test_an_input_outside_the_vocabulary_may_be_negative_but_not_missing() -> None:
    model = load_model(
        {
            "id": "shifted",
            "formula": "a * exp(g * curriculum)",
            "extra_inputs": ["curriculum"],
            "parameters": {
                "a": {"prior": {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}},
                "g": {"prior": {"dist": "Normal", "mu": 0.0, "sigma": 1.0}},
            },
        }
    )
    values = np.linspace(-1, 1, 12)
    np.testing.assert_array_equal(
        make_design(model, table(curriculum=values)).inputs["curriculum"], values
    )
    values[8] = np.nan
    with pytest.raises(InputError, match=r"'curriculum' must be finite .* row 9"):
        make_design(model, table(curriculum=values))


# ---- what is taken -------------------------------------------------------------------------------


def test_inputs_response_and_references() -> None:
    runs = table()
    design = make_design(load_model("chinchilla"), runs)
    assert set(design.inputs) == {"params", "tokens"}
    np.testing.assert_array_equal(design.inputs["tokens"], runs["tokens"])
    np.testing.assert_array_equal(design.response, runs["loss"])
    assert set(design.references) == {"params_ref", "tokens_ref"}
    assert design.references["params_ref"] == pytest.approx(1e8)
    assert design.references["tokens_ref"] == pytest.approx(np.sqrt(3) * 1e10)
    assert design.warnings == ()


def test_the_reference_of_compute_is_that_of_compute() -> None:
    design = make_design(load_model("kaplan-c"), table())
    assert design.references == {"flops_ref": pytest.approx(6 * 1e8 * np.sqrt(3) * 1e10)}


# ---- which parameters are counted ----------------------------------------------------------------


def test_a_law_in_nonembedding_params_reads_them_and_says_so() -> None:
    model, params = load_model("kaplan-nd"), table()["params"]
    runs = table(params_nonembedding=0.5 * params)
    design = make_design(model, runs)
    np.testing.assert_allclose(design.inputs["params"], 0.5 * params)
    assert design.references["params_ref"] == pytest.approx(0.5e8)
    (warning,) = design.warnings
    assert "counts params as params_nonembedding" in warning
    assert source_column(model, runs, "params") == "params_nonembedding"


def test_without_nonembedding_params_all_are_used_with_a_warning() -> None:
    design = make_design(load_model("kaplan-nd"), table())
    assert design.references["params_ref"] == pytest.approx(1e8)
    (warning,) = design.warnings
    assert "no such column: params is used" in warning


@pytest.mark.parametrize("both", [True, False])
def test_no_warning_where_the_counts_cannot_be_mistaken(both: bool) -> None:
    params = table()["params"]
    runs = table(params=params if both else None, params_nonembedding=params)
    assert make_design(load_model("kaplan-nd"), runs).warnings == ()


def test_a_law_in_all_params_leaves_nonembedding_ones_alone() -> None:
    design = make_design(load_model("chinchilla"), table(params_nonembedding=table()["params"] / 2))
    np.testing.assert_array_equal(design.inputs["params"], table()["params"])
    assert design.warnings == ()


# ---- warnings ------------------------------------------------------------------------------------


def test_collinear_sizes() -> None:
    params = table()["params"]
    for tokens in (20 * params, 1e19 / params):
        (warning,) = make_design(load_model("chinchilla"), table(tokens=tokens)).warnings
        assert "cannot be told apart" in warning
    mixed = params * np.exp(np.random.default_rng(0).normal(scale=0.6, size=12))
    assert make_design(load_model("chinchilla"), table(tokens=mixed)).warnings == ()


def test_constant_input() -> None:
    design = make_design(load_model("chinchilla"), table(tokens=np.full(12, 1e10)))
    assert design.warnings == (
        "all runs have the same tokens: its effect is prior only; add runs of another tokens",
    )


@pytest.mark.parametrize(("size", "warned"), [(4, True), (5, False)])
def test_fewer_runs_than_parameters(size: int, warned: bool) -> None:
    """The noise does not count: chinchilla has five parameters."""
    warnings = make_design(load_model("chinchilla"), table(size)).warnings
    assert any("priors speak louder" in text for text in warnings) == warned


def test_the_smallest_group_decides_whether_there_are_too_few_runs() -> None:
    family = np.array(["big"] * 9 + ["small"] * 3)
    (warning,) = make_design(load_model("chinchilla"), table(family=family)).warnings
    assert warning.startswith("3 runs in the smallest group for the 5 parameters")


@pytest.mark.parametrize("families", [1, 2])
def test_losses_on_two_texts_in_one_group(families: int) -> None:
    family = np.array([f"f{row % families}" for row in range(12)])
    metric = np.repeat(["c4", "wiki"], 6)
    runs = table(family=family, metric=metric)
    found = [w for w in make_design(load_model("chinchilla"), runs).warnings if "metric" in w]
    assert len(found) == 1
    assert "metric varies (c4, wiki)" in found[0]
    assert "--pool-by metric" in found[0]
    pooled = make_design(load_model("chinchilla").pooled_by("metric"), runs)
    assert not any("metric" in each for each in pooled.warnings)


def test_runs_beaten_by_another_learning_rate() -> None:
    """Three rates at each of four sizes; only a law that reads the rate can use them all."""
    size = np.repeat(np.arange(4), 3)
    sweep = table(
        params=1e8 * (1.0 + size),
        tokens=1e10 * (1.0 + size % 2),
        learning_rate=np.tile([1e-4, 1e-3, 1e-2], 4),
        loss=3.0 - 0.1 * size + np.tile([0.2, 0.0, 0.1], 4),
    )
    (warning,) = make_design(load_model("chinchilla"), sweep).warnings
    assert warning.startswith("8 of 12 runs were beaten")
    assert not any("beaten" in text for text in make_design(RATES, sweep).warnings)
    tuned = sweep.take(np.arange(1, 12, 3))
    assert not any("beaten" in t for t in make_design(load_model("chinchilla"), tuned).warnings)


# ---- groups --------------------------------------------------------------------------------------


def test_groups_are_sorted_labels_and_index_the_runs() -> None:
    family = np.array(["web", "code", "web", "books"] * 3)
    design = make_design(load_model("chinchilla"), table(family=family))
    assert design.groups == ("books", "code", "web")
    np.testing.assert_array_equal(np.array(design.groups)[design.group], family)


def test_without_a_family_there_is_one_group() -> None:
    design = make_design(load_model("chinchilla"), table())
    assert design.groups == ("all",)
    assert set(design.group) == {0}


def test_groups_by_another_column_of_text_or_numbers() -> None:
    runs = table(corpus=np.array(["a", "b"] * 6), context_length=np.array([512.0, 2048.0] * 6))
    model = load_model("chinchilla")
    assert make_design(model.pooled_by("corpus"), runs).groups == ("a", "b")
    assert make_design(model.pooled_by("context_length"), runs).groups == ("2048", "512")
    with pytest.raises(InputError, match=r"no column .optimizer.*pooled by; they have params"):
        make_design(model.pooled_by("optimizer"), runs)


@pytest.mark.parametrize(("least", "centred"), [(CENTRED_FROM, True), (CENTRED_FROM - 2, False)])
def test_groups_with_many_runs_are_centred(least: int, centred: bool) -> None:
    family = np.array(["a", "b"] * least)
    design = make_design(load_model("chinchilla"), table(2 * least, family=family))
    assert design.centred == centred


def test_text_where_the_law_reads_a_number() -> None:
    runs = RunTable(
        columns={
            "tokens": np.array([1e9, 2e9, 3e9]),
            "loss": np.array([3.0, 2.0, 2.0]),
            "mix": np.array(["x", "y", "z"]),
        }
    )
    with pytest.raises(InputError, match="mix"):
        make_design(load_model(own_law("mix")), runs)


def test_a_missing_group_column_is_named_with_the_other_problems() -> None:
    runs = RunTable(
        columns={
            "params": np.array([1e8, np.nan]),
            "tokens": np.array([1e9, 2e9]),
            "loss": np.array([0.0, 2.0]),
        }
    )
    with pytest.raises(InputError) as caught:
        make_design(load_model("chinchilla").pooled_by("corpus"), runs)
    assert len(caught.value.problems) == 3


def test_a_reference_size_that_no_input_reads_is_checked() -> None:
    model = load_model(
        {**own_law("mix"), "derived": {"q": "a * params_ref"}, "extra_inputs": ["mix"]}
    )
    columns = {
        "tokens": np.geomspace(1e9, 1e10, 12),
        "loss": np.linspace(3, 2, 12),
        "mix": np.linspace(-1, 1, 12),
        "params": np.r_[np.nan, np.geomspace(1e7, 1e8, 11)],
    }
    with pytest.raises(InputError, match="params"):
        make_design(model, RunTable(columns=columns))
