"""The table ``[published]``: what it says, what is wrong with it, and that it is the fitted law."""

from __future__ import annotations

import tomllib
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import evaluate
from bayes_scaling.laws import load_model
from bayes_scaling.laws.catalogue import model_files
from bayes_scaling.laws.published import published_to_dict, read_published
from bayes_scaling.questions.literature import laws_of
from bayes_scaling.questions.query import formulas

GIVEN: dict[str, Any] = {
    "formula": "E + A / size**alpha + B / tokens**beta",
    "where": {"size": "1 * plain", "plain": "params"},
    "also": {"flops": "6 * size * tokens * share"},
    "laws": {
        "one": {
            "title": "One",
            "constants": {
                "E": 1.69,
                "A": "400 + 6.4",
                "B": 410,
                "alpha": 0.34,
                "beta": 0.28,
                "share": 1,
            },
            "intervals": {"A": [285, 744]},
            "units": "nats",
            "source": "a paper",
        }
    },
}

HOLDERS = [
    name
    for name, path in model_files().items()
    if "published" in tomllib.loads(path.read_text(encoding="utf-8"))
]


def changed(**tables: Any) -> dict[str, Any]:
    return {**GIVEN, **tables}


def with_law(**keys: Any) -> dict[str, Any]:
    return changed(laws={"one": {**GIVEN["laws"]["one"], **keys}})


def test_a_table_is_read_whole() -> None:
    found = read_published(GIVEN)
    (law,) = found.laws
    assert dict(law.values)["A"] == pytest.approx(406.4)
    assert dict(law.intervals) == {"A": (285.0, 744.0)}
    assert (law.id, law.title, law.units, law.source) == ("one", "One", "nats", "a paper")
    values = {**dict(law.values), "params": 1e9, "tokens": 1e10}
    wanted = 1.69 + 406.4 / 1e9**0.34 + 410 / 1e10**0.28
    assert float(evaluate(found.closed(), values)) == pytest.approx(wanted)
    assert float(evaluate(found.closed("flops"), values)) == pytest.approx(6e19)


def test_it_survives_its_own_form() -> None:
    found = read_published(GIVEN)
    assert read_published(published_to_dict(found)) == found
    assert published_to_dict(None) == {}


def test_constants_change_no_answer() -> None:
    model = load_model("chinchilla")
    assert model.published is not None
    assert replace(model, published=None).content_hash == model.content_hash
    assert load_model(model.to_dict()).published == model.published


