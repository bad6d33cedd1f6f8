"""The cases that were found to be misread, where their folder is: the right value or doubt of each.

Each file stands for a kind; `test_reading` and `test_file_kinds` hold the same kinds on tables of
their own, for machines without the folder.
"""

from __future__ import annotations

import os
import warnings
from pathlib import Path
from typing import Any

import pytest

from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, read_runs

SHARED = Path(
    os.environ.get(
        "BAYES_SCALING_PUBLIC_DATA", Path(__file__).resolve().parents[3] / "shared" / "data"
    )
).parent.joinpath("cases", "reading")
pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="no folder of shared cases")


def _read(name: str, **options: Any) -> RunTable:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return read_runs(SHARED / name, **options)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        (
            "tokens-in-millions/runs.csv",
            "tokens per parameter of 2.5e-06 to 0.0015 cannot be: tokens looks like millions",
        ),
        ("flops-in-1e18/runs.csv", "come out as 1e-09 to 3e-08, tokens per parameter"),
        ("flops-in-1e18/runs.csv", "flops looks like units of 1e18 FLOP"),
        ("batch-in-sequences-silent/tokens_given.csv", "a batch_size of 64 to 512 tokens means"),
        ("batch-in-sequences-silent/large_batch.csv", "0.00122 to 0.732 tokens per parameter"),
        ("dropped-size-columns/epochs.csv", "--columns 'tokens=dataset_tokens*epochs'"),
        ("dropped-size-columns/flops_budget.csv", "--columns 'flops_budget=flops'"),
        ("dropped-size-columns/gpu_hours.csv", "'gpu_hours', which sounds like a size"),
        ("dropped-size-columns/tokens_per_param.csv", "'tokens=tokens_per_param*params'"),
        ("dropped-size-columns/unique_times_epochs.csv", "'tokens=unique_tokens*epochs'"),
        ("loss-rises-with-size/runs.csv", "loss rises with params (lstm, tf)"),
    ],
)
def test_a_doubt(name: str, says: str) -> None:
    assert says in "\n".join(n for n in _read(name).notes if n.startswith("warning: "))


@pytest.mark.parametrize("name", ["loss-scale/runs_1e-2.csv", "loss-scale/runs_1e-5.csv"])
def test_losses_of_any_scale_are_not_doubted(name: str) -> None:
    assert not [note for note in _read(name).notes if note.startswith("warning: ")]


@pytest.mark.parametrize(
    ("name", "options", "column", "ends"),
    [
        ("L-means-layers/runs.csv", {}, "loss", (2.78, 3.21)),
        ("nanochat-results/results.csv", {}, "tokens", (349175808, 17029226496)),
        ("nanochat-results/after_renaming_as_advised.csv", {}, "steps", (666, 32481)),
        ("forecast-ignores-tokens/runs.csv", {}, "tokens", (349175808, 17029226496)),
        ("shell-cannot-rename/runs.csv", {"columns": "Verlust=loss"}, "loss", (2.42, 3.8964)),
        ("wandb-nested-config/runs.csv", {"columns": "wandb"}, "params", (2e7, 1e8)),
        ("wandb-nested-config/runs.csv", {"columns": "wandb"}, "tokens", (1e9, 3e9)),
        ("wandb-nested-config/runs.csv", {"columns": "wandb"}, "learning_rate", (0.002, 0.002)),
        ("wandb-nested-config/grouped_metrics.csv", {}, "loss", (3.21, 3.8964)),
        ("wandb-nested-config/api_export.csv", {}, "params", (2e7, 1e8)),
        ("wandb-nested-config/api_export.csv", {"columns": "wandb"}, "tokens", (1e9, 3e9)),
        ("wandb-nested-config/api_export.csv", {}, "loss", (3.21, 3.89)),
        ("wide-curves/wandb_panel.csv", {"columns": "wandb"}, "loss", (3.7, 6.2)),
        ("wide-curves/tensorboard.csv", {}, "loss", (3.6, 3.9)),
        ("file-kinds/comment.csv", {}, "params", (1e7, 3e7)),
        ("file-kinds/excel_sep.csv", {}, "loss", (3.6, 3.9)),
        ("file-kinds/pm.csv", {}, "loss", (3.6, 3.9)),
        ("file-kinds/runs.json", {}, "loss", (3.6, 3.9)),
        ("file-kinds/space.csv", {}, "loss", (3.6, 3.9)),
        ("file-kinds/suffix.csv", {}, "tokens", (1e9, 3e10)),
        ("file-kinds/units_in_cells.csv", {}, "flops", (1.8e17, 1.62e18)),
        ("moe-allocate-total/runs.csv", {}, "flops", (2.4e17, 7.2e19)),
        ("judge-split-needs-loss/runs.csv", {"needs_loss": False}, "tokens", (15e12, 35e12)),
    ],
)
def test_a_value(
    name: str, options: dict[str, Any], column: str, ends: tuple[float, float]
) -> None:
    values = _read(name, **options)[column]
    assert (values.min(), values.max()) == pytest.approx(ends, rel=1e-3)


def test_checkpoints_are_of_six_runs() -> None:
    assert len(_read("checkpoints-as-runs/runs.csv").groups("run")) == 6


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("shell-cannot-rename/wrong_example.csv", "--columns 'final_val_loss=loss'"),
        ("shell-cannot-rename/runs.csv", "--columns 'Verlust=loss'"),
        ("wide-curves/isoflop_table.csv", "one row per run is wanted"),
        ("file-kinds/fake.xlsx", "save the sheet as CSV"),
        ("wandb-nested-config/runs.csv", "--columns wandb"),
    ],
)
def test_a_refusal(name: str, says: str) -> None:
    with pytest.raises(InputError) as caught:
        _read(name)
    assert says in str(caught.value)
