"""The syntax tree of a function, if its source can be had and is that of its code."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable, Sequence
from types import CodeType, FunctionType, ModuleType
from typing import Any

from chainrule.compiler.splitting.names import Names, bound_by, declared_in, parameters_of
from chainrule.compiler.splitting.returning import spread
from chainrule.core.comparisons import seeing_originals

_FUTURE = 0x1FF0000
"""The bits of a code's flags that say which features of the future it was compiled with."""

_FRAME = frozenset(
    {"locals", "vars", "dir", "eval", "exec", "super", "__class__", "_getframe", "currentframe"}
)
"""What looks at the frame it is called from: a part of a function has another."""

_MISSING = object()

_COMPARED = (
    *("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars"),
    *("co_argcount", "co_posonlyargcount", "co_kwonlyargcount"),
    *(("co_exceptiontable",) if hasattr(CodeType, "co_exceptiontable") else ()),
)
"""What of two codes is equal if they do the same; besides their constants, and whether they take any arguments."""

_ANY_ARGUMENTS = inspect.CO_VARARGS | inspect.CO_VARKEYWORDS


class Source:
    """A function in Python as a syntax tree.

    Attributes:
        function: the function.
        body: its statements.
        arguments: its parameters, without defaults.
        locals: the names that are its own.
        declared: the names that it declares to be global or of an outer function.
        made_of: its code and its defaults, which may be others later.
    """

    def __init__(
        self, function: FunctionType, definition: ast.FunctionDef, imports: list[ast.stmt]
    ) -> None:
        self.function = function
        self.made_of = function.__code__, function.__defaults__, function.__kwdefaults__
        self._imports = imports
        self.body = definition.body
        self.arguments = definition.args
        self.declared = declared_in(self.body)
        self.parameters: Names = parameters_of(definition.args)
        self.locals: Names = bare_locals(definition)

    def resolved(self, node: ast.expr) -> Any:
        """Return what a name, or attributes of a module, stand for at present outside of the function; else None."""
        if isinstance(node, ast.Attribute):
            holder = self.resolved(node.value)
            return getattr(holder, node.attr, None) if isinstance(holder, ModuleType) else None
        if not isinstance(node, ast.Name) or node.id in self.locals:
            return None
        f = self.function
        if node.id in f.__code__.co_freevars:
            cell = (f.__closure__ or ())[f.__code__.co_freevars.index(node.id)]
            try:
                return cell.cell_contents
            except ValueError:  # not bound yet
                return None
        found = f.__globals__.get(node.id, _MISSING)
        return getattr(builtins, node.id, None) if found is _MISSING else found

    def made(
        self,
        arguments: ast.arguments,
        body: list[ast.stmt],
        cells: dict[str, Any],
    ) -> FunctionType:
        """Return another function in this one's place: its module, its outer variables, and `cells` besides."""
        f = self.function
        outer = dict(zip(f.__code__.co_freevars, f.__closure__ or (), strict=True)) | cells
        definition = _definition(self.made_of[0].co_name, arguments, body)
        code = _compiled(definition, f.__code__, tuple(outer), self._imports)
        closure = tuple([outer[name] for name in code.co_freevars])
        made = FunctionType(code, f.__globals__, f.__name__, closure=closure)
        made.__qualname__, made.__module__, made.__doc__ = f.__qualname__, f.__module__, f.__doc__
        return made


def bare_locals(definition: ast.FunctionDef) -> Names:
    """Return the names that are a function's own."""
    bound = bound_by(definition.body) | parameters_of(definition.args)
    return bound - declared_in(definition.body)


def source_of(f: Callable[..., Any]) -> Source | None:
    """Return a function as a tree; None where there is no source, where it is not this code's, or cannot be split."""
    if not isinstance(f, FunctionType) or not _has_statements(f.__code__):
        return None
    code = f.__code__
    found = _found(code)
    if found is None:
        return None
    definition, imports = found
    if any(isinstance(x, ast.Nonlocal) for s in definition.body for x in _functions_inside(s)):
        return None
    bare = _definition(code.co_name, _without_defaults(definition.args), definition.body)
    made = _compiled(bare, code, code.co_freevars, imports)
    if not _is_same(seeing_originals(f, made), seeing_originals(f, code)):
        return None
    bare.body = spread(bare.body, bare_locals(bare))
    return Source(f, bare, imports)


