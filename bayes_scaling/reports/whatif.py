"""The what-if panel: laws and draws inside the page, which answers other budgets by itself.

What is embedded is what `Fit.predict` reads of a thinned fit: the formula as JavaScript, the draws
of its parameters, the slopes of drift at the knots that the sliders can reach, the error of the
form, and the deviation of one new run per draw.
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
from bayes_scaling.questions.loss_curve import thin
from bayes_scaling.reports.answers import Answers
from bayes_scaling.reports.blocks import Block, Panel, Prose

Array = NDArray[np.float64]

DRAWS = 600
"""Draws in a page, over all laws."""

DIGITS = 9
"""Digits of each number."""

BUDGETS = 30.0
"""Factor to both sides of the budget that the slider reaches."""

SIZES = 30.0
"""The same for params."""


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
    params, flops = float(planned["params"][0]), item.question.at
    laws, data = [], []
    for fit in thin(item.fit, DRAWS).members.values():
        laws.append(f"v => {to_javascript(fit.model.tuned_law)}")
        data.append(_law_data(fit, item.family, params, flops))
    whole: dict[str, Any] = {
        "laws": data,
        "flops": flops,
        "params": params,
        "target": item.question.target_loss,
        "budgets": [flops / BUDGETS, flops * BUDGETS],
        "sizes": [params / SIZES, params * SIZES],
        "probability": item.question.probability,
    }
    text = json.dumps(whole, allow_nan=False).replace("<", "\\u003c")
    return Panel(
        data=text,
        laws=f"{HELPERS} const laws = [{', '.join(laws)}];",
        target=item.question.target_loss is not None,
    )


def _law_data(fit: Member, family: str | None, params: float, flops: float) -> dict[str, Any]:
    """Return what one law reads, draw by draw."""
    group, link = 0 if family is None else fit.groups.index(family), link_of(fit.model)
    read = names(fit.model.tuned_law)
    values = {
        name: _numbers(draws[:, group] if draws.ndim == 2 else draws)
        for name, draws in fit.flat.items()
        if name in read
    }
    sizes = {"params": params, "tokens": flops / 6 / params}
    named = {} if family is None else {fit.model.group: family}
    found = forecast_by_law(fit, {**sizes, **named})
    data: dict[str, Any] = {
        "draws": fit.n_draws,
        "values": values,
        "references": {name: value for name, value in fit.references.items() if name in read},
        "bounded": link.bounded,
        "noise": _numbers((link.forward(found.draws) - link.forward(found.noise_free))[:, 0]),
        "walks": {name: _walk(fit, name, sizes[name]) for name in fit.walks},
    }
    if fit.model.form_error is not None:
        data["form"] = {
            "errors": _numbers(fit.form_errors),
            "inputs": list(fit.model.scale_inputs),
            "from": float(np.log(fit.references[SCALE_HIGH])),
        }
    return data


def _walk(fit: Member, name: str, planned: float) -> dict[str, Any]:
    """Return slopes of drift at the knots that the sliders reach, one past each end."""
    walk, reference = fit.walks[name], fit.references[f"{name}_ref"]
    reach = np.log(BUDGETS * SIZES) if name == "tokens" else np.log(SIZES)
    centre = np.log(planned / reference)
    first = max(int(np.searchsorted(walk.knots, centre - reach)) - 1, 0)
    last = min(int(np.searchsorted(walk.knots, centre + reach)) + 1, walk.knots.size - 1)
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
