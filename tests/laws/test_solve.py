"""[solve.z]: reading and writing, names, text, hoisting, and the root in PyMC."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytensor
import pytensor.tensor as pt
import pytest
from pytensor.compile.mode import Mode

from bayes_scaling.errors import InputError
from bayes_scaling.formula.nodes import Call, Name, Solve, evaluate, names, substitute, walk
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.formula.pytensor_operations import PYTENSOR
from bayes_scaling.formula.render import to_latex, to_text
from bayes_scaling.laws import load_model
from bayes_scaling.laws.build import hoist
from bayes_scaling.laws.lines import Line, read_solve, solve_to_dict
from tests.laws.tables import OWN, PRIOR, table

INTERPRETED = Mode(linker="py", optimizer=None)

ROOT = {"residual": "z + g * exp(z) - x", "lo": "min(x, 0) - g", "hi": "max(x, 0)"}
NODE = Solve("z", *(parse_formula(ROOT[key]) for key in ("residual", "lo", "hi")))

IMPLICIT: dict[str, Any] = {
    "id": "implicit",
    "formula": "E * exp(z)",
    "where": {"x": "log(tokens_ref / tokens)"},
    "solve": {"z": ROOT},
    "parameters": {name: {"prior": PRIOR} for name in ("E", "g")},
}
"""A loss that falls as 1 / tokens where it is small, and as its log where it is large."""


# ---- the definition ------------------------------------------------------------------------------


def test_a_table_is_read_and_written() -> None:
    line = read_solve("z", ROOT)
    assert line == Line(name="z", node=NODE)
    assert solve_to_dict(line) == ROOT
    renamed = Line(name="z", node=Solve("y", parse_formula("y - a"), Name("lo"), Name("hi")))
    assert solve_to_dict(renamed) == {"residual": "z - a", "lo": "lo", "hi": "hi"}


@pytest.mark.parametrize(
    ("given", "messages"),
    [
        ("z - 1", ["[solve.z]", "a table"]),
        (
            {"residual": "z -", "lo": 3, "high": "9"},
            ["cannot be read", "lo must", "hi must", "'high'"],
        ),
        (
            {"residual": "x - 1", "lo": "z", "hi": "z + 1"},
            ["does not read 'z'", "lo reads", "hi reads"],
        ),
    ],
)
def test_every_problem_of_a_table_is_named(given: object, messages: list[str]) -> None:
    with pytest.raises(InputError) as caught:
        read_solve("z", given)
    for message in messages:
        assert message in str(caught.value)


def test_a_model_reads_it_keeps_it_and_predicts() -> None:
    model = load_model(IMPLICIT)
    assert model.inputs == ("tokens",)
    again = load_model(model.to_dict())
    assert again.to_dict()["solve"] == {"z": ROOT}
    assert again.content_hash == model.content_hash
    point = {"E": np.array([[2.0], [3.0]]), "g": np.array([[0.5], [4.0]])}
    tokens = np.geomspace(1e6, 1e12, 5)
    found = model.predict(point, {"tokens": tokens}, {"tokens_ref": 1e9})
    z = np.log(found / point["E"])
    at_root = z + point["g"] * np.exp(z) - np.log(1e9 / tokens)
    np.testing.assert_allclose(at_root, np.zeros((2, 5)), atol=1e-13)


def test_unknown_names_of_a_residual_are_errors() -> None:
    wrong = {**IMPLICIT, "solve": {"z": {**ROOT, "residual": "z + gg * exp(z) - x"}}}
    with pytest.raises(InputError, match="unknown name 'gg'"):
        load_model(wrong)


# ---- the node ------------------------------------------------------------------------------------


def test_its_variable_is_no_name_of_the_formula() -> None:
    assert names(NODE) == {"g", "x"}
    assert names(Solve("z", Name("z"), Name("z"), Name("b"))) == {"z", "b"}
    assert {item.id for item in walk(NODE) if isinstance(item, Name)} == {"g", "x", "z"}


def test_substitution_leaves_the_variable_and_reaches_the_bracket() -> None:
    found = substitute(NODE, {"x": Name("y"), "z": Name("q")})
    assert found == substitute(NODE, {"x": Name("y")})
    assert isinstance(found, Solve)
    assert names(found.lo) == {"y", "g"}
    assert names(found.residual) == {"y", "g", "z"}


def test_a_name_that_comes_in_is_not_caught() -> None:
    found = substitute(NODE, {"x": parse_formula("z + z_1")})
    assert isinstance(found, Solve)
    assert found.variable == "z_2"
    assert names(found) == {"g", "z", "z_1"}
    values = {"g": 0.5, "z": 1.0, "z_1": 2.0}
    assert evaluate(found, values) == pytest.approx(float(evaluate(NODE, {"g": 0.5, "x": 3.0})))


def test_text_parses_back_and_other_forms_are_refused() -> None:
    assert parse_formula(to_text(NODE)) == NODE
    whole = parse_formula("2 * solve(z, z - a, 0, 9) + b")
    assert parse_formula(to_text(whole)) == whole
    for wrong in ("solve(z, z - a, 0)", "solve(z + 1, z, 0, 1)", "solve(z, z, 0, 1, 2)"):
        with pytest.raises(InputError, match="solve"):
            parse_formula(wrong)


def test_latex_of_a_root_says_its_bracket() -> None:
    assert r"\le z \le" in to_latex(NODE)


def test_what_is_data_in_a_residual_is_hoisted_and_the_variable_is_not() -> None:
    node = parse_formula(
        "solve(tokens, tokens + a * log(params / params_ref) - params**b, log(params), 99 + a)"
    )
    laws, data = hoist({"loss": node}, {"params", "params_ref", "tokens"})
    assert {to_text(item) for item in data.values()} == {
        "log(params / params_ref)",
        "log(params)",
    }
    law = laws["loss"]
    assert isinstance(law, Solve)
    assert law.variable == "tokens"
    assert names(law) == {"a", "b", *data}
    whole, _ = hoist({"loss": parse_formula("solve(z, z - params, 0, 9)")}, {"params"})
    assert isinstance(whole["loss"], Name)


# ---- PyTensor and PyMC ---------------------------------------------------------------------------


def test_pytensor_has_the_same_roots_and_the_gradient_of_finite_differences() -> None:
    rng = np.random.default_rng(1)
    values = {"g": np.exp(rng.normal(0, 1, (3, 1))), "x": rng.normal(0, 5, (3, 4))}
    symbols = {name: pt.matrix(name, shape=value.shape) for name, value in values.items()}
    found = evaluate(NODE, symbols, PYTENSOR)
    slopes = pytensor.grad(found.sum(), list(symbols.values()))
    function = pytensor.function(list(symbols.values()), [found, *slopes], mode=INTERPRETED)
    roots, by_g, by_x = function(*values.values())
    np.testing.assert_allclose(roots, evaluate(NODE, values), rtol=1e-13)
    step = 1e-5
    for name, slope in (("x", by_x), ("g", by_g[:, [0]])):
        above, below = (
            evaluate(NODE, {**values, name: values[name] + sign * step}) for sign in (1, -1)
        )
        by_hand = (above - below) / (2 * step)
        by_hand = by_hand.sum(axis=1, keepdims=True) if name == "g" else by_hand
        np.testing.assert_allclose(slope, by_hand, rtol=1e-7)


def test_pytensor_gives_nan_where_there_is_no_root() -> None:
    a = pt.vector("a")
    for text in ("solve(z, z**2 - a, 1, 3)", "solve(z, 1 / (z - a), 1, 3)"):
        node = parse_formula(text)
        given = np.array([0.5, 4.0, 10.0, 2.5])
        found = pytensor.function([a], evaluate(node, {"a": a}, PYTENSOR), mode=INTERPRETED)(given)
        np.testing.assert_allclose(found, evaluate(node, {"a": given}), rtol=1e-13)
        assert np.isnan(found).any()


def test_every_operation_may_stand_in_a_residual() -> None:
    for text in (
        "z - log10(a) - sqrt(a) / (1 + a**2)",
        "z + min(z, a) + max(z, a, 0) - exp(-z)",
        "z + where(z <= a, z, 2 * z - a) - sigmoid(z)",
        "logaddexp(z, a) + z / 9 - 1",
        "-(-z) * 1 - (a >= 1) - (a > 1) - (a == 1) - (a != 1) - (a < 1)",
    ):
        node = Solve("z", parse_formula(text), parse_formula("-30"), parse_formula("30"))
        a = pt.scalar("a")
        built = evaluate(node, {"a": a}, PYTENSOR)
        found = pytensor.function([a], built, mode=INTERPRETED)(0.7)
        assert found == pytest.approx(float(evaluate(node, {"a": 0.7})), rel=1e-13)


def test_a_root_may_depend_on_another_root_but_not_on_what_is_sought() -> None:
    free = parse_formula("solve(z, z + solve(y, y**3 - 8, 0, 9) - 10, 1, 20)")
    found = pytensor.function([], evaluate(free, {}, PYTENSOR), mode=INTERPRETED)()
    assert found == pytest.approx(8.0)
    bound = parse_formula("solve(z, z + solve(y, y**3 - z, 0, 9) - 10, 1, 20)")
    with pytest.raises(InputError, match="'y' depends on what another root"):
        evaluate(bound, {}, PYTENSOR)


def test_the_gradient_of_the_density_is_that_of_finite_differences() -> None:
    built = load_model("saturating-m4").build(table())
    density = built.compile_fn([built.logp(), built.dlogp()], mode=INTERPRETED)
    start = {key: value + 0.2 for key, value in built.initial_point().items()}
    _, gradient = density(start)
    for index, key in enumerate(start):
        step = 1e-5
        above, below = (density({**start, key: start[key] + sign * step})[0] for sign in (1, -1))
        assert gradient[index] == pytest.approx((above - below) / (2 * step), rel=1e-5), key


def test_a_root_under_every_feature_leaves_nothing_to_complain_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """PyTensor logs a simplification that fails, and goes on without it."""
    model = load_model("saturating-m4").with_features(drift=True, transient=True, temper=0.5)
    built = model.build(table(3))
    density = built.compile_fn([built.logp(), built.dlogp()], mode=INTERPRETED)
    found, gradient = density(built.initial_point())
    assert np.isfinite(found)
    assert np.isfinite(gradient).all()
    assert not caplog.records


def test_a_bracket_without_a_root_is_no_place_for_a_sampler() -> None:
    solve = {"residual": "z - g", "lo": "0", "hi": "1"}
    model = load_model({**OWN, "formula": "E + a * exp(-z) / tokens", "solve": {"z": solve}})
    built = model.build(table())
    density = built.compile_fn(built.logp(), mode=INTERPRETED)
    start = built.initial_point()
    (key,) = (key for key in start if key.startswith("g"))
    assert np.isfinite(density({**start, key: np.array(-1.0)}))
    assert not np.isfinite(density({**start, key: np.array(1.0)}))


def test_a_formula_without_roots_has_no_search() -> None:
    assert not any(isinstance(item, Solve) for item in walk(load_model("chinchilla").law))
    assert any(isinstance(item, Solve) for item in walk(load_model("saturating-m4").law))
    assert isinstance(parse_formula("exp(z)"), Call)


@pytest.mark.slow
def test_compiled_roots_are_those_of_numpy_also_where_there_are_none() -> None:
    symbols = {"g": pt.vector("g"), "x": pt.vector("x")}
    found = evaluate(NODE, symbols, PYTENSOR)
    function = pytensor.function(list(symbols.values()), found, mode="NUMBA")
    rng = np.random.default_rng(2)
    values = {"g": np.exp(rng.normal(0, 2, 5000)), "x": rng.normal(0, 20, 5000)}
    values["g"][:3] = [-9.0, np.nan, 1e300]
    wanted = evaluate(NODE, values)
    assert np.isnan(wanted[:2]).all()
    np.testing.assert_allclose(function(**values), wanted, rtol=1e-12)
