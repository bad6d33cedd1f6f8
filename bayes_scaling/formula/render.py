"""Formula nodes as text and as LaTeX."""

from __future__ import annotations

from bayes_scaling.formula.nodes import Call, Name, Node, Number, Solve, Text

PRECEDENCE = {
    **{"or": 0, "and": 1, "not": 2},
    **dict.fromkeys(("<", "<=", ">", ">=", "==", "!="), 3),
    **{"+": 4, "-": 4, "*": 5, "/": 5, "neg": 6, "**": 7},
}
"""How tightly each operation binds."""

ATOM = 9
"""The same of what needs no brackets anywhere."""

GREEK = dict(
    zip(
        "alpha beta gamma delta epsilon eta theta kappa lambda".split()
        + "mu nu rho sigma tau phi chi psi omega".split(),
        "αβγδεηθκλμνρστφχψω",
        strict=True,
    )
)
"""Greek letters by their names."""

_SYMBOLS = {
    "params": "N",
    "params_nonembedding": r"N_{\bar{e}}",
    "params_active": "N_{a}",
    "tokens": "D",
    "flops": "C",
    "learning_rate": r"\eta",
    "batch_size": "B",
    "steps": "S",
    "loss": "L",
}
_LATEX_COMPARE = {
    "<=": r"\le",
    ">=": r"\ge",
    "==": "=",
    "!=": r"\ne",
    "and": r"\land",
    "or": r"\lor",
}


def to_text(node: Node) -> str:
    """Write a node as formula text that parses back to the same node."""
    return _text(node)[0]


def _text(node: Node) -> tuple[str, int]:
    match node:
        case Number(value):
            short = value.is_integer() and abs(value) < 1e6
            return repr(int(value)) if short else repr(value), _level(value)
        case Text(value):
            return repr(value), ATOM
        case Name(id):
            return id, ATOM
        case Call("neg" | "not" as op, (arg,)):
            level = PRECEDENCE[op]
            return ("-" if op == "neg" else "not ") + _inside(arg, level), level
        case Call("**", (base, exponent)):
            # Python reads -a**b as -(a**b), and a**-b without brackets.
            return f"{_inside(base, 8)}**{_inside(exponent, 6)}", 7
        case Call(op, (left, right)) if op in PRECEDENCE:
            level = PRECEDENCE[op]
            comparison = level == 3
            return f"{_inside(left, level + comparison)} {op} {_inside(right, level + 1)}", level
        case Call(op, args):
            return f"{op}({', '.join(to_text(arg) for arg in args)})", ATOM
        case Solve(variable, residual, lo, hi):
            inner = (variable, to_text(residual), to_text(lo), to_text(hi))
            return f"solve({', '.join(inner)})", ATOM


def _level(value: float) -> int:
    return ATOM if value >= 0 else PRECEDENCE["neg"]


def _inside(node: Node, level: int) -> str:
    text, own = _text(node)
    return text if own >= level else f"({text})"


def to_latex(node: Node) -> str:
    """Write a node as LaTeX mathematics, without the dollar signs."""
    return _latex(node)[0]


def _latex(node: Node) -> tuple[str, int]:
    match node:
        case Number(value):
            return _latex_number(value), _level(value)
        case Text(value):
            return rf"\text{{{value}}}", ATOM
        case Name(id):
            return latex_name(id), ATOM
        case Call("neg", (arg,)):
            return "-" + _wrap(arg, 6), 6
        case Call("not", (arg,)):
            return r"\lnot " + _wrap(arg, 6), 2
        case Call("/", (top, bottom)):
            return rf"\frac{{{to_latex(top)}}}{{{to_latex(bottom)}}}", 8
        case Call("**", (base, exponent)):
            return f"{_wrap(base, ATOM)}^{{{to_latex(exponent)}}}", 8
        case Call("*", (left, right)):
            return rf"{_wrap(left, 5)} \, {_wrap(right, 6)}", 5
        case Call(op, (left, right)) if op in PRECEDENCE:
            level = PRECEDENCE[op]
            return (
                f"{_wrap(left, level)} {_LATEX_COMPARE.get(op, op)} {_wrap(right, level + 1)}",
                level,
            )
        case Call(op, args):
            return _latex_call(op, args), ATOM
        case Solve(variable, residual, lo, hi):
            bracket = rf"{to_latex(lo)} \le {latex_name(variable)} \le {to_latex(hi)}"
            return rf"\left\{{{bracket} : {to_latex(residual)} = 0\right\}}", ATOM


def _latex_call(op: str, args: tuple[Node, ...]) -> str:
    inner = ", ".join(to_latex(arg) for arg in args)
    match op:
        case "sqrt":
            return rf"\sqrt{{{inner}}}"
        case "exp" | "log" | "min" | "max":
            return rf"\{op}\left({inner}\right)"
        case "log10":
            return rf"\log_{{10}}\left({inner}\right)"
        case "logaddexp":
            terms = " + ".join(rf"e^{{{to_latex(arg)}}}" for arg in args)
            return rf"\log\left({terms}\right)"
        case "where":
            condition, yes, no = (to_latex(arg) for arg in args)
            return (
                rf"\begin{{cases}} {yes} & {condition} \\ {no} & \text{{otherwise}} \end{{cases}}"
            )
        case _:
            return rf"\operatorname{{{op}}}\left({inner}\right)"


def _wrap(node: Node, level: int) -> str:
    text, own = _latex(node)
    return text if own >= level else rf"\left({text}\right)"


def _latex_number(value: float) -> str:
    mantissa, exponent = shown_number(value)
    return rf"{mantissa} \times 10^{{{exponent}}}" if exponent else mantissa


def shown_number(value: float) -> tuple[str, str]:
    """Return the mantissa of a number as it is printed, and its exponent; empty for none."""
    if value.is_integer() and abs(value) < 1e6:
        return str(int(value)), ""
    mantissa, _, exponent = f"{value:.6g}".partition("e")
    return mantissa, str(int(exponent)) if exponent else ""


def latex_name(name: str) -> str:
    """Write a name as a LaTeX symbol: ``alpha_N`` with a subscript, ``params_ref`` as N_0."""
    if name in _SYMBOLS:
        return _SYMBOLS[name]
    if name.endswith("_ref"):
        return rf"{latex_name(name[:-4])}_0"
    stem, _, index = name.partition("_")
    symbol = rf"\{stem}" if stem in GREEK else stem if len(stem) == 1 else rf"\mathrm{{{stem}}}"
    if not index:
        return symbol
    return (
        rf"{symbol}_{{{index}}}"
        if len(index) <= 2
        else rf"{symbol}_{{\mathrm{{{index.replace('_', ' ')}}}}}"
    )
