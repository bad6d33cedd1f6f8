"""Advice on the data on hand, in each of its cases."""

from __future__ import annotations

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError, UnconvergedError
from tests.questions.test_transfer import known
from tests.synthetic import UNCONVERGED, synthetic_ensemble, synthetic_fit

FIT = synthetic_fit(draws=400, spread=0.05)
FLOPS = 1e22
FREE = FIT.risk(flops=FLOPS).forecast
BEST = float(FREE.plan.columns["tokens"][0])


def target(share: float) -> float:
    """Return the loss that the best run reaches with this probability."""
    return float(np.quantile(FREE.draws[:, 0], share))


def test_data_that_suffice_do_not_bind() -> None:
    found = FIT.advise(FLOPS, 10 * BEST, target_loss=target(0.95))
    assert not found.limited
    assert found.chances == pytest.approx((0.95, 0.95), abs=0.03)
    assert found.verdict.startswith("train ")
    assert f"it reaches the target with probability {found.chances[0]:.2f}" in found.verdict
    assert found.needed == pytest.approx(BEST)


def test_each_run_says_how_far_it_lies_beyond_the_runs() -> None:
    found = FIT.advise(FLOPS, 10 * BEST)
    rows = found.rows()
    assert found.text.count("beyond the fitted runs") == 2
    assert f"tokens {rows[0]['efolds_tokens']:.1f} e-folds" in found.text
    assert "fitted runs" not in bs.published("hoffmann-2022").advise(FLOPS, 1e12).text


def test_with_few_data_more_are_asked_for_and_they_do_it() -> None:
    found = FIT.advise(FLOPS, 0.05 * BEST, target_loss=target(0.99))
    assert found.limited
    on_hand, free = found.rows()
    assert on_hand["tokens"] == pytest.approx(0.05 * BEST, rel=1e-6)
    assert on_hand["chance"] < free["chance"]
    assert found.needed is not None
    assert 0.05 * BEST < found.needed < BEST
    assert found.verdict.startswith("get more data first")
    enough = FIT.advise(FLOPS, found.needed, target_loss=target(0.99))
    assert enough.chances[0] >= 0.87
    fewer = FIT.advise(FLOPS, 0.9 * found.needed, target_loss=target(0.99))
    assert fewer.chances[0] < 0.92


def test_what_no_data_reach() -> None:
    assert FIT.advise(FLOPS, BEST, target_loss=1.0).verdict.startswith("neither these data nor")
    assert "only if" in FIT.advise(FLOPS, BEST, target_loss=target(0.5)).verdict


def test_without_a_target_and_of_an_ensemble() -> None:
    assert FIT.advise(FLOPS, 10 * BEST).verdict.endswith("the data suffice")
    assert FIT.advise(FLOPS, 0.1 * BEST).verdict.endswith("more data would help")
    assert "Advice(train" in repr(synthetic_ensemble().advise(FLOPS, BEST, family="all"))
    assert FIT.advise(FLOPS, BEST).table.shape[0] == 2


def test_what_cannot_be_asked_is_refused() -> None:
    with pytest.raises(InputError, match="tokens on hand must be above 0"):
        FIT.advise(FLOPS, -1.0)
    with pytest.raises(InputError, match="sure is a probability"):
        FIT.advise(FLOPS, 1e9, sure=3.0)
    with pytest.raises(UnconvergedError):
        synthetic_fit(checks=UNCONVERGED).advise(FLOPS, 1e9)


REPEATS = synthetic_fit("data-constrained", draws=100, extra={"unique_tokens": 1e9})
ON_HAND = 0.02 * BEST


def ways(found: object) -> dict[str, dict[str, float]]:
    """Rows of an advice by the name of the way."""
    return {row["way"]: row for row in found.way_rows()}  # type: ignore[attr-defined]


def test_with_few_data_ways_are_weighed_and_the_rest_of_the_budget_may_be_kept() -> None:
    found = ways(FIT.advise(FLOPS, ON_HAND))
    assert set(found) == {"one pass", "smaller run"}
    one, small = found["one pass"], found["smaller run"]
    assert one["flops"] == pytest.approx(FLOPS)
    assert small["tokens"] == pytest.approx(ON_HAND)
    assert one["tokens"] == pytest.approx(ON_HAND)
    assert small["params"] < one["params"]
    assert small["share_of_budget"] < 0.1
    partner = FIT.allocate(tokens=ON_HAND).table["params"][0]
    assert small["params"] == pytest.approx(partner, rel=0.01)
    assert one["chance_best"] + small["chance_best"] == pytest.approx(1)
    assert set(ways(FIT.advise(FLOPS, 10 * BEST))) == {"one pass"}


