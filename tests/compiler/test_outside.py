"""What a step asks the world outside is asked in each call: files, clocks, settings of the process, other threads."""

import asyncio
import collections
import configparser
import contextvars
import copy
import ctypes
import datetime as dt
import decimal
import functools
import gc
import glob
import importlib
import inspect
import io
import linecache
import locale
import logging
import mmap
import os
import pathlib
import platform
import queue
import random as pythons
import secrets
import shelve
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
import tracemalloc
import types
import uuid
import warnings
import weakref
from os.path import getsize
from time import perf_counter_ns

import numpy as np
import pytest

import chainrule as cr
from chainrule.compiler import asking
from chainrule.compiler.surroundings import Surroundings

X = np.arange(3.0)
VARIABLE = contextvars.ContextVar("variable of a test of what is outside")
LOG = logging.getLogger("chainrule.test_outside")


def _place(folder):
    """Return what reads and changes are told. It has no code: a step reaches what it names."""
    file = folder / "number.txt"
    s = types.SimpleNamespace(folder=folder, file=file, name=str(file), held=[Held()], threads=[])
    s.reference = weakref.ref(s.held[0])
    s.queue, s.simple_queue, s.event = queue.Queue(), queue.SimpleQueue(), threading.Event()
    s.context = decimal.getcontext()
    s.memory, s.number = mmap.mmap(-1, 8), ctypes.c_double(1.0)
    s.base = sqlite3.connect(":memory:")
    s.size_of = functools.partial(os.stat, str(folder))
    s.deque = collections.deque([1.0])
    s.log = LOG
    s.base.execute("create table t (v real)")
    s.base.execute("insert into t values (1)")
    s.file.write_text("1")
    return s


def _close(s):
    s.event.set()
    for thread in s.threads:
        thread.join()
    s.base.close()
    s.memory.close()


def _start_a_thread(s):
    s.threads.append(threading.Thread(target=s.event.wait))
    s.threads[-1].start()


class Held:
    pass


@functools.lru_cache
def _kept_size(name):
    return os.stat(name).st_size


def _told_size(s):
    print("told", file=sys.stderr)  # noqa: T201  what is tested
    return os.stat(s.name).st_size


def _written(text):
    return lambda s: s.file.write_text(text)


def _saved(s):
    np.save(s.folder / "a.npy", np.full(3, s.folder.stat().st_size * 0.0 + len(s.threads)))


def _shelf(s):
    with shelve.open(str(s.folder / "shelf")) as shelf:
        return shelf.get("a", 1.0)


def _put_on_shelf(s):
    with shelve.open(str(s.folder / "shelf")) as shelf:
        shelf["a"] = 2.0


def _of_settings(s):
    parser = configparser.ConfigParser()
    parser.read_string("[a]\nb = 1")
    return parser.getfloat("a", "b") + len(parser.read(s.name + ".ini"))


def _from_array(s):
    return np.load(s.folder / "a.npy") if (s.folder / "a.npy").exists() else 5.0


def _as_text(x):
    return float(str(np.array([x])).strip("[]"))


def _divided(s):
    return float(decimal.Decimal(1) / 3)


def _opened(s):
    with s.file.open() as lines:
        return float(lines.read())


def _command(s):
    done = subprocess.run(["cat", s.name], capture_output=True, check=True)  # noqa: S607
    return float(done.stdout)


def _imported_here(s):
    import os.path as where

    return where.getsize(s.name)


def _by_a_module(s):
    return importlib.import_module("os").stat(s.name).st_size


def _asyncio(s):
    async def size():
        return len(s.name) + s.file.stat().st_size

    with asyncio.Runner() as runner:
        return runner.run(size())


def _precision(s):
    s.context.prec += 3


def _warn(s):
    try:
        warnings.warn("told", UserWarning, stacklevel=1)
    except UserWarning:
        return 2.0
    return 1.0


def _died(s):
    s.held.clear()


def _changed_folder(s):
    os.chdir(s.folder)


def _another(s):
    (s.folder / "another.txt").write_text("1")


