"""What models predict, what variants they have, and what definitions may say."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.laws.model import Model
from tests.laws.tables import table


def prior_point(model: Model, n: int = 5) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {item.name: item.prior.sample(n, rng) for item in model.parameters}


HAND: dict[str, Callable[..., Any]] = {
    "chinchilla": lambda p, n, d, c, lr, r: p["c"] * (share(p) + (1 - share(p)) * (
        p["m"] * (n / r["params_ref"]) ** -p["alpha"]
        + (1 - p["m"]) * (d / r["tokens_ref"]) ** -p["beta"])),
    "kaplan-n": lambda p, n, d, c, lr, r: p["a"] * (n / r["params_ref"]) ** -p["alpha_N"],
    "kaplan-d": lambda p, n, d, c, lr, r: p["b"] * (d / r["tokens_ref"]) ** -p["alpha_D"],
    "kaplan-c": lambda p, n, d, c, lr, r: p["c"] * (c / r["flops_ref"]) ** -p["alpha_C"],
    "kaplan-nd": lambda p, n, d, c, lr, r: (
        (p["a"] * (n / r["params_ref"]) ** -p["alpha_N"]) ** (1 / p["alpha_D"])
        + (p["a"] * p["r"]) ** (1 / p["alpha_D"]) * r["tokens_ref"] / d
    ) ** p["alpha_D"],
    "coupled": lambda p, n, d, c, lr, r: p["c"] * (share(p) + (1 - share(p)) * (
        p["m"] * (n / r["params_ref"]) ** (-p["alpha"] / p["k"])
        + (1 - p["m"]) * (d / r["tokens_ref"]) ** (-p["beta"] / p["k"])) ** p["k"]),
    "chinchilla-lr": lambda p, n, d, c, lr, r: HAND["chinchilla"](p, n, d, c, lr, r)
    * valley(p, n, d, lr, r),
}  # fmt: skip
REFERENCES = {"params_ref": 3e8, "tokens_ref": 5e9, "flops_ref": 9e18}


def share(p: Any) -> Any:
    """The irreducible share of the loss at the reference; it reads no size."""
    odds = np.exp(p["f_shift"])
    return odds / (1 + odds)


def valley(p: Any, n: float, d: float, lr: float, r: Any) -> Any:
    best = p["lr_best"] * (n / r["params_ref"]) ** p["s_N"] * (d / r["tokens_ref"]) ** p["s_D"]
    flank = np.sqrt(p["flank"] ** 2 + np.log(lr / best) ** 2) - p["flank"]
    return np.exp(p["h"] * p["flank"] * flank)


@pytest.mark.parametrize("name", sorted(HAND))
def test_prediction_equals_a_hand_computation(name: str) -> None:
    model = load_model(name)
    point = prior_point(model)
    for n, d, lr in ((2e8, 4e9, 1e-3), (7e10, 1.4e12, 2e-4), (1e6, 3e10, 1e-2)):
        inputs: dict[str, Any] = {"params": n, "tokens": d, "flops": 6 * n * d, "learning_rate": lr}
        found = model.predict(point, inputs, REFERENCES)
        wanted = HAND[name](point, n, d, 6 * n * d, lr, REFERENCES)
        np.testing.assert_allclose(found, wanted, rtol=1e-10)


@pytest.mark.parametrize(
    "name", ["chinchilla", "coupled", "kaplan-n", "kaplan-d", "kaplan-c", "kaplan-nd"]
)
def test_inverse_of_a_derived_quantity_gives_the_parameter_back(name: str) -> None:
    model = load_model(name)
    point = prior_point(model)
    derived = model.derive(point, REFERENCES)
    for line in model.derived:
        for parameter, node in line.inverse:
            from bayes_scaling.formula.nodes import evaluate

            back = evaluate(node, {**REFERENCES, **point, **derived})
            np.testing.assert_allclose(back, point[parameter], rtol=1e-9)


def test_published_constants_give_the_published_loss() -> None:
    """Kaplan's L(N, D) at one point, from N_c and D_c as printed in table 2."""
    model = load_model("kaplan-nd")
    alpha_n, alpha_d, n_c, d_c, n, d = 0.076, 0.103, 6.4e13, 1.8e13, 1.5e9, 2.2e10
    a, b = (n_c / REFERENCES["params_ref"]) ** alpha_n, (d_c / REFERENCES["tokens_ref"]) ** alpha_d
    point = {"alpha_N": alpha_n, "alpha_D": alpha_d, "a": a, "r": b / a}
    sizes: dict[str, Any] = {"params": n, "tokens": d}
    wanted = ((n_c / n) ** (alpha_n / alpha_d) + d_c / d) ** alpha_d
    found = model.predict(point, sizes, REFERENCES)
    assert found == pytest.approx(wanted, rel=1e-12)
    assert model.derive(point, REFERENCES)["N_c"] == pytest.approx(n_c)


def test_a_prior_on_n_c_replaces_the_term_at_the_reference() -> None:
    prior = {"dist": "LogNormal", "mu": 32.0, "sigma": 2.0}
    model = load_model("kaplan-nd").with_priors({"N_c": prior})
    names = [item.name for item in model.parameters]
    assert "N_c" in names
    assert "a" not in names
    point = prior_point(model)
    derived = model.derive(point, REFERENCES)
    sizes: dict[str, Any] = {"params": 1e9, "tokens": 1e10}
    plain = load_model("kaplan-nd")
    wanted = plain.predict({**point, "a": derived["a"]}, sizes, REFERENCES)
    found = model.predict(point, sizes, REFERENCES)
    np.testing.assert_allclose(found, wanted, rtol=1e-12)


