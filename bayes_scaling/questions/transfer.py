"""Transfer: what pre-training on another text is worth in data of the text that is learned.

A run fine-tuned on D_F tokens has the loss of one from scratch on D_E = D_F + D_T, of which D_T = k
D_F^alpha N^beta are transferred (Hernandez et al. 2021). A law fitted to losses of both kinds of
runs knows of data that pre-training costs too (ossification), and with which probability it hurts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bayes_scaling.errors import InputError
from bayes_scaling.questions.distance import efolds_beyond_runs
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.sizes import Numbers, first_text, given_sizes, one_positive
from bayes_scaling.questions.surface import Source
from bayes_scaling.questions.text_units import compute_notes, data_unit
from bayes_scaling.questions.transfer_answer import TIMES, Transfer
from bayes_scaling.questions.worse_runs import worse_runs
from bayes_scaling.runs.finetuning import SCRATCH

Array = NDArray[np.float64]

NEEDED = ("k_T", "alpha_T", "beta_T")
"""What a law must say of transfer, by its parameters or derived quantities."""

WITHOUT_END = 1e30
"""Data that count as without end."""

NEAR, LOW = 0.01, 0.1
"""Low-data regime: at most the share `LOW` of the data that bring a model from scratch within
`NEAR` of its loss with data without end."""

FEWEST = 50
"""Draws that must have the order that was stated."""


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
