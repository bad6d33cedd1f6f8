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
    by : tuple of str
        The columns that name the groups, the coarser first; none means those of the model. Under
        ``partial`` two columns are two levels: families around their corpus, corpora around the
        population.
    sd : Prior
        Prior on the standard deviation between groups on the unbounded scale of the parameter
        (relative, for positive parameters); used by ``partial``. Of two levels, that of the finer.
    outer_sd : Prior
        The same between the groups of the coarser of two levels.
    centred : bool
        Whether groups are sampled in the centred form however few runs they have: where each tells
        its own value far better than the population does. Of two levels they never are.
    """

    kind: Literal["shared", "separate", "partial"] = "shared"
    by: tuple[str, ...] = ()
    sd: Prior = DEFAULT_SD
    outer_sd: Prior = DEFAULT_SD
    centred: bool = False

    @property
    def outer(self) -> str | None:
        """The column of the coarser of two levels; None where there is one."""
        return self.by[0] if self.kind == "partial" and len(self.by) == 2 else None

    def to_toml(self) -> object:
        """Return the TOML form."""
        if self.kind == "shared":
            return "shared"
        if self.kind == "separate":
            return {"by": list(self.by), "separate": True} if self.by else "separate"
        sd: object = self.sd.to_dict()
        if self.outer:
            sd = [self.outer_sd.to_dict(), self.sd.to_dict()]
        return {"by": list(self.by), "sd": sd} | ({"centred": True} if self.centred else {})

    def __str__(self) -> str:
        """Say it in words, for a reader of a model."""
        by = " within ".join(reversed(self.by))
        return {
            "shared": "shared by all",
            "separate": f"one for each {by or 'group'}",
            "partial": f"pooled over {by or 'groups'}, spread {self.sd}",
        }[self.kind]


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

    @property
    def level_name(self) -> str:
        """Name of the values of the levels, where several groups have one of them."""
        return f"{self.name}_of_level"

    @property
    def outer_name(self) -> str:
        """Name of the values of the coarser of two levels; that of a column ends it."""
        return f"{self.name}_{self.pool.outer}"

    @property
    def outer_sd_name(self) -> str:
        """Name of the spread between the groups of the coarser of two levels."""
        return f"{self.outer_name}_sd"

    @property
    def outer_offset_name(self) -> str:
        """Name of the standardised deviations of the coarser of two levels."""
        return f"{self.outer_name}_offset"

    def to_dict(self) -> dict[str, Any]:
        """Return the TOML form."""
        return {"prior": self.prior.to_dict(), "pool": self.pool.to_toml(), "about": self.about}


def ordered_name(parameters: list[Parameter]) -> str:
    """Name of the vector of parameters that ascend."""
    return f"{'_'.join(item.name for item in parameters)}_ascending"


def read_parameter(name: str, given: object, *, default: Parameter | None = None) -> Parameter:
    """Read a sampled parameter from its TOML table.

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
    Parameter

    Raises
    ------
    InputError
        A key is unknown, or the prior or the pooling cannot be read.
    """
    where = f"[parameters.{name}]"
    if not isinstance(given, Mapping):
        raise InputError(f"{where}: expected a table with 'prior' or 'value', got {given!r}")
    unknown = sorted(set(given) - {"prior", "pool", "about"})
    if unknown:
        raise InputError(
            f"{where}: unknown keys {unknown}; allowed are prior, pool, about, or value alone"
        )
    if "prior" in given:
        prior = read_prior(given["prior"], where=where)
    elif default is not None:
        prior = default.prior
    else:
        raise InputError(f"{where}: 'prior' is missing (or 'value', for a constant)")
    pool = default.pool if default else Pool()
    if "pool" in given:
        pool = read_pool(given["pool"], where=where)
    about = str(given.get("about", default.about if default else ""))
    return Parameter(name=name, prior=prior, pool=pool, about=about)


_POOL_KEYS = {"by", "sd", "separate", "centred"}


def read_pool(given: object, *, where: str) -> Pool:
    """Read how groups share a parameter.

    Parameters
    ----------
    given : str or mapping
        ``"shared"``, ``"separate"``, a column, or ``by`` with ``sd``, ``centred`` or ``separate``.
    where : str
        What it belongs to, for messages.

    Raises
    ------
    InputError
        It is none of these, or a prior of a spread cannot be read.
    """
    if given == "shared" or given == "separate":
        return Pool(kind="shared" if given == "shared" else "separate")
    if isinstance(given, str):
        return Pool(kind="partial", by=(given,))
    keys = set(given) if isinstance(given, Mapping) else set()
    if not isinstance(given, Mapping) or "by" not in keys or keys - _POOL_KEYS:
        raise InputError(
            f'{where}: pool is "shared", "separate", a column such as "family", '
            f'{{ by = "family", sd = {{...}} }}, {{ by = ["corpus", "family"], sd = {{...}} }} for '
            f'two nested levels, or {{ by = "corpus", separate = true }}; got {given!r}'
        )
    by = (given["by"],) if isinstance(given["by"], str) else tuple(given["by"])
    if not all(isinstance(column, str) for column in by) or len(set(by)) != len(by):
        raise InputError(f"{where}: 'by' names columns, each once; got {given['by']!r}")
    if given.get("separate") is True and "sd" not in given:
        return Pool(kind="separate", by=by)
    if given.get("separate", False) is not False:
        raise InputError(f"{where}: 'separate' is true, and then there is no 'sd'; got {given!r}")
    if len(by) > 2:
        raise InputError(f"{where}: at most two nested levels are pooled, got {', '.join(by)}")
    centred = given.get("centred", False)
    if not isinstance(centred, bool) or (centred and len(by) > 1):
        raise InputError(f"{where}: 'centred' is true or false, of one level; got {centred!r}")
    outer_sd, sd = _read_spreads(given.get("sd", DEFAULT_SD), where=f"{where} pool sd")
    if len(by) < 2:
        return Pool(kind="partial", by=by, sd=sd, centred=centred)
    return Pool(kind="partial", by=by, sd=sd, outer_sd=outer_sd)


def _read_spreads(given: object, *, where: str) -> tuple[Prior, Prior]:
    """Read the priors of the spreads of the coarser and the finer level: one for both, or two."""
    pair = list(given) if isinstance(given, list | tuple) else [given, given]
    if len(pair) != 2:
        raise InputError(f"{where}: give one prior, or two: of the coarser and the finer level")
    outer, inner = (read_prior(item, where=where) for item in pair)
    for prior in (outer, inner):
        if prior.scale != "log":
            raise InputError(f"{where}: the prior of a spread must be positive, got {prior}")
    return outer, inner
