"""What to do with data too few for a budget: what each way of it reaches, costs, and how surely.

Read them once with the largest model that the budget allows; train the model that they suffice
for, and keep the rest of the budget; read them again, to the end of the budget or as far as that
pays; or fine-tune a model that was pre-trained elsewhere. Ways are compared draw by draw.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.questions.allocate import allocate
from bayes_scaling.questions.answer import draw_rows
from bayes_scaling.questions.limits import Limits
from bayes_scaling.questions.score_targets import with_scores
from bayes_scaling.questions.splits import expected_split
from bayes_scaling.questions.surface import Source, Surface, surface
from bayes_scaling.questions.text_units import per_token
from bayes_scaling.questions.transfer import transfer
from bayes_scaling.questions.transfer_answer import Transfer
from bayes_scaling.runs import training_flops
from bayes_scaling.runs.counting import FLOPS_PER_PARAM_TOKEN

Array = NDArray[np.float64]

WORTH = 0.01
"""Relative loss that the rest of a budget must buy to be spent."""

STOPS = 25
"""Shares of the budget, and numbers of passes, at which repeated data are looked at."""

LEAST_SHARE = 1e-3
"""The least of them."""

MOST_EPOCHS = 64.0
"""Passes over the data that are thought of."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Way:
    """One way to spend a budget on too few data.

    Attributes
    ----------
    name : str
        ``one pass``, ``smaller run``, ``repeat``, ``stop early`` or ``fine-tune``.
    params, tokens, flops : float
        Of the run; tokens are those seen, repeats included.
    epochs : float
        Passes over the data on hand.
    loss : array (n_draws,)
        Noise-free loss.
    transfer : Transfer, optional
        What the law of transfer answered, where the run is fine-tuned.
    """

    name: str
    params: float
    tokens: float
    flops: float
    epochs: float
    loss: Array
    transfer: Transfer | None = None

    @property
    def sentence(self) -> str:
        """What to do, without a full stop."""
        size = f"{self.params:.2g} params on {self.tokens:.2g} tokens"
        if self.name == "fine-tune":
            return f"fine-tune a pre-trained model of {size}"
        if self.epochs > 1.05:
            return f"train {size} from scratch, {self.epochs:.2g} passes over the data"
        return f"train {size} from scratch"


def recommended(ways: tuple[Way, ...]) -> Way:
    """Return the cheapest way whose expected loss is within `WORTH` of the least."""
    least = min(float(way.loss.mean()) for way in ways)
    good = [way for way in ways if way.loss.mean() <= (1 + WORTH) * least]
    return min(good, key=lambda way: way.flops)


def way_rows(
    ways: tuple[Way, ...], flops: float, probability: float, response: str
) -> list[dict[str, Any]]:
    """Return one dict per way: its sizes, loss, share of the budget, probability to be the best.

    One that is fine-tuned has what makes its law of transfer doubtful too: the distances beyond its
    runs, the probabilities that pre-training costs data and hurts, and that of few data.
    """
    winner = np.argmin(np.stack([way.loss for way in ways]), axis=0)
    rows = []
    for place, way in enumerate(ways):
        row = {"way": way.name, "params": way.params, "tokens": way.tokens, "epochs": way.epochs}
        row |= {"flops": way.flops, "share_of_budget": way.flops / flops}
        row |= draw_rows(with_scores({"loss": way.loss[:, None]}, response), {}, probability)[0]
        row |= {"chance_best": float(np.mean(winner == place))}
        rows.append(row | ({} if way.transfer is None else _doubts(way.transfer)))
    return rows


def _doubts(found: Transfer) -> dict[str, float]:
    """Return what a law of transfer says against its own answer, of one case and text."""
    kept = ("costs_data", "hurts", "low_data", *(f"efolds_{name}" for name in found.beyond))
    return {name: value for name, value in found.rows()[0].items() if name in kept}


