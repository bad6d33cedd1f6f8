"""Which parameter of a law is the exponent of an input, found in its formula."""

from __future__ import annotations

from bayes_scaling.formula.nodes import Call, Name, Node, names, walk
from bayes_scaling.laws.model import Model

LOGS = ("log", "log10")


def exponent_of(model: Model, name: str) -> str | None:
    """Find the parameter that is the exponent of an input.

    Parameters
    ----------
    model : Model
        The law.
    name : str
        The input.

    Returns
    -------
    str or None
        The one parameter, up to its sign, that the input is raised to (``(params / params_ref)
        **-alpha``) or that multiplies its log (``alpha * log(params / params_ref)``). Exponents of
        tuned inputs, such as the best learning rate, are none of the law. None where no parameter
        or several stand there: the law then has no single exponent of the input.

    Examples
    --------
    >>> from bayes_scaling.laws import load_model
    >>> exponent_of(load_model("chinchilla"), "tokens")
    'beta'
    """
    sampled = {item.name for item in model.parameters}
    tuned = {found for line in model.tuned for found in names(model.closed(line.node))}
    found: set[str] = set()
    for node in walk(model.closed(model.formula)):
        match node:
            case Call("**", (base, exponent)) if name in names(base) and not names(base) & sampled:
                found |= _parameters(exponent, sampled)
            case Call("*", (first, second)):
                for factor, other in ((first, second), (second, first)):
                    if _is_log(other, name, sampled):
                        found |= _parameters(factor, sampled)
            case _:
                pass
    found -= tuned
    return found.pop() if len(found) == 1 else None


def _parameters(node: Node, sampled: set[str]) -> set[str]:
    """Return the parameters that a factor or an exponent is made of."""
    return set(names(node)) & sampled


def _is_log(node: Node, name: str, sampled: set[str]) -> bool:
    """Tell whether a node reads an input through its log alone, and no parameter."""
    if name not in names(node) or names(node) & sampled:
        return False
    return not _outside_logs(node, name)


def _outside_logs(node: Node, name: str) -> bool:
    match node:
        case Name(id):
            return id == name
        case Call(op, args):
            return op not in LOGS and any(_outside_logs(arg, name) for arg in args)
        case _:
            return False
