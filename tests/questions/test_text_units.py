"""Units of the data of laws of transfer."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.posterior.prior import prior_member
from bayes_scaling.questions.text_units import data_unit, per_token
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
