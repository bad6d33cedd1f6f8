"""Saturation against closed forms, for laws made by hand and for fits."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError, UnconvergedError
from bayes_scaling.questions import Answer
from tests.synthetic import PLAIN, UNCONVERGED, changed, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(PLAIN)
TOKENS = 2e10
DROPOUT = {
    "id": "own",
    "formula": "a * (tokens / tokens_ref)**-alpha * exp(h * dropout)",
    "extra_inputs": ["dropout"],
    "parameters": {
        name: {"prior": {"dist": "LogNormal", "mu": -1.0, "sigma": 1.0}}
        for name in ("a", "alpha", "h")
    },
}
"""A law of a user in tokens and one more input."""


def closed_form(gain: float, tokens: float) -> Any:
    """Params where E + B / D^beta + A / N^alpha loses a share by doubling, draw by draw."""
    flat = FIT.flat
    floor = flat["E"] + flat["B"] / tokens ** flat["beta"]
    lost = flat["A"] * (1 - 2 ** -flat["alpha"] - gain)
    return (lost / (gain * floor)) ** (1 / flat["alpha"])


def test_the_size_is_that_of_the_closed_form_in_every_draw() -> None:
    found = FIT.saturation(0.02, tokens=[TOKENS, 1e12])
    for case, tokens in enumerate((TOKENS, 1e12)):
        wanted = closed_form(0.02, tokens)
        np.testing.assert_allclose(found.draws["params"][:, case], wanted, rtol=1e-8)
    np.testing.assert_allclose(found.draws["flops"], 6 * found.draws["params"] * [TOKENS, 1e12])
    row = found.rows()[0]
    median, low, high = np.quantile(closed_form(0.02, TOKENS), [0.5, 0.05, 0.95])
    told = [row["params"], row["params_lower"], row["params_upper"]]
    assert told == pytest.approx([median, low, high], rel=1e-7)
    assert (row["tokens"], row["gain"], row["never"]) == (TOKENS, 0.02, 0.0)


def test_the_loss_there_is_that_of_a_forecast() -> None:
    found = FIT.saturation(0.02, tokens=TOKENS)
    draw = 7
    there = {"params": float(found.draws["params"][draw, 0]), "tokens": TOKENS}
    forecast = FIT.forecast(there).noise_free[draw, 0]
    assert found.draws["loss"][draw, 0] == pytest.approx(forecast)


def test_tokens_are_found_for_params() -> None:
    found = FIT.saturation(0.01, params=1e9)
    tokens = found.draws["tokens"][:, 0]
    flat = {name: values[:, None] for name, values in FIT.flat.items()}
    sizes = np.stack([tokens, 2 * tokens], axis=1)
    loss = flat["E"] + flat["A"] / 1e9 ** flat["alpha"] + flat["B"] / sizes ** flat["beta"]
    np.testing.assert_allclose(1 - loss[:, 1] / loss[:, 0], 0.01, rtol=1e-6)


def test_a_pure_power_pays_for_ever_or_not_at_all() -> None:
    fit = synthetic_fit("kaplan-n", spread=0.3)
    alpha = fit.flat["alpha_N"]
    found = fit.saturation(0.05)
    never = 1 - 2**-alpha >= 0.05
    assert 0.2 < never.mean() < 0.9
    np.testing.assert_array_equal(found.flags["never"][:, 0], never)
    np.testing.assert_array_equal(np.isinf(found.draws["params"][:, 0]), never)
    np.testing.assert_array_equal(found.draws["params"][~never, 0], 1.0)
    row = found.rows()[0]
    assert row["never"] == pytest.approx(never.mean())
    assert row["params_upper"] == np.inf
    assert "efolds_params" not in row  # no median that could lie anywhere
    assert fit.saturation(0.9).rows()[0]["params_upper"] == 1.0


def test_a_law_with_drift_and_a_transient_has_a_last_doubling_that_pays() -> None:
    fit = synthetic_fit("coupled-drift", draws=50)
    found = fit.saturation(0.02, tokens=TOKENS)
    params = found.draws["params"][:, 0]
    assert np.isfinite(params).all()
    for factor, pays in ((0.97, True), (1.03, False)):
        near = fit.predict(
            {"params": factor * np.stack([params, 2 * params], axis=1), "tokens": np.array(TOKENS)},
            group=np.array(0),
        )
        assert np.mean((1 - near[:, 1] / near[:, 0] > 0.02) == pays) > 0.99


def test_an_average_mixes_its_members_draw_by_draw() -> None:
    ensemble = synthetic_ensemble(weights={"chinchilla": 3, "coupled": 1})
    found = ensemble.saturation(0.02, tokens=TOKENS)
    parts = [ensemble.alone(name).saturation(0.02, tokens=TOKENS) for name in ensemble.members]
    wanted = [part.draws["params"][rows] for part, rows in zip(parts, ensemble.rows, strict=True)]
    np.testing.assert_array_equal(found.draws["params"], np.concatenate(wanted))
    assert found.members == ("chinchilla", "coupled")
    first, second = found.member_rows()
    assert (first["member"], first["weight"]) == ("chinchilla", 0.75)
    assert second["params"] == pytest.approx(np.median(wanted[1]))
    assert list(found.by_member["member"]) == ["chinchilla", "coupled"]


def test_groups_are_asked_for_by_name() -> None:
    fit = synthetic_fit(families=("code", "web"))
    with pytest.raises(InputError, match="say which family, one of code, web"):
        fit.saturation(tokens=TOKENS)
    found = {name: fit.saturation(tokens=TOKENS, family=name) for name in ("code", "web")}
    assert found["web"].rows()[0]["family"] == "web"
    assert found["web"].rows()[0]["params"] != found["code"].rows()[0]["params"]


def test_other_inputs_are_given_by_name() -> None:
    fit = synthetic_fit(DROPOUT, extra={"dropout": 0.1})
    with pytest.raises(InputError, match="needs 'dropout', which has no tuned value"):
        fit.saturation()
    assert isinstance(fit.saturation(inputs={"dropout": 0.1}), Answer)
    with pytest.raises(InputError, match="did you mean 'dropout'"):
        fit.saturation(inputs={"dropuot": 0.1, "dropout": 0.1})


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        ({}, "trades params and tokens: give one of them"),
        ({"params": 1e9, "tokens": 1e9}, "trades params and tokens: give one of them"),
        ({"params": -1e9}, "params must be above 0"),
        ({"params": "many"}, "params must be a number"),
        ({"params": 1e9, "gain": 2}, "gain must be a share"),
        ({"params": 1e9, "gain": 0}, "gain must be a share"),
        ({"params": 1e9, "probability": 90}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_asked_is_said(asked: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        FIT.saturation(**asked)


def test_a_law_of_one_size_takes_none() -> None:
    with pytest.raises(InputError, match="reads only params, which is what is found"):
        synthetic_fit("kaplan-n").saturation(params=1e9)


def test_an_unconverged_fit_is_asked_only_knowingly() -> None:
    fit = changed(FIT, checks=UNCONVERGED)
    with pytest.raises(UnconvergedError):
        fit.saturation(tokens=TOKENS)
    assert fit.accept_unconverged().saturation(tokens=TOKENS).rows()


def test_a_published_law_answers_with_one_number() -> None:
    found = bs.published("kaplan-2020-nd").saturation(0.02, tokens=2.1e7)
    (row,) = found.rows()
    assert set(row) == {"tokens", "gain", "params", "flops", "loss", "never"}
    assert row["never"] is False
    assert found.is_point
