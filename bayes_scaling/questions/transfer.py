"""Transfer: what pre-training on another text is worth in data of the text that is learned.

A run fine-tuned on D_F tokens has the loss of one from scratch on D_E = D_F + D_T, of which D_T = k
D_F^alpha N^beta are transferred (Hernandez et al. 2021). A law fitted to losses of both kinds of
runs knows of data that pre-training costs too (ossification), and with which probability it hurts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.intervals import KIND, PROBABILITY, format_kind, quantiles
from bayes_scaling.page import Block, Grid, Page, Printed, cell, farthest_of, told
from bayes_scaling.questions.distance import efolds_beyond_runs
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.sizes import Numbers, first_text, given_sizes, one_positive
from bayes_scaling.questions.surface import Source
from bayes_scaling.questions.text_units import TOKENS, compute_notes, data_unit
from bayes_scaling.questions.worse_runs import worse_runs
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN
from bayes_scaling.runs.finetuning import SCRATCH

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

TIMES = 10.0
"""Growth of N that is asked for its worth in fine-tuning data."""

NEEDED = ("k_T", "alpha_T", "beta_T")
"""What a law must say of transfer, by its parameters or derived quantities."""

WITHOUT_END = 1e30
"""Data that count as without end."""

NEAR, LOW = 0.01, 0.1
"""Low-data regime: at most the share `LOW` of the data that bring a model from scratch within
`NEAR` of its loss with data without end."""

MATERIAL = 1e-3
"""Share of the loss from which pre-training counts as hurting."""

ALARM = 0.05
"""Probability of that from which it is said."""

FEWEST = 50
"""Draws that must have the order that was stated."""


@dataclass(frozen=True, kw_only=True, eq=False, repr=False)
class Transfer(Printed):
    """What pre-training is worth, case by case and text by text.

    Attributes
    ----------
    sizes : mapping of str to array (n_cases,)
        ``params`` and ``finetune_tokens``, in the units of the runs.
    transferred, effective : mapping of str to array (n_draws, n_cases)
        By first text: D_T, and the data that a run from scratch would need in all, D_E.
    alpha : mapping of str to array (n_draws,)
        By first text: exponent of fine-tuning data.
    beta : array (n_draws,)
        Exponent of params.
    times : float
        Growth of params whose worth is told.
    loss : mapping of str to array (n_draws, n_cases)
        Noise-free loss, ``scratch`` and by first text; empty of a law of data alone.
    twice : mapping of str to array (n_draws, n_cases)
        Share of the loss that twice the params take away, likewise.
    low_data : array of bool (n_draws, n_cases) or None
        Whether the case lies in the low-data regime; None of a law of data alone.
    pretrain_tokens : float or None
        Data of the first text.
    worse : mapping of str to (int, int)
        By first text: runs that did worse than the run from scratch of the same size and data, and
        runs that have one.
    order, order_probability : tuple of str, float
        Texts from the closest to the farthest, as stated, so that alpha ascends along them; and the
        probability of that before it was imposed, nan where nothing was stated.
    beyond : mapping of str to array (n_cases,)
        E-folds of the sizes beyond the fitted runs.
    notes : tuple of str
        What a reader should know of the law.
    unit : str
        What data are counted in; compute follows from tokens alone.
    probability : float
        Probability of the intervals.
    """

    sizes: Mapping[str, Array]
    transferred: Mapping[str, Array]
    effective: Mapping[str, Array]
    alpha: Mapping[str, Array]
    beta: Array
    times: float = TIMES
    loss: Mapping[str, Array] = field(default_factory=dict)
    twice: Mapping[str, Array] = field(default_factory=dict)
    low_data: Flags | None = None
    pretrain_tokens: float | None = None
    worse: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    order: tuple[str, ...] = ()
    order_probability: float = float("nan")
    beyond: Mapping[str, Array] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    unit: str = TOKENS
    probability: float = PROBABILITY

    @property
    def texts(self) -> tuple[str, ...]:
        """The first texts."""
        return tuple(self.transferred)

    @property
    def multiplier(self) -> dict[str, Array]:
        """Effective over fine-tuning data, D_E / D_F, by first text (n_draws, n_cases)."""
        return {text: data / self.sizes["finetune_tokens"] for text, data in self.effective.items()}

    @property
    def flops_saved(self) -> dict[str, Array]:
        """Compute [FLOP] that a run from scratch needs more for the loss (n_draws, n_cases).

        6 N (D_E - D_F), each token read once and the first training not counted; below 0 where
        pre-training hurts.
        """
        params, data = self.sizes["params"], self.sizes["finetune_tokens"]
        return {
            text: FLOPS_PER_PARAM_TOKEN * params * (own - data)
            for text, own in self.effective.items()
        }

    @property
    def worth(self) -> dict[str, Array]:
        """Factor of D_F that `times` the params are worth: times^(beta / alpha) (n_draws,)."""
        with np.errstate(over="ignore"):
            return {text: self.times ** (self.beta / own) for text, own in self.alpha.items()}

    @property
    def hurts(self) -> dict[str, Array]:
        """Probability that pre-training raises the loss by `MATERIAL` or more (n_cases,)."""
        if not self.loss:
            return {}
        scratch = self.loss[SCRATCH]
        return {
            text: np.asarray((self.loss[text] > (1 + MATERIAL) * scratch).mean(axis=0))
            for text in self.texts
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """What keeps an answer from being taken at its word."""
        found = []
        for text, chances in self.hurts.items():
            for case in np.flatnonzero(chances >= ALARM):
                found.append(
                    f"pre-training on {text} may hurt {self._case(int(case))}: probability "
                    f"{chances[case]:.2f}"
                )
        found += [
            f"{worse} of {pairs} runs pre-trained on {text} did worse than the run from scratch of "
            "the same size and data"
            for text, (worse, pairs) in self.worse.items()
            if worse
        ]
        if self.low_data is not None:
            inside = self.low_data.mean(axis=0)
            found += [
                f"{self._case(int(case))} lies in the low-data regime, for which the law was "
                f"found, with probability {inside[case]:.2f} only"
                for case in np.flatnonzero(inside < 0.5)
            ]
        if self.order_probability < 1 - ALARM:
            found.append(
                f"{', '.join(self.order)}, from the closest to the farthest: without that "
                f"statement the runs say so with probability {self.order_probability:.2f}"
            )
        return tuple(found)

    def _case(self, case: int) -> str:
        params, data = (self.sizes[name][case] for name in ("params", "finetune_tokens"))
        return f"{params:.3g} params on {data:.3g} fine-tuning tokens"

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict per case and first text, of plain numbers and texts."""
        count = self.sizes["params"].size
        return [self._row(text, case) for case in range(count) for text in self.texts]

    def _row(self, text: str, case: int) -> dict[str, Any]:
        found: dict[str, Array] = {
            "multiplier": self.multiplier[text][:, case],
            "transferred_tokens": self.transferred[text][:, case],
            "effective_tokens": self.effective[text][:, case],
            "worth_of_params": self.worth[text],
        } | ({"flops_saved": self.flops_saved[text][:, case]} if self.unit == TOKENS else {})
        if self.pretrain_tokens is not None:
            saved = self.effective[text][:, case] - self.sizes["finetune_tokens"][case]
            with np.errstate(divide="ignore"):
                found["repaid_after"] = np.where(saved > 0, self.pretrain_tokens / saved, np.inf)
        if self.loss:
            found["loss"] = self.loss[text][:, case]
            found["loss_scratch"] = self.loss[SCRATCH][:, case]
            found["gain_of_twice_params"] = self.twice[text][:, case]
            found["gain_of_twice_params_scratch"] = self.twice[SCRATCH][:, case]
        row: dict[str, Any] = {"pretrained_on": text}
        row |= {name: float(values[case]) for name, values in self.sizes.items()}
        for name, draws in found.items():
            if draws.size == 1:
                row[name] = float(draws[0])
                continue
            finite = np.where(np.isfinite(draws), draws, np.finfo(float).max)
            middle, low, high = (float(end) for end in quantiles(finite, self.probability))
            row |= {name: middle, f"{name}_lower": low, f"{name}_upper": high}
        row |= {"hurts": float(self.hurts[text][case])} if self.loss else {}
        if self.low_data is not None:
            row["low_data"] = float(self.low_data[:, case].mean())
        row |= {f"efolds_{name}": float(values[case]) for name, values in self.beyond.items()}
        return row | {"probability": self.probability, "kind": KIND}

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {"warnings": list(self.warnings), "notes": list(self.notes)}

    def page(self) -> Page:
        """Return what is printed: a paragraph for each first text, then what to beware of."""
        is_point = self.beta.size == 1
        kind = "" if is_point else f", {format_kind(self.probability)}"
        found: list[Sequence[Block]] = []
        for text in self.texts:
            rows = [row for row in self.rows() if row["pretrained_on"] == text]
            columns = {
                "params N": "params", "data D_F": "finetune_tokens",
                f"D_E / D_F{kind}": "multiplier", "compute saved [FLOP]": "flops_saved",
                "loss": "loss", "from scratch": "loss_scratch", "repaid after": "repaid_after",
            }  # fmt: skip
            shown = {head: name for head, name in columns.items() if name in rows[0]}
            grid = Grid(
                heading=(*shown, *(("hurts",) if self.loss else ())),
                rows=[
                    [
                        *(f"{row[n]:.4g}" if is_point or n in self.sizes else cell(row, n)
                          for n in shown.values()),
                        *([f"{row['hurts']:.2f}"] if self.loss else []),
                    ]
                    for row in rows
                ],
            )  # fmt: skip
            grown, worth = f"{self.times:g} times the params", told(rows[0], "worth_of_params")
            lines = {f"{grown} are worth": f"{worth} times the data"}
            if self.beyond:
                lines["extrapolation"] = farthest_of(rows)
            found.append([f"pre-trained on {text}", grid, lines])
        return [*found, *([line] for line in (*self.warnings, *self.notes))]


