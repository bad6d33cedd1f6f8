"""Features of any law: what they do to its formula, its parameters and its weights."""

from __future__ import annotations

import numpy as np
import pytest

from bayes_scaling.laws import list_models, load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.features import LEAST_WEIGHT, SIZES, row_weights
from bayes_scaling.laws.model import Model
from bayes_scaling.laws.transient import DECAY, EXCESS
from bayes_scaling.runs import RunTable
from tests.laws.tables import OWN, table


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


LAWS = [model for model in list_models() if model.kind == "law" and {*model.inputs} & {*SIZES}]


@pytest.mark.parametrize("model", LAWS, ids=lambda model: str(model.id))
def test_features_bring_their_parameters_and_take_them_away(model: Model) -> None:
    bare = model.with_features(drift=False, transient=False, ceiling=False, temper=0)
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


def test_a_number_of_numpy_is_a_number() -> None:
    model = load_model("chinchilla")
    for value in (np.int64(1), np.float32(1.0)):
        assert model.with_features(temper=value) == model.with_features(temper=1.0)  # type: ignore[arg-type]


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
