"""Features of any law: what they do to its formula, its parameters, its weights, its definition."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws import list_models, load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.features import DECAY, EXCESS, LEAST_WEIGHT, row_weights
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.variants import features_in_words, tempering_in_words
from bayes_scaling.runs import RunTable
from tests.laws.tables import table

PRIOR = {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}
OWN: dict[str, Any] = {
    "id": "own",
    "formula": "E + a * (tokens / tokens_ref)**-g",
    "parameters": {name: {"prior": PRIOR} for name in ("E", "a", "g")},
}
SWITCHES: dict[str, dict[str, Any]] = {
    "drift": {"drift": True},
    "transient": {"transient": True},
    "tempered": {"temper": 0.5},
    "all three": {"drift": True, "transient": True, "temper": 1.0},
}


def point(model: Model) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {item.name: item.prior.sample(5, rng)[:, None] for item in model.parameters}


def sampled(model: Model) -> list[str]:
    return [item.name for item in model.parameters]


# ---- the transient -------------------------------------------------------------------------------


def test_a_transient_lifts_small_runs_by_an_excess_that_falls_with_scale() -> None:
    plain = load_model(OWN)
    model = plain.with_features(transient=True)
    design = make_design(model, table())
    values = point(model)
    tokens = design.inputs["tokens"]
    assert design.references["scale_low"] == pytest.approx(tokens.min())
    excess = values["excess"] * (tokens / tokens.min()) ** -values["decay"]
    wanted = plain.predict(values, design.inputs, design.references) * np.exp(excess)
    found = model.predict(values, design.inputs, design.references)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)
    assert (found > plain.predict(values, design.inputs, design.references)).all()


@pytest.mark.parametrize("name", ["chinchilla", "coupled", "saturating-m2", "kaplan-n"])
def test_the_level_of_a_law_is_what_runs_of_the_reference_size_show(name: str) -> None:
    """At the reference size the loss is that without transient, and beyond it the excess is gone.

    The reference size of the inputs together is the reference scale.
    """
    plain = load_model(name)
    model = plain.with_features(transient=True)
    runs = table()
    design = make_design(model, runs)
    values, references = point(model), design.references
    at_reference = {key: np.array(references[f"{key}_ref"]) for key in model.inputs}
    scale = np.prod([references[f"{key}_ref"] for key in model.inputs])
    assert references["scale_ref"] == pytest.approx(scale)
    np.testing.assert_allclose(
        model.predict(values, at_reference, references),
        plain.predict(values, at_reference, references),
        rtol=1e-10,
    )
    ratio = references["scale_ref"] / references["scale_low"]
    shown = values["excess"] * ratio ** -values["decay"]
    far = {key: 1e200 ** (1 / len(model.inputs)) * value for key, value in at_reference.items()}
    np.testing.assert_allclose(
        model.predict(values, far, references),
        np.exp(-shown) * plain.predict(values, far, references),
        rtol=1e-6,
    )


def test_the_published_quantities_are_those_of_the_settled_law() -> None:
    """Derived under a transient, E is what the loss falls to, not what small runs suggest."""
    model = load_model("saturating-m2").with_features(transient=True)
    design = make_design(model, table())
    values = point(model)
    derived = model.derive(values, design.references)
    values["alpha"] = np.full_like(values["alpha"], 2.0)
    endless = model.predict(values, {"tokens": np.array(1e300)}, design.references)
    np.testing.assert_allclose(derived["E"], endless, rtol=1e-9)


def test_a_transient_may_be_one_in_steps() -> None:
    definition = {**OWN, "transient": {"on": True, "inputs": ["steps"]}}
    model = load_model(definition)
    assert model.inputs == ("steps", "tokens")
    runs = RunTable.from_columns({**table().columns, "steps": np.linspace(100, 1200, 12)})
    design = make_design(model, runs)
    assert design.references["scale_low"] == pytest.approx(100)
    values = point(model)
    excess = values["excess"] * (runs["steps"] / 100) ** -values["decay"]
    plain = load_model(OWN).predict(values, design.inputs, design.references)
    found = model.predict(values, design.inputs, design.references)
    np.testing.assert_allclose(found, plain * np.exp(excess), rtol=1e-12)


# ---- parameters ----------------------------------------------------------------------------------


@pytest.mark.parametrize("model", list_models(), ids=lambda model: str(model.id))
def test_features_bring_their_parameters_and_take_them_away(model: Model) -> None:
    bare = model.with_features(drift=False, transient=False, temper=0)
    assert not set(sampled(bare)) & {"tau", "excess", "decay"}
    assert (bare.drifting, bare.features, bare.temper) == ((), (), None)
    full = bare.with_features(drift=True, transient=True, temper=1.0)
    assert set(sampled(full)) == {*sampled(bare), "tau", "excess", "decay"}
    assert full.drifting
    assert full.with_features(drift=False, transient=False, temper=0) == bare
    assert full.with_features() == full


def test_each_feature_has_its_own_parameters() -> None:
    plain = load_model("chinchilla")
    own = set(sampled(plain))
    assert set(sampled(plain.with_features(drift=True))) == own | {"tau"}
    assert set(sampled(plain.with_features(transient=True))) == own | {"excess", "decay"}
    assert set(sampled(plain.with_features(temper=0.5))) == own


def test_a_prior_of_a_feature_is_kept_through_other_switches() -> None:
    prior = {"dist": "HalfNormal", "sigma": 0.01}
    model = load_model({**OWN, "drift": {"on": True, "tau": {"prior": prior}}})
    assert model.parameter("tau").prior.to_dict() == prior
    switched = model.with_features(transient=True, temper=0.3)
    assert switched.parameter("tau").prior.to_dict() == prior
    changed = switched.with_priors({"excess": prior})
    assert changed.parameter("excess").prior.to_dict() == prior
    assert changed.parameter("decay").prior == DECAY.prior
    assert switched.parameter("excess").prior == EXCESS.prior


def test_a_law_built_on_another_has_its_features_unless_it_switches_them() -> None:
    base = load_model("coupled-drift")
    same = load_model({"id": "same", "title": "as the base", "base": "coupled-drift"})
    assert same.drifting == base.drifting == ("params", "tokens")
    assert same.transient == base.transient
    off = load_model({"id": "off", "title": "x", "base": "coupled-drift", "drift": {"on": False}})
    assert off.drifting == ()
    assert "tau" not in sampled(off)
    assert off.transient.on


# ---- tempering -----------------------------------------------------------------------------------


def test_weights_are_one_for_the_largest_run_of_each_group_and_never_tiny() -> None:
    rng = np.random.default_rng(0)
    scale, group = rng.uniform(0, 12, 60), np.arange(60) % 3
    for length in (0.05, 0.5, 5.0):
        weights = row_weights(scale, group, length)
        assert ((weights >= LEAST_WEIGHT) & (weights <= 1)).all()
        for label in range(3):
            own = group == label
            order = np.argsort(scale[own])
            assert weights[own][order][-1] == 1.0
            assert (np.diff(weights[own][order]) >= 0).all()
            floor = np.exp(-1 / length)
            assert weights[own].min() == pytest.approx(max(LEAST_WEIGHT, floor))


def test_a_weight_falls_by_e_over_the_length() -> None:
    scale = np.linspace(0, 10, 11)
    found = row_weights(scale, np.zeros(11, np.int64), 0.5)
    np.testing.assert_allclose(found, np.exp(-(10 - scale) / 5))


def test_runs_of_one_scale_weigh_the_same() -> None:
    np.testing.assert_array_equal(row_weights(np.full(4, 3.0), np.zeros(4, np.int64), 0.5), 1.0)


def test_the_scale_of_a_run_is_its_compute() -> None:
    model = load_model("chinchilla").with_features(temper=0.7)
    runs = table(3)
    design = make_design(model, runs)
    compute = np.log(runs["params"] * runs["tokens"])
    np.testing.assert_allclose(design.weights, row_weights(compute, design.group, 0.7))
    assert (make_design(load_model("chinchilla"), runs).weights == 1).all()


# ---- definitions ---------------------------------------------------------------------------------


@pytest.mark.parametrize("switched", SWITCHES)
@pytest.mark.parametrize("name", ["chinchilla", "kaplan-nd", "saturating-m2-c", "coupled-drift"])
def test_a_variant_survives_its_own_definition(name: str, switched: str) -> None:
    model = load_model(name).with_features(**SWITCHES[switched], id="variant")
    again = load_model(model.to_dict())
    assert again.to_dict() == model.to_dict()
    assert again.content_hash == model.content_hash
    for attribute in ("id", "drift", "transient", "temper", "form_error", "drifting", "inputs"):
        assert getattr(again, attribute) == getattr(model, attribute)
    for item in model.parameters:
        assert again.parameter(item.name) == item


def test_what_a_user_overrides_survives_too() -> None:
    definition = {
        **OWN,
        "extra_inputs": ["epochs"],
        "formula": "E + a * (tokens / tokens_ref)**-g * epochs",
        "drift": {"on": True, "inputs": ["tokens"], "tau": {"prior": PRIOR}},
        "transient": {"on": True, "inputs": ["flops"], "level": "a", "decay": {"prior": PRIOR}},
        "noise": {"temper": 0.25, "family": "normal"},
        "form_error": {"dist": "Normal", "mu": 0.0, "sigma": 0.01},
    }
    model = load_model(definition)
    again = load_model(model.to_dict())
    assert again.to_dict() == model.to_dict()
    assert (again.temper, again.drift.inputs, again.transient.inputs) == (
        0.25, ("tokens",), ("flops",),
    )  # fmt: skip
    assert again.transient.level == "a"
    assert again.parameter("decay").prior.to_dict() == PRIOR
    assert again.form_error is not None


def test_every_switch_and_override_changes_the_hash() -> None:
    plain = load_model("coupled")
    variants = [plain.with_features(**switch) for switch in SWITCHES.values()]
    full = variants[-1]
    variants += [
        plain,
        full.with_features(temper=0.9),
        full.with_priors({"tau": PRIOR}),
        full.with_priors({"decay": PRIOR}),
        replace(full, drift=replace(full.drift, inputs=("tokens",))),
        replace(full, transient=replace(full.transient, inputs=("tokens",))),
        replace(full, form_error=EXCESS.prior),
    ]
    assert len({model.content_hash for model in variants}) == len(variants)
    assert plain.with_features(temper=0).content_hash == plain.content_hash


# ---- errors --------------------------------------------------------------------------------------


def test_every_bad_switch_of_a_definition_is_named_at_once() -> None:
    definition = {
        **OWN,
        "noise": {"temper": -1},
        "drift": {"on": "yes", "inputs": "tokens", "speed": 3},
        "transient": {"on": 1, "inputs": [4]},
    }
    with pytest.raises(InputError) as caught:
        load_model(definition)
    found = "\n".join(caught.value.problems)
    assert len(caught.value.problems) == 6
    for text in (
        "temper must be a length above 0, or 0; got -1",
        "[drift] on must be true or false, got 'yes'",
        "[drift] inputs must be a list of columns, got 'tokens'",
        "[drift] unknown key 'speed'; allowed are on, inputs, tau",
        "[transient] on must be true or false, got 1",
        "[transient] inputs must be a list of columns, got [4]",
    ):
        assert text in found


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({"drift": {"on": True, "inputs": ["params"]}}, ["[drift] 'params' is not an input"]),
        ({"transient": {"inputs": ["speed"]}}, ["[transient] 'speed' is not a column"]),
        ({"transient": {"level": "z"}}, ["[transient] level 'z' is not a parameter"]),
        ({"noise": {"temper": "long"}}, ["got 'long'"]),
        ({"noise": {"temper": float("nan")}}, ["got nan"]),
        ({"noise": {"temper": True}}, ["got True"]),
        ({"drift": {"tau": {"prior": PRIOR}}}, ["[drift] tau has a prior and drift is off"]),
        (
            {
                "formula": "E + tau * (tokens / tokens_ref)**-decay",
                "parameters": {name: {"prior": PRIOR} for name in ("E", "tau", "decay")},
            },
            [
                "[parameters.tau] has the name of a parameter of [drift]; rename it",
                "[parameters.decay] has the name of a parameter of [transient]; rename it",
            ],
        ),
        ({"form_error": {"dist": "Normal", "mu": 0.0}}, ["form_error", "sigma"]),
    ],
)
def test_features_that_do_not_fit_the_law_are_named(
    change: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        load_model({**OWN, **change})
    for message in messages:
        assert message in str(caught.value)


NO_SIZES: dict[str, Any] = {
    "id": "sizeless",
    "formula": "a * exp(g * curriculum)",
    "extra_inputs": ["curriculum"],
    "parameters": {name: {"prior": PRIOR} for name in ("a", "g")},
}


def test_a_law_without_sizes_has_nothing_for_features_to_act_on() -> None:
    switches = {"drift": {"on": True}, "transient": {"on": True}, "noise": {"temper": 0.5}}
    with pytest.raises(InputError) as read:
        load_model({**NO_SIZES, **switches})
    with pytest.raises(InputError) as switched:
        load_model(NO_SIZES).with_features(drift=True, transient=True, temper=0.5)
    for caught in (read, switched):
        assert [problem.split()[0] for problem in caught.value.problems] == [
            "drift", "transient", "tempering",
        ]  # fmt: skip
        assert "sizeless reads none of params, tokens, steps, flops" in str(caught.value)


def test_a_tuned_input_cannot_drift() -> None:
    definition = {
        **load_model("chinchilla-lr").to_dict(),
        "drift": {"on": True, "inputs": ["params", "learning_rate"]},
    }
    with pytest.raises(InputError, match="'learning_rate' has a tuned value"):
        load_model(definition)


def test_every_bad_argument_of_a_variant_is_named_at_once() -> None:
    given: dict[str, Any] = {"drift": "on", "transient": 1, "temper": -0.5}
    with pytest.raises(InputError) as caught:
        load_model("chinchilla").with_features(**given)
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "drift", "transient", "temper",
    ]  # fmt: skip
    lengths: tuple[Any, ...] = (np.inf, np.nan, True, "half")
    for bad in lengths:
        with pytest.raises(InputError, match="temper is a length"):
            load_model("chinchilla").with_features(temper=bad)


# ---- in words ------------------------------------------------------------------------------------


def test_features_in_words() -> None:
    plain = load_model("chinchilla")
    assert features_in_words(plain) == ""
    said = features_in_words(plain.with_features(drift=True, transient=True, temper=0.5))
    assert said == (
        "exponents of params and tokens drift with scale; a transient in params x tokens; "
        "tempered (length 0.5)"
    )
    assert "error of the form Normal(" in features_in_words(load_model("coupled-drift"))


def test_tempered_models_are_named_in_one_line() -> None:
    plain = load_model("chinchilla")
    assert tempering_in_words([plain]) == ""
    said = tempering_in_words([plain, *(plain.with_features(temper=x, id=f"t{x}") for x in (1, 2))])
    assert said == (
        "tempered posterior, not a plain one; the largest runs weigh most: "
        "t1 (length 1), t2 (length 2)"
    )
