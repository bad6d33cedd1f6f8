"""Laws of shapes and settings: valleys on any law, and one that names its column."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.catalogue import catalogue_hash
from bayes_scaling.laws.density import draw_prior

REFERENCES = {
    "params_ref": 1e8, "tokens_ref": 2e9, "width_ref": 512.0, "heads_ref": 8.0, "d_ff_ref": 2048.0,
}  # fmt: skip
SIZES = {"params": np.array([3e8]), "tokens": np.array([9e9])}


@pytest.mark.parametrize("law", ["coupled", "kaplan-nd", "farseer"])
def test_the_best_shape_of_any_law_of_params_is_at_the_bottom_and_has_its_params(law: str) -> None:
    model, below = load_model(f"{law}+aspect"), load_model(law)
    draws = draw_prior(model, (5,), np.random.default_rng(1))
    bottom = model.predict(draws, SIZES, REFERENCES)
    np.testing.assert_allclose(bottom, below.predict(draws, SIZES, REFERENCES))
    best = model.tuned_values(draws, SIZES, REFERENCES)
    np.testing.assert_allclose(12 * best["depth"] * best["width"] ** 2, SIZES["params"][0])
    aspect = draws["aspect_best"] * 3 ** draws["slope_A"]
    np.testing.assert_allclose(best["width"] / best["depth"], aspect)
    for factor in (0.3, 3.0):
        other = {**SIZES, "depth": best["depth"], "width": factor * best["width"]}
        assert (model.predict(draws, other, REFERENCES) > bottom).all()


def test_heads_and_feed_forward_stand_on_a_shape_and_follow_the_width() -> None:
    model = load_model("coupled+aspect+heads-ffn")
    draws = draw_prior(model, (5,), np.random.default_rng(1))
    shape = {"width": np.array([1024.0]), "depth": np.array([16.0])}
    free = model.predict(draws, {**SIZES, **shape}, REFERENCES)
    same = load_model("coupled+aspect").predict(draws, {**SIZES, **shape}, REFERENCES)
    np.testing.assert_allclose(free, same)
    fewer = {**SIZES, **shape, "heads": np.array([8.0])}
    found = model.predict(draws, fewer, REFERENCES) / same
    np.testing.assert_allclose(found, 2.0 ** draws["t_H"])


def test_a_valley_in_any_setting_names_its_column() -> None:
    model = load_model("coupled+valley:weight_decay")
    assert model.inputs == ("params", "tokens", "weight_decay")
    assert [line.name for line in model.tuned] == ["weight_decay"]
    assert load_model(model.to_dict()).content_hash == model.content_hash
    assert catalogue_hash("coupled+valley:weight_decay") == model.content_hash
    draws = draw_prior(model, (5,), np.random.default_rng(1))
    best = model.tuned_values(draws, SIZES, REFERENCES)["weight_decay"]
    bottom = model.predict(draws, SIZES, REFERENCES)
    assert (model.predict(draws, {**SIZES, "weight_decay": 5 * best}, REFERENCES) > bottom).all()


def test_two_valleys_stand_on_one_law() -> None:
    model = load_model("coupled+lr-valley+valley:warmup_share")
    assert model.inputs == ("learning_rate", "params", "tokens", "warmup_share")


def test_a_time_over_which_weights_decay_gives_the_weight_decay() -> None:
    model = load_model("coupled+timescale-valley")
    draws = draw_prior(model, (5,), np.random.default_rng(1))
    given = {**SIZES, "batch_size": np.array([5e5]), "learning_rate": np.array([1e-3])}
    decay = model.tuned_values(draws, given, REFERENCES)["weight_decay"]
    tau = 5e5 / (1e-3 * decay * SIZES["tokens"])
    best = draws["setting_best"] * 3 ** draws["x_N"] * 4.5 ** draws["x_D"]
    np.testing.assert_allclose(tau, best)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("coupled:width", "a column is named for a law with one input of its own"),
        ("valey:width", "did you mean 'valley'"),
    ],
)
def test_a_column_that_cannot_be_named_is_said(name: str, pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        load_model(name)


def test_published_constants_of_kaplan_answer_the_critical_batch() -> None:
    law = bs.published("kaplan-2020-ns")
    found = law.query("critical-batch", {"loss_reached": 2.5}).draws["batch_size"]
    assert float(found[0, 0]) == pytest.approx(2e8 / 2.5 ** (1 / 0.21))
    steps = law.query(
        "batch-tradeoff", {"loss_reached": 2.5, "params": 1e9, "batch_size": float(found[0, 0])}
    ).draws
    np.testing.assert_allclose(steps["steps"], 2 * steps["steps_min"])
    with pytest.raises(InputError, match="asks kaplan-ns-batch, and the law here is kaplan-nd"):
        bs.published("kaplan-2020-nd").query("critical-batch", {"loss_reached": 2.5})


def test_fine_grained_experts_are_what_their_paper_prints() -> None:
    law = bs.published("krajewski-2024")
    found = law.loss({"params": 4e9, "tokens": 4e9, "granularity": 8.0})
    wanted = 0.47 + (2.1 / 8**0.58 + 18.1) / 4e9**0.115 + 30.8 / 4e9**0.147
    assert float(found) == pytest.approx(wanted)
