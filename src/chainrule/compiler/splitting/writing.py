"""Write a planned step as functions: one for each part, and one that calls them and runs what is left to Python."""

from __future__ import annotations

import ast
import copy
from collections.abc import Callable, Sequence
from types import CellType, FunctionType
from typing import Any

from chainrule.compiler.splitting.closures import late_names
from chainrule.compiler.splitting.definitions import functions_named, with_functions
from chainrule.compiler.splitting.names import Flow, Names, bound_by, read_by, returns, unbound_in
from chainrule.compiler.splitting.plan import Left, Made, Opened, Part, Piece, Plan
from chainrule.compiler.splitting.source import Source, positional
from chainrule.records import record

_CALLED = "chainrule_part_"
_RETURNED = "chainrule_returned"
_NONE: Names = frozenset()


@record
class PartCode:
    """A part as a function of its own.

    Attributes:
        statements: of the step.
        inputs: the names it is called with.
        outputs: the names whose values it returns, as a tuple.
        may_return: whether the step may return in it: then it returns `(True, what the step returns)` or `(False,
            outputs)`.
        goes_on: whether something may come behind it.
    """

    statements: tuple[ast.stmt, ...]
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    may_return: bool
    goes_on: bool

    def function(self, source: Source, functions: dict[str, ast.stmt]) -> FunctionType:
        """Return the function."""
        body = with_functions(self.statements, functions)
        last: ast.expr = _tuple_of(self.outputs)
        if self.may_return:
            body = [_Returns().visit(copy.deepcopy(s)) for s in body]
            last = ast.Tuple([ast.Constant(value=False), last], ast.Load())
        if self.goes_on:
            body = [*body, ast.copy_location(ast.Return(last), self.statements[-1])]
        return source.made(positional(list(self.inputs)), body, {})


class _Returns(ast.NodeTransformer):
    """Have a part say that the step returns."""

    def visit_Return(self, node: ast.Return) -> ast.AST:
        value = node.value or ast.Constant(value=None)
        pair = ast.Tuple([ast.Constant(value=True), value], ast.Load())
        return ast.copy_location(ast.Return(pair), node)

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        return node


@record
class _Met:
    """A part where it stands: which names are bound before and behind it, and whether it is in a loop."""

    part: Part
    before: Names
    behind: Names | None
    needed: Names
    in_loop: bool