def test_a_law_that_knows_repeats_reads_the_data_again_and_one_that_does_not_says_so() -> None:
    advice = REPEATS.advise(1e21, 1e9)
    found = ways(advice)
    assert found["repeat"]["epochs"] > 2
    assert found["repeat"]["loss"] < found["one pass"]["loss"]
    assert found["repeat"]["flops"] == pytest.approx(1e21)
    assert "passes over the data" in advice.verdict
    assert "stop early" not in found or found["stop early"]["flops"] < 1e21
    assert not any("neither repeats" in note for note in advice.notes)
    assert any("neither repeats" in note for note in FIT.advise(FLOPS, ON_HAND).notes)


def test_fine_tuning_reads_the_data_as_those_they_are_worth() -> None:
    law = bs.published("hernandez-2021-text")
    advice = FIT.advise(FLOPS, ON_HAND, pretrained=law, characters_per_token=4.0)
    found = ways(advice)["fine-tune"]
    read = 4 * ON_HAND  # the law counts characters
    worth = (read + 1.9e4 * read**0.18 * found["params"] ** 0.38) / 4
    at = FIT.forecast({"params": found["params"], "tokens": worth}).noise_free
    assert found["loss"] == pytest.approx(float(np.median(at)), rel=1e-3)
    assert "way" in advice.text
    assert "fine-tune" in advice.text
    assert "counts data in characters: it was given 4 to a token" in advice.text
    assert "counts params without embeddings" in advice.text


def test_characters_are_not_taken_for_tokens() -> None:
    law = bs.published("hernandez-2021-text")
    with pytest.raises(InputError, match=r"counts data in characters: say how many .* about 4"):
        FIT.advise(FLOPS, ON_HAND, pretrained=law)
    with pytest.raises(InputError, match="characters_per_token must be above 0"):
        FIT.advise(FLOPS, ON_HAND, pretrained=law, characters_per_token=-1.0)
    source = bs.published("hoffmann-2022")
    advice = source.advise(1e21, 1e9, pretrained=law, characters_per_token=4.0)
    assert ways(advice)["fine-tune"]["loss"] == pytest.approx(2.515, abs=2e-3)


def test_the_first_text_is_chosen_where_the_law_of_transfer_knows_several() -> None:
    law = known()
    with pytest.raises(InputError, match=r"knows code, prose: .*--pretrained-on code"):
        FIT.advise(FLOPS, ON_HAND, pretrained=law)
    found = ways(FIT.advise(FLOPS, ON_HAND, pretrained=law, pretrained_on="prose"))["fine-tune"]
    moved = law.transfer(params=found["params"], finetune_tokens=ON_HAND, pretrained_on="prose")
    worth = float(moved.effective["prose"][0, 0])
    at = FIT.forecast({"params": found["params"], "tokens": worth}).noise_free
    assert found["loss"] == pytest.approx(float(np.median(at)), rel=1e-3)


def test_fine_tuning_says_what_its_law_of_transfer_says_against_it() -> None:
    law = known(ossified=0.5)
    advice = FIT.advise(FLOPS, ON_HAND, pretrained=law, pretrained_on="prose")
    found = ways(advice)["fine-tune"]
    moved = law.transfer(params=found["params"], finetune_tokens=ON_HAND, pretrained_on="prose")
    told = moved.rows()[0]
    for name in ("hurts", "low_data", "efolds_params", "efolds_finetune_tokens"):
        assert found[name] == told[name]
    assert found["efolds_params"] == pytest.approx(np.log(found["params"] / 1.6e7))
    assert found["efolds_finetune_tokens"] == pytest.approx(np.log(ON_HAND / 1e7))
    assert advice.warnings == tuple(f"fine-tune: {text}" for text in moved.warnings)
    assert advice.warnings
    assert "fine-tuning lies" in advice.text
    assert f"params {found['efolds_params']:.1f} e-folds" in advice.text
    assert "counts data in the tokens of its own runs, and was given those on hand" in advice.text
    assert found["efolds_params"] in [row.get("efolds_params") for row in advice.far_rows]
    assert FIT.advise(FLOPS, ON_HAND).warnings == ()
