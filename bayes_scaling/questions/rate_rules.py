"""What published rules say of the best learning rate and batch of runs, side by side."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bayes_scaling.questions.literature import list_published
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.sizes import Numbers, given_sizes
from bayes_scaling.runs import training_flops

if TYPE_CHECKING:
    import pandas as pd

LEAST = 1e-11
"""A rate at or below stands for none."""

REFUSED = "no positive rate at this size"
"""Note of a rule whose formula leaves the positive numbers."""


@dataclass(frozen=True, kw_only=True)
class PublishedRates:
    """Answers of published rules.

    Attributes
    ----------
    items : tuple of dict
        One per run and rule: params, tokens, rule, learning_rate, batch_size in tokens, counts
        (which parameters the rule means), source and note; None where a rule gives none.
    """

    items: tuple[dict[str, Any], ...]

    def rows(self) -> list[dict[str, Any]]:
        """Return one dict per run and rule."""
        return [dict(item) for item in self.items]

    @property
    def table(self) -> pd.DataFrame:
        """One row per run and rule."""
        import pandas as pd

        return pd.DataFrame(self.rows())


def published_rates(
    params: Numbers, tokens: Numbers, *, params_nonembedding: Numbers | None = None
) -> PublishedRates:
    """Ask every published rule for the best learning rate and batch of runs.

    Parameters
    ----------
    params, tokens : float or sequence of float
        Sizes of the runs; all parameters.
    params_nonembedding : float or sequence of float, optional
        Parameters without embeddings, for the rules that mean those; `params` where absent, which
        their note says.

    Returns
    -------
    PublishedRates

    Raises
    ------
    InputError
        A number is not above 0, or lengths differ.

    References
    ----------
    The sources of the rules are in the table; the definitions are in ``models/``.

    Examples
    --------
    >>> rows = published_rates(1e9, 2e10).rows()
    >>> [f"{row['rule']} {row['learning_rate']:.2g}" for row in rows][:2]
    ['bjorck-2024 0.00059', 'deepseek-2024 0.00096']
    """
    sizes = given_sizes(
        {"params": params, "tokens": tokens, "params_nonembedding": params_nonembedding}
    )
    sizes["flops"] = training_flops(sizes["params"], sizes["tokens"])
    rules = [law for law in list_published() if law.kind == "rule"]
    rules = [law for law in rules if law.response == "learning_rate"]
    items = [
        _one(law, {name: float(values[index]) for name, values in sizes.items()})
        for index in range(sizes["params"].size)
        for law in rules
    ]
    return PublishedRates(items=tuple(items))


def _one(law: PublishedConstants, sizes: dict[str, float]) -> dict[str, Any]:
    """Ask one rule about one run."""
    given = dict(sizes)
    means = law.columns.get("params", "params")
    notes = []
    if "params" in law.inputs and means in sizes:
        given["params"] = sizes[means]
    elif "params" in law.inputs:
        notes.append(f"means {means}, given all params")
    found: dict[str, float | None] = {"learning_rate": None, "batch_size": None}
    for name in law.formulas:
        value = float(law.compute(name, given))
        found[name] = value if value > LEAST else None
    if found["learning_rate"] is None:
        notes.append(REFUSED)
    return {
        "params": sizes["params"],
        "tokens": sizes["tokens"],
        "rule": law.id,
        **found,
        "counts": means if "params" in law.inputs else "flops",
        "source": law.source,
        "note": "; ".join(notes),
    }
