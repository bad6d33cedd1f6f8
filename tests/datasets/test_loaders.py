from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.datasets import list_datasets, load_dataset, published_runs
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable


@pytest.fixture(scope="module")
def nano() -> RunTable:
    return load_dataset("nano-lm")


@pytest.fixture(scope="module")
def curves() -> RunTable:
    return load_dataset("nano-lm-curves")


def test_every_shipped_dataset_loads_with_the_rows_it_states() -> None:
    shipped = [info for info in list_datasets() if info.shipped]
    assert [info.name for info in shipped] == [
        "nano-lm",
        "nano-lm-curves",
        "metz-mlp",
        "nano-transfer",
        "nano-shape",
        "nano-decay",
        "nano-arms",
        "nano-recurrent",
        "nano-context",
        "nano-scores",
    ]
    assert all(len(load_dataset(info.name)) == info.rows for info in shipped)


def test_counts_of_nano_lm_follow_its_shapes(nano: RunTable) -> None:
    nonembedding = 12 * nano["depth"] * nano["width"] ** 2
    np.testing.assert_array_equal(nano["params_nonembedding"], nonembedding)
    np.testing.assert_array_equal(nano["params"], nonembedding + 256 * nano["width"])
    np.testing.assert_array_equal(nano["tokens"], nano["steps"] * nano["batch_size"])
    np.testing.assert_allclose(nano["flops"], 6 * nano["params"] * nano["tokens"], rtol=1e-6)
    np.testing.assert_allclose(nano["flops"], nano["budget"], rtol=0.02)


def test_losses_of_nano_lm_are_those_of_bytes(nano: RunTable) -> None:
    assert nano["loss"].min() > 0.5
    assert nano["loss"].max() < np.log(256)
    assert len(set(nano["run"])) == len(nano)


def test_each_curve_ends_at_the_loss_of_its_run(nano: RunTable, curves: RunTable) -> None:
    last = {run: i for i, run in enumerate(curves["run"])}
    assert set(last) == set(nano["run"])
    rows = np.array([last[run] for run in nano["run"]])
    np.testing.assert_array_equal(curves["steps"][rows], nano["steps"])
    np.testing.assert_array_equal(curves["loss"][rows], nano["loss"])


def test_nano_lm_reaches_1e13_flop_at_five_sizes(nano: RunTable) -> None:
    largest = np.isclose(nano["budget"], 1e13)
    assert len(set(nano["params"][largest])) >= 5
    assert nano["flops"].sum() > 1e14
    assert len(nano) >= 320


def test_the_readme_states_the_rows_there_are(
    nano: RunTable, curves: RunTable, checkout: Path
) -> None:
    text = (checkout / "bayes_scaling" / "datasets" / "README.md").read_text(encoding="utf-8")
    assert f"| {len(nano)} | shipped, `nano_lm.csv`" in text
    assert f"| {len(curves)} | shipped, `nano_lm_curves.csv`" in text


def test_chinchilla_has_five_outliers(
    public_data: Callable[[str], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upstream = public_data("upstream/svg_extracted_data.csv")
    monkeypatch.setenv("BAYES_SCALING_MIRROR", str(upstream.parent))
    table = load_dataset("chinchilla", cache_dir=tmp_path)
    kept = table["epoch_outlier"] == 0
    assert (len(table), kept.sum()) == (245, 240)
    assert set(table["run"][~kept]) == {"p000", "p001", "p002", "p003", "p004"}
    np.testing.assert_allclose(table["flops"], 6 * table["params"] * table["tokens"])
    assert table["loss"].min() == pytest.approx(2.077, abs=0.001)


def test_an_unknown_name_lists_the_known_ones() -> None:
    with pytest.raises(InputError, match=r"did you mean 'nano-lm'.*known are nano-lm"):
        load_dataset("nanolm")


def test_the_big_runs_have_the_published_sizes() -> None:
    runs = published_runs()
    sizes = {
        str(run): (params, tokens)
        for run, params, tokens in zip(runs["run"], runs["params"], runs["tokens"], strict=True)
    }
    assert sizes == {
        "Chinchilla": (7e10, 1.4e12),
        "Gopher": (2.8e11, 3e11),
        "GPT-3": (1.75e11, 3e11),
        "Jurassic-1": (1.78e11, 3e11),
        "MT-NLG": (5.3e11, 2.7e11),
    }
    np.testing.assert_allclose(runs["flops"], 6 * runs["params"] * runs["tokens"])
    assert "loss" not in runs
    assert all(source for source in runs["source"])
