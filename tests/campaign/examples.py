"""Campaigns in a folder of a test, whose trainer is a formula."""

from __future__ import annotations

import sys
from pathlib import Path

from bayes_scaling.campaign.campaign_toml import NAME

TRAINER = Path(__file__).with_name("trainer.py")

CAMPAIGN = """
title = "example"
seed = 3
[space]
params = [1e6, 4e6, 16e6]
tokens_per_param = [10, 40]
[budget]
flops = {flops}
slots = {slots}
first = 4
first_share = 0.5
[target]
params = 1e9
tokens = 2e10
[stop]
{stop}
[run]
command = ["{python}", "{trainer}", "{{{{config}}}}", "{{{{folder}}}}/result.json"{broken}]
launcher = "{launcher}"
time_limit = {time_limit}
{more}
"""


def write_campaign(
    folder: Path,
    *,
    flops: float = 1e17,
    slots: int = 4,
    stop: str = "",
    launcher: str = "local",
    broken: tuple[str, ...] = (),
    time_limit: float = 1.0,
    more: str = "",
) -> Path:
    """Write a campaign whose runs in `broken` fail, and return its folder."""
    folder.mkdir(parents=True, exist_ok=True)
    text = CAMPAIGN.format(
        flops=flops,
        slots=slots,
        stop=stop,
        python=sys.executable,
        trainer=TRAINER,
        launcher=launcher,
        broken="".join(f', "{run}"' for run in broken),
        time_limit=time_limit,
        more=more,
    )
    (folder / NAME).write_text(text)
    return folder


def made(folder: Path) -> list[str]:
    """Return the runs that were made, each as often as it was."""
    path = folder / "made.txt"
    return sorted(path.read_text().split()) if path.exists() else []
