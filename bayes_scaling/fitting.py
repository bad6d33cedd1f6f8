"""From runs to a `Fit`: the default average, one law, or several; and from a saved file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bayes_scaling import posterior
from bayes_scaling.errors import InputError
from bayes_scaling.facade import Fit
from bayes_scaling.intervals import PROBABILITY
from bayes_scaling.laws import load_model
from bayes_scaling.laws.design import PAIR
from bayes_scaling.laws.model import Model
from bayes_scaling.posterior import Member
from bayes_scaling.posterior.fit_model import fit_law
from bayes_scaling.posterior.members import PLAIN
from bayes_scaling.posterior.progress import progress_line
from bayes_scaling.posterior.recipes import pooled_as_variants
from bayes_scaling.posterior.sampler import Engine, Settings
from bayes_scaling.questions.duel import ERROR, Duel, Side, duel as compare
from bayes_scaling.questions.duel_runs import runs_of_duel
from bayes_scaling.questions.literature import published
from bayes_scaling.questions.mistuned_runs import OffLaw, off_law as find_off_law
from bayes_scaling.questions.published_laws import PublishedConstants
from bayes_scaling.questions.sizes import Numbers
from bayes_scaling.runs import RunTable, read_runs

Law = str | Path | Model | Mapping[str, Any]


def fit(
    runs: Any,
    model: Any = None,
    *,
    drift: bool | None = None,
    transient: bool | None = None,
    ceiling: bool | float | str | None = None,
    run_effect: bool | None = None,
    correlated: bool | None = None,
    mistuned: bool | None = None,
    temper: float | None = None,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    engine: Engine = "generated",
    progress: bool | None = None,
) -> Fit:
    """Sample the posterior of scaling laws given a table of runs.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        The small runs. Runs and model may also come the other way round.
    model : str, Path, Model or mapping, or a list of these, optional
        One law (a model id such as ``"chinchilla"``, a TOML file, a definition or a `Model`),
        several to be averaged, or none for the default average; see `fit_ensemble`. The features
        below are of one law, and as in its definition by default.
    drift, transient : bool, optional
        Whether exponents drift with scale, and whether small runs may lie above the law; see
        `bayes_scaling.laws.features`.
    ceiling : bool, float or str, optional
        Whether the law is flat near the loss of an untrained model, or the level of that loss: a
        number, a formula such as ``"log(50257)"``, or the name of a column.
    run_effect : bool, optional
        Whether the rows of one run share a deviation from the law; by default where the table
        holds several rows of a run, such as checkpoints.
    correlated : bool, optional
        Whether, instead of that, deviations of rows of one run are remembered from row to row, as
        along a training curve.
    mistuned : bool, optional
        Whether some runs lie above the law, which is then what tuned runs reach.
    temper : float, optional
        Length of tempering as a share of the span of the runs, 0 for none. The shorter, the more
        the largest runs speak and the less the others; the result is then no plain posterior.
    draws, tune, chains : int
        Draws kept and discarded per chain, and chains, of each law.
    target_accept : float
        Acceptance probability that the step size aims at; raise it against divergences.
    random_seed : int, optional
        Seed of everything random; a fresh one is taken and kept if absent.
    engine : {"generated", "pymc"}
        Which density of one law is sampled; they are the same.
    progress : bool, optional
        Whether a line says how far it is; by default in a notebook and in a terminal.

    Returns
    -------
    Fit
        Of one law, or of several that are averaged; also when it did not converge: see its
        ``status`` and ``checks``.

    Raises
    ------
    InputError
        The model, the runs or the settings cannot be used.

    Warns
    -----
    BayesScalingWarning
        The runs fit a model poorly (too few, collinear, another parameter count).

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> fit = bs.fit(bs.load_dataset("nano-lm"))  # doctest: +SKIP
    >>> law = bs.fit(bs.load_dataset("nano-lm"), "chinchilla")  # doctest: +SKIP
    """
    if model is not None and _is_law(runs) and not _is_law(model):
        runs, model = model, runs
    settings = Settings.chosen(
        draws=draws, tune=tune, chains=chains, target_accept=target_accept, random_seed=random_seed
    )
    switches = {
        "drift": drift,
        "transient": transient,
        "ceiling": ceiling,
        "run_effect": run_effect,
        "correlated": correlated,
        "mistuned": mistuned,
    }
    if model is not None and not isinstance(model, list | tuple):
        member = fit_law(
            model,
            runs,
            settings,
            switches=switches,
            temper=temper,
            engine=engine,
            progress=progress_line(progress),
        )
        return Fit.of_one(member)
    features = {**switches, "temper": temper, "engine": None if engine == "generated" else engine}
    if given := [name for name, value in features.items() if value is not None]:
        raise InputError(
            f"{', '.join(given)}: of one law; name it, as in fit(runs, 'coupled', {given[0]}=...), "
            "or switch features of each member by load_model(...).with_features(...)"
        )
    return Fit.of_posterior(posterior.fit_average(runs, model, settings, progress=progress))


def _is_law(given: object) -> bool:
    """Whether something is a law, a list of laws, or the name or the file of one."""
    if isinstance(given, list | tuple):
        return bool(given) and all(map(_is_law, given))
    if isinstance(given, Model | Mapping):
        return isinstance(given, Model) or "formula" in given or "base" in given
    if not isinstance(given, str | Path):
        return False
    return Path(given).suffix in ("", ".toml")


def fit_ensemble(
    runs: RunTable | Any,
    models: Sequence[str | Path | Model | Mapping[str, Any]] | None = None,
    *,
    weights: Mapping[str, float] | None = None,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    target_accept: float = 0.95,
    random_seed: int | None = None,
    progress: bool | None = None,
) -> Fit:
    """Sample the posteriors of several models given the same runs, and average them.

    Parameters
    ----------
    runs : RunTable, DataFrame or path
        The small runs.
    models : sequence of str, Path, Model or mapping, optional
        Ids, TOML files, definitions or models, of different ids, that read the same columns; by
        default those of `bayes_scaling.posterior.members.default_members`.
    weights : mapping of str to float, optional
        By the id of the model, in any unit. By default equal; of the default members, by how
        probable the runs make a ceiling (`bayes_scaling.posterior.members.shares`).
    draws, tune, chains : int
        Draws kept and discarded per chain, and chains, of each member.
    target_accept : float
        Acceptance probability that the step size aims at.
    random_seed : int, optional
        Seed from which every member gets one of its own; a fresh one is taken and kept if absent.
    progress : bool, optional
        Whether a line says how far it is; by default in a notebook and in a terminal.

    Returns
    -------
    Fit
        Members that did not converge are left out by name, with the reason.

    Raises
    ------
    InputError
        A model, the runs, the weights or the settings cannot be used; nothing is sampled then.

    Warns
    -----
    BayesScalingWarning
        The runs fit a model poorly (too few, collinear, another parameter count).

    Examples
    --------
    >>> import bayes_scaling as bs
    >>> fit = bs.fit_ensemble(bs.load_dataset("nano-lm"))  # doctest: +SKIP
    """
    settings = Settings.chosen(
        draws=draws, tune=tune, chains=chains, target_accept=target_accept, random_seed=random_seed
    )
    found = posterior.fit_average(runs, models, settings, weights=weights, progress=progress)
    return Fit.of_posterior(found)


def load(path: str | Path) -> Fit:
    return Fit.of_posterior(posterior.load(path))


load.__doc__ = posterior.load.__doc__


def ensemble_of(fits: Sequence[Fit | Member], *, weights: Mapping[str, float] | None = None) -> Fit:
    """Average fits of single laws to the same runs.

    Parameters
    ----------
    fits : sequence of Fit or Member
        Their laws must have different ids, and the same response, inputs and groups.
    weights : mapping of str to float, optional
        By the id of the law, in any unit; equal by default.

    Returns
    -------
    Fit
        Without the fits that did not converge and those of (nearly) no weight.

    Raises
    ------
    InputError
        The fits cannot be averaged, or weights do not belong to them.
    """
    members = [each if isinstance(each, Member) else each.only for each in fits]
    return Fit.of_posterior(posterior.ensemble_of(members, weights=weights))


DUEL = PLAIN
"""Laws that are averaged for a duel: those that forecast by default, below any ceiling. What groups
share is learned from all of them together; small runs of each may lie above its law by an excess of
their own, and the largest runs count most."""


def duel(
    runs: RunTable | Any = None,
    *,
    a: Side,
    b: Side | Sequence[Side] | None = None,
    flops: Numbers,
    by: str = "family",
    pairs: str | None = None,
    models: Sequence[Law] = DUEL,
    inputs: Mapping[str, float] | None = None,
    throughput: Mapping[str, float] | None = None,
    error: float = ERROR,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    random_seed: int | None = None,
    probability: float = PROBABILITY,
    progress: bool | None = None,
) -> Duel:
    """Compare variants of a recipe at equal compute, from small runs of each.

    Parameters
    ----------
    runs : RunTable, DataFrame or path, optional
        Small runs of every variant; they need not have the same sizes. Where learning rates were
        swept, those that another rate beat at the same size are left out, unless a law reads rates.
        None for published laws alone.
    a : str or PublishedLaw
        Label of the baseline, or a published law or its name.
    b : str, PublishedLaw or sequence of these, optional
        Labels of variants, or published laws; all other groups of runs by default.
    flops : float or sequence of float
        Budgets [FLOP]; the largest one is the target.
    by : str
        Column that tells the variants apart.
    pairs : str, optional
        Column whose rows of one value have noise in common, whichever variant they are of: runs of
        one seed and size, or of one evaluation set. ``"seed/budget"`` names two columns. A variant
        that has no value in common with another is compared without.
    models : sequence of str, Path, Model or mapping
        Laws that are averaged.
    inputs : mapping of str to float, optional
        Other inputs of the laws, such as the experts of a published one.
    throughput : mapping of str to float, optional
        Speed of a variant over that of the baseline, in FLOP per hour.
    error : float
        Probability of a wrong promotion, or a wrong drop, that a verdict may have.
    draws, tune, chains, random_seed, progress
        As in `fit`.
    probability : float
        Probability of the equal-tailed intervals.

    Returns
    -------
    Duel

    Raises
    ------
    InputError
        A variant has no runs, the runs cannot be fitted, or their losses do not compare.
    UnconvergedError
        No law converged.

    Warns
    -----
    BayesScalingWarning
        Runs were left out that another learning rate beat; a variant has no pairs.

    Examples
    --------
    >>> bs.duel(runs, a="baseline", b="variant", flops=1e23)  # doctest: +SKIP
    >>> bs.duel(runs, a="hoffmann-2022", b="ours", flops=1e23)  # doctest: +SKIP
    >>> bs.duel(a="hoffmann-2022", b="epoch-2024", flops=1e23).verdict("epoch-2024")
    'drop'
    """
    if runs is None:
        law = a if isinstance(a, PublishedConstants) else published(a)
        found = compare(law, a, b, flops=flops, inputs=inputs, throughput=throughput, error=error)
        return found.with_probability(probability)
    fitted = duel_fit(
        runs,
        a=a,
        b=b,
        by=by,
        pairs=pairs,
        models=models,
        draws=draws,
        tune=tune,
        chains=chains,
        random_seed=random_seed,
        progress=progress,
    )
    return fitted.duel(
        a,
        b,
        flops=flops,
        inputs=inputs,
        throughput=throughput,
        error=error,
        probability=probability,
    )


def duel_fit(
    runs: RunTable | Any,
    *,
    a: Side,
    b: Side | Sequence[Side] | None = None,
    by: str = "family",
    pairs: str | None = None,
    models: Sequence[Law] = DUEL,
    draws: int = 1000,
    tune: int = 800,
    chains: int = 4,
    random_seed: int | None = None,
    progress: bool | None = None,
) -> Fit:
    """Fit the runs of variants of one recipe together, to be asked for duels; see `duel`."""
    table = runs if isinstance(runs, RunTable) else read_runs(runs)
    laws = [load_model(each) for each in models]
    swept = any("learning_rate" in law.inputs for law in laws)
    taken = runs_of_duel(table, a, b, by=by, pairs=pairs, best_rates=not swept)
    if PAIR in taken:
        laws = [law.with_features(run_effect=True) for law in laws]
    return fit_ensemble(
        taken,
        [pooled_as_variants(law) for law in laws],
        draws=draws,
        tune=tune,
        chains=chains,
        random_seed=random_seed,
        progress=progress,
    )


def off_law(fit: Fit, *, material: float = 0.0, probability: float = PROBABILITY) -> OffLaw:
    return fit.off_law(material=material, probability=probability)


off_law.__doc__ = find_off_law.__doc__