def _shorter_texts(s):
    np.set_printoptions(precision=3)


LONG = "12345678"
THIRDS = np.array([1 / 3])

CHANGING = {
    "np.loadtxt": (lambda s: np.loadtxt(s.name), _written("2")),
    "np.genfromtxt": (lambda s: np.genfromtxt(s.name), _written("2")),
    "np.fromfile": (lambda s: np.fromfile(s.name, sep=" ")[0], _written("2")),
    "np.fromregex": (
        lambda s: np.fromregex(s.name, r"(\d)", [("a", float)])["a"][0],
        _written("2"),
    ),
    "np.load": (_from_array, _saved),
    "np.memmap": (lambda s: float(np.memmap(s.name, np.uint8)[0]), _written("2")),
    "np.get_printoptions": (
        lambda s: np.get_printoptions()["precision"],
        lambda s: np.set_printoptions(precision=3),
    ),
    "text of an array": (lambda s: _as_text(1 / 3), lambda s: np.set_printoptions(precision=3)),
    "text of an array in braces": (lambda s: len(f"{THIRDS}"), _shorter_texts),
    "text of an array by its format": (lambda s: len("{}".format(THIRDS)), _shorter_texts),  # noqa: UP032  what is tested
    "text of an array by %": (lambda s: len("%s" % [THIRDS]), _shorter_texts),
    "text of an array by its method": (lambda s: len(THIRDS.__str__()), _shorter_texts),
    "copy of a context": (
        lambda s: contextvars.copy_context().get(VARIABLE, 1.0),
        lambda s: VARIABLE.set(VARIABLE.get(1.0) + 1.0),
    ),
    "np.geterr": (lambda s: len(np.geterr()["over"]), lambda s: np.seterr(over="ignore")),
    "np.getbufsize": (lambda s: np.getbufsize(), lambda s: np.setbufsize(16 * 1024)),
    "read_text": (lambda s: float(s.file.read_text()), _written("2")),
    "read_bytes": (lambda s: float(s.file.read_bytes()), _written("2")),
    "exists": (lambda s: 1 + (s.folder / "another.txt").exists(), _another),
    "stat": (lambda s: s.file.stat().st_size, _written(LONG)),
    "iterdir": (lambda s: len(list(s.folder.iterdir())), _another),
    "open of a path": (_opened, _written("2")),
    "os.path.exists": (lambda s: 1 + os.path.exists(s.folder / "another.txt"), _another),
    "os.path.getsize": (lambda s: os.path.getsize(s.name), _written(LONG)),
    "getsize by its name": (lambda s: getsize(s.name), _written(LONG)),
    "sizes": (lambda s: sum(map(os.path.getsize, [s.name])), _written(LONG)),
    "array of sizes": (
        lambda s: np.fromiter(map(os.path.getsize, [s.name]), float),
        _written(LONG),
    ),
    "size that is kept": (
        lambda s: _kept_size(s.name),
        lambda s: [s.file.write_text(LONG), _kept_size.cache_clear()],
    ),
    "behind what is printed": (_told_size, _written(LONG)),
    "size by a text": (lambda s: eval("os.stat(s.name).st_size"), _written(LONG)),  # noqa: S307
    "sizes by stat": (lambda s: sum(x.st_size for x in map(os.stat, [s.name])), _written(LONG)),
    "sorted by a clock": (lambda s: len(sorted([s.name], key=os.stat)[0]) * 0 + 1, None),
    "a partial object": (lambda s: s.size_of().st_nlink, lambda s: (s.folder / "d").mkdir()),
    "os.path.getmtime": (lambda s: os.path.getmtime(s.name), lambda s: os.utime(s.name, (5, 5))),
    "os.path.isfile": (lambda s: 1 + os.path.isfile(s.folder / "another.txt"), _another),
    "os.listdir": (lambda s: len(os.listdir(s.folder)), _another),
    "os.stat": (lambda s: os.stat(s.name).st_size, _written(LONG)),
    "os.getcwd": (lambda s: len(os.getcwd()), _changed_folder),
    "os.getenv": (
        lambda s: float(os.getenv("RATE_OF_TEST", "1")),
        lambda s: os.environ.update(RATE_OF_TEST="2"),
    ),
    "glob": (lambda s: len(glob.glob(str(s.folder / "*"))), _another),
    "shutil": (lambda s: 2 if shutil.which("number", path=str(s.folder)) is None else 3, None),
    "configparser": (
        _of_settings,
        lambda s: pathlib.Path(s.name + ".ini").write_text("[b]"),
    ),
    "linecache": (lambda s: float(linecache.getline(s.name, 1)), None),
    "shelve": (_shelf, _put_on_shelf),
    "sqlite3": (
        lambda s: s.base.execute("select v from t").fetchone()[0],
        lambda s: s.base.execute("update t set v = 2"),
    ),
    "mmap": (lambda s: 1.0 + s.memory[0], lambda s: s.memory.__setitem__(0, 5)),
    "ctypes": (lambda s: s.number.value, lambda s: setattr(s.number, "value", 2.0)),
    "sys.argv": (lambda s: len(sys.argv), lambda s: sys.argv.append("--more")),
    "sys.path": (lambda s: len(sys.path), lambda s: sys.path.append("elsewhere")),
    "sys.modules": (
        lambda s: 1 + ("made_up" in sys.modules),
        lambda s: sys.modules.update(made_up=sys),
    ),
    "recursion limit": (
        lambda s: sys.getrecursionlimit(),
        lambda s: sys.setrecursionlimit(sys.getrecursionlimit() + 5),
    ),
    "decimal context": (_divided, _precision),
    "precision": (lambda s: decimal.getcontext().prec, _precision),
    "precision of a context that is held": (lambda s: s.context.prec, _precision),
    "warnings.filters": (
        lambda s: len(warnings.filters),
        lambda s: warnings.filters.insert(0, ("ignore", None, ImportWarning, None, 0)),
    ),
    "level of a log": (lambda s: s.log.level, lambda s: s.log.setLevel(7)),
    "level of a log by its name": (
        lambda s: LOG.getEffectiveLevel(),
        lambda s: LOG.setLevel(7),
    ),
    "whether a log is on": (
        lambda s: 1 + LOG.isEnabledFor(logging.DEBUG),
        lambda s: LOG.setLevel(logging.DEBUG),
    ),
    "size of a queue": (lambda s: 1 + s.queue.qsize(), lambda s: s.queue.put(1)),
    "whether a queue is empty": (lambda s: 1 + s.queue.empty(), lambda s: s.queue.put(1)),
    "size of a simple queue": (
        lambda s: 1 + s.simple_queue.qsize(),
        lambda s: s.simple_queue.put(1),
    ),
    "length of a deque": (lambda s: len(s.deque), lambda s: s.deque.append(1)),
    "event": (lambda s: 1 + s.event.is_set(), lambda s: s.event.set()),
    "flag of an event": (lambda s: 1 + s.event._flag, lambda s: s.event.set()),
    "name of the thread": (
        lambda s: len(threading.current_thread().name),
        lambda s: setattr(threading.current_thread(), "name", "Main"),
    ),
    "threads": (lambda s: threading.active_count(), _start_a_thread),
    "weak reference": (lambda s: 1 + (s.reference() is None), _died),
    "working subprocess": (_command, _written("2")),
    "locale": (lambda s: 1 + len(locale.setlocale(locale.LC_NUMERIC)), None),
    "imported inside": (_imported_here, _written(LONG)),
    "imported by a text": (_by_a_module, _written(LONG)),
    "warnings": (_warn, lambda s: warnings.simplefilter("ignore")),
    "asyncio": (_asyncio, _written(LONG)),
    "garbage collector": (lambda s: 1 + gc.isenabled(), lambda s: gc.disable()),
    "tracemalloc": (lambda s: 1 + tracemalloc.is_tracing(), lambda s: tracemalloc.start()),
}
"""A read, and a way to change its answer; None if it needs no change here, or has none."""

