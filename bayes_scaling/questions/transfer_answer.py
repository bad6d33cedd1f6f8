"""What pre-training on another text is worth: the answer, and how it is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.intervals import KIND, PROBABILITY, format_kind, quantiles
from bayes_scaling.page import Block, Grid, Page, Printed, cell, farthest_of, told
from bayes_scaling.questions.text_units import TOKENS
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN
from bayes_scaling.runs.finetuning import SCRATCH

Array = NDArray[np.float64]
Flags = NDArray[np.bool_]

TIMES = 10.0
"""Growth of N that is asked for its worth in fine-tuning data."""

MATERIAL = 1e-3
"""Share of the loss from which pre-training counts as hurting."""

BY = f"by {MATERIAL:.1%} or more"
"""The same in words."""

ALARM = 0.05
"""Probability of that from which it is said."""

CHANCES = ("P(D_E < D_F)", f"P(loss up {BY})")
"""Headings of two ways in which pre-training does harm: it costs data, it hurts."""

LIKELY = 0.5
"""Probability that pre-training costs data from which it is said."""


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
        pre-training costs data.
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
    def costs_data(self) -> dict[str, Array]:
        """Probability that pre-training costs data, D_E below D_F, by first text (n_cases,)."""
        data = self.sizes["finetune_tokens"]
        return {text: (own < data).mean(axis=0) for text, own in self.effective.items()}

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
                    f"{chances[case]:.2f} that it raises the loss {BY}"
                )
        for text, chances in self.costs_data.items():
            for case in np.flatnonzero(chances > LIKELY):
                found.append(
                    f"pre-training on {text} costs data, {self._case(int(case))}: D_E lies below "
                    f"D_F with probability {chances[case]:.2f}"
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
            middle, low, high = (float(end) for end in quantiles(draws, self.probability))
            row |= {name: middle, f"{name}_lower": low, f"{name}_upper": high}
        if "repaid_after" in found:
            row["repaid_never"] = float(np.isinf(found["repaid_after"]).mean())
        row["costs_data"] = float(self.costs_data[text][case])
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
        chances = () if is_point else CHANCES[: 2 if self.loss else 1]
        for text in self.texts:
            rows = [row for row in self.rows() if row["pretrained_on"] == text]
            columns = {
                "params N": "params", "data D_F": "finetune_tokens",
                f"D_E / D_F{kind}": "multiplier", "compute saved [FLOP]": "flops_saved",
                "loss": "loss", "from scratch": "loss_scratch", "repaid after": "repaid_after",
            }  # fmt: skip
            shown = {head: name for head, name in columns.items() if name in rows[0]}
            grid = Grid(
                heading=(*shown, *chances),
                rows=[
                    [
                        *(f"{row[n]:.4g}" if is_point or n in self.sizes else cell(row, n)
                          for n in shown.values()),
                        *(f"{row[n]:.2f}" for n in ("costs_data", "hurts")[: len(chances)]),
                    ]
                    for row in rows
                ],
            )  # fmt: skip
            grown, worth = f"{self.times:g} times the params", told(rows[0], "worth_of_params")
            lines = {f"{grown} are worth": f"{worth} times the data"}
            never = max(row.get("repaid_never", 0.0) for row in rows)
            if never > 0:
                lines["never repaid"] = f"with probability {never:.2f}"
            if self.beyond:
                lines["extrapolation"] = farthest_of(rows)
            found.append([f"pre-trained on {text}", grid, lines])
        return [*found, *([line] for line in (*self.warnings, *self.notes))]