def test_with_priors_changes_the_hash_and_names_every_unknown() -> None:
    model = load_model("chinchilla")
    prior = {"dist": "LogNormal", "mu": -1.0, "sigma": 0.3}
    changed = model.with_priors({"alpha": prior})
    assert changed.parameter("alpha").prior.to_dict() == prior
    assert changed.content_hash != model.content_hash
    with pytest.raises(InputError) as caught:
        model.with_priors({"gamma": prior, "delta": prior})
    assert "'gamma'" in str(caught.value)
    assert "'delta'" in str(caught.value)


def test_pooled_by_needs_the_column() -> None:
    model = load_model("chinchilla").pooled_by("corpus")
    with pytest.raises(InputError, match="corpus"):
        make_design(model, table())


def test_base_is_written_out() -> None:
    model = load_model("chinchilla-lr")
    assert model.base == "chinchilla+lr-valley"
    assert {"c", "alpha", "s_N"} <= {item.name for item in model.parameters}
    assert model.sizes == ("params", "tokens")


def test_tuned_learning_rate_is_the_bottom_of_the_valley() -> None:
    model = load_model("chinchilla-lr")
    point = prior_point(model)
    sizes: dict[str, Any] = {"params": 4e8, "tokens": 8e9}
    best = model.tuned_values(point, sizes, REFERENCES)["learning_rate"]
    bottom = model.predict(point, sizes, REFERENCES)
    np.testing.assert_allclose(bottom, HAND["chinchilla"](point, 4e8, 8e9, 0, 0, REFERENCES))
    for factor in (0.5, 2.0):
        assert (
            model.predict(point, {**sizes, "learning_rate": factor * best}, REFERENCES) > bottom
        ).all()


GOOD: dict[str, Any] = {
    "id": "mine",
    "formula": "E + a * (tokens / tokens_ref)**-g",
    "parameters": {
        name: {"prior": {"dist": "LogNormal", "mu": 0.0, "sigma": 1.0}} for name in ("E", "a", "g")
    },
}


def test_a_users_definition_has_the_same_standing(tmp_path: Path) -> None:
    text = 'formula = "a * (tokens / tokens_ref)**-g"\n'
    for name in ("a", "g"):
        text += f'[parameters.{name}]\nprior = {{ dist = "LogNormal", mu = 0.0, sigma = 1.0 }}\n'
    path = tmp_path / "mine.toml"
    path.write_text(text)
    model = load_model(path)
    assert model.id == "mine"
    assert model.inputs == ("tokens",)
    assert load_model(str(path)) == model


@pytest.mark.parametrize(
    ("change", "messages"),
    [
        ({"formul": "x"}, ["unknown key 'formul'", "'formula'"]),
        ({"formula": "E + a * tokens**-gg"}, ["unknown name 'gg'", "[parameters.g] is never used"]),
        ({"formula": "E + a * tokens**-nu"}, ["nu is a parameter of the noise, and the law reads"]),
        ({"formula": "E + "}, ["cannot be read"]),
        ({"response": "los"}, ["'los' is not a column"]),
        ({"kind": "lore"}, ["must be one of law, rule, query; got 'lore'"]),
        ({"kind": "decision"}, ["must be one of law, rule, query; got 'decision'"]),
        ({"noise": {"family": "cauchy", "tau": {}}}, ["student_t or normal", "'tau'"]),
        ({"where": {"x": "log(tokenz)"}}, ["[where] x", "'tokens'"]),
        ({"derived": {"A": "a * widht_ref"}}, ["[derived] A"]),
        ({"tuned": {"speed": "a"}}, ["speed is not an input"]),
        ({"parameters": {"tokens": GOOD["parameters"]["a"]}}, ["rename it"]),
        ({"parameters": {"a": {"prior": {"dist": "Normal"}}, "g": {"pool": 3}}},
         ["mu", "sigma", "'prior' is missing"]),
        ({"parameters": {"a": GOOD["parameters"]["a"] | {"pool": 3}}}, ['pool is "shared"']),
        ({"base": "nothing"}, ["no model 'nothing'"]),
        ({"group": "corpus", "parameters": {
            "E": GOOD["parameters"]["E"] | {"pool": "family"},
            "a": GOOD["parameters"]["a"] | {"pool": "corpus"},
            "g": GOOD["parameters"]["g"]}}, ["pooled by 'family'", "'corpus'", "slash"]),
    ],
)  # fmt: skip
def test_every_problem_of_a_definition_is_named(
    change: dict[str, Any], messages: list[str]
) -> None:
    with pytest.raises(InputError) as caught:
        load_model({**GOOD, **change})
    for message in messages:
        assert message in str(caught.value)


def test_unknown_model_suggests_the_nearest() -> None:
    with pytest.raises(InputError, match="did you mean 'chinchilla'"):
        load_model("chinchila")


def test_a_circle_of_bases_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for one, other in (("one", "two"), ("two", "one")):
        (tmp_path / f"{one}.toml").write_text(f'base = "{other}"\nformula = "base"\n')
    monkeypatch.setattr("bayes_scaling.laws.catalogue.model_folders", lambda: (tmp_path,))
    with pytest.raises(InputError, match="circle"):
        load_model("one")