NEW_EACH_TIME = {
    "os.urandom": lambda: os.urandom(4)[0] + 256 * os.urandom(4)[1],
    "uuid": lambda: uuid.uuid4().int % 1_000_003,
    "secrets": lambda: secrets.randbelow(1_000_003),
    "random": lambda: pythons.random(),
    "system's random numbers": lambda: pythons.SystemRandom().random(),
    "generator without a seed": lambda: np.random.default_rng().normal(),
    "RandomState without a seed": lambda: np.random.RandomState().normal(),
    "perf_counter_ns by its name": lambda: perf_counter_ns(),
    "clock": lambda: time.time_ns() % 10**12,
    "datetime": lambda: dt.datetime.now().timestamp(),
    "datetime with a zone": lambda: dt.datetime.now(dt.UTC).timestamp(),
    "temporary file": lambda: hash(tempfile.mktemp()) % 1_000_003,  # noqa: S306
    "method of a clock": lambda: float(getattr(time, "perf_counter")()),  # noqa: B009
}

OF_THIS_DAY = {
    "date": lambda: dt.date.today().day,
    "localtime": lambda: time.localtime().tm_year,
    "strftime": lambda: float(time.strftime("%Y")),
    "locale": lambda: len(str(locale.getlocale())),
    "platform": lambda: len(platform.node()),
    "process": lambda: os.getpid(),
    "collections of garbage": lambda: gc.get_count()[0],
    "frame": lambda: sys._getframe(2).f_lineno,
    "callers": lambda: len(inspect.stack()),
    "references": lambda: sys.getrefcount(X),
    "processors": lambda: os.cpu_count(),
}


