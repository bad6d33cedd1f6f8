"""Features of any law as they are written: definitions that survive, hashes, errors, words."""

from __future__ import annotations

import dataclasses
import inspect
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws import Model, load_model
from bayes_scaling.laws.features import FEATURES, OFF
from bayes_scaling.laws.transient import EXCESS
from bayes_scaling.laws.variants import features_in_words, tempering_in_words
from tests.laws.tables import OWN, PRIOR

SWITCHES: dict[str, dict[str, Any]] = {
    "drift": {"drift": True},
    "transient": {"transient": True},
    "tempered": {"temper": 0.5},
    "all three": {"drift": True, "transient": True, "temper": 1.0},
}


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
        0.25,
        ("tokens",),
        ("flops",),
    )
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
            "drift",
            "transient",
            "tempering",
        ]
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
        "drift",
        "transient",
        "temper",
    ]
    lengths: tuple[Any, ...] = (np.inf, np.nan, True, "half")
    for bad in lengths:
        with pytest.raises(InputError, match="temper is a length"):
            load_model("chinchilla").with_features(temper=bad)


def test_the_catalogue_of_features_is_the_switches_of_a_model() -> None:
    fields = {item.name for item in dataclasses.fields(Model) if item.default == OFF}
    switches = list(inspect.signature(Model.with_features).parameters)
    assert set(FEATURES) == fields
    assert switches == ["self", *FEATURES, "temper", "id"]
    names = [item.name for entry in FEATURES.values() for item in entry.parameters]
    assert len(names) == len(set(names))


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
