"""What pre-training is worth, of fits whose constants are known."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import pytest

import bayes_scaling as bs
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import make_design
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.sampler import Settings
from tests.synthetic import OK

PARAMS = (1e6, 4e6, 1.6e7)
DATA = (1e5, 1e6, 1e7)
ALPHA = {"code": 0.1, "prose": 0.2, "scratch": 0.4}
BETA = 0.38
MULTIPLE = {"code": 3.0, "prose": 1.0, "scratch": 7.0}
LEVEL = {"c": 2.0, "f_shift": 0.3, "m": 0.5, "alpha": 0.3, "beta": 0.35, "sigma": 0.01, "nu": 6.0}


def runs() -> bs.RunTable:
    cells = [(text, n, d) for text in ("", "code", "prose") for n in PARAMS for d in DATA]
    text, params, data = zip(*cells, strict=True)
    worse = [3.1 if t == "prose" and d == DATA[-1] else 3.0 for t, _, d in cells]
    return bs.RunTable.from_columns(
        {"pretrained_on": text, "params": params, "finetune_tokens": data, "loss": worse}
    )


@cache
def known(
    law: str = "chinchilla+finetune",
    *,
    ossified: float = 0.0,
    spread: float = 0.0,
    draws: int = 200,
) -> Fit:
    """A fit of which every draw is known, but for a spread of the exponents of data."""
    model = load_model(law)
    design = make_design(model, runs())
    texts = [label.rsplit("/", 1)[-1] for label in design.groups]
    rng = np.random.default_rng(3)
    values: dict[str, Any] = {
        item.name: np.full((1, draws), LEVEL.get(item.name, 0.0)) for item in model.parameters
    }
    values |= {"beta_T": np.full((1, draws), BETA), "ossified": np.full((1, draws), ossified)}
    values["multiple"] = np.broadcast_to([MULTIPLE[text] for text in texts], (1, draws, 3))
    alpha = np.broadcast_to([ALPHA[text] for text in texts], (1, draws, 3))
    values["alpha_T"] = alpha * np.exp(spread * rng.standard_normal((1, draws, 3)))
    references = dict(design.references)
    of_group = {
        name: array if array.ndim == 3 else array[..., None] for name, array in values.items()
    }
    derived = model.derive(of_group, references)
    member = Member(
        model=model,
        runs=runs(),
        draws={**values, "k_T": derived["k_T"]},
        stats={"diverging": np.zeros((1, draws), bool)},
        references=references,
        groups=design.groups,
        mixing={},
        checks=OK,
        settings=Settings(draws=draws, tune=0, chains=1, random_seed=1),
        provenance={
            "created": "2026-01-01T00:00:00+00:00",
            "model_hash": model.content_hash,
            "runs_hash": runs().content_hash,
            "sample_seconds": "1",
        },
    )
    return Fit.of_one(member)


def by_hand(text: str, params: float, data: float) -> float:
    references = known().references
    share = data / references["finetune_tokens_ref"]
    size = params / references["params_ref"]
    base = MULTIPLE[text] * references["finetune_tokens_ref"]
    return float(base * share ** ALPHA[text] * size**BETA)


def test_the_multiplier_is_that_of_the_law() -> None:
    found = known().transfer(params=[2e6, 8e6], finetune_tokens=3e5)
    for text in ("code", "prose"):
        for case, params in enumerate((2e6, 8e6)):
            wanted = 1 + by_hand(text, params, 3e5) / 3e5
            np.testing.assert_allclose(found.multiplier[text][:, case], wanted)
    assert found.texts == ("code", "prose")
    assert set(found.loss) == {"scratch", "code", "prose"}


def test_the_loss_is_that_from_scratch_on_the_effective_data() -> None:
    fit = known()
    found = fit.transfer(params=2e6, finetune_tokens=3e5, pretrained_on="prose")
    data = float(found.effective["prose"][0, 0])
    there = fit.transfer(params=2e6, finetune_tokens=data, pretrained_on="prose")
    np.testing.assert_allclose(found.loss["prose"], there.loss["scratch"])
    assert (found.loss["prose"] < found.loss["scratch"]).all()


def test_params_are_worth_data_by_the_ratio_of_the_exponents() -> None:
    found = known().transfer(params=2e6, finetune_tokens=3e5, times=10)
    np.testing.assert_allclose(found.worth["prose"], 10 ** (BETA / ALPHA["prose"]))
    assert "10 times the params are worth 79.4" in repr(found)


def test_compute_saved_and_when_the_first_training_is_repaid() -> None:
    found = known().transfer(
        params=2e6, finetune_tokens=3e5, pretrained_on="prose", pretrain_tokens=1e8
    )
    moved = by_hand("prose", 2e6, 3e5)
    np.testing.assert_allclose(found.flops_saved["prose"], 6 * 2e6 * moved)
    assert found.rows()[0]["repaid_after"] == pytest.approx(1e8 / moved)


def test_growing_pays_after_pre_training_where_it_does_not_from_scratch() -> None:
    found = known().transfer(params=1.6e7, finetune_tokens=1e4, pretrained_on="code")
    assert (found.twice["code"] > found.twice["scratch"]).all()


def test_where_pre_training_hurts_is_said_with_a_probability() -> None:
    calm = known().transfer(params=1e6, finetune_tokens=1e5)
    assert calm.hurts == {"code": 0.0, "prose": 0.0}
    assert not any("may hurt" in line for line in calm.warnings)
    hurt = known(ossified=0.4).transfer(params=1e6, finetune_tokens=1e9, pretrained_on="prose")
    assert hurt.hurts["prose"][0] == 1.0
    assert "pre-training on prose may hurt 1e+06 params on 1e+09 fine-tuning tokens" in hurt.text
    assert (hurt.flops_saved["prose"] < 0).all()


def test_runs_that_did_worse_than_from_scratch_are_counted() -> None:
    found = known().transfer(params=1e6, finetune_tokens=1e5)
    assert found.worse == {"code": (0, 9), "prose": (3, 9)}
    assert "3 of 9 runs pre-trained on prose did worse" in found.text


def test_beyond_the_low_data_regime_is_said() -> None:
    assert "low-data regime" not in known().transfer(params=1e7, finetune_tokens=1e3).text
    assert "low-data regime" in known().transfer(params=1e4, finetune_tokens=1e15).text


def test_an_order_that_is_stated_conditions_the_draws() -> None:
    fit = known(spread=0.5)
    free = fit.transfer(params=2e6, finetune_tokens=3e5)
    told = fit.transfer(params=2e6, finetune_tokens=3e5, order=["code", "prose"])
    assert (free.alpha["code"] > free.alpha["prose"]).any()
    assert (told.alpha["code"] < told.alpha["prose"]).all()
    share = float(np.mean(free.alpha["code"] < free.alpha["prose"]))
    assert told.order_probability == pytest.approx(share)
    assert f"with probability {share:.2f}" in told.text


def test_distance_counts_fine_tuning_data_too() -> None:
    row = known().transfer(params=1.6e8, finetune_tokens=1e8).rows()[0]
    assert row["efolds_params"] == pytest.approx(np.log(10))
    assert row["efolds_finetune_tokens"] == pytest.approx(np.log(10))


@pytest.mark.parametrize(
    ("change", "pattern"),
    [
        ({"pretrained_on": "c4"}, "no run was pre-trained on 'c4'.*the fit has code, prose"),
        ({"order": ["code", "c4"]}, "no run was pre-trained on 'c4'"),
        ({"order": ["code"]}, "order names two first texts or more"),
        ({"order": ["prose", "code"]}, "alpha ascends along it in 0 of 200 draws"),
        ({"finetune_tokens": -1}, "finetune_tokens must be above 0"),
        ({"times": 0}, "times must be above 0"),
        ({"family": "english"}, "no runs learn 'english'"),
    ],
)
def test_what_cannot_be_asked_is_said(change: Mapping[str, Any], pattern: str) -> None:
    with pytest.raises(InputError, match=pattern):
        known().transfer(**{"params": 1e6, "finetune_tokens": 1e5, **change})


def test_a_group_is_named_as_a_whole_and_a_new_one_is_so_in_a_shell() -> None:
    fit = known()
    own = fit.transfer(params=1e6, finetune_tokens=1e5, family="code")
    assert own.texts == ("code",)
    whole = fit.transfer(params=1e6, finetune_tokens=1e5)
    np.testing.assert_allclose(own.effective["code"], whole.effective["code"])
    with pytest.raises(InputError, match=r"--new-group FAMILY/klingon in a shell"):
        fit.transfer(params=1e6, finetune_tokens=1e5, pretrained_on="klingon")
    with pytest.raises(InputError, match=r"written family/pretrained_on \(--new-group\)"):
        fit.with_new_group("klingon")


def test_a_law_without_transfer_is_told_how_to_have_it() -> None:
    with pytest.raises(InputError, match=r"chinchilla\+finetune"):
        bs.published("hoffmann-2022").transfer(params=1e6, finetune_tokens=1e5)


@pytest.mark.parametrize(
    ("law", "times", "worth"),
    [("hernandez-2021-text", 10, 129.2), ("hernandez-2021-text-code", 2, 15.5)],
)
def test_published_laws_answer(law: str, times: float, worth: float) -> None:
    found = bs.published(law).transfer(params=1e8, finetune_tokens=1e6, times=times)
    wanted = bs.published(law).at({"params": 1e8, "finetune_tokens": 1e6})
    np.testing.assert_allclose(found.transferred[law], wanted.draws["transferred_tokens"])
    np.testing.assert_allclose(found.worth[law], worth, rtol=0.01)
    assert found.hurts == {}
    assert "characters" in found.about["notes"][0]


def test_a_forecast_knows_which_runs_are_from_scratch() -> None:
    fit = known()
    sizes = {"params": [2e6, 2e6], "finetune_tokens": 3e5, "pretrained_on": ["scratch", "prose"]}
    asked = fit.transfer(params=2e6, finetune_tokens=3e5)
    labels = [next(g for g in fit.groups if g.endswith(t)) for t in ("scratch", "prose")]
    sizes = {**sizes, fit.model.group: labels}
    del sizes["pretrained_on"]
    median = fit.forecast(sizes).table["noise_free"].tolist()
    wanted = [float(np.median(asked.loss[text])) for text in ("scratch", "prose")]
    assert median == pytest.approx(wanted)


def test_the_distance_beyond_the_runs_is_printed() -> None:
    found = known().transfer(params=PARAMS[-1], finetune_tokens=[DATA[-1], 100 * DATA[-1]])
    far = np.log(100)
    assert f"finetune_tokens {far:.1f} e-folds (100x)" in found.text
    inside = known().transfer(params=PARAMS[-1], finetune_tokens=DATA[-1])
    assert inside.text.count("inside the fitted runs") == 2
