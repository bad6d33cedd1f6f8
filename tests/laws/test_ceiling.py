"""The ceiling of a law: what it does to the formula, how it is written, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from pytensor.compile.mode import Mode

from bayes_scaling.commands.chosen import chosen_models
from bayes_scaling.errors import InputError
from bayes_scaling.formula.derivative import derivative
from bayes_scaling.formula.nodes import evaluate, names
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.formula.render import to_text
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.ceiling import less
from bayes_scaling.laws.density import draw_prior, log_likelihood, log_prior
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.variants import features_in_words
from tests.laws.tables import table

LAWS = (
    "chinchilla",
    "coupled",
    "coupled-drift",
    "saturating-m1",
    "saturating-m2",
    "saturating-m3",
    "isoflop",
    "kaplan-nd",
    "farseer",
    "envelope",
    "data-constrained",
    "broken-2-c",
)


INTERPRETED = Mode(linker="py", optimizer=None)


def point(model: Model, seed: int = 1, n: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    return {name: value[:, None] for name, value in draw_prior(model, (n,), rng).items()}


def sizes(model: Model, factor: float, references: dict[str, float]) -> dict[str, np.ndarray]:
    return {name: np.array([factor * references[f"{name}_ref"]]) for name in model.inputs}


def references_of(model: Model) -> dict[str, float]:
    """Reference sizes; ends and scales are those of one run."""
    found = {name: 1e9 for name in (*model.reference_names, *(f"{n}_ref" for n in model.inputs))}
    return found | {"scale_low": 1e18, "scale_ref": 1e18, "scale_high": 1e18}


# ---- what it does --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", LAWS)
def test_the_bent_law_is_the_formula_of_its_reducible_part(name: str) -> None:
    plain = load_model(name).with_features(transient=False)
    model = plain.with_features(ceiling=True)
    references, values = references_of(model), point(model)
    floor = evaluate(model.closed(model.ceiling.floor), {**references, **values})
    at_reference = plain.predict(values, sizes(model, 1.0, references), references) - floor
    s, q = values["saturation"], values["sharpness"]
    for factor in (0.02, 1.0, 50.0):
        runs = sizes(model, factor, references)
        u = (plain.predict(values, runs, references) - floor) / at_reference
        wanted = floor + at_reference * ((1 - s) * u**-q + s) ** (-1 / q)
        found = model.predict(values, runs, references)
        np.testing.assert_allclose(found, wanted, rtol=1e-7)


def test_far_below_the_reference_the_law_ends_at_its_ceiling() -> None:
    model = load_model("coupled").with_features(ceiling=3.33)
    references, values = references_of(model), point(model)
    values["c"] = np.full_like(values["c"], 2.5)
    far = model.predict(values, sizes(model, 1e-300, references), references)
    np.testing.assert_allclose(far, 3.33, rtol=1e-6)
    here = model.predict(values, sizes(model, 1.0, references), references)
    np.testing.assert_allclose(here, 2.5, rtol=1e-12)


def test_a_known_level_is_the_free_ceiling_of_the_share_that_it_says() -> None:
    free = load_model("chinchilla").with_features(ceiling=True)
    known = load_model("chinchilla").with_features(ceiling="log(50257)")
    references, values = references_of(free), point(free)
    values["c"] = np.full_like(values["c"], 4.0)
    floor = evaluate(free.closed(parse_formula("E")), {**references, **values})
    values["saturation"] = ((4.0 - floor) / (np.log(50257) - floor)) ** values["sharpness"]
    runs = sizes(free, 0.1, references)
    np.testing.assert_allclose(
        known.predict(values, runs, references), free.predict(values, runs, references), rtol=1e-10
    )


def test_a_draw_above_its_own_ceiling_is_flat_and_finite() -> None:
    model = load_model("chinchilla").with_features(ceiling=1.0)
    references, values = references_of(model), point(model)
    values["c"] = np.full_like(values["c"], 4.0)
    found = model.predict(values, {n: np.geomspace(1e3, 1e12, 9) for n in model.inputs}, references)
    assert np.isfinite(found).all()
    assert (found.max(axis=1) / found.min(axis=1) < 1.6).all()


def test_the_level_may_be_a_column_of_the_runs() -> None:
    model = load_model("saturating-m2").with_features(ceiling="unigrams")
    assert model.inputs == ("tokens", "unigrams")
    references, values = references_of(model), point(model)
    values["c"] = np.full_like(values["c"], 2.0)
    runs = {"tokens": np.full(2, 1e-300), "unigrams": np.array([3.0, 5.0])}
    values["alpha"] = np.full_like(values["alpha"], 1.0)
    np.testing.assert_allclose(
        model.predict(values, runs, references), np.tile([3.0, 5.0], (5, 1)), rtol=1e-6
    )


def test_a_transient_lies_on_top_of_the_ceiling() -> None:
    model = load_model("coupled").with_features(ceiling=True, transient=True)
    references, values = references_of(model), point(model)
    settled = model.with_features(transient=False)
    runs = sizes(model, 1.0, references)
    np.testing.assert_allclose(
        model.predict(values, runs, references), settled.predict(values, runs, references)
    )


def test_nothing_overflows_where_the_power_does() -> None:
    model = load_model("kaplan-nd").with_features(ceiling=True)
    references, values = references_of(model), point(model)
    for factor in (1e-30, 1e30):
        found = model.predict(values, sizes(model, factor, references), references)
        assert np.isfinite(found).all()


@pytest.mark.parametrize("ceiling", [True, 9.0])
def test_the_derivative_is_that_of_the_numbers(ceiling: bool | float) -> None:
    model = load_model("coupled").with_features(ceiling=ceiling)
    references, values = references_of(model), point(model)
    runs = sizes(model, 0.3, references)
    for name in ("alpha", "sharpness", "c", "params"):
        slope = evaluate(derivative(model.law, name), {**references, **values, **runs})
        step = 1e-6
        both = {**values, **runs}
        ends = []
        for sign in (1, -1):
            moved = {**both, name: both[name] * (1 + sign * step)}
            ends.append(evaluate(model.law, {**references, **moved}))
        wanted = (ends[0] - ends[1]) / (2 * step * both[name])
        np.testing.assert_allclose(slope, wanted, rtol=1e-5)


@pytest.mark.parametrize("ceiling", [True, 9.0, "unigrams"])
@pytest.mark.parametrize("name", ["coupled-drift-tempered", "saturating-m2"])
def test_the_density_of_pymc_is_the_one_in_numpy(name: str, ceiling: bool | float | str) -> None:
    model = load_model(name).with_features(ceiling=ceiling, drift=False, temper=0)
    runs = table()
    columns = {**runs.columns, "unigrams": np.linspace(8.0, 9.0, len(runs))}
    runs = type(runs).from_columns(columns)
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
    wanted = log_likelihood(model, design, draws).sum() + sum(
        float(density.sum()) for density in log_prior(model, draws, design.grouping).values()
    )
    assert float(value) == pytest.approx(wanted, rel=1e-8)


def test_runs_above_a_known_ceiling_are_warned_of() -> None:
    runs = table()
    high = float(np.median(runs["loss"]))
    found = make_design(load_model("chinchilla").with_features(ceiling=high), runs).warnings
    assert any(text.startswith("6 of 12 runs lie above the ceiling") for text in found)
    found = make_design(load_model("chinchilla").with_features(ceiling=9.0), runs).warnings
    assert not any("ceiling" in text for text in found)


# ---- how it is written ---------------------------------------------------------------------------


def test_a_floor_is_taken_off_as_a_term_where_it_is_one() -> None:
    for law, left in (("E + a + b", "a + b"), ("a + E", "a"), ("(a + (b + E))", "a + b")):
        assert less(parse_formula(law), parse_formula("E")) == parse_formula(left)
    assert to_text(less(parse_formula("E * a"), parse_formula("E"))) == "E * a - E"
    assert to_text(less(parse_formula("a"), parse_formula("0"))) == "a"


DEFINITION: dict[str, Any] = {
    "id": "own",
    "base": "saturating-m2",
    "ceiling": {"on": True, "sharpness": {"prior": {"dist": "Gamma", "alpha": 2.0, "beta": 1.0}}},
}


def test_a_definition_may_say_all_of_it() -> None:
    model = load_model(DEFINITION)
    assert model.parameter("sharpness").prior.dist == "Gamma"
    assert {"saturation", "sharpness"} <= {item.name for item in model.parameters}
    assert (to_text(model.ceiling.floor), model.ceiling.level) == ("E", "c")
    known = load_model({**DEFINITION, "ceiling": {"on": True, "vocabulary": 256}})
    assert to_text(known.ceiling.value) == "log(256)"  # type: ignore[arg-type]
    assert "saturation" not in {item.name for item in known.parameters}
    for each in (model, known, known.with_features(ceiling=False), load_model("chinchilla")):
        again = load_model(each.to_dict())
        assert again.to_dict() == each.to_dict()
        assert again.content_hash == each.content_hash


def test_a_ceiling_that_is_off_changes_no_hash() -> None:
    plain = load_model("saturating-m2")
    bare = {key: value for key, value in plain.to_dict().items() if key != "ceiling"}
    assert load_model(bare).content_hash == plain.content_hash
    hashes = [plain.with_features(ceiling=x).content_hash for x in (True, 3.0, "log(9)")]
    assert len({plain.content_hash, *hashes}) == 4


def test_it_is_said_in_words() -> None:
    model = load_model("chinchilla")
    assert features_in_words(model.with_features(ceiling=True)) == "a ceiling"
    assert features_in_words(model.with_features(ceiling="log(9)")) == "a ceiling of log(9)"


def test_a_law_that_reads_other_inputs_has_its_floor_and_ceiling_in_them() -> None:
    base = {"id": "b", "base": "saturating-m2", "ceiling": {"on": True, "value": "9 + 0 * tokens"}}
    other = load_model({"id": "o", "base": "saturating-m2-n", "ceiling": {"on": True}})
    assert names(other.law) & {"tokens", "tokens_ref"} == set()
    assert "tokens" in load_model(base).inputs


@pytest.mark.parametrize(
    ("said", "message"),
    [
        ({"on": "yes"}, "on must be true or false"),
        ({"floor": "E_9"}, "[ceiling] floor: unknown name 'E_9'; did you mean"),
        ({"floor": [1]}, "[ceiling] floor is a number or a formula in quotes, got [1]"),
        ({"value": "log("}, "log("),
        ({"value": "speed"}, "[ceiling] value: unknown name 'speed'"),
        ({"vocabulary": "many"}, "vocabulary must be a number"),
        ({"vocabulary": 9, "value": 3}, "leave out one"),
        ({"level": "z"}, "[ceiling] level 'z' is not a parameter"),
        ({"depth": 3}, "[ceiling] unknown key 'depth'"),
    ],
)
def test_what_is_wrong_with_it_is_said(said: dict[str, Any], message: str) -> None:
    with pytest.raises(InputError) as caught:
        load_model({**DEFINITION, "ceiling": {"on": True, **said}})
    assert message in str(caught.value)


def test_a_saturation_with_a_prior_and_a_known_level_is_refused() -> None:
    prior = {"prior": {"dist": "Beta", "alpha": 1.0, "beta": 1.0}}
    with pytest.raises(InputError, match="the level is known"):
        load_model({**DEFINITION, "ceiling": {"on": True, "value": 3, "saturation": prior}})
    model = load_model({**DEFINITION, "ceiling": {"on": True, "saturation": prior}})
    assert "saturation" not in {i.name for i in model.with_features(ceiling=3.0).parameters}


@pytest.mark.parametrize("level", [float("nan"), [1], "log("])
def test_a_switch_that_is_none_is_refused(level: Any) -> None:
    with pytest.raises(InputError):
        load_model("chinchilla").with_features(ceiling=level)


@pytest.mark.parametrize(
    ("text", "ceiling"),
    [("on", True), ("off", False), ("3.33", 3.33), ("log(50257)", "log(50257)")],
)
def test_a_ceiling_is_switched_on_the_command_line(text: str, ceiling: bool | float | str) -> None:
    found = chosen_models(["coupled", "chinchilla"], ceiling=text)
    assert found == [
        load_model(n).with_features(ceiling=ceiling) for n in ("coupled", "chinchilla")
    ]
    with pytest.raises(InputError, match="--ceiling"):
        chosen_models(None, ceiling=text)