def transfer(
    source: Source,
    *,
    params: Numbers,
    finetune_tokens: Numbers,
    pretrained_on: str | Sequence[str] | None = None,
    times: float = TIMES,
    pretrain_tokens: float | None = None,
    order: Sequence[str] | None = None,
    family: str | None = None,
) -> Transfer:
    """Tell what pre-training on another text is worth in data, compute and loss.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A fit of `finetune`, of a law with it on top (``chinchilla+finetune``) or of `transfer`; or
        a published law of transfer.
    params : float or sequence of float
        Parameters, as the law counts them.
    finetune_tokens : float or sequence of float
        Data of the text that is learned, in the unit of the runs.
    pretrained_on : str or sequence of str, optional
        First texts; all by default.
    times : float
        Growth of params whose worth in fine-tuning data is told.
    pretrain_tokens : float, optional
        Data of the first text; then told is after how many fine-tunings they are repaid.
    order : sequence of str, optional
        First texts from the closest to the farthest from the one that is learned: alpha ascends
        along them. The posterior is that given the order.
    family : str, optional
        The text that is learned, where the fit has several.

    Returns
    -------
    Transfer

    Raises
    ------
    InputError
        The law says nothing of transfer, a first text has no runs, a number is not above 0, or
        hardly any draw has the order that was stated; all at once.

    Examples
    --------
    >>> fit.transfer(params=1e8, finetune_tokens=[1e5, 1e6]).table  # doctest: +SKIP
    """
    sizes = given_sizes({"params": params, "finetune_tokens": finetune_tokens})
    times = one_positive("times", times)
    tokens = pretrain_tokens
    if tokens is not None:
        tokens = one_positive("pretrain_tokens", tokens)
    if family in source.groups and not _published(source):
        family, pretrained_on = _of_label(source, str(family), pretrained_on)
    arms = _arms(source, family)
    texts = _chosen(source, arms, pretrained_on, order)
    drawn = {text: _known(source, arms[text]) for text in arms if text != SCRATCH}
    kept, chance = _in_order(drawn, tuple(order or ()))
    data = {text: _data(drawn[text], sizes) for text in texts}
    answers = {text: tuple(part[kept] for part in data[text]) for text in texts}
    meant = source.leading.reads.meant
    told_by_loss = _losses(source, arms, texts, sizes, kept)
    return Transfer(
        sizes=sizes,
        transferred={text: found[0] for text, found in answers.items()},
        effective={text: found[1] for text, found in answers.items()},
        alpha={text: drawn[text]["alpha_T"][kept] for text in texts},
        beta=next(iter(drawn.values()))["beta_T"][kept],
        times=times,
        pretrain_tokens=tokens,
        worse={} if _published(source) else worse_runs(source.leading.runs, texts),
        order=tuple(order or ()),
        order_probability=chance,
        beyond=_beyond(source, arms[texts[0]], sizes),
        notes=(
            *(source.leading.notes or (f"{a} are {b}" for a, b in meant.items())),
            *compute_notes(source),
        ),
        unit=data_unit(source),
        **told_by_loss,
    )


