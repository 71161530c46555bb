"""Metric math: arithmetic, comparisons, IF, FILL and the usual aggregates, over one value per metric and period.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html
"""

from __future__ import annotations

import ast
import operator
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

Value = float | None

_BINARY: dict[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Pow: operator.pow,
    ast.Mod: operator.mod,
}
_COMPARE: dict[type[ast.AST], Callable[[float, float], bool]] = {
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
}
_AGGREGATES: dict[str, Callable[[list[float]], float]] = {
    "SUM": sum,
    "MAX": max,
    "MIN": min,
    "AVG": lambda values: sum(values) / len(values),
}


class ExpressionError(ValueError):
    """An expression that the embedded AWS does not evaluate; the message names the part."""


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Return the value of an expression in one period; None when a metric that it needs has no data.

    Raises
    ------
    ExpressionError
        For a function, name or form that is not supported.
    """
    text = re.sub(r"\bAND\b", " and ", re.sub(r"\bOR\b", " or ", expression)).replace("&&", " and ")
    text = text.replace("||", " or ").replace("^", "**").replace("METRICS()", f"[{','.join(values)}]")
    try:
        tree = ast.parse(text.strip(), mode="eval")
    except SyntaxError as error:
        raise ExpressionError(f"metric math {expression!r} does not parse") from error
    return _value(tree.body, values, expression)


def _value(node: ast.AST, values: Mapping[str, Value], text: str) -> Value:  # noqa: PLR0911 (one return per form)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        return float(node.value)
    if isinstance(node, ast.Name):
        if node.id not in values:
            raise ExpressionError(f"metric math {text!r}: unknown metric {node.id!r}")
        return values[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        inner = _value(node.operand, values, text)
        return None if inner is None else -inner
    if isinstance(node, ast.BinOp) and type(node.op) in _BINARY:
        return _both(_BINARY[type(node.op)], node.left, node.right, values, text)
    if isinstance(node, ast.Compare) and len(node.ops) == 1 and type(node.ops[0]) in _COMPARE:
        return _both(_COMPARE[type(node.ops[0])], node.left, node.comparators[0], values, text)
    if isinstance(node, ast.BoolOp):
        parts = [_value(part, values, text) for part in node.values]
        if None in parts:
            return None
        return float(all(parts) if isinstance(node.op, ast.And) else any(parts))
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        return _call(node.func.id.upper(), node.args, values, text)
    raise ExpressionError(f"metric math {text!r}: {ast.unparse(node)!r} is not supported")


def _both(
    apply: Callable[[float, float], Any], left: ast.AST, right: ast.AST, values: Mapping[str, Value], text: str
) -> Value:
    first, second = _value(left, values, text), _value(right, values, text)
    if first is None or second is None:
        return None
    try:
        return float(apply(first, second))
    except ZeroDivisionError:
        return None  # CloudWatch leaves such a period out


def _call(name: str, args: list[ast.expr], values: Mapping[str, Value], text: str) -> Value:
    if name == "FILL" and len(args) == 2:
        inner = _value(args[0], values, text)
        return _value(args[1], values, text) if inner is None else inner
    if name == "IF" and len(args) in (2, 3):
        condition = _value(args[0], values, text)
        if condition is None:
            return None
        if condition:
            return _value(args[1], values, text)
        return _value(args[2], values, text) if len(args) == 3 else None
    if name in _AGGREGATES and args:
        items = args[0].elts if len(args) == 1 and isinstance(args[0], ast.List) else args
        found = [value for item in items if (value := _value(item, values, text)) is not None]
        return _AGGREGATES[name](found) if found else None
    raise ExpressionError(f"metric math {text!r}: function {name} is not supported")