def test_a_law_with_another_formula_does_not_inherit_constants() -> None:
    assert load_model("coupled").base == "chinchilla"
    assert load_model("coupled").published is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (3, "must be a table"),
        (changed(formul="E"), "unknown key 'formul'; did you mean 'formula'"),
        (changed(formula=""), "formula must be a non-empty text"),
        (
            changed(formula="E + A / parms**alpha + B / tokens**beta + size"),
            "did you mean 'params'",
        ),
        (changed(laws={}), "has no laws"),
        (changed(laws={"one": 3}), r"\[published.laws.one\] must be a table"),
        (changed(also={"spend": "6 * size * share"}), "'spend' is not a column"),
        (changed(also=[1]), r"\[published.also\] must be a table"),
        (changed(where={"size": "exec('x')"}), r"\[published.where\] size"),
        (changed(where={"size": "other", "other": "size"}), "circle"),
        (with_law(constants={}), "has no constants"),
        (with_law(constants={"E": 1, "A": 1, "B": 1, "alpha": 1, "beta": 1}), "'share'"),
        (with_law(constants={**GIVEN["laws"]["one"]["constants"], "Bt": 1}), "Bt is never used"),
        (with_law(constants={**GIVEN["laws"]["one"]["constants"], "loss": 1}), "name of a column"),
        (with_law(constants={**GIVEN["laws"]["one"]["constants"], "E": True}), "must be a number"),
        (with_law(constants={**GIVEN["laws"]["one"]["constants"], "E": "2 * x"}), "numbers in quo"),
        (with_law(intervals={"Q": [1, 2]}), "interval of 'Q', which is no constant"),
        (with_law(intervals={"A": [2, 1]}), r"must be \[lower, upper\]"),
        (with_law(intervals={"A": 3}), r"must be \[lower, upper\]"),
        (with_law(units=3), "'units' must be a text, got 3"),
        (with_law(constant={}), "did you mean 'constants'"),
    ],
)
def test_what_is_wrong_with_a_table_is_said(given: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        read_published(given)


def test_all_problems_are_said_at_once() -> None:
    given = {"laws": {"a": {"constants": {"E": "x"}}, "b": {"intervals": {"E": 1}}}, "formula": "("}
    with pytest.raises(InputError) as caught:
        read_published(given)
    assert len(caught.value.problems) == 4


def test_a_definition_with_a_bad_table_names_it() -> None:
    content = load_model("kaplan-n").to_dict()
    content["published"] = {"formula": "(N_c / params)**alpha_N", "laws": {"x": {"constants": {}}}}
    with pytest.raises(InputError, match=r"published.laws.x\] has no constants"):
        load_model(content)


def test_a_published_form_may_read_an_input_of_the_user() -> None:
    content = load_model("kaplan-n").to_dict() | {"extra_inputs": ["dropout"]}
    content["formula"] = f"({content['formula']}) * (1 + dropout)"
    content["published"] = {
        "formula": "(N_c / params)**alpha_N * (1 + dropout)",
        "laws": {"x": {"constants": {"N_c": 1e13, "alpha_N": 0.1}}},
    }
    (law,) = laws_of(load_model(content))
    assert law.inputs == ("dropout", "params")
    assert law.loss({"params": 1e13, "dropout": 0.1}) == pytest.approx(1.1)
    content["extra_inputs"] = []
    with pytest.raises(InputError, match="unknown name 'dropout'"):
        load_model(content)


# ---- papers and models are tied ------------------------------------------------------------------


def test_names_of_published_laws_are_given_once() -> None:
    models = [load_model(name) for name in HOLDERS]
    found = [law.id for model in models if model.published for law in model.published.laws]
    assert len(found) == len(set(found))
    assert {
        "clark-2022",
        "epoch-2024",
        "hoffmann-2022",
        "hoffmann-2022-approach-1",
        "hoffmann-2022-approach-2",
        "kaplan-2020-c",
        "kaplan-2020-cmin",
        "kaplan-2020-d",
        "kaplan-2020-n",
        "kaplan-2020-nd",
        "kaplan-2020-ns",
        "kaplan-2020-optimum",
        "krajewski-2024",
        "metz-width",
        "muennighoff-2023",
    } <= set(found)


@pytest.mark.parametrize("name", HOLDERS)
def test_every_set_says_its_source_and_its_units(name: str) -> None:
    found = load_model(name).published
    assert found is not None
    for law in found.laws:
        assert law.title
        assert law.units
        assert "arXiv:" in law.source or "lukemetz.com/" in law.source


FOR_QUERIES = {"kaplan-ns": {"batch_size"}}
"""What a paper gives beside the law, with constants that queries read."""


@pytest.mark.parametrize("name", [n for n in HOLDERS if load_model(n).kind != "query"])
def test_the_published_form_is_the_law_at_any_draw_of_the_prior(name: str) -> None:
    """Everything it gives, at random parameters and sizes, through the derived quantities."""
    model = load_model(name)
    assert model.published is not None
    rng = np.random.default_rng(3)
    n = 20
    draws = {item.name: item.prior.sample(n, rng) for item in model.parameters}
    references = {each: 10 ** rng.uniform(7, 9) for each in model.reference_names}
    inputs = {each: 10 ** rng.uniform(1, 2, n) for each in model.inputs}
    inputs |= {each: 10 ** rng.uniform(8, 11, n) for each in model.inputs if "_" not in each}
    if "unique_tokens" in inputs:
        inputs["unique_tokens"] = inputs["tokens"] / rng.uniform(1, 20, n)
    values = {**inputs, **draws, **model.derive(draws, references)}
    further = {line.name for line in model.published.also} - set(model.responses[1:])
    assert len(further) + len(model.responses) - 1 == len(model.published.also)
    assert further <= FOR_QUERIES.get(name, set())
    for response in model.responses:
        node = model.published.closed(None if response == model.response else response)
        wanted = model.of(response).predict(draws, inputs, references)
        np.testing.assert_allclose(evaluate(node, values), wanted, rtol=1e-10)


def test_the_closed_form_of_a_split_is_its_published_form() -> None:
    model = load_model("chinchilla-optimum")
    assert model.published is not None
    rng = np.random.default_rng(4)
    values = {
        "alpha": rng.uniform(0.2, 0.5, 9),
        "beta": rng.uniform(0.2, 0.5, 9),
        "A": 10 ** rng.uniform(1, 4, 9),
        "B": 10 ** rng.uniform(1, 4, 9),
        "flops": 1e21,
    }
    found = {name: evaluate(node, values) for name, node in formulas(model, values).items()}
    lines = {line.name: line.node for line in model.where}
    values |= {name: evaluate(lines[name], values) for name in ("G", "a_N")}
    np.testing.assert_allclose(evaluate(model.published.closed(), values), found["params"])
    np.testing.assert_allclose(evaluate(model.published.closed("tokens"), values), found["tokens"])
