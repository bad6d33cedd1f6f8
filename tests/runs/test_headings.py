"""Units, logs and kinds in headings and cells of strangers' tables: read and said, or doubted."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from bayes_scaling.errors import InputError
from tests.runs.strangers import LOSS, C, D, N, doubts, read, table_of

# ---- units in a heading are read, and said -------------------------------------------------------


@pytest.mark.parametrize(
    ("heading", "factor", "target"),
    [
        ("tokens (M)", 1e6, "tokens"),
        ("Tokens [B]", 1e9, "tokens"),
        ("tokens_in_millions", 1e6, "tokens"),
        ("Tokens / 1e9", 1e9, "tokens"),
        ("billions of tokens", 1e9, "tokens"),
        ("tokens_b", 1e9, "tokens"),
        ("Training tokens (×10⁹)", 1e9, "tokens"),
        ("Gtokens", 1e9, "tokens"),
        ("params (M)", 1e6, "params"),
        ("params_m", 1e6, "params"),
        ("num_params [billions]", 1e9, "params"),
        ("Compute (PF-days)", 8.64e19, "flops"),
        ("compute_pf_days", 8.64e19, "flops"),
        ("FLOPs (1e18)", 1e18, "flops"),
        ("GFLOPs", 1e9, "flops"),
        ("train EFLOP", 1e18, "flops"),
        ("Compute [PFLOP/s-days]", 8.64e19, "flops"),
        ("FLOP x 1e18", 1e18, "flops"),
        ("GTokens", 1e9, "tokens"),
        ("tokensB", 1e9, "tokens"),
        ("kparams", 1e3, "params"),
        ("tok (B)", 1e9, "tokens"),
        ("tokens (Mrd.)", 1e9, "tokens"),
        ("Params (mln)", 1e6, "params"),
        ("giga tokens", 1e9, "tokens"),
        ("flops_e18", 1e18, "flops"),
        ("PF/s-days", 8.64e19, "flops"),
        ("PFLOP-hours", 3.6e18, "flops"),
    ],
)
def test_a_unit_in_the_heading_is_read_and_said(
    heading: str, factor: float, target: str, tmp_path: Path
) -> None:
    truth = {"tokens": D, "params": N, "flops": C}
    others = [name for name in ("params", "tokens") if name != target][:1]
    if target == "flops":
        others = ["params"]
    columns = [[value / factor for value in truth[target]], truth[others[0]], LOSS]
    table = read(tmp_path, table_of(f"{heading},{others[0]},loss", *columns))
    for name, values in truth.items():
        np.testing.assert_allclose(table[name], values, rtol=1e-9)
    assert any(repr(heading) in note and f"{factor:.4g}" in note for note in table.notes)
    assert table.origins[target] == f"{heading!r} x {factor:.4g}"
    assert not doubts(table)


@pytest.mark.parametrize("heading", ["N (non-embedding)", "Params [non-emb]", "N (active)"])
def test_a_kind_of_count_in_brackets(heading: str, tmp_path: Path) -> None:
    table = read(tmp_path, table_of(f"{heading},tokens,loss", N, D, LOSS))
    kind = "params_active" if "active" in heading else "params_nonembedding"
    np.testing.assert_allclose(table[kind], N)
    np.testing.assert_allclose(table["params"], N)


@pytest.mark.parametrize(
    ("heading", "values", "says"),
    [
        ("D_B", [d / 1e9 for d in D], "--columns 'tokens=D_B*1e9'"),
        ("log D", np.log(D), "'tokens=10**`log D`' (or exp(`log D`)"),
        ("tokens (log)", np.log(D), "'tokens=10**`tokens (log)`'"),
        ("D/N", np.divide(D, N), "'tokens=`D/N`*params'"),
        ("TPP", np.divide(D, N), "'tokens=TPP*params'"),
        ("tok/param", np.divide(D, N), "'tokens=`tok/param`*params'"),
        ("tokens/param", np.divide(D, N), "'tokens=`tokens/param`*params'"),
        ("x chinchilla", np.divide(D, N), "'tokens=`x chinchilla`*20*params'"),
        ("training data (B tokens)", [d / 1e9 for d in D], "training data (B tokens)`*1e9'"),
        ("max_tokens", D, "'tokens=max_tokens'"),
        ("mystery", D, "no law reads 'mystery': if it tells tokens, --columns 'tokens=mystery'"),
    ],
)
def test_the_other_size_under_a_strange_name_is_doubted(
    heading: str, values: Sequence[float], says: str, tmp_path: Path
) -> None:
    table = read(tmp_path, table_of(f"params,{heading},loss", N, values, LOSS))
    assert says in doubts(table)


@pytest.mark.parametrize(
    ("heading", "values", "says"),
    [
        ("size (M)", [n / 1e6 for n in N], "--columns 'params=`size (M)`*1e6'"),
        ("N_M", [n / 1e6 for n in N], "--columns 'params=N_M*1e6'"),
        ("model", [f"{n / 1e6:g}M" for n in N], "--columns 'params=model'"),
        ("model", [f"pythia-{n / 1e6:g}m" for n in N], "'model' names models by their size"),
        ("params (MB)", N, "--columns 'params=`params (MB)`*UNIT'"),
        ("n_layers,d_model", [f"12,{i}" for i in range(6)], "'params=12*depth*width**2'"),
    ],
)
def test_params_under_a_strange_name_are_doubted(
    heading: str, values: Sequence[object], says: str, tmp_path: Path
) -> None:
    text = table_of(f"tokens,{heading},loss", D, values, LOSS)
    table = read(tmp_path, text.replace(",0,", ",6,"))
    assert says in doubts(table)


@pytest.mark.parametrize("name", ["seconds", "accuracy", "seed", "wall_time_s", "std", "share"])
def test_a_column_that_is_no_size_is_not_taken_for_one(name: str, tmp_path: Path) -> None:
    values = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6] if name == "share" else [1, 2, 3, 4, 5, 6]
    assert not doubts(read(tmp_path, table_of(f"params,{name},loss", N, values, LOSS)))


def test_tokens_in_thousands_or_swapped_are_doubted(tmp_path: Path) -> None:
    thousands = read(tmp_path, table_of("params,tokens,loss", N, [d / 1e3 for d in D], LOSS))
    assert "'tokens=tokens*1e3'" in doubts(thousands)
    assert "swapped?" in doubts(read(tmp_path, table_of("params,tokens,loss", D, N, LOSS)))


@pytest.mark.parametrize("name", ["excess loss", "reducible_loss", "loss - E", "initial_loss"])
def test_what_is_no_whole_loss_is_asked_for(name: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'loss'"):
        read(tmp_path, table_of(f"params,tokens,{name}", N, D, LOSS))


@pytest.mark.parametrize("name", ["log loss", "log(loss)", "val_loss (log)"])
def test_the_log_of_a_loss_is_doubted(name: str, tmp_path: Path) -> None:
    table = read(tmp_path, table_of(f"params,tokens,{name}", N, D, np.log(LOSS).tolist()))
    assert f"'loss=exp(`{name}`)'" in doubts(table)


@pytest.mark.parametrize(
    "heading", ["log10_params", "log10(N)", "lg params", "params (log10)", "params_log10"]
)
def test_logs_in_the_heading(heading: str, tmp_path: Path) -> None:
    logs = [float(np.log10(n)) for n in N]
    table = read(tmp_path, table_of(f"{heading},tokens,loss", logs, D, LOSS))
    np.testing.assert_allclose(table["params"], N, rtol=1e-9)
    assert any("10 to the power of" in note for note in table.notes)


def test_bits_of_the_heading_become_nats_and_a_rate_its_unit(tmp_path: Path) -> None:
    bits = [loss / np.log(2) for loss in LOSS]
    text = table_of("N,D,val_loss (bits),lr (1e-4)", N, D, bits, [3] * 6)
    table = read(tmp_path, text)
    np.testing.assert_allclose(table["loss"], LOSS, rtol=1e-9)
    np.testing.assert_allclose(table["learning_rate"], 3e-4)


@pytest.mark.parametrize("unit", ["nats/byte", "millinats", "%", "x 1e-3"])
def test_an_unknown_unit_of_a_loss_is_doubted(unit: str, tmp_path: Path) -> None:
    table = read(tmp_path, table_of(f"params,tokens,val loss ({unit})", N, D, LOSS))
    assert f"the unit '{unit}' of" in doubts(table)


@pytest.mark.parametrize("of", ["C4", "at 1B tokens", "heldout"])
def test_what_a_loss_is_of_is_no_unit(of: str, tmp_path: Path) -> None:
    assert not doubts(read(tmp_path, table_of(f"params,tokens,val loss ({of})", N, D, LOSS)))


@pytest.mark.parametrize("name", ["loss (bits/byte)", "val loss [bits per byte]", "BPB"])
def test_bits_per_byte_in_other_words(name: str, tmp_path: Path) -> None:
    table = read(tmp_path, table_of(f"params,tokens,{name}", N, D, LOSS))
    assert any("in bits per byte, as given" in note for note in table.notes)


def test_bits_per_byte_are_kept_and_said(tmp_path: Path) -> None:
    table = read(tmp_path, table_of("num_params,tokens_trained,val_bpb", N, D, LOSS))
    np.testing.assert_allclose(table["loss"], LOSS)
    assert any("bits per byte, as given" in note for note in table.notes)


# ---- units in cells ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cell", "value"),
    [
        ("20M", 2e7),
        ("20 M", 2e7),
        ("0.02B", 2e7),
        ("2.00x10^7", 2e7),
        ("2.00×10⁷", 2e7),
        ("20 million", 2e7),
        ("20.0 Mio", 2e7),
        ("20,000,000", 2e7),
        ("20 000 000", 2e7),
        ("20_000_000", 2e7),
        ("20M params", 2e7),
        ("2·10^7", 2e7),
    ],
)
def test_amounts_in_cells(cell: str, value: float, tmp_path: Path) -> None:
    table = read(tmp_path, f'params,tokens,loss\n"{cell}",1B,3.9\n50M,3B,3.5\n')
    assert table["params"].tolist() == [value, 5e7]
    assert table["tokens"].tolist() == [1e9, 3e9]
    assert any("is read as" in note for note in table.notes)


def test_compute_in_cells(tmp_path: Path) -> None:
    table = read(tmp_path, "params,flops,loss\n20M,1.2e17,3.9\n20M,0.5 PF-days,3.5\n")
    np.testing.assert_allclose(table["flops"], [1.2e17, 4.32e19])
    with pytest.raises(InputError, match="hours of a device are no FLOP"):
        read(tmp_path, "params,flops,loss\n20M,30 GPU-hours,3.9\n")


def test_an_uncertainty_is_set_aside_with_a_word(tmp_path: Path) -> None:
    table = read(tmp_path, "params,tokens,loss\n1e7,1e9,3.90 ± 0.02\n3e7,1e9,3.60 ± 0.01\n")
    assert table["loss"].tolist() == [3.9, 3.6]
    assert any("what follows ± is not read" in note for note in table.notes)
