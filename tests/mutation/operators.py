"""The kinds of small faults: each takes a place in the code and gives what could stand there instead."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Iterator
from typing import Any, cast

from .sites import Site

Change = tuple[str, str]
"""Name of the fault, and the source that stands there instead of the node's."""

_COMPARISONS: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
}
_ARITHMETIC: dict[type, type] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitOr: ast.BitAnd,
    ast.BitAnd: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_FUNCTIONS = {"min": "max", "max": "min", "any": "all", "all": "any", "sorted": "list", "reversed": "list"}


def changes_of(site: Site) -> Iterator[Change]:
    """What could stand at a place instead of what is there."""
    is_negated = isinstance(site.node, ast.UnaryOp) and isinstance(site.node.op, ast.Not)
    if site.is_condition and not is_negated:
        yield "negate condition", _text(ast.UnaryOp(ast.Not(), cast(ast.expr, site.node)))
    operator = _OPERATORS.get(type(site.node))
    if operator is not None:
        yield from operator(site.node, site)


def _unary(node: ast.UnaryOp, _: Site) -> Iterator[Change]:
    if isinstance(node.op, ast.Not):
        yield "remove not", _text(node.operand)
    elif isinstance(node.op, ast.USub):
        yield "remove minus", _text(node.operand)


def _guard(node: ast.BoolOp, _: Site) -> Iterator[Change]:
    other = ast.Or() if isinstance(node.op, ast.And) else ast.And()
    yield "swap and/or", _with(node, op=other)
    for index in range(len(node.values)):
        rest = node.values[:index] + node.values[index + 1 :]
        yield "drop operand", _text(rest[0]) if len(rest) == 1 else _with(node, values=rest)


def _compare(node: ast.Compare, _: Site) -> Iterator[Change]:
    for index, operator in enumerate(node.ops):
        ops: list[Any] = [*node.ops]
        ops[index] = _COMPARISONS[type(operator)]()
        yield "swap comparison", _with(node, ops=ops)


def _constant(node: ast.Constant, site: Site) -> Iterator[Change]:
    value = node.value
    if isinstance(value, bool):
        yield "change constant", repr(not value)
    elif isinstance(value, int):
        yield "off by one", repr(value + 1)
    elif isinstance(value, float):
        yield "change constant", repr(value * 2 + 1)
    elif isinstance(value, str) and not site.in_message and " " not in value and "\n" not in value:
        yield "change constant", repr(value + "x")


def _return(node: ast.Return, _: Site) -> Iterator[Change]:
    if node.value is not None and not (isinstance(node.value, ast.Constant) and node.value.value is None):
        yield "return None", "return None"


def _raise(node: ast.Raise, _: Site) -> Iterator[Change]:
    yield "drop raise", "pass"


def _expression(node: ast.Expr, _: Site) -> Iterator[Change]:
    if not isinstance(node.value, (ast.Yield, ast.YieldFrom, ast.Await, ast.Constant)):
        yield "drop statement", "pass"


def _assign(node: ast.Assign, _: Site) -> Iterator[Change]:
    # Without a name's assignment any test would meet a NameError.
    if all(isinstance(target, (ast.Attribute, ast.Subscript)) for target in node.targets):
        yield "drop statement", "pass"


def _dropped(node: ast.stmt, _: Site) -> Iterator[Change]:
    yield "drop statement", "pass"


def _augmented(node: ast.AugAssign, _: Site) -> Iterator[Change]:
    yield "drop statement", "pass"
    if type(node.op) in _ARITHMETIC:
        yield "swap arithmetic", _with(node, op=_ARITHMETIC[type(node.op)]())


def _leave(node: ast.stmt, _: Site) -> Iterator[Change]:
    yield "drop statement", "pass"
    yield "swap break/continue", "continue" if isinstance(node, ast.Break) else "break"


