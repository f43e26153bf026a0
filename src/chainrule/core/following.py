"""Which values that a function loads by name may reach a comparison: its bytecode is run on sets of names.

Each place of the stack, and each variable, holds the names of what it may be, or may be made of. Places are joined
where ways meet, and all is repeated until nothing changes. What an instruction does is told by a few rows below; of any
other, also of a later Python's, the result is taken to hold all that it was given.
"""

from __future__ import annotations

import dis
import functools
import sys
from collections.abc import Mapping, Sequence
from types import CodeType
from typing import Any, NamedTuple

from chainrule.core.bytecode import instructions, with_inner_codes

Names = frozenset[str]
NOTHING: Names = frozenset()
KEYED = "<keys>"
"""Stands beside the names of what a dictionary has as keys."""
NUMPY = "<numpy>"
"""Stands for NumPy, or a module of its."""
_NULL: Names = frozenset({"<null>"})
_CONSTANT: Names = frozenset({"<constant>"})
_COMPARES = "<compares>"
_MARKS = _NULL | _CONSTANT | {KEYED, NUMPY, _COMPARES}
_EQUALITIES = frozenset({"COMPARE_OP", "IS_OP", "CONTAINS_OP"})
_ORDERING = frozenset({"<", "<=", ">", ">="})
_METHODS = frozenset(
    {"is_", "is_not", "eq", "ne", "contains", "countOf", "indexOf"}
    | {"__eq__", "__ne__", "__contains__", "get", "pop", "setdefault", "index", "count"}
    | {"remove", "add", "discard", "fromkeys"}
)
"""What compares its arguments, of Python's containers and of `operator`."""
_FINAL = frozenset(
    {"JUMP_FORWARD", "JUMP_BACKWARD", "JUMP_BACKWARD_NO_INTERRUPT", "RETURN_VALUE", "RETURN_CONST"}
    | {"RAISE_VARARGS", "RERAISE", "INTERPRETER_EXIT"}
)
"""What no instruction follows but the one that is jumped to."""
_CALLS = {"CALL": 2, "CALL_KW": 3}
"""How many places a call takes besides its arguments."""
_GROWING = frozenset(
    {"LIST_APPEND", "SET_ADD", "LIST_EXTEND", "SET_UPDATE", "DICT_UPDATE", "DICT_MERGE", "MAP_ADD"}
)
"""What puts values into a container further down."""
_GONE = ("POP_", "STORE_", "DELETE_", "RETURN_VALUE", "RAISE", "RERAISE")
"""How the names of those begin that take values and give none."""
_MOVES = frozenset(
    {"NOP", "RESUME", "EXTENDED_ARG", "PRECALL", "KW_NAMES", "RETURN_GENERATOR"}
    | {"COPY", "SWAP", "PUSH_NULL"}
)
_BY_NAME_ALONE = {"LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}
_MODULES = frozenset(
    {"linalg", "fft", "ma", "random", "lib", "polynomial", "strings", "rec", "char"}
)
_IS_NUMPY: Names = frozenset({NUMPY})
_LOAD_ATTR, _PUSH_NULL = dis.opmap["LOAD_ATTR"], dis.opmap["PUSH_NULL"]
_OF_ATTRIBUTES = frozenset({_LOAD_ATTR, dis.opmap.get("LOAD_METHOD", _LOAD_ATTR)})
_NAMED = {
    dis.opmap["LOAD_GLOBAL"]: 1,
    _LOAD_ATTR: int(sys.version_info >= (3, 12)),
    **{what: 0 for name, what in dis.opmap.items() if name in _BY_NAME_ALONE},
}
"""What loads a global or an attribute, and how many bits stand below the number of its name: one says what follows."""
_JUMPS = frozenset([*dis.hasjrel, *dis.hasjabs])

Stack = tuple[Names, ...]


class Uses(NamedTuple):
    """What becomes of the values with a name.

    Attributes:
        compared: those that may be compared with anything but a constant, or be a key.
        handed_on: those that may get out of the function, or are compared; what is only called does not.
    """

    compared: Names = NOTHING
    handed_on: Names = NOTHING

    def __or__(self, other: Any) -> Uses:
        return Uses(self.compared | other.compared, self.handed_on | other.handed_on)


def uses_of_names(
    code: CodeType,
    globals_: Mapping[str, Names],
    attributes: Mapping[str, Names],
    given: Mapping[str, Names],
) -> Uses:
    """Return what code, and code inside it, does with what has a name of interest.

    Args:
        code: a function's.
        globals_: what global names stand for, where that is of interest.
        attributes: the same of attributes; `numpy.size` is that of a module of NumPy's alone, `size` of anything.
        given: the same of variables, before the function runs.
    """
    codes = list(with_inner_codes(code))
    if not given and all(_only_calls(c, globals_, attributes) for c in codes):
        return Uses()
    reader = _Reader(globals_, attributes, given)
    before = None
    while before != (state := reader.size()):
        before = state
        for i, part in enumerate(codes):
            reader.read(part, is_inner=i > 0)
    compared = frozenset(reader.compared - _MARKS)
    return Uses(compared, compared | (reader.heap - _MARKS))


def _only_calls(
    code: CodeType, globals_: Mapping[str, Names], attributes: Mapping[str, Names]
) -> bool:
    """Say whether all functions that are loaded are called at once, as in `np.exp(x)`: then none gets anywhere.

    An instruction says by its lowest bit, or as `LOAD_METHOD`, that a call of what it loads, or of an attribute of
    that, follows; otherwise a `PUSH_NULL` stands before what is going to be called, from 3.13 on behind it.
    """
    is_numpy = is_callee = False  # of what the instruction before has loaded
    found = instructions(code)
    before = -1
    for i, (_, _, what, number) in enumerate(found):
        was_numpy, is_numpy = is_numpy, False
        if was_numpy and what not in _OF_ATTRIBUTES:
            return False
        is_callee = before == _PUSH_NULL or (is_callee and what == _LOAD_ATTR)
        before = what
        if what not in _NAMED:
            continue
        shift = _NAMED[what]
        if shift and number & 1:
            is_callee = True
        name = code.co_names[number >> shift]
        is_called = is_callee or found[i + 1][2] == _PUSH_NULL
        if what == _LOAD_ATTR:
            is_known = name in attributes or (was_numpy and f"numpy.{name}" in attributes)
            is_numpy = was_numpy and not is_called and name in _MODULES
        else:
            held = globals_.get(name, NOTHING)
            is_known, is_numpy = not held <= _IS_NUMPY, NUMPY in held
        if is_known and not is_called:
            return False
    return True


class _Decoded(NamedTuple):
    """A code object's instructions, their numbers by offset, and the ranges whose exceptions are caught: where."""

    instructions: list[dis.Instruction]
    places: dict[int, int]
    handlers: list[tuple[int, int, int, int, int]]


@functools.lru_cache(maxsize=256)
def _decoded(code: CodeType) -> _Decoded:
    """Take a code object apart, which takes longer than to follow its values once."""
    bytecode: Any = dis.Bytecode(code)
    instructions = list(bytecode)
    places = {instruction.offset: i for i, instruction in enumerate(instructions)}
    handlers = [
        (entry.start, entry.end, places[entry.target], entry.depth, 1 + entry.lasti)
        for entry in bytecode.exception_entries
    ]
    return _Decoded(instructions, places, handlers)


class _Reader:
    """What is known of a function and those inside it.

    Attributes:
        variables: what each may hold, by name; functions inside share those of the same name.
        heap: what was put into anything else, handed to a call, or returned.
        compared: what reached a comparison.
    """

    def __init__(
        self,
        globals_: Mapping[str, Names],
        attributes: Mapping[str, Names],
        given: Mapping[str, Names],
    ) -> None:
        self.globals = globals_
        self.attributes = attributes
        self.variables = dict(given)
        self.heap: set[str] = set()
        self.compared: set[str] = set()
        self.is_inner = False

    def size(self) -> tuple[int, int, int]:
        """Return what grows as long as anything new is found."""
        return sum(map(len, self.variables.values())), len(self.heap), len(self.compared)

    def read(self, code: CodeType, *, is_inner: bool) -> None:
        """Follow the values through a code object once."""
        self.is_inner = is_inner
        found, places, handlers = _decoded(code)
        states: dict[int, Stack] = {}
        pending: list[tuple[int, Stack]] = [(0, ())]
        while pending:
            i, stack = pending.pop()
            known = states.get(i)
            joined = stack if known is None else _joined(known, stack)
            if joined == known:
                continue
            states[i] = joined
            now = found[i]
            for start, end, target, depth, pushed in handlers:
                if start <= now.offset < end:
                    pending.append((target, joined[:depth] + (NOTHING,) * pushed))
            if now.opcode in _JUMPS:
                pending.append((places[now.argval], self._after(now, joined, jump=True)))
            if now.opname not in _FINAL:
                pending.append((i + 1, self._after(now, joined, jump=False)))
            else:
                self._after(now, joined, jump=False)

    def _after(self, now: dis.Instruction, stack: Stack, *, jump: bool) -> Stack:
        """Return the stack behind an instruction."""
        name, number = now.opname, now.arg or 0
        if name in _MOVES:
            return _moved(name, number, stack)
        if name in _CALLS or name == "CALL_FUNCTION_EX":
            taken = number + _CALLS[name] if name in _CALLS else 3 + (number & 1)
            return (*stack[:-taken], self._called(stack[-taken:]))
        argument = number if now.opcode >= dis.HAVE_ARGUMENT else None
        effect = dis.stack_effect(now.opcode, argument, jump=jump)
        loaded = self._loaded(now, stack, effect) if name.startswith("LOAD_") else None
        return self._done(now, stack, effect) if loaded is None else loaded

    def _done(self, now: dis.Instruction, stack: Stack, effect: int) -> Stack:
        """Return the stack behind an instruction that works on values, and note what that compares or puts away."""
        name = now.opname
        if name in _EQUALITIES:
            if now.argval not in _ORDERING and _CONSTANT not in stack[-2:]:
                self.compared |= _union(stack[-2:])
            return (*stack[:-2], NOTHING)
        self._note_keys(now, stack)
        if name in _GROWING:
            left = list(stack[:effect])
            left[-(now.arg or 0)] = _made_of([left[-(now.arg or 0)], *stack[effect:]])
            return tuple(left)
        if name.startswith(_GONE):
            is_loaded_again = name == "STORE_FAST_LOAD_FAST"
            rest = len(stack) + effect - is_loaded_again
            self._put_away(now, stack[rest:])
            again = [self._variable(now.argval[1])] if is_loaded_again else []
            return (*stack[:rest], *again)
        return self._made(name, stack, effect)

    def _made(self, name: str, stack: Stack, effect: int) -> Stack:
        """Return the stack with what may be made of all that an instruction may take."""
        bottom = len(stack) + min(effect, 0) - 1
        if bottom < 0:
            return (*stack[: bottom + 1], *[frozenset(self.heap)] * effect)
        is_read = effect > 0 or name.startswith("BINARY_")
        made = _made_of([*stack[bottom:], frozenset(self.heap) if is_read else NOTHING])
        return (*stack[:bottom], *[made] * (1 + max(effect, 0)))

    def _note_keys(self, now: dis.Instruction, stack: Stack) -> None:
        """Note what an instruction takes for a key or an element of a set."""
        name, number = now.opname, now.arg or 0
        if name == "BUILD_MAP" and number:
            self.compared |= _union(stack[-2 * number :: 2])
        elif name == "BUILD_SET" and number:
            self.compared |= _union(stack[-number:])
        elif name == "MAP_ADD":
            self.compared |= stack[-2]
        elif name in {"SET_ADD", "SET_UPDATE", "STORE_SUBSCR", "DELETE_SUBSCR", "MATCH_KEYS"}:
            self.compared |= stack[-1]
        elif name == "BINARY_SUBSCR" or (name == "BINARY_OP" and now.argrepr == "[]"):
            container, key = stack[-2:]
            self.compared |= key | (
                container if KEYED in container and key != _CONSTANT else NOTHING
            )

    def _put_away(self, now: dis.Instruction, taken: Sequence[Names]) -> None:
        """Note where values go that leave the stack."""
        name = now.opname
        if name.startswith(("STORE_FAST", "STORE_DEREF", "STORE_NAME")):
            for variable in _variables(now):
                held = self.variables.get(variable, NOTHING)
                self.variables[variable] = _made_of([held, *(taken or (NOTHING,))])
        elif name.startswith(("STORE_", "RETURN_")):
            self.heap |= _made_of(taken)

    def _called(self, places: Sequence[Names]) -> Names:
        """Return what a call may give: of its function one place is used, of a method two."""
        first, second, *others = places
        is_function = _NULL in (first, second)
        arguments = _made_of(others)
        itself = NOTHING if is_function else second
        if _COMPARES in (first | second if is_function else first):
            self.compared |= arguments | itself
        self.heap |= arguments
        return _made_of([arguments, itself, frozenset(self.heap)])

    def _loaded(self, now: dis.Instruction, stack: Stack, effect: int) -> Stack | None:
        """Return the stack behind an instruction that loads something by its name or number."""
        name = now.opname
        if name == "LOAD_CONST":
            return (*stack, _CONSTANT)
        if name.startswith(("LOAD_FAST", "LOAD_DEREF", "LOAD_CLASSDEREF")):
            return (*stack, *map(self._variable, _variables(now)))
        if name in {"LOAD_GLOBAL", "LOAD_NAME"}:
            local = self.variables.get(now.argval, NOTHING) if name == "LOAD_NAME" else NOTHING
            known = self.globals.get(now.argval, NOTHING) | local | self.heap | _mark(now.argval)
            return (*stack, *[_NULL] * (effect - 1), known)
        if name in {"LOAD_ATTR", "LOAD_METHOD"}:
            found = self.attributes.get(now.argval, NOTHING) | self.heap | _mark(now.argval)
            if NUMPY in stack[-1]:
                found |= self.attributes.get(f"numpy.{now.argval}", NOTHING) | {NUMPY}
            return (*stack[:-1], found, *stack[-1:] * effect)
        if name in {"LOAD_CLOSURE", "LOAD_BUILD_CLASS", "LOAD_ASSERTION_ERROR", "LOAD_LOCALS"}:
            return (*stack, NOTHING)
        return None

    def _variable(self, name: str) -> Names:
        """Return what a variable may hold; one of a function inside also what was handed to any call."""
        held = self.variables.get(name, NOTHING)
        return held | self.heap if self.is_inner else held


def _moved(name: str, number: int, stack: Stack) -> Stack:
    """Return the stack behind an instruction that makes nothing of what is there."""
    match name:
        case "COPY":
            return (*stack, stack[-number])
        case "PUSH_NULL":
            return (*stack, _NULL)
        case "SWAP":
            return (*stack[:-number], stack[-1], *stack[1 - number : -1], stack[-number])
    return stack


def _variables(now: dis.Instruction) -> Sequence[str]:
    return now.argval if isinstance(now.argval, tuple) else (now.argval,)


def _mark(name: str) -> Names:
    return frozenset({_COMPARES}) if name in _METHODS else NOTHING


def _union(sets: Sequence[Names]) -> Names:
    return frozenset().union(*sets)


def _made_of(sets: Sequence[Names]) -> Names:
    """Return what something may hold that is made of others: it is none of Python's marks itself."""
    return _union(sets) - _CONSTANT - _NULL - {_COMPARES}


def _joined(one: Stack, other: Stack) -> Stack:
    """Return what places hold where two ways meet; a constant is one only if it is on both."""
    assert len(one) == len(other)
    return tuple([x if x == y else (x | y) - _CONSTANT for x, y in zip(one, other, strict=True)])
