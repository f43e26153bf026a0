"""Code that hands what it reads to a function: it does what it did, and the function sees all of it."""

import argparse
import difflib
import importlib.util
import json.decoder
import statistics
import textwrap
import threading
import traceback
from types import FunctionType

import pytest

from chainrule.core.loads import Hands, can_hand_through, handing_through

READ = []
HELD = [object(), object()]
LOCK = threading.Lock()


def note(x):
    READ.append(x)
    return x


def unchanged(x):
    return x


def handed(f, read=unchanged, kept=unchanged):
    """Return a function with such code."""
    code = handing_through(f.__code__, Hands(read, kept))
    made = FunctionType(code, f.__globals__, f.__name__, f.__defaults__, f.__closure__)
    made.__kwdefaults__ = f.__kwdefaults__
    return made


class Holder:
    def __init__(self):
        self.item = object()

    @property
    def made(self):
        return self.item


def variables(a, b=2, *rest, c=3, **named):
    inner = a
    return [lambda: (inner, b, rest, c, named)][0]()


def loops(items):
    found = []
    for i, (x, y) in enumerate(zip(items, HELD, strict=False)):
        found += [(i, z) for z in (x, y) if z is not None]
    while found and len(found) > 2:
        found.pop()
    return found, {str(k): v for k, v in found}, {k for k, _ in found}


def handlers(x):
    found = []
    try:
        with LOCK as held:
            found.append(held)
            {}[x]
    except KeyError as error:
        found.append(error.args)
    finally:
        found.append(x)
    return found


def patterns(x):
    match x:
        case [first, *others]:
            return first, others
        case {"a": inside, **others}:
            return inside, others
        case Holder(item=item):
            return item
        case _:
            return None


def generator(n):
    got = None
    for i in range(n):
        got = yield i, got
    return got


def a_generators_results(n):
    running = generator(n)
    return [next(running), *[running.send(i) for i in range(1, n)], list(generator(2))]


def late(x):
    total = 0

    def add(n):
        nonlocal total
        total += n
        return (y for y in range(total))

    return sum(add(x)), total, x if x > 2 else -x, f"{x!r:>5}", *[y for y in range(3) if y]


CALLS = [
    (variables, (1, 5, 6), {"c": 7, "d": 8}),
    (loops, ([1, None],), {}),
    (handlers, (3,), {}),
    *[(patterns, (x,), {}) for x in ([1, 2, 3], {"a": 1, "b": 2}, 5)],
    (a_generators_results, (4,), {}),
    (late, (4,), {}),
]


@pytest.mark.parametrize(("f", "args", "options"), CALLS)
def test_it_does_what_it_did(f, args, options):
    assert str(handed(f)(*args, **options)) == str(f(*args, **options))


def read_variable():
    return HELD


def read_attribute(x):
    return x.item


def read_property(x):
    return x.made


def read_item(x):
    return x[1]


def read_result(x):
    return max(x, key=id)


def read_in_a_loop(x):
    return [y for y in x if y is not None]


def read_argument_inside(x):
    return [*map(lambda y: y, x)]  # noqa: C417  C calls it


def read_unpacked(x):
    y, z = x
    return z, y


@pytest.mark.parametrize(
    ("f", "argument", "found"),
    [
        (read_variable, None, HELD),
        (read_attribute, (holder := Holder()), holder.item),
        (read_property, holder, holder.item),
        (read_item, HELD, HELD[1]),
        (read_result, HELD, max(HELD, key=id)),
        *[
            (f, HELD, x)
            for f in (read_in_a_loop, read_argument_inside, read_unpacked)
            for x in HELD
        ],
    ],
)
def test_the_function_sees_what_is_read(f, argument, found):
    READ.clear()
    handed(f, note)(*(() if f is read_variable else (argument,)))
    assert any(x is found for x in READ)


def test_what_the_function_returns_is_read_instead():
    other = object()
    f = handed(read_in_a_loop, lambda x: other if x is HELD[0] else x)
    assert f(HELD) == [other, HELD[1]]


COUNTED = 0


def keep_attributes(x):
    x.item = x.inner.item = 3
    x.item += 4
    return x.item, x.inner.item


def keep_globals(x):
    global COUNTED  # noqa: PLW0603
    COUNTED = x
    COUNTED += x
    return COUNTED


def keep_variables(x):
    total, other = x, x

    def add():
        nonlocal total
        total += other

    add()
    return total


def test_the_function_decides_what_is_kept():
    holder = Holder()
    holder.inner = Holder()
    assert handed(keep_attributes, kept=lambda x: -x)(holder) == (-1, -3)
    assert (holder.item, holder.inner.item) == (-1, -3)
    assert handed(keep_globals, kept=lambda x: 10 * x)(2) == 220
    assert handed(keep_variables, kept=lambda x: x + 1)(1) == 5
    assert keep_variables(1) == 2


def test_code_that_hands_on_already_is_left_alone():
    code = handing_through(late.__code__, Hands(note, note))
    assert handing_through(code, Hands(note, note)) is code is not late.__code__
    inside = next(c for c in code.co_consts if isinstance(c, type(code)))
    assert handing_through(inside, Hands(note, note)) is inside


def failing(x):
    return [y / 0 for y in x]


def test_an_error_names_the_same_lines_and_columns():
    def places(f):
        with pytest.raises(ZeroDivisionError) as caught:
            f([1])
        frames = traceback.extract_tb(caught.value.__traceback__)[1:]
        return [(x.lineno, x.end_lineno, x.colno, x.end_colno) for x in frames]

    assert places(handed(failing)) == places(failing)


def module_of(original):
    """Return another module of the same source, all code of which hands on what it reads."""
    spec = importlib.util.find_spec(original.__name__)
    module = importlib.util.module_from_spec(spec)
    code = compile(spec.loader.get_source(spec.name), spec.origin, "exec")
    exec(handing_through(code, Hands(unchanged, unchanged)), vars(module))  # noqa: S102  our own Python's library
    return module


def wrapped(module):
    return module.wrap("the quick brown fox " * 30, 33), module.dedent("  a\n    b\n")


def compared(module):
    matcher = module.SequenceMatcher(
        None, "private Thread currentThread;", "private volatile Thread;"
    )
    return matcher.get_opcodes(), list(module.unified_diff(["a", "b"], ["a", "c"]))


def decoded(module):
    text = '{"a": [1, 2.5, {"b": null}], "c": "\\u00e9"}'
    scan = json.scanner.py_make_scanner(module.JSONDecoder())
    return module.JSONObject((text, 1), True, scan, None, None), module.py_scanstring(text, 2)


def counted(module):
    return module.stdev([1, 2, 4]), module.median([3, 1, 2]), module.quantiles([1, 2, 4, 5])


def parsed(module):
    parser = module.ArgumentParser(prog="x")
    parser.add_argument("--rate", type=float, default=0.5)
    parser.add_argument("names", nargs="*")
    return vars(parser.parse_args(["a", "b", "--rate", "2"])), parser.format_usage()


@pytest.mark.parametrize(
    ("original", "use"),
    [
        (textwrap, wrapped),
        (difflib, compared),
        (json.decoder, decoded),
        (statistics, counted),
        (argparse, parsed),
    ],
)
def test_whole_modules_do_what_they_did(original, use):
    assert use(module_of(original)) == use(original)


def test_this_python_is_known():
    assert can_hand_through()
