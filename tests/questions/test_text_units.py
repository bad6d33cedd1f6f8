"""Units of the data of laws of transfer."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.questions.text_units import compute_notes, data_unit, per_token
from tests.questions.test_transfer import runs


def test_published_constants_and_runs_say_their_unit() -> None:
    assert data_unit(bs.published("hernandez-2021-text-code")) == "characters"
    assert data_unit(bs.published("hoffmann-2022")) == "tokens"
    own = runs()
    counted = {**own.columns, "data_unit": np.repeat("Bytes", len(own))}
    law = load_model("chinchilla+finetune")
    for table, unit in ((own, "tokens"), (bs.RunTable.from_columns(counted), "bytes")):
        fit = Fit.of_one(prior_member(law, table, draws=20, random_seed=1, grouped=True))
        assert data_unit(fit) == unit


def test_a_token_stands_for_one_unit_or_as_many_as_are_said() -> None:
    assert per_token(bs.published("hoffmann-2022"), None) == 1
    law = bs.published("hernandez-2021-text")
    assert per_token(law, 3.5) == 3.5
    with pytest.raises(InputError, match="say how many of them a token"):
        per_token(law, None)


def test_compute_is_not_counted_in_characters() -> None:
    law = bs.published("hernandez-2021-text")
    found = law.transfer(params=1e8, finetune_tokens=1e6)
    assert "flops_saved" not in found.rows()[0]
    assert "compute saved" not in found.text
    assert "over the characters that a token stands for" in found.notes[-1]
    assert compute_notes(bs.published("hoffmann-2022")) == ()
