"""The what-if panel: laws and draws inside the page, which answers other budgets by itself.

What is embedded is what `Fit.predict` reads of a thinned fit: the formula as JavaScript, the draws
of its parameters, the slopes of drift at the knots between the smallest run and what the sliders
can reach, the error of the form, and the deviation of one new run per draw; and, to draw, the runs
and the best size of each budget.
"""

from __future__ import annotations

import json
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.formula.javascript import HELPERS, to_javascript
from bayes_scaling.formula.nodes import names
from bayes_scaling.laws.drift import effective_name
from bayes_scaling.laws.features import SCALE_HIGH
from bayes_scaling.laws.link import link_of
from bayes_scaling.posterior import Member
from bayes_scaling.questions.forecast import forecast_by_law
from bayes_scaling.questions.loss_curve import observed, thin
from bayes_scaling.reports.answers import Answers
from bayes_scaling.reports.blocks import Block, Panel, Prose

Array = NDArray[np.float64]

DRAWS = 480
"""Draws in a page, over all laws."""

DIGITS = 8
"""Digits of each number."""

BUDGETS = 30.0
"""Factor to both sides of the budget that the slider reaches."""

SIZES = 30.0
"""The same for params."""

PLACES = 25
"""Budgets along the curve."""

MOST_RUNS = 300
"""Runs that are drawn beside the curve, evenly taken."""


def whatif_section(item: Answers) -> tuple[Block, ...]:
    """Say what the panel does, and hold it; or say why there is none."""
    count = DRAWS // len(item.fit.members)
    try:
        panel = whatif_panel(item)
    except InputError as error:
        return (Prose(text=f"There is no panel of sliders here: {error}."),)
    text = (
        f"Computed in the page from about {count} draws of each law, drift and the error of the "
        "form included; the rest of the page uses all draws, so numbers differ a little. Far from "
        "the budget above, in either direction, intervals say less."
    )
    return (Prose(text=text), panel)


def whatif_panel(item: Answers) -> Panel:
    """Make the panel for one group of runs.

    Parameters
    ----------
    item : Answers
        What is asked, of a law in params and tokens.

    Raises
    ------
    InputError
        A law cannot be computed in a page.
    """
    planned = item.planned.plan.columns
    params, flops = float(planned["params"][0]), float(planned["flops"][0])
    runs = _runs(item)
    path = _path(item, min(run["flops"] for run in runs), flops * BUDGETS)
    laws, data = [], []
    for fit in thin(item.fit, DRAWS).members.values():
        laws.append(f"v => {to_javascript(fit.model.tuned_law)}")
        data.append(_law_data(fit, item, path))
    rig = item.question.rig
    whole: dict[str, Any] = {
        "laws": data,
        "flops": flops,
        "params": params,
        "target": item.question.target_loss,
        "price": rig.price,
        "flops_per_hour": rig.flops_per_hour,
        "budgets": [flops / BUDGETS, flops * BUDGETS],
        "sizes": [params / SIZES, params * SIZES],
        "probability": item.question.probability,
        "path": path,
        "runs": runs,
    }
    text = json.dumps(whole, allow_nan=False).replace("<", "\\u003c")
    return Panel(
        data=text,
        laws=f"{HELPERS} const laws = [{', '.join(laws)}];",
        target=item.question.target_loss is not None,
    )


def _runs(item: Answers) -> list[dict[str, Any]]:
    """Return name, compute and response of the runs, at most `MOST_RUNS`."""
    runs = item.runs
    at = observed(item.fit, runs, "flops")
    labels = runs.labels("run") if "run" in runs else [f"row {row + 1}" for row in range(len(runs))]
    losses = np.asarray(runs[item.model.response], float)
    kept = [row for row in range(len(runs)) if at[row] > 0 and losses[row] > 0]
    return [
        {"name": str(labels[row]), "flops": float(at[row]), "loss": float(losses[row])}
        for row in kept[:: -(-len(kept) // MOST_RUNS)]
    ]


def _path(item: Answers, low: float, high: float) -> dict[str, list[float]]:
    """Return budgets, and the best params of each, between and beyond those of the curve."""
    along = item.curve.forecast.plan.columns
    budgets = np.geomspace(low, high, PLACES)
    known, sizes = np.log(along["flops"]), np.log(along["params"])
    slope = (sizes[-1] - sizes[-2]) / (known[-1] - known[-2])
    beyond = np.maximum(np.log(budgets) - known[-1], 0.0)
    params = np.exp(np.interp(np.log(budgets), known, sizes) + slope * beyond)
    return {"flops": budgets.tolist(), "params": params.tolist()}


def _law_data(fit: Member, item: Answers, path: dict[str, list[float]]) -> dict[str, Any]:
    """Return what one law reads, draw by draw."""
    family, columns = item.family, item.planned.plan.columns
    params, tokens = (float(columns[name][0]) for name in ("params", "tokens"))
    group, link = 0 if family is None else fit.groups.index(family), link_of(fit.model)
    read = names(fit.model.tuned_law)
    values = {
        name: _numbers(draws[:, group] if draws.ndim == 2 else draws)
        for name, draws in fit.flat.items()
        if name in read
    }
    sizes = {"params": params, "tokens": tokens}
    found = forecast_by_law(fit, {**sizes, **item.named})
    least = {
        "params": min(path["params"][0], params / SIZES),
        "tokens": min(path["flops"][0] / 6 / path["params"][0], tokens / BUDGETS / SIZES),
    }
    data: dict[str, Any] = {
        "draws": fit.n_draws,
        "values": values,
        "references": {name: value for name, value in fit.references.items() if name in read},
        "bounded": link.bounded,
        "noise": _numbers((link.forward(found.draws) - link.forward(found.noise_free))[:, 0]),
        "walks": {name: _walk(fit, name, least[name], sizes[name]) for name in fit.walks},
    }
    if fit.model.form_error is not None:
        data["form"] = {
            "errors": _numbers(fit.form_errors),
            "inputs": list(fit.model.scale_inputs),
            "from": float(np.log(fit.references[SCALE_HIGH])),
        }
    return data


def _walk(fit: Member, name: str, least: float, planned: float) -> dict[str, Any]:
    """Return slopes of drift at the knots between two sizes, one past each end."""
    walk, reference = fit.walks[name], fit.references[f"{name}_ref"]
    reach = np.log(BUDGETS * SIZES) if name == "tokens" else np.log(SIZES)
    low, high = np.log(least / reference), np.log(planned / reference) + reach
    first = max(int(np.searchsorted(walk.knots, low)) - 1, 0)
    last = min(int(np.searchsorted(walk.knots, high)) + 1, walk.knots.size - 1)
    kept = slice(first, last + 1)
    return {
        "as": effective_name(name),
        "reference": float(reference),
        "knots": walk.knots[kept].tolist(),
        "slope": [_numbers(row) for row in walk.slope[:, kept]],
        "start": _numbers(walk.effective[:, first]),
    }


def _numbers(values: Array) -> list[float]:
    return [float(f"{value:.{DIGITS}g}") for value in values]