@pytest.fixture
def place(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path.parent)
    monkeypatch.delenv("RATE_OF_TEST", raising=False)
    monkeypatch.setattr(sys, "argv", sys.argv[:])
    monkeypatch.setattr(sys, "path", sys.path[:])
    monkeypatch.setattr(warnings, "filters", warnings.filters[:])
    monkeypatch.setattr(threading.current_thread(), "name", "MainThread")
    options, settings, size = np.get_printoptions(), np.geterr(), np.getbufsize()
    limit, context = sys.getrecursionlimit(), decimal.getcontext().copy()
    s = _place(tmp_path)
    yield s
    _close(s)
    np.set_printoptions(**options)
    np.seterr(**settings)
    np.setbufsize(size)
    sys.setrecursionlimit(limit)
    decimal.setcontext(context)
    LOG.setLevel(logging.NOTSET)
    sys.modules.pop("made_up", None)
    os.environ.pop("RATE_OF_TEST", None)
    gc.enable()
    tracemalloc.stop()


NATIVE_CODE = ctypes.CDLL(None)
NATIVE_CODE.getpid()


def _at_once(read):
    return lambda s, x: np.sin(x) * read(s)


def _in_a_loss(read):
    def step(s, x):
        return cr.grad(lambda x: np.sum(np.sin(x) * read(s)))(x)

    return step


def _held(read, wrap, s):
    step = wrap(read)
    return lambda x: step(s, x)


@pytest.mark.parametrize("wrap", [_at_once, _in_a_loss])
@pytest.mark.parametrize("kind", CHANGING)
def test_an_answer_that_changes_is_asked_for_in_each_call(kind, wrap, place):
    read, change = CHANGING[kind]
    step = _held(read, wrap, place)
    compiled = cr.compile(step)
    for _ in range(2):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)
    if change is not None:
        change(place)
    for _ in range(3):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)


@pytest.mark.parametrize("kind", NEW_EACH_TIME)
def test_what_is_new_each_time_is_so_compiled(kind):
    read = NEW_EACH_TIME[kind]
    compiled = cr.compile(lambda x: np.sin(x) * 0 + read())
    answers = [compiled(X)[0] for _ in range(6)]
    assert len(set(answers)) > 3


