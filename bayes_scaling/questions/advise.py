"""Advice on one page: with the data on hand, which size, will it do, or are more data needed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bayes_scaling.errors import InputError
from bayes_scaling.page import Block, Grid, Page, Printed, beyond, called, cell, told
from bayes_scaling.questions.enough import data_for
from bayes_scaling.questions.forecast import Forecast, forecast
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.risk import SURE, in_words
from bayes_scaling.questions.score_targets import error_to_reach, level_of, shown_name
from bayes_scaling.questions.short_data import (
    Way,
    knows_repeats,
    recommended,
    way_rows,
    ways_of,
)
from bayes_scaling.questions.sizes import wrong_numbers
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.questions.text_units import unit_notes
from bayes_scaling.questions.transfer_answer import BY


@dataclass(frozen=True, kw_only=True, eq=False)
class Advice(Printed):
    """What to do with a budget and the data on hand.

    Attributes
    ----------
    forecast : Forecast
        Of the best run from scratch on the data on hand, and of that on any amount of data.
    tokens : float
        Data on hand.
    target : float, optional
        Loss that should be reached.
    needed : float, optional
        Tokens on hand from which the target is reached with probability `sure` at this budget, no
        fewer than are; inf where no amount does, None without a target.
    sure : float
        That probability.
    ways : tuple of Way
        What can be done with the data on hand, one pass first; several where they are too few.
    flops : float
        The budget.
    notes : tuple of str
        Ways that the law cannot speak of.
    """

    forecast: Forecast
    tokens: float
    target: float | None
    needed: float | None
    sure: float = SURE
    ways: tuple[Way, ...]
    flops: float
    notes: tuple[str, ...] = ()

    def __repr__(self) -> str:
        """Say the advice."""
        return f"Advice({self.verdict})"

    @property
    def limited(self) -> bool:
        """Whether the best run would read more than there is."""
        return float(self.forecast.plan.columns["tokens"][1]) > 1.001 * self.tokens

    @property
    def chances(self) -> tuple[float, float]:
        """Probability of the target on the data on hand, and on any amount; nan without one."""
        target = np.nan if self.target is None else self.target
        on_hand, free = (self.forecast.draws <= target).mean(axis=0)
        return (float(on_hand), float(free)) if self.target is not None else (np.nan, np.nan)

    @property
    def verdict(self) -> str:
        """What to do, in a sentence."""
        chosen = self.recommended
        size = chosen.sentence
        if chosen.flops < 0.9 * self.flops:
            size += f", {chosen.flops / self.flops:.0%} of the budget; the rest buys under 1 %"
        if self.needed is None:
            return f"{size}; {'more data would help' if self.limited else 'the data suffice'}"
        on_hand, free = self.chances
        if on_hand >= self.sure:
            return f"{size}: it reaches the target with probability {on_hand:.2f}"
        if self.needed < np.inf:
            return f"get more data first: about {self.needed:.2g} tokens, {self.tokens:.2g} on hand"
        if free < 1 - self.sure:
            return "neither these data nor more reach the target with this budget"
        return (
            f"{size} only if {on_hand:.2f} is chance enough: no amount of data makes it "
            f"{self.sure:.0%} sure with this budget"
        )

    @property
    def recommended(self) -> Way:
        """The cheapest way whose expected loss is within one percent of the least."""
        return recommended(self.ways)

    def way_rows(self) -> list[dict[str, Any]]:
        """Return one dict per way: sizes, loss, cost and the probability to be the best."""
        return way_rows(self.ways, self.flops, self.forecast.probability, self.forecast.response)

    def _rows(self) -> list[dict[str, Any]]:
        """Return one dict for the data on hand, and one for any amount of data."""
        told = zip(("on hand", "any amount"), self.forecast.rows(), self.chances, strict=True)
        return [
            {"data": name, **row}
            | (
                {}
                if self.target is None
                else {"target": self.target, "chance": chance}
                | {"in_words": in_words(chance, level_of(self.target, self.forecast.response))}
            )
            for name, row, chance in told
        ]

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the law of transfer says against its own answer, where fine-tuning is weighed."""
        asked = [way.transfer for way in self.ways if way.transfer is not None]
        return tuple(f"fine-tune: {text}" for found in asked for text in found.warnings)

    @property
    def far_rows(self) -> list[dict[str, Any]]:
        """All rows that say how far they lie beyond the runs that they were learned from."""
        return [*self.rows(), *self.way_rows()]

    @property
    def about(self) -> dict[str, Any]:
        """What is told beside the rows."""
        return {
            "verdict": self.verdict,
            "tokens_on_hand": self.tokens,
            "needed": self.needed,
            "recommended": self.recommended.name,
            "ways": self.way_rows(),
            "warnings": list(self.warnings),
            "notes": list(self.notes),
        }

    def page(self) -> Page:
        """Return what is printed: the advice, then each run."""
        found: list[Sequence[Block]] = [[{"advice": self.verdict}]]
        if len(self.ways) > 1:
            found.append([self._grid(), *self._of_transfer(), *self.notes])
        return [*found, [self._lines(row) for row in self.rows()]]

    def _of_transfer(self) -> list[Block]:
        """Say how far fine-tuning lies beyond the runs of its law, and how it may go wrong."""
        lines = {}
        for row in self.way_rows():
            if any(name.startswith("efolds_") for name in row):
                lines["fine-tuning lies"] = beyond(row)
            if "costs_data" in row:
                lines["  costs data"] = f"with probability {row['costs_data']:.2f}"
            if "hurts" in row:
                lines["  raises the loss"] = f"{BY}, with probability {row['hurts']:.2f}"
            if "low_data" in row:
                lines["  low-data regime"] = f"with probability {row['low_data']:.2f}"
        return [lines] if lines else []

    def _grid(self) -> Grid:
        """Tabulate the ways."""
        shown = shown_name("loss", self.forecast.response)
        return Grid(
            heading=("way", "params", "tokens seen", "of the budget", called(shown), "best"),
            rows=[
                (row["way"], f"{row['params']:.3g}", f"{row['tokens']:.3g}",
                 f"{row['share_of_budget']:.0%}", _told(row, shown), f"{row['chance_best']:.2f}")
                for row in self.way_rows()
            ],
        )  # fmt: skip

    def _lines(self, row: dict[str, Any]) -> dict[str, str]:
        """Write one run."""
        run = shown_name("new_run", self.forecast.response)
        lines = {
            f"data {row['data']}": f"N {row['params']:.3g}, D {row['tokens']:.3g}",
            f"  {called(run)}": told(row, run),
        }
        if "chance" in row:
            lines["  chance of target"] = f"{row['chance']:.3g} ({row['in_words']})"
        if not self.forecast.is_point:
            lines["  extrapolation"] = beyond(row)
        return lines


