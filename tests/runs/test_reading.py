"""Strangers' files: the right value, or the right doubt. Each case stands for a kind of file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from tests.runs.strangers import LOSS, C, D, N, doubts, read, table_of

# ---- sizes that do not go together are doubted, with the option that confirms --------------------


def _scaled(name: str, factor: float, rows: int = 6) -> dict[str, list[float]]:
    columns = {"params": list(N), "tokens": list(D), "flops": list(C)}
    columns[name] = [v / factor if i < rows else v for i, v in enumerate(columns[name])]
    return columns


@pytest.mark.parametrize(
    ("name", "factor", "keep", "says"),
    [
        (
            "tokens",
            1e6,
            ("params", "tokens"),
            "tokens looks like millions; if so, --columns 'tokens=tokens*1e6'",
        ),
        (
            "tokens",
            1e9,
            ("params", "tokens"),
            "if these are billions, --columns 'tokens=tokens*1e9'",
        ),
        (
            "params",
            1e6,
            ("params", "tokens"),
            "if these are millions, --columns 'params=params*1e6'",
        ),
        ("params", 1e3, ("params", "tokens"), "params looks like thousands"),
        (
            "flops",
            1e18,
            ("params", "flops"),
            "flops looks like units of 1e18 FLOP; if so, --columns 'flops=flops*1e18'",
        ),
        ("flops", 1e9, ("params", "flops"), "flops looks like units of 1e9 FLOP"),
        ("flops", 8.64e19, ("params", "tokens", "flops"), "flops look like PF-days"),
        (
            "flops",
            1e18,
            ("flops",),
            "if these are units of 1e18 FLOP, --columns 'flops=flops*1e18'",
        ),
    ],
)
def test_counts_in_other_units_are_doubted(
    name: str, factor: float, keep: tuple[str, ...], says: str, tmp_path: Path
) -> None:
    columns = _scaled(name, factor)
    table = read(tmp_path, table_of(",".join([*keep, "loss"]), *(columns[k] for k in keep), LOSS))
    assert says in doubts(table)


@pytest.mark.parametrize(("name", "factor"), [("params", 1e6), ("tokens", 1e6), ("tokens", 1e9)])
def test_half_of_the_rows_in_another_unit(name: str, factor: float, tmp_path: Path) -> None:
    columns = _scaled(name, factor, rows=3)
    text = table_of("params,tokens,loss", columns["params"], columns["tokens"], LOSS)
    assert f"lines 2, 3 and 4: {name} is " in doubts(read(tmp_path, text))


def test_the_option_of_a_doubt_settles_it(tmp_path: Path) -> None:
    columns = _scaled("tokens", 1e6)
    text = table_of("params,tokens,loss", columns["params"], columns["tokens"], LOSS)
    table = read(tmp_path, text, columns="tokens=tokens*1e6")
    np.testing.assert_allclose(table["tokens"], D)
    assert not doubts(table)


def test_logs_without_a_heading_are_doubted(tmp_path: Path) -> None:
    logs = [float(np.log10(n)) for n in N]
    table = read(tmp_path, table_of("params,tokens,loss", logs, D, LOSS))
    assert "it looks like log10; if so, --columns 'params=10**params'" in doubts(table)


@pytest.mark.parametrize(
    ("columns", "says"),
    [
        (
            "params,tokens,batch_size,lr,loss|2e7,1e9,128,3e-4,3.9|2e7,3e9,512,3e-4,3.6",
            "a batch_size of 128 to 512 tokens means",
        ),
        (
            "params,steps,batch_size,loss|2e7,119,4096,3.9|2e7,357,4096,3.6|5e7,119,4096,3.5",
            "tokens come from batch_size x steps with batch_size at most 4096",
        ),
        (
            "params,steps,batch_size,loss|2e7,1190,256,3.9|5e7,3570,256,3.6",
            "multiply sequences by their length",
        ),
        ("params,tokens,steps,loss|2e7,1000,1900,3.9|5e7,3000,5700,3.6", "tokens per step are"),
        (
            "params,tokens,lr,loss|2e7,1e9,3,3.9|5e7,1e9,10,3.6",
            "learning_rate) runs up to 10: it looks like units of 1e-4",
        ),
        (
            "params,tokens,loss|2e7,1e9,49|5e7,1e9,36|1e8,1e9,30",
            "if it is a perplexity, --columns 'loss=log(loss)'",
        ),
        (
            "params,tokens,loss|2e7,1e9,5.62|5e7,1e9,5.2|1e8,1e9,4.9",
            "if it is in bits, --columns 'loss=loss*0.6931'",
        ),
        (
            "params,tokens,loss|2e7,1e9,4|5e7,1e9,3|1e8,1e9,3|2e8,1e9,2",
            "is a whole number in every row",
        ),
        (
            "params,tokens,vocab_size,loss|2e7,1e9,256,6.1|5e7,1e9,256,5.9",
            "above 5.55, the log of the vocabulary",
        ),
    ],
)
def test_other_numbers_that_cannot_be(columns: str, says: str, tmp_path: Path) -> None:
    assert says in doubts(read(tmp_path, columns.replace("|", "\n") + "\n"))


def test_a_loss_that_rises_with_size(tmp_path: Path) -> None:
    text = (
        "family,params,loss\nlstm,1e6,.86\nlstm,4e6,.83\nlstm,14e6,.94\nlstm,25e6,1.13\n"
        "tf,8e5,.841\ntf,27e5,.833\ntf,63e5,.836\ntf,21e6,.848\ntf,5e7,.88\n"
    )
    assert "loss rises with params (lstm, tf)" in doubts(read(tmp_path, text))


def test_good_tables_are_not_doubted(tmp_path: Path) -> None:
    for heading, columns in (
        ("params,tokens,loss", (N, D, LOSS)),
        ("params,tokens,loss", (N, D, [1e-5 * loss for loss in LOSS])),
        ("params,flops,loss", (N, C, LOSS)),
        ("params,tokens,batch_size,loss", (N, D, [2**18] * 6, LOSS)),
        ("params,tokens,steps,lr,loss", (N, D, [d / 5e5 for d in D], [3e-4] * 6, LOSS)),
    ):
        assert doubts(read(tmp_path, table_of(heading, *columns))) == ""


# ---- columns that no law reads -------------------------------------------------------------------


@pytest.mark.parametrize(
    ("column", "option"),
    [
        ("tokens_per_param", "--columns 'tokens=tokens_per_param*params'"),
        ("gpu_hours", "--columns 'flops=gpu_hours*1.4e18'"),
        ("H100-hours", "--columns 'flops=`H100-hours`*1.4e18'"),
        ("epochs", "--columns 'tokens=UNIQUE_TOKENS*epochs'"),
        ("dataset_tokens", "--columns 'dataset_tokens=tokens'"),
        ("zettaflops_spent", "'zettaflops_spent', which sounds like a size"),
        ("compute_used", "--columns 'compute_used=flops'"),
        ("opt_steps", "--columns 'opt_steps=steps'"),
        ("flops_budget", "--columns 'flops_budget=flops'"),
    ],
)
def test_a_size_that_is_not_read_is_doubted(column: str, option: str, tmp_path: Path) -> None:
    if column == "zettaflops_spent":
        option = ""
    text = table_of(f"params,{column},loss", N, [1, 2, 3, 4, 5, 6], LOSS)
    said = doubts(read(tmp_path, text))
    assert option in said
    assert column == "zettaflops_spent" or repr(column) in said


def test_repeated_data(tmp_path: Path) -> None:
    text = table_of("params,unique_tokens,epochs,loss", N, [d / 4 for d in D], [4] * 6, LOSS)
    assert "--columns 'tokens=unique_tokens*epochs'" in doubts(read(tmp_path, text))
    table = read(tmp_path, text, columns="tokens=unique_tokens*epochs")
    np.testing.assert_allclose(table["tokens"], D)


@pytest.mark.parametrize(
    "name", ["seconds_per_step", "warmup_steps", "tokens_per_second", "eval_steps", "runtime"]
)
def test_rates_and_schedules_are_no_sizes(name: str, tmp_path: Path) -> None:
    text = table_of(f"params,{name},loss", N, [1, 2, 3, 4, 5, 6], LOSS)
    assert doubts(read(tmp_path, text)) == ""


# ---- which column is the loss --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("names", "taken"),
    [
        ("train_loss,val_loss", "val_loss"),
        ("train/loss,val/loss", "val/loss"),
        ("final_train_loss,final_val_loss", "final_val_loss"),
        ("L,macro_loss", "macro_loss"),
        ("train/CrossEntropyLoss,eval/c4/CrossEntropyLoss", "eval/c4/CrossEntropyLoss"),
        ("loss,loss_std", "loss"),
        ("loss,z_loss", "loss"),
        ("test_nll,train_nll", "test_nll"),
        ("best_loss,train_loss", "best_loss"),
        ("heldout_bpb,train_bpb", "heldout_bpb"),
        ("loss,L", "loss"),
        ("Loss (val),Loss (train)", "Loss (val)"),
    ],
)
def test_the_held_out_loss_is_taken(names: str, taken: str, tmp_path: Path) -> None:
    first = names.split(",")[0] == taken
    other = [8, 8, 10, 12, 14, 16]
    columns = (LOSS, other) if first else (other, LOSS)
    table = read(tmp_path, table_of(f"params,tokens,{names}", N, D, *columns))
    np.testing.assert_allclose(table["loss"], LOSS)
    assert table.origins["loss"] == repr(taken)


@pytest.mark.parametrize(
    ("names", "example"),
    [
        ("final_train_loss,final_val_loss,best_val_loss", "final_val_loss"),
        ("val_loss,test_loss,train_loss", "val_loss"),
        ("loss,val_loss,x", "val_loss"),
        ("train_loss,train_nll,x", "train_loss"),
    ],
)
def test_two_losses_are_asked_about(names: str, example: str, tmp_path: Path) -> None:
    text = table_of(f"params,tokens,{names}", N, D, LOSS, LOSS, LOSS)
    with pytest.raises(InputError, match=f"say which: --columns '{example}=loss'"):
        read(tmp_path, text)


def test_layers_are_no_loss(tmp_path: Path) -> None:
    text = (
        "name,L,H,N,D\na,8,512,40e6,4e9\nb,8,640,60e6,4e9\nc,10,896,12e7,4e9\nd,12,1152,22e7,4e9\n"
    )
    with pytest.raises(InputError, match="no column 'loss'"):
        read(tmp_path, text)


def test_a_training_loss_alone_is_doubted(tmp_path: Path) -> None:
    table = read(tmp_path, table_of("params,tokens,train_loss", N, D, LOSS))
    assert "a loss on training text" in doubts(table)


# ---- runs and checkpoints ------------------------------------------------------------------------


def _checkpoints(name: str, clock: str = "step") -> str:
    head = f"{name + ',' if name else ''}{clock},params,tokens,loss"
    rows = [
        f"{f'm{i},' if name else ''}{k * 100},{n},{k * 1e8},{3 + 1 / k + i / 10}"
        for i, n in enumerate((2e7, 5e7, 1e8))
        for k in range(1, 11)
    ]
    return "\n".join([head, *rows]) + "\n"


@pytest.mark.parametrize(
    "name", ["model", "name", "Name", "experiment", "id", "run_id", "config", "exp", "Run name"]
)
def test_a_column_that_names_runs_is_taken(name: str, tmp_path: Path) -> None:
    table = read(tmp_path, _checkpoints(name))
    assert table.groups("run") == ("m0", "m1", "m2")
    assert "checkpoints" not in doubts(table)


def test_checkpoints_without_a_name_are_doubted(tmp_path: Path) -> None:
    assert "they look like checkpoints" in doubts(read(tmp_path, _checkpoints("")))
    tokens_only = _checkpoints("", "x")
    assert "they look like checkpoints" in doubts(read(tmp_path, tokens_only))


def test_a_grid_of_runs_is_no_course_of_one(tmp_path: Path) -> None:
    rows = [
        f"m{n:g},{n:g},{d:g},{3 + 1e7 / n + 1e8 / d}" for n in (2e7, 5e7) for d in (1e9, 3e9, 1e10)
    ]
    table = read(tmp_path, "model,params,tokens,loss\n" + "\n".join(rows))
    assert len(table.groups("run")) == 6
    assert doubts(table) == ""


@pytest.mark.parametrize("named", ["vocab", "vocab_size"])
def test_a_grid_with_a_column_that_tells_recipes_apart_is_no_course_of_one(
    named: str, tmp_path: Path
) -> None:
    recipes = {"vocab": ("sp-8k", "sp-64k", "bytes"), "vocab_size": (8000, 64000, 256)}[named]
    rows = [
        f"{recipe},{n:g},{per * d:g},{loss + 1e7 / n + 1e8 / d}"
        for recipe, per, loss in zip(recipes, (1, 0.8, 3.57), (3, 4, 1), strict=True)
        for n in (2e7, 8e7, 3e8)
        for d in (5e8, 2e9, 8e9)
    ]
    table = read(tmp_path, f"{named},params,tokens,loss\n" + "\n".join(rows))
    assert "checkpoints" not in doubts(table)


@pytest.mark.parametrize("state", ["epoch", "state"])
def test_checkpoints_with_a_column_that_goes_along_a_run_are_doubted(
    state: str, tmp_path: Path
) -> None:
    labels = {"epoch": ("1", "2", "3"), "state": ("warm-up", "stable", "decay")}[state]
    rows = [
        f"{labels[k // 4]},{n:g},{1e8 * (k + 1):g},{3 + 1 / (k + 1)}"
        for n in (2e7, 8e7)
        for k in range(12)
    ]
    table = read(tmp_path, f"{state},params,tokens,loss\n" + "\n".join(rows))
    assert "they look like checkpoints" in doubts(table)


def test_tokens_of_the_end_at_every_step_are_doubted(tmp_path: Path) -> None:
    head = "run,step,params,tokens,loss"
    rows = [f"m{i},{k * 1000},2e7,1e9,{4 - k / 10 - i / 10}" for i in (0, 1) for k in range(1, 5)]
    said = doubts(read(tmp_path, "\n".join([head, *rows]) + "\n"))
    assert "tokens are the same at all steps of a run" in said
    assert "tokens are the same" not in doubts(read(tmp_path, _checkpoints("run")))
