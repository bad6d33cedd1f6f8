"""Units in a row of their own, wide tables, and curves that lie deep in objects."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs import RunTable, read_runs
from bayes_scaling.runs.resolve import amount_columns

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


SIZED = {"params": [2e7, 1e8, 4e8], "tokens": [1e9, 3e9, 1e10]}


@pytest.mark.parametrize(
    ("rows", "across", "names"),
    [
        ("params", "tokens", ["1e9", "3e9", "1e10"]),
        ("params", "tokens", ["1B", "3B", "10B"]),
        ("tokens", "params", ["20M", "100M", "400M"]),
        ("N", "flops", ["1e18", "1e19", "1e20"]),
        ("N \\ budget", "flops", ["1e18", "1e19", "1e20"]),
    ],
)
def test_amounts_across_are_of_the_size_that_lacks(
    rows: str, across: str, names: list[str], tmp_path: Path
) -> None:
    down = "tokens" if rows == "tokens" else "params"
    cells = [[3.9 - 0.1 * (i + j) for j in range(3)] for i in range(3)]
    lines = [",".join(map(str, [size, *row])) for size, row in zip(SIZED[down], cells, strict=True)]
    path = tmp_path / "wide.csv"
    path.write_text("\n".join([",".join([rows, *names]), *lines]) + "\n", encoding="utf-8")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        table = read_runs(path, columns="wide")
    expected = [1e18, 1e19, 1e20] if across == "flops" else SIZED[across]
    np.testing.assert_allclose(table[across], np.repeat(expected, 3))
    np.testing.assert_allclose(table[down], np.tile(SIZED[down], 3))
    np.testing.assert_allclose(table["loss"], np.transpose(cells).ravel())


@pytest.mark.parametrize("clock", ["Step", "train/tokens", "tokens_seen"])
def test_a_panel_is_known_by_its_clock(clock: str, tmp_path: Path) -> None:
    heading = f"{clock},a - val/loss,a - train/loss,b - val/loss,b - train/loss"
    lines = [f"{k}000,{4 - k / 10},1,{3.5 - k / 10},1" for k in (1, 2, 3)]
    path = tmp_path / "panel.csv"
    path.write_text("\n".join([heading, *lines]) + "\n", encoding="utf-8")
    for columns in (None, "wide"):  # a panel stays one whatever is said of it
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            table = read_runs(path, columns=columns, needs_loss=False)
        assert sorted(set(table["run"])) == ["a", "b"]
        np.testing.assert_allclose(table["loss"], [3.9, 3.8, 3.7, 3.4, 3.3, 3.2])


@pytest.mark.parametrize("deep", ["history", "results.curves"])
def test_curves_that_lie_deep_in_an_object(deep: str, tmp_path: Path) -> None:
    curve: object = {"tokens": [1e9, 2e9], "val_loss": [3.5, 3.25]}
    for key in reversed(deep.split(".")):
        curve = {key: curve}
    assert isinstance(curve, dict)
    records = [{"config": {"n_params": n}, **curve} for n in (2e7, 1e8)]
    path = tmp_path / "runs.json"
    path.write_text(json.dumps({"runs": records}), encoding="utf-8")
    table = read(path)
    assert len(table.groups("run")) == 2
    assert table["tokens"].tolist() == [1e9, 2e9] * 2
    assert table["loss"].tolist() == [3.5, 3.25] * 2


@pytest.mark.parametrize(
    ("names", "column", "amounts"),
    [
        (["loss@0.4B", "loss@1.6B"], "tokens", [4e8, 1.6e9]),
        (["val_loss_1e18", "val_loss_1e19"], "flops", [1e18, 1e19]),
        (["loss (400M tokens)", "loss (2B tokens)"], "tokens", [4e8, 2e9]),
        (["loss at 10k steps", "loss at 20k steps"], "steps", [1e4, 2e4]),
    ],
)
def test_losses_at_several_sizes_are_melted(
    names: list[str], column: str, amounts: list[float], tmp_path: Path
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(f"N (M),{','.join(names)}\n10,4.9,4.4\n40,4.3,3.8\n160,3.9,3.4\n")
    with pytest.raises(InputError, match=r"are losses at several sizes.*--columns wide melts"):
        read_runs(path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", BayesScalingWarning)
        table = read_runs(path, columns="wide")
    assert table[column].tolist() == list(np.repeat(amounts, 3))
    assert table["loss"].tolist() == [4.9, 4.3, 3.9, 4.4, 3.8, 3.4]
    assert table["params"].tolist() == [1e7, 4e7, 1.6e8] * 2


def test_losses_by_seed_are_not_losses_at_sizes() -> None:
    assert not amount_columns(["loss_1", "loss_2"])
    assert not amount_columns(["loss@0.4B", "val_loss@1.6B"])
