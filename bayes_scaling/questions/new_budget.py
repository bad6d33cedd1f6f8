"""Asking a fit whose groups are budgets about one that no run had.

Valleys of loss are pooled by budget, and a question is seldom about a budget that was tried. It is
answered by a budget to come: what differs between budgets is drawn from their population.
"""

from __future__ import annotations

from collections.abc import Mapping

from bayes_scaling.errors import InputError
from bayes_scaling.posterior import Member
from bayes_scaling.questions.sizes import Sizes
from bayes_scaling.runs import split_columns

BUDGET = "budget"
"""The column of budgets."""

NEW = "new"
"""What a budget to come is called."""


def at_new_budget(fit: Member, family: str | None = None) -> tuple[Member, str | None]:
    """Return a fit with a budget to come, and the name of its group.

    Parameters
    ----------
    fit : Member
        The law.
    family : str, optional
        The group that is asked for: one of the fit, or what it is called without the budget.

    Returns
    -------
    fit : Member
        As it was, where it has no budgets to tell apart or a group of its own was asked for.
    family : str or None
        The group to ask for.

    Raises
    ------
    InputError
        The fit has several families, and none of them is named.
    """
    columns = split_columns(fit.reads.group)
    if BUDGET not in columns or len(fit.groups) < 2 or family in fit.groups:
        return fit, family
    others = [column for column in columns if column != BUDGET]
    known = fit.runs.groups("/".join(others)) if others else ()
    if others and family is None and len(known) == 1:
        family = known[0]
    if others and family not in known:
        given = "none is named" if family is None else f"{family!r} is none of them"
        raise InputError(
            f"the fit has several groups by {'/'.join(others)}, and {given}: {', '.join(known)}"
        )
    values = family.split("/", len(others) - 1) if others and family else []
    parts = dict(zip(others, values, strict=True))
    wider = fit.with_new_group({column: parts.get(column, NEW) for column in columns})
    return wider, wider.groups[-1]


def forecast_at(fit: Member, sizes: Sizes) -> tuple[Member, Sizes]:
    """Return a fit with a budget to come, and sizes that ask for it, where they name no budget."""
    column = fit.reads.group
    if not isinstance(sizes, Mapping) or BUDGET in sizes or column in sizes:
        return fit, sizes
    others = [name for name in split_columns(column) if name != BUDGET]
    named = [sizes[name] for name in others if isinstance(sizes.get(name), str)]
    family = "/".join(map(str, named)) if others and len(named) == len(others) else None
    wider, group = at_new_budget(fit, family)
    return (fit, sizes) if group is None else (wider, {**sizes, column: group})
