"""Formula nodes as MathML, which browsers set by themselves."""

from __future__ import annotations

from html import escape

from bayes_scaling.formula.nodes import FUNCTIONS, Call, Name, Node, Number, Solve, Text
from bayes_scaling.formula.render import ATOM, GREEK, PRECEDENCE, shown_number

SYMBOLS = {"params": "N", "tokens": "D", "flops": "C", "learning_rate": "η", "loss": "L"}
TIMES = '<mo lspace="0" rspace="0.15em">&#x2062;</mo>'
"""A product, set without a sign."""

_SIGNS = {
    **{"<=": "≤", ">=": "≥", "==": "=", "!=": "≠", "and": "∧", "or": "&#8744;"},
    **{"<": "&lt;", ">": "&gt;", "+": "+", "-": "&#8722;"},
}
OPERATORS = {"*": TIMES, **{op: f"<mo>{sign}</mo>" for op, sign in _SIGNS.items()}}
"""What is set between two operands."""


def equation(name: str, node: Node, *, plain: bool = False) -> str:
    """Write what a name equals, or solves, as one MathML element.

    Parameters
    ----------
    name : str
        The name on the left.
    node : Node
        What stands on the right.
    plain : bool
        Whether the name is written as it is where it has a symbol, such as N of params.
    """
    return f'<math display="block">{symbol(name, plain=plain)}{_says(name, node)}</math>'


def _says(name: str, node: Node) -> str:
    """Write what a named line says of its name: what it equals, or which equation it solves."""
    if isinstance(node, Solve) and node.variable == name:
        return f"<mtext> solves </mtext>{row(node.residual)}<mo>=</mo><mn>0</mn>"
    return f"<mo>=</mo>{row(node)}"


def row(node: Node) -> str:
    """Write a node as one MathML row."""
    return f"<mrow>{_markup(node)[0]}</mrow>"


def symbol(name: str, *, plain: bool = False) -> str:
    """Write a name as a symbol: ``alpha_N`` as an alpha with index N, ``params_ref`` as N0."""
    if name in SYMBOLS and not plain:
        return f"<mi>{SYMBOLS[name]}</mi>"
    if name.endswith("_ref"):
        return f"<msub>{symbol(name[:-4])}<mn>0</mn></msub>"
    if name.endswith("_best") and name[:-5] in SYMBOLS:
        return f"<msub>{symbol(name[:-5])}<mtext>best</mtext></msub>"
    if name.count("_") > 1 or name.partition("_")[0] in FUNCTIONS:
        # ``log_a`` is a name, and no logarithm to the base a
        return f"<mtext>{escape(name)}</mtext>"
    stem, _, index = name.partition("_")
    text = f"<mi>{escape(GREEK.get(stem, stem))}</mi>"
    if not index:
        return text
    short = (
        f"<mi>{escape(index)}</mi>"
        if len(index) == 1
        else (f"<mtext>{escape(index.replace('_', ' '))}</mtext>")
    )
    return f"<msub>{text}{short}</msub>"


def _markup(node: Node) -> tuple[str, int]:
    """Return the markup of a node and how tightly it binds."""
    match node:
        case Number(value):
            return _number(value), ATOM
        case Text(value):
            return f"<mtext>{escape(value)}</mtext>", ATOM
        case Name(id):
            return symbol(id), ATOM
        case Call("neg", (arg,)):
            return f"<mo>&#8722;</mo>{_inside(arg, 6)}", 6
        case Call("/", (top, bottom)):
            return f"<mfrac>{row(top)}{row(bottom)}</mfrac>", 8
        case Call("**", (base, exponent)):
            return f"<msup><mrow>{_inside(base, ATOM)}</mrow>{row(exponent)}</msup>", 8
        case Call(op, (left, right)) if op in OPERATORS:
            level = PRECEDENCE[op]
            return f"{_inside(left, level)}{OPERATORS[op]}{_inside(right, level + 1)}", level
        case Call(op, args):
            return _call(op, args), ATOM
        case Solve(variable, residual, lo, hi):
            bracket = f"{row(lo)}<mo>≤</mo>{symbol(variable, plain=True)}<mo>≤</mo>{row(hi)}"
            inner = f"{bracket}<mo>:</mo>{row(residual)}<mo>=</mo><mn>0</mn>"
            return f"<mrow><mo>{{</mo>{inner}<mo>}}</mo></mrow>", ATOM


def _call(op: str, args: tuple[Node, ...]) -> str:
    if op == "sqrt":
        return f"<msqrt>{row(args[0])}</msqrt>"
    if op == "where":
        condition, yes, no = (row(arg) for arg in args)
        table = (
            f"<mtr><mtd>{yes}</mtd><mtd><mtext>if </mtext>{condition}</mtd></mtr>"
            f"<mtr><mtd>{no}</mtd><mtd><mtext>otherwise</mtext></mtd></mtr>"
        )
        return f"<mrow><mo>{{</mo><mtable>{table}</mtable></mrow>"
    inner = "<mo>,</mo>".join(row(arg) for arg in args)
    return f"<mi>{escape(op)}</mi><mo>&#x2061;</mo>{_bracket(inner)}"


def _inside(node: Node, level: int) -> str:
    text, own = _markup(node)
    return text if own >= level else _bracket(text)


def _bracket(inner: str) -> str:
    return f"<mrow><mo>(</mo>{inner}<mo>)</mo></mrow>"


def _number(value: float) -> str:
    mantissa, exponent = shown_number(value)
    if not exponent:
        return f"<mn>{mantissa}</mn>"
    power = f"<msup><mn>10</mn><mn>{exponent}</mn></msup>"
    return f"<mrow><mn>{mantissa}</mn><mo>×</mo>{power}</mrow>"
