from __future__ import annotations

from xml.etree import ElementTree

import pytest

from bayes_scaling.formula.mathml import row
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws import Model, list_models, load_model
from bayes_scaling.reports.fit_sections import formula_lines


def words(markup: str) -> str:
    text = "".join(ElementTree.fromstring(markup).itertext())
    return text.replace("\N{MINUS SIGN}", "-")


@pytest.mark.parametrize("model", list_models(), ids=lambda model: model.id)
def test_every_shipped_model_is_well_formed(model: Model) -> None:
    lines = formula_lines(model)
    assert lines
    assert all(words(line) for line in lines)


def test_chinchilla_reads_as_published() -> None:
    line, *shares = formula_lines(load_model("chinchilla"))
    assert [words(share)[0] for share in shares] == ["f", "E", "a", "b"]
    assert words(line).replace("\u2062", "") == "L=E+a(NN0)-α+b(DD0)-β"
    assert line.count("<mfrac>") == line.count("<msup>") == 2


def test_the_valley_shows_its_named_lines() -> None:
    lines = [words(line) for line in formula_lines(load_model("chinchilla-lr"))]
    assert len(lines) == 11
    assert lines[5].startswith("base=E")
    assert lines[-1].startswith("ηbest=exp")


@pytest.mark.parametrize(
    ("formula", "expected"),
    [
        ("a * (b + c)", "a\u2062(b+c)"),
        ("a - (b - c)", "a-(b-c)"),
        ("(a + b)**c", "(a+b)c"),
        ("-a * b", "-a\u2062b"),
        ("sqrt(a) + 2.5e-9", "a+2.5×10-9"),
        ("where(a <= b, a, b)", "{aif a≤bbotherwise"),
        ("where(a < b, a, b)", "{aif a<bbotherwise"),
    ],
)
def test_brackets_stand_where_they_must(formula: str, expected: str) -> None:
    assert words(row(parse_formula(formula))) == expected


def test_a_root_says_which_equation_it_solves() -> None:
    lines = [words(line) for line in formula_lines(load_model("saturating-m4"))]
    (root,) = (line for line in lines if "solves" in line)
    assert root.startswith("z solves ")
    assert root.endswith("=0")
    inside = words(row(parse_formula("1 + solve(y, y - a, 0, b)")))
    assert inside == "1+{0≤y≤b:y-a=0}"