def ways_of(
    source: Source,
    flops: float,
    tokens: float,
    *,
    limits: Limits,
    family: str | None,
    pretrained: Source | None,
    pretrained_on: str | None = None,
    characters_per_token: float | None = None,
) -> tuple[Way, ...]:
    """Return the ways that the law, and a law of transfer where one is given, can speak of.

    Parameters
    ----------
    source : Fit or PublishedLaw
        A law in params and tokens. One that reads unique_tokens, such as data-constrained-coupled,
        knows of repeats.
    flops : float
        Budget [FLOP].
    tokens : float
        Data on hand.
    limits : Limits
        What is allowed beside.
    family : str or None
        The group.
    pretrained : Fit or PublishedLaw or None
        A law of transfer from the text of the pre-trained model.
    pretrained_on : str or None
        That text, where the law knows several.
    characters_per_token : float or None
        Of the tokenizer, for a law of transfer that counts data in characters or bytes.
    """
    law = surface(source, group=family)
    capped = replace(limits, max_tokens=min(tokens, limits.max_tokens))
    once = expected_split(law, flops, capped)
    one = _way("one pass", law, once.params, once.tokens, tokens, once.loss)
    if once.tokens < 0.999 * tokens:
        return (one,)
    found = [one, *_smaller(source, law, flops, tokens, family, limits)]
    found += _repeats(source, flops, tokens, family, limits)
    if pretrained is not None:
        params, per = recommended(tuple(found)).params, per_token(pretrained, characters_per_token)
        found.append(_tuned(pretrained, law, params, tokens, per, pretrained_on))
    return tuple(found)


def knows_repeats(source: Source) -> bool:
    """Whether every law reads how many tokens are distinct."""
    return all("unique_tokens" in law.reads.inputs for law in source.members.values())


def _way(name: str, law: Surface, params: float, seen: float, tokens: float, loss: Array) -> Way:
    cost = float(law.share * training_flops(params, seen))
    return Way(
        name=name, params=params, tokens=seen, flops=cost, epochs=max(seen / tokens, 1.0), loss=loss
    )


def _smaller(
    source: Source, law: Surface, flops: float, tokens: float, family: str | None, limits: Limits
) -> Iterator[Way]:
    """Yield the run whose best data are those on hand, where it costs less than the budget."""
    fitting = allocate(source, tokens=tokens, family=family)
    params = float(np.exp(np.median(np.log(fitting.params[:, 0]))))
    params = float(np.clip(params, limits.min_params, limits.max_params))
    if law.share * training_flops(params, tokens) < 0.99 * flops:
        at = {"params": np.array([params]), "tokens": np.array([tokens])}
        loss = law.at(at, law.draws[:, None])[:, 0]
        yield _way("smaller run", law, params, tokens, tokens, loss)


def _repeats(
    source: Source, flops: float, tokens: float, family: str | None, limits: Limits
) -> Iterator[Way]:
    """Yield the best run of the whole budget with repeats, and the best of any part of it."""
    if not knows_repeats(source):
        return
    law = surface(source, group=family, inputs={"unique_tokens": tokens})
    thin = law.fewer()[0]
    most = min(limits.most_tokens, MOST_EPOCHS * tokens)
    found = []
    for budget in flops * np.geomspace(1, LEAST_SHARE, STOPS):
        seen = np.geomspace(tokens, most, STOPS)  # the loss may rise again: no valley to search
        params = budget / (FLOPS_PER_PARAM_TOKEN * law.share * seen)
        allowed = (params >= limits.min_params) & (params <= limits.max_params)
        if not allowed.any():
            continue
        at = {"params": params[allowed], "tokens": seen[allowed]}
        place = int(np.argmin(thin.at(at, thin.draws[:, None]).mean(axis=0)))
        one = {name: values[[place]] for name, values in at.items()}
        loss = law.at(one, law.draws[:, None])[:, 0]
        size, read = float(one["params"][0]), float(one["tokens"][0])
        found.append(_way("repeat", law, size, read, tokens, loss))
    yield from found[:1]
    if found and (best := recommended(tuple(found))).flops < 0.99 * found[0].flops:
        yield replace(best, name="stop early")


def _tuned(
    pretrained: Source, law: Surface, params: float, tokens: float, per: float, text: str | None
) -> Way:
    """Return the run that is fine-tuned: the law from scratch at the data it is worth.

    The law of transfer is given the data, and gives their worth, at `per` of its units to a token.
    Its compute is that of fine-tuning; the pre-trained model is there already.
    """
    found = transfer(pretrained, params=params, finetune_tokens=per * tokens, pretrained_on=text)
    if len(found.texts) > 1:
        raise InputError(
            f"the law of transfer knows {', '.join(found.texts)}: say which text the model has "
            f"read, such as pretrained_on={found.texts[0]!r} (--pretrained-on {found.texts[0]})",
            source="advice",
        )
    draws = found.effective[found.texts[0]][:, 0] / per
    worth = np.resize(draws, law.n_draws)
    at = {"params": np.full(law.n_draws, params), "tokens": worth}
    way = _way("fine-tune", law, params, tokens, tokens, law.at(at, law.draws))
    return replace(way, transfer=found)