def _told(row: Mapping[str, Any], name: str) -> str:
    """Write a quantity with its interval, or without where there is one draw."""
    return cell(row, name) if f"{name}_lower" in row else f"{row[name]:.4g}"


def advise(
    source: Source,
    flops: float,
    tokens: float,
    *,
    target_loss: float | None = None,
    target_score: float | None = None,
    sure: float = SURE,
    family: str | None = None,
    limits: Limits | None = None,
    pretrained: Source | None = None,
    pretrained_on: str | None = None,
    characters_per_token: float | None = None,
) -> Advice:
    """Advise what to train with a budget and the data on hand.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A law in params and tokens.
    flops : float
        Budget [FLOP].
    tokens : float
        Data on hand, read once.
    target_loss : float, optional
        Loss that should be reached.
    target_score : float, optional
        Score that should be reached in its place, between 0 and 1, by a law of scores.
    sure : float
        Probability with which it should be.
    family, limits
        As in `bayes_scaling.questions.risk.risk`.
    pretrained : Fit or PublishedLaw, optional
        A law of transfer from the text that a pre-trained model has read, such as
        ``bs.published("hernandez-2021-text")``: fine-tuning one is then weighed too.
    pretrained_on : str, optional
        The text that it has read, where that law knows several.
    characters_per_token : float, optional
        Of the tokenizer, about 4 in English text; for a law of transfer that counts its data in
        characters or bytes, as that of Hernandez et al. does.

    Returns
    -------
    Advice

    Raises
    ------
    InputError
        A number cannot be used.
    """
    target_loss = error_to_reach(source, target_score, target_loss, name="target_score")
    problems = wrong_numbers({"flops": flops, "tokens on hand": tokens, "target_loss": target_loss})
    if not 0 < sure < 1:
        problems.append(f"sure is a probability between 0 and 1, got {sure!r}")
    if problems:
        raise InputError(problems, source="advice")
    free = limits or Limits()
    law = surface(source, group=family)
    capped = replace(free, max_tokens=min(tokens, free.max_tokens))
    choices = [expected_split(law, flops, each) for each in (capped, free)]
    sizes: dict[str, Any] = {
        "params": [each.params for each in choices],
        "tokens": [each.tokens for each in choices],
    }
    if family is not None:
        sizes[law.group_column] = family
    asked = forecast(source, sizes)
    needed = None
    if target_loss is not None:
        needed = _needed(law, asked, flops, tokens, target_loss, sure, free)
    ways = ways_of(
        source,
        flops,
        tokens,
        limits=free,
        family=family,
        pretrained=pretrained,
        pretrained_on=pretrained_on,
        characters_per_token=characters_per_token,
    )
    units = () if pretrained is None else unit_notes(pretrained, characters_per_token)
    return Advice(
        forecast=asked,
        tokens=tokens,
        target=target_loss,
        needed=needed,
        sure=sure,
        ways=ways,
        flops=flops,
        notes=(*_silent(source, ways, pretrained), *(units if len(ways) > 1 else ())),
    )


def _silent(source: Source, ways: tuple[Way, ...], pretrained: Source | None) -> Iterator[str]:
    """Say which ways the law cannot speak of, where the data are too few."""
    if len(ways) == 1:
        return
    if not knows_repeats(source):
        yield (
            "this law knows neither repeats nor overfitting: fit data-constrained-coupled on runs "
            "that repeat their data to weigh reading them again"
        )
    if pretrained is None:
        yield "pre-training elsewhere is weighed where a law of transfer is given (pretrained)"


def _needed(
    law: Surface,
    asked: Forecast,
    flops: float,
    tokens: float,
    target: float,
    sure: float,
    free: Limits,
) -> float:
    """Return the least tokens on hand that make the target sure."""
    on_hand, any_amount = (asked.draws <= target).mean(axis=0)
    most = float(asked.plan.columns["tokens"][1])
    if any_amount < sure:
        return np.inf
    if on_hand >= sure:
        return min(tokens, most)
    noise = np.log(asked.draws[:, 1] / asked.noise_free[:, 1])
    return data_for(law, flops, target, sure, noise, (min(tokens, most), most), free)
