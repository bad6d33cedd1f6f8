"""Definitions, plans, tables and fits that must fail well: a sentence, in seconds."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.files import read_toml
from bayes_scaling.formula.nodes import Call, Name, evaluate, names, substitute, walk
from bayes_scaling.formula.parse import parse_formula
from bayes_scaling.laws import load_model


def chain(lines: int, step: str = "x{0} + x{0}") -> dict[str, Any]:
    """Define a law of lines that each read the one before, twice by default."""
    prior = {"prior": {"dist": "LogNormal", "mu": -1.0, "sigma": 0.7}}
    where = {"x0": "c * (tokens / tokens_ref)**-alpha"}
    where |= {f"x{n}": step.format(n - 1) for n in range(1, lines + 1)}
    parameters = {"c": prior, "alpha": prior}
    return {"id": "chain", "formula": f"x{lines}", "where": where, "parameters": parameters}


def test_a_line_that_is_read_twice_is_computed_once() -> None:
    started = time.process_time()
    model = load_model(chain(40))
    values = {"c": np.array(1.0), "alpha": np.array(0.5)}
    found = model.predict(values, {"tokens": np.array([4.0])}, {"tokens_ref": 1.0})
    assert found == pytest.approx(2.0**40 * 0.5)
    assert model.inputs == ("tokens",)
    assert len(model.content_hash) == 64
    assert hash(model.law) == hash(load_model(chain(40)).law)
    assert model.law == load_model(chain(40)).law
    assert model.law != load_model(chain(39)).law
    assert time.process_time() - started < 2


def test_what_is_shared_stays_shared() -> None:
    twice = parse_formula("a + b")
    node = Call("*", (twice, twice))
    found = substitute(node, {"a": Name("c")})
    assert found == parse_formula("(c + b) * (c + b)")
    assert isinstance(found, Call)
    assert found.args[0] is found.args[1]
    assert len(list(walk(found))) == 4
    assert names(found) == {"b", "c"}
    assert evaluate(found, {"b": 1.0, "c": 2.0}) == 9.0


@pytest.mark.parametrize(
    ("definition", "said"),
    [
        (chain(200), "operations stand within each other; at most 120"),
        (chain(301, "x0 + {0}"), "302 lines, at most 300 are read"),
        ({**chain(1), "formula": "-" * 200 + "x1"}, "nested too deeply"),
        ({**chain(1), "formula": "(" * 300 + "x1" + ")" * 300}, "cannot be read|nested too deeply"),
        ({**chain(1), "formula": "x1 + " * 1000 + "x1"}, "at most 4000 are read"),
        ({**chain(1), "ordered": 3}, "'ordered' is a list"),
        ({**chain(1), "tuned": {"tokens": "params", "params": "tokens"}}, "in a circle"),
    ],
)
def test_definitions_out_of_bounds(definition: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        load_model(definition)


@pytest.mark.parametrize("mu", [10**400, 1e308, float("inf")])
def test_numbers_beyond_any_prior(mu: float) -> None:
    definition = chain(1)
    definition["parameters"]["c"] = {"prior": {"dist": "LogNormal", "mu": mu, "sigma": 1.0}}
    with pytest.raises(InputError, match="LogNormal needs mu"):
        load_model(definition)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = " + "[" * 5000 + "]" * 5000, "nested deeper than 20"),
        ("a = " + "{b = " * 2000 + "1" + "}" * 2000, "nested deeper than 20"),
        ("a" + ".b" * 20_000 + " = 1", "nested deeper than 20"),
        ("[a" + ".b" * 20_000 + "]", "nested deeper than 20"),
        ("a = 1\n" * 100_000, "at most 262,144 are read"),
        ("a = ", "not a TOML file"),
        ("a = " + "1" * 5000, "not a TOML file"),
    ],
)
def test_toml_out_of_bounds(text: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "model.toml"
    path.write_text(text)
    started = time.process_time()
    with pytest.raises(InputError, match=said):
        read_toml(path)
    assert time.process_time() - started < 2


# ---- the study of bad ends -----------------------------------------------------------------------


def test_a_sample_of_what_is_hostile_ends_well() -> None:
    _ends_well("tables", "models", "plans", "campaigns", "--share", "0.02")


@pytest.mark.slow
@pytest.mark.parametrize("area", ["options", "names", "damaged fits", "kills", "disks"])
def test_a_tenth_of_what_is_hostile_ends_well(area: str) -> None:
    _ends_well(area, "--share", "0.1")


@pytest.mark.slow
def test_every_hostile_file_ends_well() -> None:
    _ends_well("shared files")


def _ends_well(*arguments: str) -> None:
    command = [sys.executable, "-m", "tests.studies.ends", *arguments]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout + found.stderr
