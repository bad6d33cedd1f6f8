"""W&B and MLflow exports: prefixes, rival columns, unfinished runs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import BayesScalingWarning, InputError
from bayes_scaling.runs import read_runs
from bayes_scaling.runs.exports import export_columns

WANDB = """\
"Name","State","Created","config.n_params","config/lr","config.model.d_model.value","config.seed",\
"config.data.seed","summary.val_loss","summary.loss","summary.train/loss","_step","config.steps"
"warm-sun-1","finished","2025-01-01","1000000","0.001","64","1","7","3.5","3.4","3.3","999","1000"
"old-lake-2","crashed","2025-01-01","1000000","0.002","64","1","7","","3.4","3.3","120","1000"
"hot-rock-3","running","2025-01-01","2000000","0.001","128","1","7","3.9","3.4","3.3","400","1000"
"calm-hill-4","finished","2025-01-01","2000000","0.001","128","2","7","3.1","3","2.9","999","1000"
"""
MLFLOW = """\
run_id,status,params.lr,params.num_params,params.optimizer.name,metrics.lr,metrics.val_loss,\
metrics.train_loss,metrics.tokens,tags.mlflow.runName,tags.mlflow.user
0a1,FINISHED,0.001,1e6,adamw,1e-05,3.5,3.4,1e8,small,me
0a2,FAILED,0.001,1e6,adamw,1e-05,,3.4,1e7,broken,me
0a3,FINISHED,0.002,2e6,adamw,2e-05,3.1,3.0,1e8,big,me
"""


def _write(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "export.csv"
    path.write_text(text)
    return path


def test_wandb(tmp_path: Path) -> None:
    table = read_runs(_write(tmp_path, WANDB), columns="wandb")
    assert table["run"].tolist() == ["warm-sun-1", "calm-hill-4"]
    assert table["params"].tolist() == [1e6, 2e6]
    assert table["learning_rate"].tolist() == [1e-3, 1e-3]
    assert table["width"].tolist() == [64, 128]
    assert table["seed"].tolist() == [1, 2]
    assert table["loss"].tolist() == [3.5, 3.1]
    assert table["train/loss"].tolist() == [3.3, 2.9]
    assert table["data.seed"].tolist() == [7, 7]
    assert table["steps"].tolist() == [1000, 1000]
    assert table.notes == (
        "2 unfinished runs left out: 'old-lake-2' (crashed), 'hot-rock-3' (running)",
        "loss is taken from 'summary.val_loss'; 'summary.loss', 'summary.train/loss' ride along",
        "seed is taken from 'config.seed'; 'config.data.seed' rides along",
        "steps is taken from 'config.steps'; '_step' rides along",
    )


def test_mlflow(tmp_path: Path) -> None:
    table = read_runs(_write(tmp_path, MLFLOW), columns="mlflow")
    assert table["run"].tolist() == ["0a1", "0a3"]
    assert table["learning_rate"].tolist() == [1e-3, 2e-3]
    assert table["metrics.lr"].tolist() == [1e-5, 2e-5]
    assert table["tags.mlflow.runName"].tolist() == ["small", "big"]
    np.testing.assert_allclose(table["flops"], [6e14, 1.2e15])
    assert table.notes[:3] == (
        "1 unfinished run left out: '0a2' (failed)",
        "loss is taken from 'metrics.val_loss'; 'metrics.train_loss' rides along",
        "learning_rate is taken from 'params.lr'; 'metrics.lr' rides along",
    )


@pytest.mark.parametrize("key", ["summary.train/loss", "train/loss"])
def test_a_mapping_wins_over_the_preset(key: str, tmp_path: Path) -> None:
    table = read_runs(_write(tmp_path, WANDB), columns={key: "loss"}, export="wandb")
    assert table["loss"].tolist() == [3.3, 2.9]
    assert "val_loss" not in table
    assert table["summary.val_loss"].tolist() == [3.5, 3.1]


def test_a_mapping_of_a_column_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'summary\.eval', which the table does not have"):
        read_runs(_write(tmp_path, WANDB), columns={"summary.eval": "loss"}, export="wandb")


def test_lines_keep_their_numbers_when_runs_are_left_out(tmp_path: Path) -> None:
    text = WANDB.replace('"3.1"', '"NaN"')
    with pytest.raises(InputError, match="line 5: loss is empty or NaN"):
        read_runs(_write(tmp_path, text), columns="wandb")


def test_ids_stand_in_for_names_that_repeat(tmp_path: Path) -> None:
    text = "Name,ID,State,n_params,val_loss\nsweep,x1,finished,1e6,3\nsweep,x2,finished,2e6,2\n"
    table = read_runs(_write(tmp_path, text), columns="wandb")
    assert table["run"].tolist() == ["x1", "x2"]
    assert table["Name"].tolist() == ["sweep", "sweep"]


def test_an_export_without_states_keeps_every_run(tmp_path: Path) -> None:
    table = read_runs(_write(tmp_path, "Name,n_params,val_loss\na,1e6,3\nb,2e6,2\n"),
                      columns="wandb")  # fmt: skip
    assert len(table) == 2
    assert table.notes == ()


def test_no_finished_run(tmp_path: Path) -> None:
    text = "Name,State,n_params,val_loss\na,crashed,1e6,3\nb,,2e6,2\n"
    with pytest.raises(InputError, match=r"no run has State 'finished': 'a' \(crashed\), 'b' \(no"):
        read_runs(_write(tmp_path, text), columns="wandb")


def test_many_unfinished_runs_are_counted(tmp_path: Path) -> None:
    bad = "".join(f"r{i},killed,1e6,3\n" for i in range(25))
    text = f"Name,State,n_params,val_loss\na,finished,1e6,3\n{bad}"
    (note,) = read_runs(_write(tmp_path, text), columns="wandb").notes
    assert note.startswith("25 unfinished runs left out: 'r0' (killed), 'r1' (killed)")
    assert note.endswith("'r19' (killed) and 5 more")


def test_an_unknown_export(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="export 'neptune' is unknown; there are wandb, mlflow, "):
        read_runs(_write(tmp_path, WANDB), columns="neptune")


def test_batches_of_sequences_are_doubted(tmp_path: Path) -> None:
    text = "Name,config.num_params,config.batch_size,summary.global_step,summary.val_loss\n" \
           "a,1e6,32,1000,3\nb,2e6,32,2000,2\n"  # fmt: skip
    with pytest.warns(BayesScalingWarning, match="multiply sequences by their length"):
        table = read_runs(_write(tmp_path, text), columns="wandb")
    assert table["steps"].tolist() == [1000, 2000]


def test_every_column_keeps_a_name_of_its_own() -> None:
    names = ["loss", "val_loss", "eval/loss", "config.loss", "summary.loss", "x", "config.x"]
    found = export_columns({name: ["1"] for name in names}, export="wandb")
    assert len(set(found.values())) == len(names)
    assert found["val_loss"] == "loss"
    assert found["loss"] == "loss_unmapped"
