"""What a definition can say beyond a formula and priors."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.read import read_model
from bayes_scaling.runs import RunTable

PRIOR = {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}
WIDE = {"dist": "Normal", "mu": 0.0, "sigma": 2.0}
POWER: dict[str, Any] = {
    "id": "power",
    "formula": "E + a * (tokens / tokens_ref)**-g",
    "parameters": {name: {"prior": PRIOR} for name in ("E", "a", "g")},
}


def power(**changes: Any) -> Model:
    return read_model({**POWER, **changes}, find_base=lambda _: power())


def with_parameters(**changes: Any) -> dict[str, Any]:
    return {**POWER["parameters"], **changes}


def value(model: Model, parameters: dict[str, float], **inputs: float) -> float:
    references = {name: 1.0 for name in model.reference_names}
    arrays = {name: np.asarray(x) for name, x in inputs.items()}
    return float(
        model.predict({k: np.asarray(v) for k, v in parameters.items()}, arrays, references)
    )


def said(definition: dict[str, Any]) -> str:
    with pytest.raises(InputError) as caught:
        read_model(definition, find_base=lambda _: power())
    return str(caught.value)


# ---- constants and ties --------------------------------------------------------------------------


def test_a_value_is_a_constant_or_a_tie_and_is_not_sampled() -> None:
    model = power(parameters=with_parameters(E={"value": 1.5}, a={"value": "2 * g"}))
    assert [item.name for item in model.parameters][:1] == ["g"]
    assert "E" not in {item.name for item in model.parameters}
    assert value(model, {"g": 0.5}, tokens=4.0) == pytest.approx(1.5 + 1.0 * 4.0**-0.5)


def test_a_constant_of_the_base_can_be_set_free_and_a_parameter_held_fixed() -> None:
    fixed = power(parameters=with_parameters(E={"value": 1.5}))
    free = read_model(
        {"id": "free", "base": "x", "parameters": {"E": {"prior": PRIOR}}},
        find_base=lambda _: fixed,
    )
    assert "E" in {item.name for item in free.parameters}
    assert value(free, {"E": 0.25, "a": 1.0, "g": 1.0}, tokens=2.0) == pytest.approx(0.75)
    held = free.with_priors({"E": {"value": 3.0}})
    assert "E" not in {item.name for item in held.parameters}
    assert value(held, {"a": 1.0, "g": 1.0}, tokens=2.0) == pytest.approx(3.5)
    assert held.content_hash != free.content_hash


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"value": "2 *"}, "cannot be read"),
        ({"value": [1]}, "a number or a formula"),
        ({"value": 1.0, "prior": PRIOR}, "unknown key 'prior'"),
        ({"value": "E"}, "circle"),
    ],
)
def test_a_value_that_cannot_be_read_is_refused(given: dict[str, Any], message: str) -> None:
    assert message in said({**POWER, "parameters": with_parameters(E=given)})


# ---- further observed quantities -----------------------------------------------------------------


def two() -> Model:
    return power(
        likelihood=[{"response": "score", "formula": "h * tokens**-g"}],
        parameters=with_parameters(h={"prior": PRIOR}),
    )


def test_a_further_quantity_has_its_own_formula_and_noise() -> None:
    model = two()
    assert model.responses == ("loss", "score")
    assert {"sigma", "sigma_score"} <= {item.name for item in model.parameters}
    other = model.of("score")
    assert other.response == "score"
    assert "sigma_score" not in {item.name for item in other.parameters}
    assert value(other, {"h": 3.0, "g": 1.0, "E": 0, "a": 0}, tokens=2.0) == pytest.approx(1.5)
    assert model.of("loss") is model
    with pytest.raises(InputError, match=r"explains loss, score.*'width'"):
        model.of("width")


def test_further_quantities_that_cannot_be_read_are_all_named() -> None:
    text = said({**POWER, "likelihood": [{"response": "scor", "formula": "a"}, {"formula": "a"}]})
    assert "'response' and 'formula'" in text
    text = said({**POWER, "likelihood": [{"response": "scor", "formula": "aa"}]})
    assert "'scor' is not a column" in text
    assert "[[likelihood]] scor: unknown name 'aa'" in text
    assert "explained twice" in said(
        {**POWER, "likelihood": [{"response": "loss", "formula": "a"}]}
    )


# ---- order ---------------------------------------------------------------------------------------


def test_parameters_that_ascend_must_be_alike() -> None:
    parameters = with_parameters(E={"prior": WIDE}, a={"prior": PRIOR}, g={"prior": PRIOR})
    assert power(ordered=["a", "g"]).ordered == (("a", "g"),)
    assert "same prior" in said({**POWER, "parameters": parameters, "ordered": ["E", "a"]})
    assert "'b' is not a sampled" in said({**POWER, "ordered": ["a", "b"]})
    assert "two parameters or more" in said({**POWER, "ordered": ["a"]})
    pooled = {name: {"prior": PRIOR, "pool": "family"} for name in ("E", "a", "g")}
    assert "cannot be pooled" in said({**POWER, "parameters": pooled, "ordered": ["a", "g"]})


# ---- reads ---------------------------------------------------------------------------------------


def test_a_law_can_be_read_in_another_input() -> None:
    derived = {"A": "a * tokens_ref**g"}
    base = power(derived=derived)
    model = read_model(
        {"id": "n", "base": "power", "reads": {"tokens": "params"}}, find_base=lambda _: base
    )
    assert model.inputs == ("params",)
    assert model.reference_names == ("params_ref",)
    assert value(model, {"E": 1.0, "a": 2.0, "g": 1.0}, params=4.0) == pytest.approx(1.5)
    assert "and not 'flops'" in said({"id": "n", "base": "power", "reads": {"flops": "params"}})
    assert "there is none" in said({**POWER, "reads": {"tokens": "params"}})


# ---- queries, rules and their arguments ----------------------------------------------------------


def test_a_query_reads_parameters_and_derived_quantities_of_its_base() -> None:
    base = power(derived={"A": "a * tokens_ref**g"}, drift={"on": True})
    query = read_model(
        {
            "id": "q",
            "kind": "query",
            "base": "power",
            "formula": "A / (loss * (1 + tolerance))",
            "response": "tokens",
            "arguments": {"tolerance": 0.25},
        },
        find_base=lambda _: base,
    )
    assert query.sizes == ("loss",)
    assert not query.drifting
    assert "tau" not in {item.name for item in query.parameters}
    point = {"E": 1.0, "a": 5.0, "g": 1.0}
    assert value(query, point, loss=2.0) == pytest.approx(2.0)
    assert value(query, point, loss=2.0, tolerance=0.0) == pytest.approx(2.5)
    assert "name it as 'base'" in said({**POWER, "kind": "query"})
    assert "[arguments] x must be a number" in said({**POWER, "arguments": {"x": "1"}})
    assert "[arguments] x is never used" in said({**POWER, "arguments": {"x": 1}})


def test_a_query_and_a_rule_of_constants_are_not_fitted() -> None:
    runs = RunTable.from_columns({"tokens": [1e9, 2e9, 4e9], "loss": [3.0, 2.9, 2.8]})
    rule = read_model({"id": "r", "kind": "rule", "formula": "3 * tokens", "response": "params"})
    with pytest.raises(InputError, match="nothing to fit"):
        make_design(rule, runs)
    query = read_model(
        {"id": "q", "kind": "query", "base": "power", "formula": "a * tokens", "response": "steps"},
        find_base=lambda _: power(),
    )
    with pytest.raises(InputError, match="asks something of power"):
        make_design(query, runs)


# ---- rows ----------------------------------------------------------------------------------------


def grid() -> RunTable:
    params, tokens = (x.ravel() for x in np.meshgrid([1e7, 1e8, 1e9], [1e8, 1e9, 1e10]))
    loss = 1.5 + (params / 1e4) ** -0.3 + (tokens / 1e4) ** -0.3
    return RunTable.from_columns({"params": params, "tokens": tokens, "loss": loss})


def test_a_law_takes_its_rows_by_protocol_or_condition() -> None:
    largest = power(rows={"select": "largest"}).rows_of(grid())
    assert set(largest["params"]) == {1e9}
    few = power(rows={"select": "tokens > 1e9"}).rows_of(grid())
    assert set(few["tokens"]) == {1e10}
    assert any("3 of 9 rows" in note for note in few.notes)
    assert len(power().rows_of(grid())) == 9
    with pytest.raises(InputError, match="none of 9 runs"):
        power(rows={"select": "tokens > 1e12"}).rows_of(grid())


# ---- round trip ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "model",
    [
        two(),
        power(ordered=["a", "g"]),
        power(rows={"select": "largest"}, run_effect={"on": True}),
        power(formula="E + x * a * tokens**-g", arguments={"x": 1.0}),
        power(parameters=with_parameters(a={"value": "2 * g"})),
        load_model("kaplan-cmin"),
        load_model("broken-3-n"),
    ],
    ids=lambda model: model.id,
)
def test_what_is_written_reads_back(model: Model) -> None:
    again = read_model(model.to_dict())
    assert again == model
    assert again.content_hash == model.content_hash
