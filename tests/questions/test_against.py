"""Runs beside a published law: offset, trend and what it would have said."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable


def runs(factor: float = 1.0, trend: float = 0.0, noise: float = 0.0) -> RunTable:
    """Runs that lie off hoffmann-2022 by a factor, and by more with each decade of compute."""
    params = np.geomspace(1e7, 1e9, 20)
    tokens = 20 * params
    said = 1.69 + 406.4 / params**0.34 + 410.7 / tokens**0.28
    decades = np.log10(params * tokens)
    off = trend * (decades - decades.mean())
    own = noise * np.random.default_rng(0).standard_normal(20)
    return RunTable.from_columns(
        {"params": params, "tokens": tokens, "loss": factor * said * np.exp(off + own)}
    )


def test_a_factor_is_told_from_a_trend() -> None:
    law = bs.published("hoffmann-2022")
    found = law.against(runs(factor=1.1)).about
    assert found["offset"] == pytest.approx(np.log(1.1), abs=1e-3)
    assert found["trend_per_decade"] == pytest.approx(0.0, abs=1e-3)
    assert found["left_after_offset"] < 1e-3
    found = law.against(runs(factor=0.9, trend=0.05, noise=0.002)).about
    assert found["trend_per_decade_lower"] < 0.05 < found["trend_per_decade_upper"]
    assert found["trend_per_decade_lower"] > 0.04


def test_rows_have_what_it_would_have_said() -> None:
    table = runs(factor=1.1)
    found = bs.published("hoffmann-2022").against(table)
    row = found.rows()[-1]
    assert row["loss"] / row["said"] == pytest.approx(1.1, rel=1e-3)
    assert "20 runs against hoffmann-2022" in str(found.page())
    assert "+10.0" in str(found)


def test_what_cannot_be_compared_is_said() -> None:
    with pytest.raises(InputError, match="the runs have no tokens"):
        bs.published("hoffmann-2022").against(
            RunTable.from_columns({"params": [1e7, 2e7], "loss": [3.0, 2.9]})
        )
    one = RunTable(columns={name: values[:2] for name, values in runs().columns.items()})
    found = bs.published("hoffmann-2022").against(one)
    assert found.about["trend_per_decade"] is None
    assert "cannot be told" in str(found)
