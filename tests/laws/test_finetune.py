"""Fine-tuning as data on any law: ``chinchilla+finetune``."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.laws import load_model
from bayes_scaling.laws.density import draw_prior

REFERENCES = {"params_ref": 1e6, "finetune_tokens_ref": 1e6}


@pytest.mark.parametrize("law", ["chinchilla", "coupled", "kaplan-nd", "farseer"])
def test_transferred_data_count_as_data_of_the_law_below(law: str) -> None:
    model, below = load_model(f"{law}+finetune"), load_model(law)
    draws = draw_prior(model, (5,), np.random.default_rng(1))
    sizes = {"params": np.array([3e6]), "finetune_tokens": np.array([4e5])}
    k = model.derive(draws, REFERENCES)["k_T"]
    transferred = k * 4e5 ** draws["alpha_T"] * 3e6 ** draws["beta_T"]
    plain = {"params_ref": 1e6, "tokens_ref": 1e6}
    for pretrained, data in (
        (0.0, np.array([4e5])),
        (1.0, 4e5 * (1 - draws["ossified"]) + transferred),
    ):
        found = model.predict(draws, {**sizes, "pretrained": np.array([pretrained])}, REFERENCES)
        wanted = below.predict(draws, {"params": sizes["params"], "tokens": data}, plain)
        np.testing.assert_allclose(found, wanted)


def test_the_first_text_has_its_own_k_and_alpha_and_the_law_below_its_own_groups() -> None:
    model = load_model("chinchilla+finetune")
    assert model.group == "family/pretrained_on"
    assert model.parameter("multiple").pool.by == ("pretrained_on",)
    assert model.parameter("c").pool.by == ("family",)
    assert model.parameter("beta_T").pool.kind == "shared"


@pytest.mark.parametrize(
    ("law", "params", "data", "multiplier"),
    [
        # D_T / D_F + 1 of eq. 1.1 with the constants of the paper, computed by hand
        ("hernandez-2021-text", 1e8, 1e6, 1 + 1.9e4 * 1e6**-0.82 * 1e8**0.38),
        ("hernandez-2021-text", 4e7, 3e5, 1 + 1.9e4 * 3e5**-0.82 * 4e7**0.38),
        ("hernandez-2021-text-code", 1e8, 1e6, 1 + 2.1e5 * 1e6**-0.904 * 1e8**0.38),
    ],
)
def test_published_multipliers(law: str, params: float, data: float, multiplier: float) -> None:
    found = bs.published(law).at({"params": params, "finetune_tokens": data})
    assert 1 + found.draws["transferred_tokens"][0, 0] / data == pytest.approx(multiplier)