# ---- arms: groups of a fit, by the first text ----------------------------------------------------


def _arms(source: Source, family: str | None) -> dict[str, int]:
    """Return the group of each first text, and of runs from scratch where the law has them."""
    first = source.leading
    lacking = [name for name in NEEDED if name not in first.known(0)]
    if lacking:
        raise InputError(
            f"{source.id} says nothing of transfer from another text: fit 'finetune', or put it on "
            f"a law of params and tokens, such as 'chinchilla+finetune'",
            source="transfer",
        )
    if _published(source):
        return {source.id: 0}
    families: dict[str, dict[str, int]] = {}
    for index, label in enumerate(source.groups):
        text = first_text(first, label)
        own = label[: -len(text) - 1] if text != label else ""
        families.setdefault(own, {})[text] = index
    if family is None and len(families) > 1:
        raise InputError(
            f"the fit has several texts that are learned: say which family, one of "
            f"{', '.join(families)}",
            source="transfer",
        )
    if family is not None and family not in families:
        known = ", ".join(filter(None, families)) or "none, since no column tells families apart"
        raise InputError(f"no runs learn {family!r}; known are {known}", source="transfer")
    return next(iter(families.values())) if family is None else families[family]


def _of_label(
    source: Source, label: str, wanted: str | Sequence[str] | None
) -> tuple[str | None, str | Sequence[str] | None]:
    """Return the text that is learned and the first text, where both name one group of the fit."""
    text = first_text(source.leading, label)
    own = label[: -len(text) - 1] if text != label else None
    return own, text if wanted is None and text != SCRATCH else wanted