@pytest.mark.parametrize("kind", OF_THIS_DAY)
def test_what_does_not_change_here_is_asked_all_the_same(kind):
    read = OF_THIS_DAY[kind]
    compiled = cr.compile(lambda x: np.sin(x) * 0 + read())
    for _ in range(3):
        compiled(X)
    assert "runs eagerly: compile: the step calls" in compiled.report()


LOCK = threading.Lock()
CONSTANT = np.ones(3)


def _with_a_lock(x):
    with LOCK:
        return np.sin(x)


def _without_warnings(x):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return np.log(x)


def _not_asking(x):
    if x.shape == (5,):
        LOG.debug("five")
    return np.sin(x) * sys.float_info.max


def _of_the_environment(x):
    return np.sin(x) * float(os.environ.get("RATE_OF_TEST", "1")) * len(os.sep)


def _printing(x):
    print("told", file=sys.stderr)  # noqa: T201  what is tested
    return np.sin(x)


def _seeded(x):
    return np.sin(x) * np.random.default_rng(3).normal()


class Scaled:
    """A user's object."""

    def __init__(self):
        self.rate, self.row = 2.0, [np.ones(3)]

    def __call__(self, x):
        return x * self.rate + self.row[0]


SCALED, RNG = Scaled(), np.random.default_rng(0)


def _with_a_class(x):
    return SCALED(x) * sum(float(np.sum(y)) for y in SCALED.row)


def _drawing(x):
    return np.where(RNG.normal(size=3) > 0, x, np.zeros(3)) + np.random.rand()  # noqa: NPY002  what is tested


@functools.lru_cache
def _kept(n):
    return np.arange(n) + 1.0


def _keeping(x):
    if x.shape == (5,):
        LOG.debug("five")
    return np.sin(x) * _kept(3)


def _texts(x):
    return {f"{i}": np.sin(x) * len(str(i)) for i in range(3)}["1"]


class Settings(dict):
    """A dictionary of the user's, whose methods are inherited."""


SETTINGS = Settings(rate=2.0)


def _with_methods_that_are_inherited(x):
    rows = Settings()
    rows.update(x=x)
    return rows.get("x") * SETTINGS.get("rate") * len(copy.deepcopy(SCALED).row) * len(str(3))


NATIVE = [
    _with_methods_that_are_inherited,
    _with_a_lock,
    _without_warnings,
    _not_asking,
    _of_the_environment,
    _seeded,
    _texts,
    _keeping,
    _printing,
]


@pytest.mark.parametrize("step", NATIVE)
def test_what_asks_nothing_stays_native(step, monkeypatch):
    monkeypatch.delenv("RATE_OF_TEST", raising=False)
    compiled = cr.compile(step)
    for _ in range(3):
        np.testing.assert_allclose(compiled(X), step(X), rtol=1e-14)
    assert compiled.report().startswith("specialization 0: ")
    assert "eagerly" not in compiled.report()
    assert not LOCK.locked()


@pytest.mark.parametrize("step", [lambda x: np.tanh(x @ x) + CONSTANT, _with_a_class, _drawing])
def test_a_step_that_names_nothing_outside_is_not_looked_at(step):
    assert not Surroundings(step).may_ask


