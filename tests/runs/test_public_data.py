"""Published sweeps read without a warning, a duplicate or a surprise."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.runs import RunTable, read_runs

Find = Callable[[str], Path]
ROWS = {
    "chinchilla_epoch": 245,
    "datablations": 308,
    "gadre2024_downstream": 4784,
    "gadre2024_losses": 832,
    "misfitting_checkpoints": 4852,
    "misfitting_final": 261,
    "misfitting_lr_sweep": 222,
    "multipowerlaw_curves": 6265,
    "porian2024_isoflop": 1745,
    "revisiting_lang": 712,
    "steplaw_dense": 1911,
    "steplaw_moe": 708,
}


def _read(public_data: Find, name: str) -> RunTable:
    return read_runs(public_data(f"{name}.csv"))


@pytest.mark.parametrize("name", ROWS)
def test_it_reads(public_data: Find, name: str) -> None:
    table = _read(public_data, name)
    assert len(table) == ROWS[name]
    assert np.isfinite(table["loss"]).all()


@pytest.mark.parametrize("name", sorted(set(ROWS) - {"multipowerlaw_curves", "revisiting_lang"}))
def test_compute_is_six_nd(public_data: Find, name: str) -> None:
    table = _read(public_data, name)
    size = table["params_active" if "params_active" in table else "params"]
    np.testing.assert_allclose(table["flops"], 6 * size * table["tokens"], rtol=1e-6)


@pytest.mark.parametrize("name", ["steplaw_dense", "steplaw_moe"])
def test_nonembedding_counts_stand_in(public_data: Find, name: str) -> None:
    table = _read(public_data, name)
    assert table.notes == ("params taken from params_nonembedding",)
    np.testing.assert_array_equal(table["params"], table["params_nonembedding"])


def test_one_dimensional_tables_stay_so(public_data: Find) -> None:
    assert not {"params", "flops"} & set(_read(public_data, "revisiting_lang").columns)
    assert not {"tokens", "flops"} & set(_read(public_data, "multipowerlaw_curves").columns)


@pytest.mark.parametrize(
    ("name", "runs"), [("gadre2024_losses", 104), ("multipowerlaw_curves", 27)]
)
def test_several_rows_of_one_run(public_data: Find, name: str, runs: int) -> None:
    assert len(_read(public_data, name).groups("run")) == runs
