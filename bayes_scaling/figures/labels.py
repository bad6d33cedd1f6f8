"""What columns are called in figures and tables, with their units."""

from __future__ import annotations

from bayes_scaling.facade import Fit
from bayes_scaling.runs.columns import COLUMNS

LONGEST = 60
"""Longest name of a metric that is printed in full."""

AXES = {
    "flops": "training compute C = 6 N D [FLOP]",
    "params": "parameters N",
    "tokens": "training tokens D",
}


def law_label(fit: Fit) -> str:
    """Name a law, or say how many are averaged."""
    names = list(fit.members)
    return names[0] if len(names) == 1 else f"the average of {len(names)} laws"


def column_label(name: str) -> str:
    """Write the name of a column, with its unit where that says more than the name."""
    unit = COLUMNS[name].unit if name in COLUMNS else ""
    return f"{name} [{unit}]" if unit not in ("", "1", "parameters", name) else name


def axis_label(fit: Fit, name: str) -> str:
    """Name an axis with its unit, as the law counts it."""
    source = dict(fit.leading.model.columns).get(name)
    if source == "params_nonembedding" and source in fit.runs:
        return "non-embedding parameters N"
    return AXES.get(name) or column_label(name)


def response_label(fit: Fit) -> str:
    """Name the response with its unit; a metric that all runs share knows better what it is."""
    name, metric = fit.leading.model.response, _metric(fit)
    if not metric:
        return column_label(name)
    if response_unit(fit):
        return f"{name} [{metric}]"
    unit = COLUMNS[name].unit if name in COLUMNS else "1"
    return f"{name} on {metric}" + (f" [{unit}]" if unit != "1" else "")


def response_unit(fit: Fit) -> str:
    """Return the unit of the response, where the metric of the runs names it; else nothing."""
    metric = _metric(fit)
    return metric if "nats" in metric or "bits" in metric else ""


def _metric(fit: Fit) -> str:
    """Return the metric that all runs share; empty where there is none, or it is too long."""
    metrics = fit.runs.groups("metric") if "metric" in fit.runs else ()
    return metrics[0] if len(metrics) == 1 and len(metrics[0]) <= LONGEST else ""
