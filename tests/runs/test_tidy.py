"""Units in a row of their own, and what only looks like one."""

from __future__ import annotations

import warnings
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs

ROWS = [(20, 1, 0.12, 3.88), (50, 3, 0.9, 3.46), (100, 10, 6.0, 2.98), (400, 20, 48.0, 2.47)]


def written(folder: Path, heading: str, units: str, sep: str = ",", name: str = "runs.csv") -> Path:
    lines = [heading, units, *(sep.join(map(str, row)) for row in ROWS)]
    if sep == "|":
        lines = [f"|{line}|" for line in lines]
        lines.insert(1, "|---" * 4 + "|")
    path = folder / name
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def read(path: Path) -> RunTable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_runs(path)


@pytest.mark.parametrize(
    ("units", "factors"),
    [
        ("(M),(B),(EFLOP),(nats)", (1e6, 1e9, 1e18, 1.0)),
        ("M,B,1e18 FLOP,nats/token", (1e6, 1e9, 1e18, 1.0)),
        ("[millions],[billions],[10^18],[-]", (1e6, 1e9, 1e18, 1.0)),
        ("x1e6,x1e9,PF-days,bits", (1e6, 1e9, 8.64e19, np.log(2))),
        ("Mio.,Mrd.,PFLOP-days,", (1e6, 1e9, 8.64e19, 1.0)),
        ("M,B,1e18,1", (1e6, 1e9, 1e18, 1.0)),
    ],
)
@pytest.mark.parametrize(("sep", "name"), [(",", "runs.csv"), (";", "runs.txt"), ("|", "runs.md")])
def test_a_row_of_units_is_read_and_said(
    units: str, factors: tuple[float, ...], sep: str, name: str, tmp_path: Path
) -> None:
    heading = "params,tokens,flops,loss"
    path = written(tmp_path, heading.replace(",", sep), units.replace(",", sep), sep, name)
    table = read(path)
    for i, column in enumerate(("params", "tokens", "flops", "loss")):
        np.testing.assert_allclose(table[column], [row[i] * factors[i] for row in ROWS], rtol=1e-9)
    assert any("holds the units of the columns" in note for note in table.notes)


def test_a_heading_that_has_its_unit_keeps_it(tmp_path: Path) -> None:
    table = read(written(tmp_path, "Params (M),tokens,compute,loss", "M,B,EFLOP,nats"))
    np.testing.assert_allclose(table["params"], [row[0] * 1e6 for row in ROWS])
    np.testing.assert_allclose(table["tokens"], [row[1] * 1e9 for row in ROWS])


@pytest.mark.parametrize("units", ["1e6,1e9,6e15,", "1e6,1e9,1e18,nan", "20,1,.12,nats", "a,b,c,d"])
def test_a_row_of_numbers_or_words_is_no_row_of_units(units: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="line 2"):
        read(written(tmp_path, "params,tokens,flops,loss", units))


def test_an_unknown_unit_of_a_row_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="params has text"):
        read(written(tmp_path, "params,tokens,flops,loss", "furlongs,B,,nats"))
