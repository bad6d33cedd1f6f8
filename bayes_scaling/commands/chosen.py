"""Models as a user names them on the command line, with their features switched on or off."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Union

from bayes_scaling.errors import InputError

if TYPE_CHECKING:
    from bayes_scaling.laws import Model

AnyModel = Union[str, "Model"]

Switch = bool | float | str | None

AUTO = "auto"
"""The name that stands for the default members of an ensemble."""


def chosen_models(
    names: list[str] | None,
    *,
    temper: float | None = None,
    ceiling: str | None = None,
    fix: list[str] | None = None,
    **features: bool | None,
) -> list[AnyModel] | None:
    """Return the models that a user named.

    Parameters
    ----------
    names : list of str, optional
        Ids and TOML files.
    temper : float, optional
        Length of tempering; 0 for none.
    ceiling : str, optional
        Its level, a number or a formula; ``"on"`` or ``"off"``.
    fix : list of str, optional
        Parameters to hold, as name=value.
    **features : bool, optional
        Features of all of them, on or off; as they are defined where absent.

    Returns
    -------
    list of str or Model, or None
        Names as they were given, or the variants that they stand for where a feature is switched;
        None for the default ensemble.

    Raises
    ------
    InputError
        A model cannot be read, a feature cannot act on it, or features are asked of the default
        ensemble; every problem at once.
    """
    fixed = _fixed(fix)
    switches = {**features, "ceiling": ceiling, "temper": temper}
    on = [name for name, value in switches.items() if value is not None]
    names = names or [AUTO]
    if AUTO in names:
        problems = []
        if len(names) > 1:
            problems.append(
                f"{AUTO!r} stands for models by itself: give it alone, or name the others"
            )
        if on:
            flags = ", ".join(f"--{'no-' if switches[name] is False else ''}{name}" for name in on)
            problems.append(
                f"{flags}: {AUTO!r} averages laws that have their features for a reason; name the "
                "model to change, such as -m coupled"
            )
        if fixed:
            problems.append(
                f"--fix: {AUTO!r} averages laws whose parameters differ; name the model, such as "
                "-m chinchilla"
            )
        if problems:
            raise InputError(problems)
        return None
    if not on and not fixed:
        return list(names)
    models = _variants(names, {**features, "ceiling": _level(ceiling)}, temper)
    return [_held(model, fixed) for model in models] if fixed else models


def _level(text: str | None) -> Switch:
    """Read what is said of a ceiling: a switch, a number, or a formula as it is."""
    if text in ("on", "off"):
        return text == "on"
    try:
        return None if text is None else float(text)
    except ValueError:
        return text


def _fixed(given: list[str] | None) -> dict[str, dict[str, float]]:
    """Return the priors that hold parameters, from name=value."""
    found: dict[str, dict[str, float]] = {}
    problems = []
    for text in given or []:
        name, _, value = text.partition("=")
        try:
            found[name.strip()] = {"value": float(value)}
        except ValueError:
            problems.append(f"--fix takes name=number, such as alpha=0.34, got {text!r}")
    if problems:
        raise InputError(problems)
    return found


def _held(model: AnyModel, fixed: Mapping[str, Mapping[str, float]]) -> AnyModel:
    """Return a model with parameters held."""
    from bayes_scaling.laws import Model

    assert isinstance(model, Model)
    return model.with_priors(fixed)


def _variants(
    names: list[str], features: Mapping[str, Switch], temper: float | None
) -> list[AnyModel]:
    """Load models and switch their features, or say what is wrong with each."""
    from bayes_scaling.laws import load_model
    from bayes_scaling.laws.variants import with_features

    models: list[AnyModel] = []
    problems: list[str] = []
    for name in names:
        try:
            model = load_model(name)
            models.append(with_features(model, features, temper=temper))
        except InputError as error:
            problems += [str(error)] if len(names) > 1 else error.problems
    if problems:
        raise InputError(problems)
    return models