def _published(source: Source) -> bool:
    return isinstance(source.leading, PublishedConstants)


def _chosen(
    source: Source,
    arms: Mapping[str, int],
    wanted: str | Sequence[str] | None,
    order: Sequence[str] | None,
) -> tuple[str, ...]:
    """Return the first texts that are asked for, or say which there are."""
    known = [text for text in arms if text != SCRATCH]
    asked = [wanted] if isinstance(wanted, str) else list(wanted or known)
    problems = [
        f"no run was pre-trained on {text!r}, so nothing is known of it; the fit has "
        f"{', '.join(known) or 'runs from scratch alone'}: add runs of it, or draw it from the "
        f"population of the others, --new-group FAMILY/{text} in a shell, fit.with_new_group in "
        "Python"
        for text in dict.fromkeys([*asked, *(order or ())])
        if text not in known
    ]
    if not known and not problems:
        problems.append(
            "every run is from scratch: add runs with pretrained_on and finetune_tokens"
        )
    if order is not None and len(set(order)) < max(2, len(order)):
        problems.append("order names two first texts or more, each once, the closest first")
    if problems:
        raise InputError(problems, source="transfer")
    return tuple(dict.fromkeys(asked))


# ---- draws ---------------------------------------------------------------------------------------


def _known(source: Source, group: int) -> dict[str, Array]:
    """Return draws (n_draws,) of what the laws say of a first text."""
    members = [law.known(group) for law in source.members.values()]
    found = {}
    for name in (*NEEDED, "ossified"):
        parts = [
            np.resize(np.ravel(known.get(name, np.zeros(1))), law.n_draws)
            for known, law in zip(members, source.members.values(), strict=True)
        ]
        found[name] = source.mix(parts)
    return found


