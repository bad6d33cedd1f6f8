"""Definitions of campaigns: what can be said, and everything that is wrong at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from bayes_scaling.campaign import read_campaign
from bayes_scaling.campaign.loop import check_space
from bayes_scaling.errors import InputError
from tests.campaign.examples import write_campaign


def test_candidates_are_a_grid_or_a_table_with_any_settings(tmp_path: Path) -> None:
    folder = write_campaign(tmp_path)
    grid = read_campaign(folder).candidates()
    assert grid["tokens"].tolist() == [1e7, 4e7, 4e7, 1.6e8, 1.6e8, 6.4e8]
    (folder / "space.csv").write_text("params,tokens,optimizer\n1e6,2e7,muon\n4e6,8e7,adam\n")
    text = (folder / "campaign.toml").read_text()
    kept = text.split("params = [")[0] + 'candidates = "space.csv"\n[budget]'
    (folder / "campaign.toml").write_text(kept + text.split("[budget]")[1])
    table = read_campaign(folder).candidates()
    assert table["optimizer"].tolist() == ["muon", "adam"]
    assert table["flops"].tolist() == [1.2e14, 1.92e15]


@pytest.mark.parametrize(
    ("old", "new", "messages"),
    [
        ("[budget]", "[budgets]", ["no 'budgets'; did you mean 'budget'?"]),
        ("slots = 4", 'slots = "four"\nbatches = 2', ["no 'batches'; did you mean 'batch'?"]),
        ("slots = 4", "slots = 0", ["slots is a whole number above 0"]),
        ("tokens_per_param", "tokens = [1e6]\ntokens_per_param", ["either tokens or"]),
        ("params = 1e9", "flops = 1e21", ["[target] says either flops, or params and tokens"]),
        ('launcher = "local"', 'launcher = "k8s"', ["launcher is one of local, slurm, print"]),
        ("flops = 1e+17", "money = 100.0", ["money buys hours at a price"]),
        ("time_limit = 1.0", 'template = "gone.sh"', ["[run] template: no file"]),
        ("[stop]", "[stop]\nvalue = 5", ["value needs target_loss, and price"]),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, old: str, new: str, messages: list[str]) -> None:
    folder = write_campaign(tmp_path)
    text = (folder / "campaign.toml").read_text()
    assert old in text
    (folder / "campaign.toml").write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as caught:
        read_campaign(folder)
    for message in messages:
        assert message in str(caught.value)


def test_without_a_definition_it_says_how_to_get_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="bayes-scaling campaign init"):
        read_campaign(tmp_path)


def test_a_budget_that_pays_for_nothing_is_refused(tmp_path: Path) -> None:
    campaign = read_campaign(write_campaign(tmp_path, flops=1e12))
    with pytest.raises(InputError, match="pays for none of 6 candidates"):
        check_space(campaign, campaign.candidates())


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"title = '\xf4'", "not a TOML file"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "nested deeper than 20"),
        (b"title = 3", "title is a text, got 3"),
        (b"[budget]\nflops = " + b"9" * 400, r"\[budget\] flops is a number above 0"),
    ],
)
def test_definitions_out_of_bounds_are_refused(content: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "campaign.toml").write_bytes(content)
    with pytest.raises(InputError, match=said):
        read_campaign(tmp_path)
