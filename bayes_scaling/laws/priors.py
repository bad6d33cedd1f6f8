"""Prior distributions: their names, arguments, densities and draws.

A prior is data (`Prior`), read from the TOML of a model. What a distribution is called, which
arguments it takes and where it lives stands once, in `DISTRIBUTIONS`.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from bayes_scaling.errors import InputError

Scale = Literal["log", "logit", "identity"]

SOFTNESS = 0.1
"""Share of the scale of a half-normal variable from which it is sampled as it is, and below which
as on the log scale. There the way to zero, where many posteriors end, is long."""


@dataclass(frozen=True, kw_only=True)
class Distribution:
    """One family of distributions.

    Attributes
    ----------
    args : mapping of str to str
        Argument name to its constraint: ``"real"`` or ``"positive"``.
    scale : {"log", "logit", "identity"}
        The scale on which its values are unbounded; group deviations are added there.
    frozen : callable
        From the arguments to the frozen scipy distribution, whose import takes a second.
    draw : callable
        From a generator, a shape and the arguments to draws.
    variance : callable
        From the arguments to the variance.
    """

    args: Mapping[str, Literal["real", "positive"]]
    scale: Scale
    frozen: Callable[..., Any]
    draw: Callable[..., NDArray[np.float64]]
    variance: Callable[..., float]


def _stats() -> Any:
    from scipy import stats

    return stats


DISTRIBUTIONS: Mapping[str, Distribution] = {
    "LogNormal": Distribution(
        args={"mu": "real", "sigma": "positive"},
        scale="log",
        frozen=lambda mu, sigma: _stats().lognorm(s=sigma, scale=math.exp(mu)),
        draw=lambda rng, n, mu, sigma: np.exp(mu + sigma * rng.standard_normal(n)),
        variance=lambda mu, sigma: math.expm1(sigma**2) * math.exp(2 * mu + sigma**2),
    ),
    "HalfNormal": Distribution(
        args={"sigma": "positive"},
        scale="log",
        frozen=lambda sigma: _stats().halfnorm(scale=sigma),
        draw=lambda rng, n, sigma: sigma * np.abs(rng.standard_normal(n)),
        variance=lambda sigma: sigma**2 * (1 - 2 / math.pi),
    ),
    "Exponential": Distribution(
        args={"lam": "positive"},
        scale="log",
        frozen=lambda lam: _stats().expon(scale=1 / lam),
        draw=lambda rng, n, lam: rng.standard_exponential(n) / lam,
        variance=lambda lam: 1 / lam**2,
    ),
    "Gamma": Distribution(
        args={"alpha": "positive", "beta": "positive"},
        scale="log",
        frozen=lambda alpha, beta: _stats().gamma(a=alpha, scale=1 / beta),
        draw=lambda rng, n, alpha, beta: rng.standard_gamma(alpha, n) / beta,
        variance=lambda alpha, beta: alpha / beta**2,
    ),
    "Beta": Distribution(
        args={"alpha": "positive", "beta": "positive"},
        scale="logit",
        frozen=lambda alpha, beta: _stats().beta(a=alpha, b=beta),
        draw=lambda rng, n, alpha, beta: rng.beta(alpha, beta, n),
        variance=lambda alpha, beta: alpha * beta / ((alpha + beta) ** 2 * (alpha + beta + 1)),
    ),
    "Normal": Distribution(
        args={"mu": "real", "sigma": "positive"},
        scale="identity",
        frozen=lambda mu, sigma: _stats().norm(loc=mu, scale=sigma),
        draw=lambda rng, n, mu, sigma: mu + sigma * rng.standard_normal(n),
        variance=lambda mu, sigma: sigma**2,
    ),
    "StudentT": Distribution(
        args={"nu": "positive", "mu": "real", "sigma": "positive"},
        scale="identity",
        frozen=lambda nu, mu, sigma: _stats().t(df=nu, loc=mu, scale=sigma),
        draw=lambda rng, n, nu, mu, sigma: mu + sigma * rng.standard_t(nu, n),
        variance=lambda nu, mu, sigma: sigma**2 * nu / (nu - 2) if nu > 2 else math.inf,
    ),
}
"""The distributions a prior may name; each is also the name of the PyMC class."""


@dataclass(frozen=True, kw_only=True)
class Prior:
    """A prior on one parameter.

    Attributes
    ----------
    dist : str
        A key of `DISTRIBUTIONS`.
    args : tuple of (str, float)
        Its arguments, in the order of the distribution.
    """

    dist: str
    args: tuple[tuple[str, float], ...]

    @property
    def scale(self) -> Scale:
        """The scale on which values are unbounded."""
        return DISTRIBUTIONS[self.dist].scale

    @property
    def positive(self) -> bool:
        """Whether every value is above zero."""
        return self.scale in ("log", "logit")

    def frozen(self) -> Any:
        """Return the frozen scipy distribution."""
        return DISTRIBUTIONS[self.dist].frozen(**dict(self.args))

    def quantile(self, probability: ArrayLike) -> NDArray[np.float64]:
        """Quantile of the prior in the unit of the parameter."""
        return np.asarray(self.frozen().ppf(probability), float)

    def cdf(self, value: ArrayLike) -> NDArray[np.float64]:
        """Probability below a value in the unit of the parameter."""
        return np.asarray(self.frozen().cdf(value), float)

    def logpdf(self, value: ArrayLike) -> NDArray[np.float64]:
        """Log density [1 / unit of the parameter]."""
        return np.asarray(self.frozen().logpdf(value), float)

    def sample(self, size: int | tuple[int, ...], rng: np.random.Generator) -> NDArray[np.float64]:
        """Draw from the prior."""
        return np.asarray(DISTRIBUTIONS[self.dist].draw(rng, size, **dict(self.args)), float)

    def variance(self) -> float:
        """Variance of the prior in the squared unit of the parameter."""
        return float(DISTRIBUTIONS[self.dist].variance(**dict(self.args)))

    def to_dict(self) -> dict[str, Any]:
        """Return the TOML form."""
        return {"dist": self.dist, **dict(self.args)}

    def __str__(self) -> str:
        """Write ``LogNormal(mu=-1.05, sigma=0.5)``."""
        return f"{self.dist}({', '.join(f'{name}={value:g}' for name, value in self.args)})"


LARGEST, LARGEST_LOG = 1e100, 600.0
"""Largest number of a prior, and of one on the log scale, whose exponential must be a number."""


def read_prior(given: object, *, where: str) -> Prior:
    """Read a prior from its TOML form.

    Parameters
    ----------
    given : mapping
        For example ``{"dist": "LogNormal", "mu": -1.05, "sigma": 0.5}``; a `Prior` is returned as
        it is.
    where : str
        What the prior belongs to, for messages.

    Returns
    -------
    Prior

    Raises
    ------
    InputError
        The distribution is unknown, or arguments are missing, unknown or out of range.
    """
    if isinstance(given, Prior):
        return given
    if not isinstance(given, Mapping) or "dist" not in given:
        raise InputError(
            f"{where}: a prior is a table with 'dist' and its arguments, such as "
            f'{{ dist = "LogNormal", mu = -1.0, sigma = 0.5 }}; got {given!r}'
        )
    dist = given["dist"]
    if dist not in DISTRIBUTIONS:
        near = difflib.get_close_matches(str(dist), DISTRIBUTIONS, n=1, cutoff=0.4)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise InputError(
            f"{where}: unknown distribution {dist!r}{hint} Known are {', '.join(DISTRIBUTIONS)}"
        )
    wanted = DISTRIBUTIONS[dist].args
    problems = [
        f"{where}: {dist} takes no argument {name!r}, only {', '.join(wanted)}"
        for name in given
        if name != "dist" and name not in wanted
    ]
    for name, constraint in wanted.items():
        problem = _argument_problem(given.get(name), constraint)
        if not problem and dist == "LogNormal" and abs(given[name]) > LARGEST_LOG:
            problem = f"within {LARGEST_LOG:g} on the log scale, got {given[name]:g}"
        if problem:
            problems.append(f"{where}: {dist} needs {name} {problem}")
    if problems:
        raise InputError(problems)
    return Prior(dist=dist, args=tuple((name, float(given[name])) for name in wanted))


def _argument_problem(value: object, constraint: str) -> str | None:
    if value is None:
        return f"({constraint}), none given"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return f"to be a finite number, got {value!r}"
    if not -LARGEST <= value <= LARGEST:
        return f"to be a finite number between {-LARGEST:g} and {LARGEST:g}"
    if constraint == "positive" and value <= 0:
        return f"above 0, got {value!r}"
    return None