def _data(drawn: Mapping[str, Array], sizes: Mapping[str, Array]) -> tuple[Array, Array]:
    """Return transferred and effective data (n_draws, n_cases)."""
    own = {name: values[:, None] for name, values in drawn.items()}
    data = sizes["finetune_tokens"]
    logs = np.log(own["k_T"]) + own["alpha_T"] * np.log(data)
    transferred = np.exp(logs + own["beta_T"] * np.log(sizes["params"]))
    return transferred, (1 - own["ossified"]) * data + transferred


def _in_order(
    drawn: Mapping[str, Mapping[str, Array]], order: tuple[str, ...]
) -> tuple[NDArray[np.int64], float]:
    """Return the draws in which alpha ascends along the order, and their share."""
    count = next(iter(drawn.values()))["alpha_T"].size
    if not order:
        return np.arange(count), float("nan")
    alphas = np.stack([drawn[text]["alpha_T"] for text in order])
    kept = np.flatnonzero((np.diff(alphas, axis=0) > 0).all(axis=0))
    if kept.size < min(FEWEST, count):
        raise InputError(
            f"order {', '.join(order)}: alpha ascends along it in {kept.size} of {count} draws, "
            "too few to go on: the runs contradict it; leave the order out, or draw more",
            source="transfer",
        )
    return kept, kept.size / count


def _losses(
    source: Source,
    arms: Mapping[str, int],
    texts: Sequence[str],
    sizes: Mapping[str, Array],
    kept: NDArray[np.int64],
) -> dict[str, Any]:
    """Return losses of both kinds of runs, the gain of twice the params, and the regime."""
    if _published(source) or source.leading.response != "loss":
        return {}

    def loss(text: str, params: Array, data: Array) -> Array:
        group = arms.get(text, next(iter(arms.values())))
        given = {
            "params": params,
            "finetune_tokens": data,
            "pretrained": np.full(params.shape, float(text != SCRATCH)),
        }
        cell = np.full(params.shape, group)
        parts = [law.predict(given, group=cell) for law in source.members.values()]
        return np.asarray(source.mix(parts)[kept])

    params, data = sizes["params"], sizes["finetune_tokens"]
    here = {text: loss(text, params, data) for text in (SCRATCH, *texts)}
    twice = {text: 1 - loss(text, 2 * params, data) / here[text] for text in here}
    best = loss(SCRATCH, params, np.full(data.shape, WITHOUT_END))
    low = loss(SCRATCH, params, data / LOW) >= (1 + NEAR) * best
    return {"loss": here, "twice": twice, "low_data": low}


def _beyond(source: Source, group: int, sizes: Mapping[str, Array]) -> dict[str, Array]:
    """Return e-folds of the sizes beyond the fitted runs (n_cases,)."""
    if _published(source):
        return {}
    labels = [source.groups[group]] * sizes["params"].size
    beyond = efolds_beyond_runs(list(source.members.values()), sizes, labels)
    seen = source.leading.fitted_sizes
    fitted, asked = (np.log(given["finetune_tokens"]) for given in (seen, sizes))
    far = np.maximum(asked - fitted.max(), fitted.min() - asked)
    return {**beyond, "finetune_tokens": np.maximum(0.0, far)}