@pytest.mark.parametrize("f", [time.time_ns, functools.partial(np.loadtxt), os.getcwd])
def test_what_asks_may_be_the_step_itself(f, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a").write_text("1")
    args = ("a",) if isinstance(f, functools.partial) else ()
    compiled = cr.compile(f)
    before = compiled(*args)
    (tmp_path / "a").write_text("2")
    (tmp_path / "deep").mkdir()
    compiled(*args)
    if f is os.getcwd:
        os.chdir(tmp_path / "deep")
    assert compiled(*args) != before


def test_an_answer_is_asked_for_though_the_error_is_caught(tmp_path):
    def size(x):
        try:
            return x * os.stat(tmp_path / "a").st_size
        except Exception:  # noqa: BLE001  what is tested
            return x

    compiled = cr.compile(size)
    for text in ("", "a", "ab", "abc"):
        (tmp_path / "a").write_text(text)
        assert compiled(2.0) == 2.0 * len(text)


def test_every_call_reads_a_line_of_its_own(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("1\n2\n3\n4\n"))
    compiled = cr.compile(lambda x: x * float(input()))
    assert [compiled(2.0) for _ in range(4)] == [2.0, 4.0, 6.0, 8.0]


def test_the_report_names_the_line(tmp_path):
    compiled = cr.compile(lambda x: np.sin(x) * (tmp_path / "a").exists())
    compiled(X)
    assert "the step calls pathlib.PurePath.__truediv__()" in compiled.report()
    assert "at test_outside.py:" in compiled.report()


@pytest.mark.parametrize(
    ("step", "name"),
    [
        (lambda x: x * float(decimal.Decimal(1) / 3), "decimal"),
        (lambda x, number=dt.timedelta, one=decimal.Decimal: x * float(one(1)), "decimal.Decimal"),
        (lambda x, size=functools.partial(os.stat, "."): x * size().st_size, "object of stat()"),  # noqa: B008
        (lambda x, memory=mmap.mmap(-1, 1): x * memory[0], "a mmap"),  # noqa: B008
        (lambda x: x * len(list(map(os.stat, ["."]))), "stat()"),
        (lambda x: x + (NATIVE_CODE.getpid() > 0), "a _FuncPtr"),
        (lambda x: x * len(sys.modules), "sys.modules"),
        (lambda x: x * _kept_size("."), "the cache of _kept_size"),
    ],
)
def test_the_report_says_what_would_not_be_seen(step, name):
    compiled = cr.compile(step)
    compiled(X)
    assert f"{name}, which may tell something else in each call without" in compiled.report()


class Goes:
    """Does something when it goes."""

    def __init__(self, file):
        self.file = file

    def __del__(self):
        self.file.touch()


def test_what_python_calls_when_an_object_goes_is_no_question(tmp_path):
    goes = [Goes(tmp_path / "gone")]

    def step(x):
        Goes(goes[0].file)
        return np.sin(x)

    compiled = cr.compile(step)
    compiled(X)
    assert (tmp_path / "gone").exists()
    assert "eagerly" not in compiled.report()


class Ending:
    """Handles a signal, in one of three ways."""

    def method(self, number, _):
        os.stat(".")
        raise SystemExit(number)

    __call__ = method


def _ending(number, _):
    os.stat(".")
    raise SystemExit(number)


@pytest.mark.parametrize("handler", [_ending, Ending().method, Ending()])
def test_a_signal_is_handled_while_a_step_is_looked_at(handler, monkeypatch):
    signals = [signal.SIGUSR1] * 2

    class Told:
        def write(self, _):
            list(map(signal.raise_signal, [signals.pop()]))  # by C: it is not seen who calls

    def step(x):
        print("now")  # noqa: T201  the signal comes
        return np.sin(x) * len(os.sep)

    before = signal.signal(signal.SIGUSR1, handler)
    monkeypatch.setattr(sys, "stdout", Told())
    try:
        with pytest.raises(SystemExit):
            cr.compile(step)(X)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert len(signals) == 1


def test_a_first_call_while_another_profiler_runs_is_left_to_python():
    compiled = cr.compile(lambda x: np.sin(x) * len(os.sep))
    sys.setprofile(lambda *_: None)
    try:
        compiled(X)
        is_on = sys.getprofile() is not None
    finally:
        sys.setprofile(None)
    assert is_on
    assert "eagerly" not in compiled.report()
    compiled(X)
    assert compiled.report().startswith("specialization 0: 2 nodes")


def test_a_profiler_is_not_left_behind():
    for f in (lambda x: x * len(os.sep), lambda x: x * os.getpid(), lambda x: x[len(os.sep) :] / 0):
        cr.compile(f)(X)
        assert sys.getprofile() is None


def test_a_module_of_signals_that_is_still_being_imported_has_no_handlers(monkeypatch):
    monkeypatch.setitem(sys.modules, "signal", types.ModuleType("signal"))
    assert not asking._codes_of_handlers()
