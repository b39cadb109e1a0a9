"""The code of a segment map without what a shape of the segment makes impossible.

The code is what compile.py writes: ``f[n]`` is a field, ``hn`` the first value of field n, a
name with a number is set where it is first used. Nothing else is assumed of it.
"""

from __future__ import annotations

import ast
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

#: What may be left out when nobody asks for its value.
_PURE_CALLS = frozenset({"near.get", "run.near", "run.head", "run.around", "run.fields"})


class Shape(NamedTuple):
    """What segments have in common that one code fits."""

    #: whether field n holds anything
    filled: bytes
    #: whether any field may repeat
    repeats: bool
    #: field n -> its first value, or None when that is none of those rules compare it with
    values: dict[int, str | None]


def cut(
    source: str, names: Mapping[str, Any], filename: str, shape: Shape
) -> Callable[..., None] | None:
    """The function for segments of a shape; None where it would do nothing."""
    tree = ast.parse(source)
    (function,) = tree.body
    assert isinstance(function, ast.FunctionDef)
    cutter = _Cutter(shape)
    function.body = cutter.statements(function.body)
    while cutter.learn(function):
        function.body = cutter.statements(function.body)
    if all(isinstance(node, ast.Return) for node in function.body):
        return None
    namespace = dict(names)
    exec(compile(ast.fix_missing_locations(tree), filename, "exec"), namespace)
    made: Callable[..., None] = namespace[function.name]
    return made


