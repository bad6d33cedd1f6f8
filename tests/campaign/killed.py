"""A campaign whose program is killed at many places: python -m tests.campaign.killed FOLDER.

Every process that steps is a fork, so that what it costs to start is paid once. It is killed by
signal 9 before or after the n-th time that it writes, renames or starts something.
"""

from __future__ import annotations

import signal
import sys
from functools import partial
from pathlib import Path

from bayes_scaling.campaign import follow, loop, status, step
from tests.campaign.examples import made, write_campaign
from tests.hostile import in_child, kill_at
from tests.synthetic import PLAIN, synthetic_fit

PLACES = (1, 2, 3, 5, 8, 10, 11, 12, 19, 36)
"""Of the first step, which plans four runs and launches them."""


def main(folder: str) -> None:
    """Kill a campaign at every place, let it go on, and print what was wrong with it."""
    fit = synthetic_fit(PLAIN, draws=25)
    loop.fit_anywhere = lambda task: fit
    loop.POLL = 0.1
    for place in PLACES:
        home = write_campaign(Path(folder) / str(place), stop="width = 10.0")

        def killed(place: int = place, home: Path = home) -> None:
            kill_at(place)
            step(home)

        ended = in_child(killed).code
        assert ended == -signal.SIGKILL, f"place {place}: not killed, {ended}"
        assert in_child(partial(follow, home)).code == 0, f"place {place}: did not go on"
        state = status(home)
        planned = sorted(state.runs)
        assert made(home) == planned, f"place {place}: made {made(home)}, planned {planned}"
        assert len(planned) == 4, planned
        assert {run.standing for run in state.runs.values()} == {"done"}, state.rows()
        assert state.spent <= state.campaign.flops
        assert state.stopped is not None
        print(f"place {place}: all runs once")


if __name__ == "__main__":
    main(sys.argv[1])
