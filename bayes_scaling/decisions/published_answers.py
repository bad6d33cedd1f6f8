"""What published laws say of runs: losses, best splits, and whether runs were well split.

Sizes are completed by C = 6 N D as in a forecast of a fit, with N as the law counts it: Kaplan's
laws leave embeddings out, so ``params_nonembedding`` is read where it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.decisions.answer import Answer, Found
from bayes_scaling.decisions.asked_law import SEARCH, Numbers, given_sizes
from bayes_scaling.decisions.judge_split import fewer_tokens, find_split
from bayes_scaling.decisions.optimum import SOLVERS
from bayes_scaling.decisions.sizes import (
    Sizes,
    canonical_sizes,
    disagreements,
    longest_of,
    numbers_of,
)
from bayes_scaling.errors import InputError
from bayes_scaling.runs import RunTable, training_flops
from bayes_scaling.runs.columns import COLUMNS, nearest
from bayes_scaling.runs.complete import complete

if TYPE_CHECKING:
    from bayes_scaling.decisions.published_laws import PublishedLaw

Array = NDArray[np.float64]


def forecast(law: PublishedLaw, sizes: Sizes) -> Answer:
    """Compute what a published law says of runs.

    Parameters
    ----------
    law : PublishedLaw
    sizes : mapping, DataFrame or RunTable
        What it reads; two of params, tokens and flops give the third.

    Returns
    -------
    Answer
        The loss, or whatever the law gives.

    Raises
    ------
    InputError
        Something is missing, not above 0, of unequal length or unknown; all at once.
    """
    columns = read_sizes(law, sizes)
    missing = [name for name in law.needed if name not in columns]
    if missing:
        raise InputError(f"{law.id} needs {' and '.join(missing)}", source="sizes")
    inputs = {name: columns[name] for name in law.inputs if name in columns}
    draws = {name: law.predict(name, inputs)[None, :] for name in law.formulas}
    shown = {name: values for name, values in columns.items() if name not in law.formulas}
    return law.answer(Found(draws=draws), {**_names(sizes), **shown})


def read_sizes(law: PublishedLaw, sizes: Sizes) -> dict[str, Array]:
    """Check and complete sizes for a published law: columns (n_runs,)."""
    given = canonical_sizes(sizes)
    for name, special in law.columns.items():
        if special in given:
            given[name] = given.pop(special)
            if {"params", "tokens"} <= set(given):
                given.pop("flops", None)
    wanted = {*law.inputs, "params", "tokens", "flops"}
    problems = []
    if isinstance(sizes, Mapping):
        for name in sorted(set(given) - wanted - set(COLUMNS)):
            near = nearest(name, wanted)
            hint = f"did you mean {near!r}?" if near else f"known are {', '.join(sorted(wanted))}"
            problems.append(f"unknown name {name!r}; {hint}")
    numbers, bad_numbers = numbers_of(given, wanted)
    longest, bad_lengths = longest_of({name: value.size for name, value in numbers.items()})
    problems += [*bad_numbers, *bad_lengths]
    if problems:
        raise InputError(problems, source="sizes")
    columns = {name: np.broadcast_to(value, longest) for name, value in numbers.items()}
    columns = dict(complete(columns).columns)
    problems = disagreements(columns) if isinstance(sizes, Mapping) else []
    if problems:
        raise InputError(problems, source="sizes")
    return columns


def _names(sizes: Sizes) -> dict[str, NDArray[Any]]:
    """Return the names of runs where a table has them."""
    return {"run": sizes["run"]} if isinstance(sizes, RunTable) and "run" in sizes else {}


# ---- best splits ---------------------------------------------------------------------------------


def allocate(
    law: PublishedLaw,
    *,
    flops: Numbers | None = None,
    params: Numbers | None = None,
    tokens: Numbers | None = None,
) -> Answer:
    """Find the best split of compute by a published law.

    Parameters
    ----------
    law : PublishedLaw
        A loss in params and tokens, or a rule that gives params for a budget.
    flops, params, tokens : float or sequence of float
        Exactly one: the other two are found.

    Returns
    -------
    Answer
        The columns of an allocation, without intervals; ``loss`` where the law has one.

    Raises
    ------
    InputError
        Not exactly one size is given, or the law does not split compute.
    """
    sizes = given_sizes({"flops": flops, "params": params, "tokens": tokens})
    if len(sizes) != 1:
        raise InputError(
            f"give exactly one of flops, params and tokens; got {', '.join(sizes) or 'none'}"
        )
    ((given, values),) = sizes.items()
    found = {name: size[None, :] for name, size in best_split(law, given, values).items()}
    edge = ~np.isfinite(found["params"]) | ~np.isfinite(found["tokens"])
    asked = {"given": np.full(values.size, given)}
    return law.answer(Found(draws=found, flags={"at_edge": edge}), asked)


def best_split(law: PublishedLaw, given: str, values: Array) -> dict[str, Array]:
    """Return params, tokens, flops, tokens per param and the loss of best splits (n_cases,)."""
    if law.response == "loss":
        asked = law.asked()
        loss = asked.split_loss()
        solved = [SOLVERS[given](loss, float(np.log(value)), asked.draws) for value in values]
        u, v = (np.array([item[part][0] for item in solved]) for part in (0, 1))
        edge = np.array([item[2][0] for item in solved])
        found = {"params": np.where(edge, np.nan, np.exp(u)), "tokens": np.exp(v)}
        found["flops"] = training_flops(found["params"], found["tokens"])
        found[given] = values
    else:
        found = _by_rule(law, given, values)
    found["tokens_per_param"] = found["tokens"] / found["params"]
    if law.response == "loss":
        found["loss"] = law.loss({name: found[name] for name in law.needed})
    return found


def _by_rule(law: PublishedLaw, given: str, values: Array) -> dict[str, Array]:
    """Split compute by a rule that gives params from flops, and perhaps tokens."""
    if law.inputs != ("flops",) or "params" not in law.formulas:
        gives, reads = ", ".join(law.formulas), ", ".join(law.inputs)
        raise InputError(f"{law.id} gives {gives} from {reads}: it does not split compute")

    def at(flops: Array) -> dict[str, Array]:
        sizes = {name: law.predict(name, {"flops": flops}) for name in law.formulas}
        sizes.setdefault("tokens", flops / training_flops(sizes["params"], 1.0))
        return {"params": sizes["params"], "tokens": sizes["tokens"], "flops": flops}

    if given == "flops":
        return at(values)
    flops = np.array([_budget(lambda log: at(np.exp(log))[given], value) for value in values])
    return {**at(flops), given: values}


def _budget(size: Any, wanted: float) -> float:
    """Budget for which a rule gives a size; nan where none does."""
    from scipy.optimize import brentq

    def excess(log_flops: float) -> float:
        return float(np.log(size(np.asarray(log_flops))) - np.log(wanted))

    ends = excess(0.0), excess(2 * SEARCH)
    if not ends[0] * ends[1] < 0:
        return float("nan")
    return float(np.exp(brentq(excess, 0.0, 2 * SEARCH, xtol=1e-12)))


# ---- judged splits -------------------------------------------------------------------------------


def judge_split(law: PublishedLaw, runs: Sizes) -> Answer:
    """Judge how runs split their compute by a published law.

    Parameters
    ----------
    law : PublishedLaw
        A loss in params and tokens, or a rule that gives params for a budget.
    runs : mapping, DataFrame or RunTable
        Two of params, tokens and flops of each run.

    Returns
    -------
    Answer
        As from `bayes_scaling.decisions.judge_split.judge_split`, with ``undertrained`` yes or
        no; a rule has no losses.

    Raises
    ------
    InputError
        The sizes cannot be used, or the law does not split compute.
    """
    columns = read_sizes(law, runs)
    missing = [name for name in ("params", "tokens") if name not in columns]
    if missing:
        raise InputError(f"a split is of params and tokens; {' and '.join(missing)} are missing")
    params, tokens = columns["params"], columns["tokens"]
    asked = {**_names(runs), "params": params, "tokens": tokens}
    asked["flops"] = training_flops(params, tokens)
    if law.response == "loss":
        return law.answer(find_split(law.asked(), params, tokens), asked)
    best = _by_rule(law, "flops", asked["flops"])
    draws = {
        "best_params": best["params"],
        "best_tokens": best["tokens"],
        "tokens_for_params": _by_rule(law, "params", params)["tokens"],
    }
    return law.answer(
        Found(
            draws={name: values[None, :] for name, values in draws.items()},
            flags={"undertrained": fewer_tokens(tokens, best["tokens"])[None, :]},
        ),
        asked,
    )