class _Cutter(ast.NodeTransformer):
    """Decides each test that the shape decides."""

    def __init__(self, shape: Shape) -> None:
        self._filled = shape.filled
        self._repeats = shape.repeats
        self._values = {f"h{number}": value for number, value in shape.values.items()}
        #: variables that are a field, and whether it is filled
        self._fields: dict[str, bool] = {}
        #: variables that stay empty, and variables that nobody reads
        self._nothing: set[str] = set()
        self._unread: set[str] = set()

    def learn(self, function: ast.FunctionDef) -> bool:
        """See what holds nothing, or is not read, now; whether that is more than before."""
        known = len(self._nothing) + len(self._unread)
        begun, asked = Counter[str](), Counter[str]()
        uses, reads = Counter[str](), Counter[str]()
        for node in ast.walk(function):
            match node:
                case ast.Name(name, context):
                    uses[name] += 1
                    reads[name] += isinstance(context, ast.Load)
                case ast.Assign([ast.Name(name)], ast.Dict([]) | ast.Constant(False)):
                    begun[name] += 1
                case ast.If(ast.Name(name) | ast.UnaryOp(ast.Not(), ast.Name(name))):
                    asked[name] += 1
        self._nothing |= {name for name in begun if uses[name] == begun[name] + asked[name]}
        self._unread |= {name for name in uses if not reads[name]}
        return len(self._nothing) + len(self._unread) > known

    # --- what is known -----------------------------------------------------------------------

    def _text(self, node: ast.expr) -> str | None:
        """The text that an expression is known to be."""
        match node:
            case ast.Constant(str(text)):
                return text
            case ast.Name(name) if self._fields.get(name) is False:
                return ""
            case ast.Name(name):
                return self._values.get(name)
            case ast.Subscript(ast.Name("f"), ast.Constant(int(number))):
                return None if self._filled[number] else ""
        return None

    def _holds(self, node: ast.expr) -> bool | None:
        """Whether a test holds, where that is known."""
        match node:
            case ast.Constant(value):
                return bool(value)
            case ast.Subscript(ast.Name("f"), ast.Constant(int(number))):
                return bool(self._filled[number])
            case ast.Name(name) if name in self._fields:
                return self._fields[name]
            case ast.Name(name) if name in self._nothing:
                return False
            case ast.Compare(ast.Name("R"), [ast.In()], [field]) if not self._repeats:
                return False if self._is_field(field) else None
            case ast.UnaryOp(ast.Not(), operand):
                held = self._holds(operand)
                return None if held is None else not held
            case ast.BoolOp(op, terms):
                return self._all(terms, isinstance(op, ast.And))
            case ast.Compare(left, [sign], [right]):
                return self._compared(left, sign, right)
        text = self._text(node)
        return None if text is None else bool(text)

    def _is_field(self, node: ast.expr) -> bool:
        match node:
            case ast.Name(name):
                return name in self._fields
            case ast.Subscript(ast.Name("f"), ast.Constant(int())):
                return True
        return False

    def _all(self, terms: Sequence[ast.expr], wanted: bool) -> bool | None:
        known = [self._holds(term) for term in terms]
        if (not wanted) in known:
            return not wanted
        return None if None in known else wanted

    def _compared(self, left: ast.expr, sign: ast.cmpop, right: ast.expr) -> bool | None:
        texts = _texts(right)
        if texts is None or not isinstance(sign, ast.Eq | ast.NotEq | ast.In | ast.NotIn):
            return None
        text, among = self._text(left), isinstance(sign, ast.Eq | ast.In)
        if text is not None:
            return (text in texts) is among
        if isinstance(left, ast.Name) and left.id in self._values:
            return not among  # a value that no rule names
        if texts == [""] and self._holds(left):
            return not among
        return None

    # --- what is left ------------------------------------------------------------------------

    def statements(self, nodes: Sequence[ast.stmt]) -> list[ast.stmt]:
        """The statements that are left; what follows a return is not reached."""
        left: list[ast.stmt] = []
        for node in nodes:
            found = self.visit(node)
            left += found if isinstance(found, list) else [found] if found else []
            if left and isinstance(left[-1], ast.Return):
                break
        return left

    def visit_If(self, node: ast.If) -> Any:
        """Keep the branch that is taken."""
        held = self._holds(node.test)
        if held is not None:
            return self.statements(node.body if held else node.orelse)
        node.test = self.visit(node.test)
        node.body = self.statements(node.body)
        node.orelse = self.statements(node.orelse)
        if node.orelse and not node.body:
            node.body = [ast.Pass()]
        return node if node.body else None

    def visit_For(self, node: ast.For) -> Any:
        """Keep what is done for each."""
        node.iter = self.visit(node.iter)
        node.body = self.statements(node.body)
        return node if node.body else None

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        """Keep the value that is taken."""
        held = self._holds(node.test)
        if held is not None:
            return self.visit(node.body if held else node.orelse)
        return self.generic_visit(node)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        """Leave out the terms that do not decide, where the whole is a test."""
        wanted = isinstance(node.op, ast.And)
        last = node.values[-1]
        open_ = [term for term in node.values if term is last or self._holds(term) is not wanted]
        node.values = [self.visit(term) for term in open_]
        return node if len(node.values) > 1 else node.values[0]

    def visit_Assign(self, node: ast.Assign) -> Any:
        """Remember which variables are a field."""
        node.value = self.visit(node.value)
        match node.targets:
            case [ast.Name(name)] if name in self._unread and _is_pure(node.value):
                return None
            case [ast.Name(name)] if self._is_field(node.value):
                self._fields[name] = bool(self._holds(node.value))
            case [ast.Name(name)]:
                self._fields.pop(name, None)
        return node


def _is_pure(node: ast.expr) -> bool:
    """Whether making a value does nothing else."""
    calls = (inner for inner in ast.walk(node) if isinstance(inner, ast.Call))
    return all(
        ast.unparse(call.func) in _PURE_CALLS or ast.unparse(call.func).endswith(".isalnum")
        for call in calls
    )


def _texts(node: ast.expr) -> list[str] | None:
    """The texts of a constant or a tuple of constants."""
    match node:
        case ast.Constant(str(text)):
            return [text]
        case ast.Tuple(items):
            found = [item.value for item in items if isinstance(item, ast.Constant)]
            texts = [text for text in found if isinstance(text, str)]
            return texts if len(texts) == len(items) else None
    return None
