"""Parameters of a model: a prior each, and how groups of runs share it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from bayes_scaling.errors import InputError
from bayes_scaling.laws.priors import Prior, read_prior

DEFAULT_SD = Prior(dist="HalfNormal", args=(("sigma", 0.2),))
"""Prior on the spread between groups, on the unbounded scale: a fifth of the value, either way."""


@dataclass(frozen=True, kw_only=True)
class Pool:
    """How groups of runs share a parameter.

    Attributes
    ----------
    kind : {"shared", "separate", "partial"}
        One value for all groups; a value each, unrelated; or a value each around a population.
    sd : Prior
        Prior on the standard deviation between groups on the unbounded scale of the parameter
        (relative, for positive parameters); used by ``partial``.
    """

    kind: Literal["shared", "separate", "partial"] = "shared"
    sd: Prior = DEFAULT_SD


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """A sampled parameter.

    Attributes
    ----------
    name : str
        The name in the formula, the posterior and the tables.
    prior : Prior
        Prior of the value, or of the population where groups are pooled.
    pool : Pool
        How groups share it.
    about : str
        One line on what it is.
    """

    name: str
    prior: Prior
    pool: Pool = Pool()
    about: str = ""

    @property
    def population_name(self) -> str:
        """Name of the population value, where groups are partially pooled."""
        return f"{self.name}_population"

    @property
    def sd_name(self) -> str:
        """Name of the spread between groups, where they are partially pooled."""
        return f"{self.name}_sd"

    @property
    def offset_name(self) -> str:
        """Name of the standardised deviations of groups, in the non-centred form."""
        return f"{self.name}_offset"

    def to_dict(self, group: str) -> dict[str, Any]:
        """Return the TOML form."""
        pool: object = self.pool.kind
        if self.pool.kind == "partial":
            pool = {"by": group, "sd": self.pool.sd.to_dict()}
        return {"prior": self.prior.to_dict(), "pool": pool, "about": self.about}


def read_parameter(
    name: str, given: object, *, default: Parameter | None = None
) -> tuple[Parameter, str | None]:
    """Read a parameter from its TOML table.

    Parameters
    ----------
    name : str
        Its name.
    given : mapping
        ``prior``, and optionally ``pool`` and ``about``.
    default : Parameter, optional
        What holds for the keys that are absent (the same parameter of the base model).

    Returns
    -------
    parameter : Parameter
    group : str or None
        The column by which it is pooled, where it names one.

    Raises
    ------
    InputError
        A key is unknown, or the prior or the pooling cannot be read.
    """
    where = f"[parameters.{name}]"
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: expected a table with 'prior', got {given!r}")
    unknown = sorted(set(given) - {"prior", "pool", "about"})
    if unknown:
        raise InputError(f"{where}: unknown keys {unknown}; allowed are prior, pool, about")
    if "prior" in given:
        prior = read_prior(given["prior"], where=where)
    elif default is not None:
        prior = default.prior
    else:
        raise InputError(f"{where}: 'prior' is missing")
    pool, group = (default.pool if default else Pool()), None
    if "pool" in given:
        pool, group = _read_pool(given["pool"], where=where)
    about = str(given.get("about", default.about if default else ""))
    return Parameter(name=name, prior=prior, pool=pool, about=about), group


def _read_pool(given: object, *, where: str) -> tuple[Pool, str | None]:
    if isinstance(given, str) and given in ("shared", "separate"):
        return Pool(kind="shared" if given == "shared" else "separate"), None
    if isinstance(given, str):
        return Pool(kind="partial"), given
    if isinstance(given, Mapping) and "by" in given and set(given) <= {"by", "sd"}:
        by = given["by"]
        column = by[0] if isinstance(by, list | tuple) and len(by) == 1 else by
        if not isinstance(column, str):
            raise InputError(f"{where}: 'by' names one column, got {by!r}")
        sd = read_prior(given["sd"], where=f"{where} pool sd") if "sd" in given else DEFAULT_SD
        if sd.scale != "log":
            raise InputError(f"{where}: the prior of a spread must be positive, got {sd}")
        return Pool(kind="partial", sd=sd), column
    raise InputError(
        f'{where}: pool is "shared", "separate", a column such as "family", or '
        f'{{ by = "family", sd = {{...}} }}; got {given!r}'
    )