def _has_statements(code: CodeType) -> bool:
    """Say whether code is that of an ordinary function, which does not look at its own frame."""
    is_other = code.co_flags & (
        inspect.CO_GENERATOR | inspect.CO_COROUTINE | inspect.CO_ASYNC_GENERATOR
    )
    names = (*code.co_names, *code.co_freevars)
    return not is_other and code.co_name != "<lambda>" and _FRAME.isdisjoint(names)


def _found(code: CodeType) -> tuple[ast.FunctionDef, list[ast.stmt]] | None:
    """Return the definition that stands where the code says, and what its file imports: the compiler looks at both."""
    try:
        lines, _ = inspect.findsource(code)
        module = ast.parse("".join(lines))
    except (OSError, TypeError, SyntaxError, ValueError):
        return None
    definitions = [
        x
        for x in ast.walk(module)
        if isinstance(x, ast.FunctionDef)
        and x.name == code.co_name
        and min([x.lineno, *[d.lineno for d in x.decorator_list]]) == code.co_firstlineno
    ]
    if len(definitions) != 1:
        return None
    return definitions[0], _imports_of(module)


def _imports_of(module: ast.Module) -> list[ast.stmt]:
    """Return the imports on a file's outermost level."""
    found: list[ast.stmt] = []
    pending: list[ast.AST] = list(module.body)
    while pending:
        node = pending.pop()
        if isinstance(node, (ast.Import, ast.ImportFrom)):
            is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
            found += [] if is_future or _is_star(node) else [node]
        elif not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            pending += ast.iter_child_nodes(node)
    return found


def _is_star(node: ast.Import | ast.ImportFrom) -> bool:
    return any(a.name == "*" for a in node.names)


def _functions_inside(statement: ast.stmt) -> list[ast.AST]:
    """Return everything in the functions that a statement defines."""
    functions = [
        x
        for x in ast.walk(statement)
        if isinstance(x, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef))
    ]
    return [x for function in functions for x in ast.walk(function)]


def _without_defaults(arguments: ast.arguments) -> ast.arguments:
    """Return parameters without defaults and annotations, which were evaluated when the function was defined."""

    def bare(a: ast.arg) -> ast.arg:
        return ast.copy_location(ast.arg(a.arg), a)

    return ast.arguments(
        posonlyargs=[bare(a) for a in arguments.posonlyargs],
        args=[bare(a) for a in arguments.args],
        vararg=bare(arguments.vararg) if arguments.vararg else None,
        kwonlyargs=[bare(a) for a in arguments.kwonlyargs],
        kw_defaults=[None] * len(arguments.kwonlyargs),
        kwarg=bare(arguments.kwarg) if arguments.kwarg else None,
        defaults=[],
    )


def positional(names: list[str]) -> ast.arguments:
    """Return parameters of these names."""
    listed = [ast.arg(name) for name in names]
    return ast.arguments(posonlyargs=[], args=listed, kwonlyargs=[], kw_defaults=[], defaults=[])


def _definition(name: str, arguments: ast.arguments, body: list[ast.stmt]) -> ast.FunctionDef:
    made = ast.parse(f"def {name}(): pass").body[0]
    assert isinstance(made, ast.FunctionDef)
    made.args, made.body = arguments, body
    return ast.fix_missing_locations(ast.copy_location(made, body[0]))


def _compiled(
    definition: ast.FunctionDef, like: CodeType, outer: Sequence[str], imports: list[ast.stmt]
) -> CodeType:
    """Return the code of a function that stands inside of another one with the variables `outer`."""
    around = _definition("around", positional(list(outer)), [definition])
    module = ast.Module([*imports, around], [])
    flags = like.co_flags & _FUTURE
    code = compile(module, like.co_filename, "exec", flags, dont_inherit=True)
    return _inner(_inner(code, "around"), definition.name)


def _inner(code: CodeType, name: str) -> CodeType:
    return next(c for c in code.co_consts if isinstance(c, CodeType) and c.co_name == name)


def _is_same(made: CodeType, code: CodeType) -> bool:
    """Say whether two codes do the same at the same lines."""
    if any(getattr(made, name) != getattr(code, name) for name in _COMPARED):
        return False
    if (made.co_flags ^ code.co_flags) & _ANY_ARGUMENTS:
        return False
    if len(made.co_consts) != len(code.co_consts):
        return False
    return all(
        _is_same(a, b)
        if isinstance(a, CodeType) and isinstance(b, CodeType)
        else (type(a), repr(a)) == (type(b), repr(b))
        for a, b in zip(made.co_consts, code.co_consts, strict=True)
    )
