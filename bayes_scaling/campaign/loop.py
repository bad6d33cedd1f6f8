"""The step of a campaign: pick up results, fit, decide, plan the next runs and launch them.

Whatever is done is written down first. A plan is on the disk before anything of it starts, and a
run that was planned but not known to be launched is launched again: its worker ends at once where
it was started before.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bayes_scaling.campaign.campaign_toml import NAME, TEMPLATE, Campaign, read_campaign
from bayes_scaling.campaign.choosing import (
    FEWEST,
    Batch,
    aim_of,
    first_design,
    next_batch,
    reason_to_stop,
)
from bayes_scaling.campaign.configs import (
    Config,
    command_of,
    config_name,
    config_text,
    write_run,
)
from bayes_scaling.campaign.launchers import LAUNCHERS, Launch
from bayes_scaling.campaign.ledger import NAME as LEDGER, Ledger, Line, writing
from bayes_scaling.campaign.results import collected, data_of, folder_of
from bayes_scaling.campaign.state import Run, State, recipe_of, runs_of
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.files import made_folder, replacing
from bayes_scaling.laws.catalogue import load_models
from bayes_scaling.runs import RunTable
from bayes_scaling.validation.tasks import Executor, FitTask, fit_quietly, run_tasks

FIT = "fit.nc"
"""Name of the last fit in the folder of a campaign."""

POLL = 10.0
"""Seconds between looks at runs in flight."""


def init(folder: str | Path) -> Path:
    """Write the definition of a campaign to fill in.

    Parameters
    ----------
    folder : path
        Its folder, made where there is none.

    Returns
    -------
    Path
        The definition.

    Raises
    ------
    InputError
        There is one already.
    """
    path = Path(folder) / NAME
    if path.exists():
        raise InputError(f"{str(path)!r} is there already; edit it, or give another folder")
    made_folder(path.parent, "a campaign")
    with replacing(path) as temporary:
        temporary.write_text(TEMPLATE, encoding="utf-8")
    return path


def step(
    folder: str | Path,
    *,
    dry_run: bool = False,
    launch: Launch | None = None,
    executor: Executor | None = None,
) -> State:
    """Make the next step of a campaign.

    Parameters
    ----------
    folder : path
        Its folder.
    dry_run : bool
        Whether to tell what would be run, and neither write nor launch anything.
    launch : callable, optional
        Starts a run, given its folder and settings, and says how it is known; by default the
        launcher of the definition.
    executor : object with submit or map, optional
        Makes the fit, such as a worker of a cluster; here by default. See
        `bayes_scaling.validation.tasks.run_tasks`.

    Returns
    -------
    State
        Where the campaign is then.

    Raises
    ------
    InputError
        The definition, the ledger or results cannot be read, or another program is at a step.
    """
    campaign = read_campaign(folder)
    candidates = campaign.candidates()
    check_space(campaign, candidates)
    with writing(campaign.folder / LEDGER, dry=dry_run) as ledger:
        before = len(ledger.lines)
        start = None if dry_run else (launch or LAUNCHERS[campaign.run.launcher])
        _launch_planned(campaign, ledger, start)
        ledger.add(*collected(campaign, runs_of(ledger.lines).values()))
        state = _state(campaign, ledger)
        if state.stopped is None and len(state.in_flight) < campaign.budget.slots:
            _go_on(state, candidates, ledger, executor)
            _launch_planned(campaign, ledger, start)
        lines = tuple(ledger.lines)
        return State(campaign=campaign, lines=lines, fresh=len(lines) - before, dry=dry_run)


def follow(
    folder: str | Path,
    *,
    launch: Launch | None = None,
    executor: Executor | None = None,
    told: Callable[[State], None] | None = None,
) -> State:
    """Make steps until the campaign is over or only lost runs are left to wait for.

    Parameters
    ----------
    folder : path
        Its folder.
    launch, executor : optional
        As in `step`.
    told : callable, optional
        Given the state after every step in which something happened.
    """
    while True:
        state = step(folder, launch=launch, executor=executor)
        if told is not None and state.fresh:
            told(state)
        if not state.in_flight and (state.stopped is not None or not state.fresh):
            return state
        if not state.fresh:
            time.sleep(POLL)


def _state(campaign: Campaign, ledger: Ledger) -> State:
    return State(campaign=campaign, lines=tuple(ledger.lines))


def check_space(campaign: Campaign, candidates: RunTable) -> None:
    """Raise `InputError` where candidates cannot be made, before anything is fitted."""
    missing = [name for name in ("params", "tokens", "flops") if name not in candidates]
    if missing:
        raise InputError(f"the candidates have no {', '.join(missing)}")
    config = config_of(candidates, 0, "c001", 1)
    _written(campaign, config)
    if not (candidates["flops"] <= campaign.flops).any():
        raise InputError(
            f"{campaign.flops:.3g} FLOP pays for none of {len(candidates)} candidates, the "
            f"cheapest of which takes {candidates['flops'].min():.3g}"
        )


def config_of(candidates: RunTable, row: int, run: str, seed: int) -> Config:
    """Return the configuration of a candidate; its own seed, where it has one, holds."""
    cells = {name: column[row].item() for name, column in candidates.columns.items()}
    known = {name: value for name, value in cells.items() if value == value and value != ""}
    return {"seed": seed, **known, "run": run}


def _written(campaign: Campaign, config: Config) -> tuple[str, list[str]]:
    """Return the text of a configuration, and the command that takes it."""
    template = campaign.run.template
    text = config_text(config, None if template is None else campaign.folder / template)
    folder = folder_of(campaign, str(config["run"]))
    return text, command_of(campaign.run.command, config, folder, config_name(template))


def _launch_planned(campaign: Campaign, ledger: Ledger, launch: Launch | None) -> None:
    """Launch every run that is planned; one that a killed program may have launched again too."""
    for run in runs_of(ledger.lines).values():
        if run.standing != "planned" or launch is None:
            continue
        folder = folder_of(campaign, run.id)
        write_run(
            folder,
            name=config_name(campaign.run.template),
            text=_written(campaign, run.config)[0],
            argv=list(run.argv),
            cwd=campaign.folder.resolve(),
        )
        ledger.add({"kind": "launch", "run": run.id, "handle": launch(folder, campaign.slurm)})


def _go_on(state: State, candidates: RunTable, ledger: Ledger, executor: Executor | None) -> None:
    """Plan the next runs within what is left of the budget, or stop; fit where results are new."""
    campaign, runs = state.campaign, tuple(state.runs.values())
    pending = [run for run in runs if run.in_flight]
    recipes = [recipe_of(config_of(candidates, row, "", 0)) for row in range(len(candidates))]
    taken = {run.recipe for run in runs}
    slots = campaign.budget.slots - len(pending)
    if campaign.start is None and not state.fits:
        share = campaign.budget.first_share * campaign.flops
        design = first_design(candidates, share, campaign.budget.first)
        rest = [row for row in design if recipes[row] not in taken]
        if rest and (why := _failing_alike(runs)):
            if not pending:
                ledger.add(_stop(campaign, why))
            return
        if rest:
            _plan(state, candidates, ledger, Batch(rows=tuple(rest[:slots])))
        if rest or pending:
            return
    table = data_of(campaign, runs)
    if table is None or len(table) < FEWEST:
        came = 0 if table is None else len(table)
        why = f"{came} of the first runs came back, a fit needs {FEWEST}: see why others failed"
        ledger.add(_stop(campaign, why))
        return
    if pending and not _new_results(state):
        return
    fit = _fitted(campaign, table, executor)
    if not ledger.dry:
        fit.save(campaign.folder / FIT)
    aim = aim_of(campaign, fit)
    left = campaign.flops - state.spent
    batch = next_batch(
        fit,
        aim,
        candidates,
        free=np.array([recipe not in taken for recipe in recipes]),
        pending=[recipes.index(run.recipe) for run in pending if run.recipe in recipes],
        budget=left,
        batch=campaign.budget.batch or campaign.flops / 4,
        slots=slots,
        family=campaign.target.family,
    )
    ledger.add(
        {"kind": "fit", "rows": len(table), "spent": state.spent, "target": dict(aim.sizes),
         "loss": aim.loss, "width": aim.width, "reach": aim.reach, "worth": aim.worth,
         "gain": batch.gain, "status": fit.status}
    )  # fmt: skip
    over = reason_to_stop(campaign, aim, batch, candidates["flops"][list(batch.rows)])
    if over is None:
        _plan(state, candidates, ledger, batch)
    elif not pending:
        ledger.add(_stop(campaign, over))


def _failing_alike(runs: Sequence[Run]) -> str:
    """Say that every run so far failed for one reason: others would, and cost as much."""
    reasons = {run.said if run.standing == "failed" else "" for run in runs if not run.in_flight}
    if sum(run.standing == "failed" for run in runs) < 2 or len(reasons) != 1 or reasons == {""}:
        return ""
    return f"every run so far failed with {reasons.pop()!r}: mend that, and begin in a new folder"


def _stop(campaign: Campaign, why: str) -> Line:
    return {"kind": "stop", "why": why, "terms": campaign.terms}


def _new_results(state: State) -> bool:
    """Whether a result came back since the last fit."""
    kinds = [line["kind"] for line in state.lines]
    return "fit" not in kinds or "result" in kinds[len(kinds) - kinds[::-1].index("fit") :]


def _fitted(campaign: Campaign, table: RunTable, executor: Executor | None) -> Fit:
    """Fit the laws of a campaign; a step goes on with draws that did not converge, and says so."""
    files = [campaign.folder / name for name in campaign.fit.models]
    laws = load_models(
        [
            path if path.is_file() else name
            for path, name in zip(files, campaign.fit.models, strict=True)
        ]
    )
    model = laws[0] if len(laws) == 1 else laws or None
    task = FitTask(runs=table, model=model, settings=campaign.settings)
    (found,) = run_tasks(fit_anywhere, [task], executor)
    return found.accept_unconverged()


def fit_anywhere(task: FitTask) -> Fit:
    """Make the fit of a step, in whichever process."""
    return fit_quietly(task.runs, task.model, task.settings, progress=None)


def _plan(state: State, candidates: RunTable, ledger: Ledger, batch: Batch) -> None:
    """Write down the runs of a batch, as far as the budget pays for them."""
    campaign, spent, lines = state.campaign, state.spent, list[Line]()
    for place, row in enumerate(batch.rows):
        flops = float(candidates["flops"][row])
        if spent + flops > campaign.flops:
            continue
        number = len(state.runs) + len(lines) + 1
        config = config_of(candidates, row, f"c{number:03d}", campaign.seed * 1000 + number)
        argv = _written(campaign, config)[1]
        expected = batch.expected[place] if batch.expected else ()
        lines.append({"kind": "plan", "run": config["run"], "config": config, "flops": flops,
                      "argv": argv, "expected": expected})  # fmt: skip
        spent += flops
    ledger.add(*lines)
