"""What a user says of columns and rows, in a shell as in Python."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs import RunTable, describe, plain_amounts, read_runs
from bayes_scaling.runs.wishes import apply_formulas, made_of, read_wishes, sort_wishes

TEXT = """size,toks,batch,steps,val/loss,State
20M,1e9,512,1000,3.9,finished
50M,3e9,512,3000,3.5,finished
90M,9e9,512,9000,nan,crashed
"""


def _read(tmp_path: Path, columns: Any, **options: Any) -> RunTable:
    path = tmp_path / "runs.csv"
    path.write_text(TEXT)
    return read_runs(path, columns=columns, where="State == 'finished'", **options)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("columns", "name", "values"),
    [
        ("size=params,toks=tokens", "tokens", [1e9, 3e9]),
        ({"size": "params", "toks": "tokens"}, "params", [2e7, 5e7]),
        ("size=params,tokens=20*params", "tokens", [4e8, 1e9]),
        ({"size": "N", "tokens": "20*size"}, "tokens", [4e8, 1e9]),
        ("params=size,tokens=toks", "tokens", [1e9, 3e9]),
        ("size=params,tokens=batch*2048*steps", "tokens", [1048576000.0, 3145728000.0]),
        ("size=params,toks=tokens,loss=`val/loss`*0.5", "loss", [1.95, 1.75]),
        ("size=params,toks=tokens,loss=val_loss*0.5", "loss", [1.95, 1.75]),
        ("size=params,flops=6*size*toks", "flops", [1.2e17, 9e17]),
        ("size=params,toks=tokens,loss=log(max(val_loss, 1))", "loss", [np.log(3.9), np.log(3.5)]),
        ("size=params,toks=tokens,steps=steps*2", "steps", [2000, 6000]),
        ("size=params,tokens=3B", "tokens", [3e9, 3e9]),
    ],
)
def test_new_names_and_expressions(
    columns: Any, name: str, values: list[float], tmp_path: Path
) -> None:
    table = _read(tmp_path, columns)
    np.testing.assert_allclose(table[name], values)
    assert len(table) == 2


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("columns", "says"),
    [
        ("nothing", "export 'nothing' is unknown"),
        ("size=params,=x", "--columns takes OLD=NEW or NEW=EXPRESSION"),
        ("size=params,size=tokens", "says twice what 'size' is"),
        ("size=params,tokens=20*n_layers", "no column 'n_layers'; the table has 'size', 'toks'"),
        ("size=params,tokens=20*", "--columns tokens=20*: formula '20*' cannot be read"),
        (
            "sizes=params",
            "columns maps 'sizes', which the table does not have; did you mean 'size'",
        ),
        ("val/loss=steps", "the table has both columns; which of them is meant?"),
        ("size=params,tokens=size.real*2", "is not allowed"),
    ],
)
def test_what_cannot_be_meant(columns: str, says: str, tmp_path: Path) -> None:
    with pytest.raises(InputError) as caught:
        _read(tmp_path, columns)
    assert says in str(caught.value)


def test_pieces() -> None:
    assert read_wishes("a=b, `x, y`=c,d=max(e, f)") == {"a": "b", "`x, y`": "c", "d": "max(e, f)"}
    found = sort_wishes({"loss": "val_bpb"}, ["loss", "val_bpb"])
    assert found.renamed == {"val_bpb": "loss"}
    assert sort_wishes({"Compute (PF-days)": "flops"}, ["Compute (PF-days)"]).renamed == {
        "Compute (PF-days)": "flops"
    }


@pytest.mark.parametrize(
    ("pairs", "renamed"),
    [
        ("params_active=params,params=params_total",
         {"params": "params_active", "params_total": "params"}),
        ("params=params_active,params_total=params",
         {"params": "params_active", "params_total": "params"}),
        ("params_total=params,params=active", {"params_total": "params", "params": "active"}),
    ],
)  # fmt: skip
def test_a_column_that_is_moved_leaves_its_name_to_another(
    pairs: str, renamed: dict[str, str]
) -> None:
    found = sort_wishes(read_wishes(pairs), ["params", "params_total", "loss"])
    assert found.renamed == renamed
    assert found.formulas == {}


def test_a_moved_column_lives_on_under_its_new_name(tmp_path: Path) -> None:
    path = tmp_path / "routed.csv"
    path.write_text("params,params_total,tokens,loss\n1e7,4e7,1e9,3.5\n2e7,8e7,1e9,3.3\n")
    for second in ("params=params_total", "params=params_total*1"):
        table = read_runs(path, columns=f"params_active=params,{second}")
        np.testing.assert_allclose(table["params_active"], [1e7, 2e7])
        np.testing.assert_allclose(table["params"], [4e7, 8e7])


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("where", "count"),
    [
        ("State == 'finished'", 2),
        ("size >= 50M and State == 'finished'", 1),
        ("params >= 50M and State == 'finished'", 1),
        ("tokens < 2B", 1),
        ("flops < 1 PF-days and State != 'crashed'", 2),
    ],
)
def test_rows_are_chosen_before_they_are_checked(where: str, count: int, tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(TEXT)
    assert len(read_runs(path, columns="size=params,toks=tokens", where=where)) == count


def test_no_row_and_no_column(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(TEXT)
    for where, says in (("steps > 1M", "none of 3 runs"), ("stepz > 1", "unknown name 'stepz'")):
        with pytest.raises(InputError, match=says):
            read_runs(path, columns="size=params,toks=tokens", where=where)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("params >= 100M", "params >= 100000000.0"),
        ("x == '100M'", "x == '100M'"),
        ("`100M` > 3", "`100M` > 3"),
        ("flops < 2 PF-days", "flops < 1.728e+20"),
        ("a1M > 2e3", "a1M > 2e3"),
        ("steps <= 300k and tokens < 1.5T", "steps <= 300000.0 and tokens < 1500000000000.0"),
    ],
)
def test_amounts_in_conditions(text: str, plain: str) -> None:
    assert plain_amounts(text) == plain


def test_the_metric_follows_a_loss_that_is_made_of_it_and_empty_cells_stay() -> None:
    cells: dict[str, Any] = {
        "ppl": [20.0, 18.0, 16.0],
        "eval_metric": np.array(["perplexity", np.nan, "bits/byte"], dtype=object),
    }
    wishes = sort_wishes({"loss": "log(ppl)"}, cells)
    made, _, notes = apply_formulas(cells, wishes)
    assert list(made["eval_metric"])[::2] == ["nats/token", "bits/byte"]
    assert np.isnan(made["eval_metric"][1])
    assert "metric 'perplexity' is 'nats/token', as loss = log(ppl)" in notes
    plain, _, notes = apply_formulas(cells, sort_wishes({"loss": "ppl*2"}, cells))
    assert plain["eval_metric"] is cells["eval_metric"]
    assert notes == ["loss = ppl*2"]


@pytest.mark.parametrize(
    ("header", "columns"),
    [
        ("GPU hours,val loss", "flops=`GPU hours`*1.4e18"),
        ("hours,val loss", "flops=hours*1.4e18"),
        ("GPU-days,WER (%)", "flops=`GPU-days`*3.4e19,loss=`WER (%)`/10"),
        ("millions of examples,loss", "tokens=`millions of examples`*1e6*512"),
    ],
)
def test_columns_that_an_expression_has_read_are_not_doubted(
    tmp_path: Path, header: str, columns: str
) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(f"{header}\n10,3.3\n30,3.1\n100,2.9\n300,2.7\n")
    runs = read_runs(path, columns=columns)
    assert not [note for note in runs.notes if note.startswith("warning")]
    target, expression = columns.split(",")[0].split("=")
    assert runs.origins[target] == expression
    assert not any("no law reads" in line for line in describe(runs).read)
    pairs = dict(pair.split("=") for pair in columns.split(","))
    assert made_of(runs.notes) == pairs


@pytest.mark.parametrize("name", ["log_likelihood", "mean ll", "-ll"])
def test_a_sign_before_a_column_is_not_dropped(tmp_path: Path, name: str) -> None:
    path = tmp_path / "runs.csv"
    path.write_text(f"flops,{name}\n1e18,-3\n1e19,-2.7\n")
    shown = name if name.isidentifier() else f"`{name}`"
    runs = read_runs(path, columns=f"loss=-{shown}")
    assert runs["loss"].tolist() == [3.0, 2.7]


def test_the_column_that_counts_data_is_named_first(tmp_path: Path) -> None:
    path = tmp_path / "runs.csv"
    path.write_text("dim,params,rows,loss\n4,1e7,1e8,3.3\n8,3e7,1e9,3.1\n16,1e8,1e9,2.9\n")
    with pytest.warns(BayesScalingWarning, match="if one tells tokens, --columns 'tokens=rows'"):
        read_runs(path)