class Writer:
    """Writes the functions of a plan.

    Attributes:
        parts: the parts, in the order of the step.
    """

    def __init__(self, source: Source, plan: Plan) -> None:
        self._source = source
        self._plan = plan
        self._unsure = unbound_in(source.body)
        while True:
            self._met: list[_Met] = []
            self._python: list[ast.AST] = []
            self._pieces = plan.pieces()
            self._meet(self._pieces, source.parameters, in_loop=False)
            read = read_by(self._python)
            self._functions = functions_named(read, plan.functions)
            self._read = read | read_by([plan.functions[name] for name in self._functions])
            self._late = late_names(self._python, source, plan.functions)
            codes = [self._code(met) for met in self._met]
            self.parts = tuple([code for code in codes if code is not None])
            if len(self.parts) == len(codes):
                return

    def _meet(self, pieces: Sequence[Piece], bound: Names | None, *, in_loop: bool) -> None:
        """Collect the parts, and what Python runs besides."""
        for piece in pieces:
            if bound is None:
                bound = self._source.locals
            before = bound = bound - self._unsure
            if isinstance(piece, Made):
                continue
            if isinstance(piece, Part):
                written = with_functions(piece.statements, self._plan.functions)
                alone = Flow()
                alone.through(written, _NONE)
                needed = frozenset(alone.needed) & self._source.locals
                bound = Flow().through(written, before)
                self._met.append(_Met(piece, before, bound, needed, in_loop))
                continue
            bound = Flow().through([piece.statement], before)
            if not piece.is_opened:
                self._python.append(piece.statement)
                continue
            header = _header(piece.statement)
            self._python += header
            inside = before | bound_by(header)
            is_loop = in_loop or isinstance(piece.statement, (ast.For, ast.While))
            self._meet(piece.body, inside, in_loop=is_loop)
            self._meet(piece.orelse, before, in_loop=in_loop)

    def _code(self, met: _Met) -> PartCode | None:
        """Return a part as a function; None if a name may not be bound, and the plan was changed."""
        statements = met.part.statements
        late = [s for s in statements if not self._late.isdisjoint(bound_by([s]))]
        if late:
            name = min(self._late & bound_by(late))
            self._plan.leave_all(late, f"{name} is read by what was made before")
            return None
        others = [m.needed for m in self._met if m is not met or met.in_loop]
        wanted = self._read.union(*others) & bound_by(statements) & self._source.locals
        outputs = wanted if met.behind is not None else _NONE
        missing = (met.needed - met.before) | (outputs - ((met.behind or _NONE) - self._unsure))
        if missing:
            culprits = [
                s for s in statements if not missing.isdisjoint(read_by([s]) | bound_by([s]))
            ]
            self._plan.leave_all(culprits, f"{min(missing)} may have no value there")
            return None
        kept = outputs - _bound_for_sure(statements) if outputs else _NONE
        return PartCode(
            statements,
            tuple(sorted(met.needed | kept)),
            tuple(sorted(outputs)),
            returns(statements),
            met.behind is not None,
        )

    def step(self, parts: Sequence[Callable[..., Any]]) -> FunctionType:
        """Return the function that runs the step with these functions for its parts."""
        names = {
            id(code.statements[0]): (f"{_CALLED}{i}", code) for i, code in enumerate(self.parts)
        }
        body = self._written(self._pieces, names)
        cells = {f"{_CALLED}{i}": CellType(part) for i, part in enumerate(parts)}
        f = self._source.function
        step = self._source.made(self._source.arguments, body, cells)
        step.__defaults__, step.__kwdefaults__ = f.__defaults__, f.__kwdefaults__
        return step

    def _written(
        self, pieces: Sequence[Piece], names: dict[int, tuple[str, PartCode]]
    ) -> list[ast.stmt]:
        body: list[ast.stmt] = []
        for piece in pieces:
            if isinstance(piece, Part):
                name, code = names[id(piece.statements[0])]
                body += [ast.fix_missing_locations(s) for s in _call(name, code)]
            elif isinstance(piece, Made):
                is_named = not self._functions.isdisjoint(bound_by([piece.statement]))
                body += [piece.statement] if is_named else []
            elif piece.is_opened:
                body.append(self._opened(piece, names))
            else:
                body.append(piece.statement)
        return body

    def _opened(self, piece: Left, names: dict[int, tuple[str, PartCode]]) -> ast.stmt:
        statement: Any = copy.copy(piece.statement)
        statement.body = self._written(piece.body, names)
        if piece.orelse or hasattr(statement, "orelse"):
            statement.orelse = self._written(piece.orelse, names)
        written: ast.stmt = statement
        return written


def _header(statement: ast.stmt) -> list[ast.AST]:
    """Return what of an `if`, a loop or a `with` stands in front of its block."""
    assert isinstance(statement, Opened)
    if isinstance(statement, ast.With):
        return list(statement.items)
    return (
        [statement.target, statement.iter] if isinstance(statement, ast.For) else [statement.test]
    )


def _bound_for_sure(statements: Sequence[ast.stmt]) -> Names:
    bound = Flow().through(statements, _NONE)
    return frozenset() if bound is None else bound


def _tuple_of(names: Sequence[str], context: ast.expr_context | None = None) -> ast.Tuple:
    context = context or ast.Load()
    return ast.Tuple([ast.Name(name, context) for name in names], context)


def _call(name: str, code: PartCode) -> list[ast.stmt]:
    """Write the call of a part."""

    def at(node: ast.stmt) -> ast.stmt:
        return ast.copy_location(node, code.statements[0])

    def returned(item: int) -> ast.expr:
        return ast.Subscript(ast.Name(_RETURNED, ast.Load()), ast.Constant(item), ast.Load())

    given: list[ast.expr] = [ast.Name(x, ast.Load()) for x in code.inputs]
    call = ast.Call(ast.Name(name, ast.Load()), given, [])
    if not code.goes_on:
        return [at(ast.Return(ast.Subscript(call, ast.Constant(1), ast.Load())))]
    targets: list[ast.expr] = [_tuple_of(code.outputs, ast.Store())]
    if not code.may_return:
        return [at(ast.Assign(targets, call) if code.outputs else ast.Expr(call))]
    leave = ast.Return(returned(1))
    kept = at(ast.Assign([ast.Name(_RETURNED, ast.Store())], call))
    ended = at(ast.If(returned(0), [at(leave)], []))
    return [kept, ended, *([at(ast.Assign(targets, returned(1)))] if code.outputs else [])]