def _call(node: ast.Call, _: Site) -> Iterator[Change]:
    plain = [not isinstance(part, (ast.Starred, ast.GeneratorExp)) for part in node.args]
    for index in range(len(node.args) - 1):
        one, other = node.args[index : index + 2]
        if plain[index] and plain[index + 1] and ast.dump(one) != ast.dump(other):
            yield "swap arguments", _with(node, args=[*node.args[:index], other, one, *node.args[index + 2 :]])
    for index, keyword in enumerate(node.keywords):
        if keyword.arg != "repr":
            yield "drop keyword argument", _with(node, keywords=node.keywords[:index] + node.keywords[index + 1 :])
    if isinstance(node.func, ast.Name) and node.func.id in _FUNCTIONS and node.args:
        other_name = ast.Name(_FUNCTIONS[node.func.id])
        kept = [] if other_name.id == "list" else node.keywords
        yield "swap function", _with(node, func=other_name, keywords=kept)


def _binary(node: ast.BinOp, site: Site) -> Iterator[Change]:
    is_text = any(isinstance(side, ast.JoinedStr) or _is_str(side) for side in (node.left, node.right))
    is_type = isinstance(node.op, ast.BitOr) and site.function is None
    if type(node.op) in _ARITHMETIC and not is_text and not is_type:
        yield "swap arithmetic", _with(node, op=_ARITHMETIC[type(node.op)]())


def _choice(node: ast.IfExp, _: Site) -> Iterator[Change]:
    yield "one branch", _text(node.body)
    yield "one branch", _text(node.orelse)


def _comprehension(node: Any, _: Site) -> Iterator[Change]:
    for index, generator in enumerate(node.generators):
        for place in range(len(generator.ifs)):
            changed = copy.deepcopy(node)
            del changed.generators[index].ifs[place]
            yield "drop filter", _text(changed)
            negated = copy.deepcopy(node)
            negated.generators[index].ifs[place] = ast.UnaryOp(ast.Not(), generator.ifs[place])
            yield "negate condition", _text(negated)


def _slice(node: ast.Slice, _: Site) -> Iterator[Change]:
    for bound in ("lower", "upper"):
        if getattr(node, bound) is not None:
            yield "drop bound", _with(node, **{bound: None}).strip("()")


def _message(node: ast.JoinedStr, _: Site) -> Iterator[Change]:
    for index, part in enumerate(node.values):
        if isinstance(part, ast.FormattedValue):
            values = [*node.values[:index], ast.Constant("?"), *node.values[index + 1 :]]
            yield "drop from text", _with(node, values=values)


def _display(node: Any, site: Site) -> Iterator[Change]:
    if site.in_subscript or isinstance(getattr(node, "ctx", ast.Load()), ast.Store) or len(node.elts) < 2:
        return
    for index in range(len(node.elts)):
        yield "drop element", _with(node, elts=node.elts[:index] + node.elts[index + 1 :])


def _mapping(node: ast.Dict, _: Site) -> Iterator[Change]:
    for index in range(len(node.keys)):
        keys = node.keys[:index] + node.keys[index + 1 :]
        yield "drop element", _with(node, keys=keys, values=node.values[:index] + node.values[index + 1 :])


_OPERATORS: dict[type, Callable[[Any, Site], Iterator[Change]]] = {
    ast.IfExp: _choice,
    ast.UnaryOp: _unary,
    ast.BoolOp: _guard,
    ast.Compare: _compare,
    ast.Constant: _constant,
    ast.Return: _return,
    ast.Raise: _raise,
    ast.Expr: _expression,
    ast.Assign: _assign,
    ast.Delete: _dropped,
    ast.AugAssign: _augmented,
    ast.Break: _leave,
    ast.Continue: _leave,
    ast.Call: _call,
    ast.BinOp: _binary,
    ast.ListComp: _comprehension,
    ast.SetComp: _comprehension,
    ast.DictComp: _comprehension,
    ast.GeneratorExp: _comprehension,
    ast.Slice: _slice,
    ast.JoinedStr: _message,
    ast.Tuple: _display,
    ast.List: _display,
    ast.Set: _display,
    ast.Dict: _mapping,
}


def _with(node: ast.AST, **fields: Any) -> str:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return _text(changed)


def _text(node: ast.AST) -> str:
    text = ast.unparse(ast.fix_missing_locations(copy.deepcopy(node)))
    # What stands in an expression keeps its own precedence; a generator has its brackets.
    simple = (ast.stmt, ast.Name, ast.Constant, ast.Call, ast.GeneratorExp, ast.JoinedStr, ast.Slice)
    return text if isinstance(node, simple) else f"({text})"


def _is_str(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, str)
