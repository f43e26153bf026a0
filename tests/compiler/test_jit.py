"""LLVM IR becomes functions in memory, by our own linker and by LLVM's."""

import ctypes
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from chainrule.compiler.machine_code import jit, linker, symbols
from chainrule.compiler.machine_code.elf import read_object
from chainrule.errors import NativeCodeError

TWICE = """
define i64 @twice(ptr %pointers, ptr %arena) nounwind {
  %cell = load ptr, ptr %pointers
  %x = load double, ptr %cell
  %y = fmul double %x, 2.0
  store double %y, ptr %cell
  ret i64 0
}
"""
# Constants, a table of its own, a variable, a call outside: each is another kind of relocation.
EVERYTHING = """
declare double @pow(double, double)
declare ptr @memcpy(ptr, ptr, i64)
@table = constant [4 x double] [double 1.0, double 2.0, double 3.0, double 4.0]
@where = constant ptr @table
@count = global i64 40
@empty = global [100 x i64] zeroinitializer
define i64 @everything(ptr %pointers, ptr %arena) nounwind {
  %cell = load ptr, ptr %pointers
  %n = load i64, ptr @count
  %n1 = add i64 %n, 1
  store i64 %n1, ptr @count
  store i64 %n1, ptr @empty
  %from = load ptr, ptr @where
  %copied = call ptr @memcpy(ptr %cell, ptr %from, i64 32)
  %x = load double, ptr %cell
  %y = fadd double %x, 6.25
  %z = call double @pow(double %y, double 2.0)
  store double %z, ptr %cell
  %again = load i64, ptr @empty
  ret i64 %again
}
"""
PRODUCT = """
declare void @chainrule_dgemm(ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr, ptr)
@n = private constant i8 78
@two = private constant i32 2
@one = private constant double 1.0
@zero = private constant double 0.0
define i64 @product(ptr %pointers, ptr %arena) nounwind {
  %a = load ptr, ptr %pointers
  %second = getelementptr ptr, ptr %pointers, i64 1
  %b = load ptr, ptr %second
  %third = getelementptr ptr, ptr %pointers, i64 2
  %c = load ptr, ptr %third
  call void @chainrule_dgemm(ptr @n, ptr @n, ptr @two, ptr @two, ptr @two, ptr @one, ptr %b, ptr @two,
                             ptr %a, ptr @two, ptr @zero, ptr %c, ptr @two)
  ret i64 0
}
"""
LOADERS = [
    pytest.param(
        "own", marks=pytest.mark.skipif(not linker.IS_AVAILABLE, reason="another kind of machine")
    ),
    "llvm",
]


@pytest.fixture(params=LOADERS)
def loader(request, monkeypatch):
    """Run a test with our linker, and with LLVM's loader."""
    monkeypatch.setattr(linker, "IS_AVAILABLE", request.param == "own")
    jit._machine.cache_clear()
    yield request.param
    jit._machine.cache_clear()


def call(library, name, *arrays):
    pointers = (ctypes.c_void_p * len(arrays))(*(a.ctypes.data for a in arrays))
    prototype = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
    return prototype(library.address(name))(pointers, None)


def test_compiled_text_can_be_called(loader):
    x = np.array([21.0])
    assert call(jit.load(TWICE, ["twice"]), "twice", x) == 0
    assert x[0] == 42


def test_constants_variables_and_outside_functions_are_found(loader):
    library = jit.load(EVERYTHING, ["everything"])
    cell = np.zeros(4)
    assert [call(library, "everything", cell) for _ in range(2)] == [41, 42]
    assert list(cell) == [7.25**2, 2, 3, 4]


def test_two_libraries_of_one_text_have_variables_of_their_own(loader):
    code = jit.object_code(EVERYTHING)
    cell = np.zeros(4)
    libraries = [jit.load_object(code, ["everything"]) for _ in range(2)]
    assert [call(x, "everything", cell) for x in libraries] == [41, 41]


@pytest.fixture(params=["wheel", "capsules"])
def routines(request, monkeypatch):
    """Run a test with the routines of SciPy's library, and with those that its modules export."""
    if request.param == "capsules":
        monkeypatch.setattr(symbols, "_wheel_library", lambda: None)
    symbols.routine_address.cache_clear()
    yield request.param
    symbols.routine_address.cache_clear()


def test_a_product_is_scipys(loader, routines, rng):
    a, b = rng.standard_normal((2, 2, 2))
    c = np.zeros((2, 2))
    call(jit.load(PRODUCT, ["product"]), "product", a, b, c)
    np.testing.assert_allclose(c, a @ b)


def test_a_symbol_that_is_given_goes_before_one_that_is_found():
    text = TWICE.replace("fmul double %x, 2.0", "call double @pow(double %x, double 3.0)")
    text = "declare double @pow(double, double)\n" + text
    other = ctypes.CFUNCTYPE(ctypes.c_double, ctypes.c_double, ctypes.c_double)(lambda x, y: x - y)
    x = np.array([5.0])
    address = ctypes.cast(other, ctypes.c_void_p).value
    call(jit.load(text, ["twice"], {"pow": address}), "twice", x)
    assert x[0] == 2


def test_the_pass_pipeline_runs_where_it_is_asked_for():
    loop = """
    define i64 @count(ptr %pointers, ptr %arena) nounwind {
    start:
      br label %loop
    loop:
      %i = phi i64 [0, %start], [%next, %loop]
      %next = add i64 %i, 1
      %more = icmp slt i64 %next, 1000
      br i1 %more, label %loop, label %end
    end:
      ret i64 %next
    }
    """
    assert "cmp" in jit.assembly(loop)
    assert "cmp" not in jit.assembly(loop, level=2)
    assert call(jit.load(loop, ["count"], level=2), "count") == 1000


def test_code_is_never_writable_and_variables_are_never_executable():
    if not linker.IS_AVAILABLE:
        pytest.skip("LLVM's loader sees to it")
    library = jit.load(EVERYTHING, ["everything", "count", "table"])
    protections = {}
    with Path("/proc/self/maps").open() as lines:
        for line in lines:
            span, flags, *_ = line.split()
            low, high = (int(x, 16) for x in span.split("-"))
            for name, address in library.addresses.items():
                if low <= address < high:
                    protections[name] = flags[:3]
    assert protections == {"everything": "r-x", "count": "rw-", "table": "r--"}


def test_threads_can_compile_at_once():
    results = {}

    def compile_one(i):
        x = np.array([float(i)])
        call(jit.load(TWICE, ["twice"]), "twice", x)
        results[i] = x[0]

    threads = [threading.Thread(target=compile_one, args=(i,)) for i in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == {i: 2.0 * i for i in range(8)}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="a system without fork")
def test_a_child_process_can_call_what_its_parent_compiled():
    script = (
        "import os, sys\n"
        f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
        "import numpy as np, test_jit\n"
        "from chainrule.compiler.machine_code import jit\n"
        "library = jit.load(test_jit.EVERYTHING, ['everything'])\n"
        "child = os.fork()\n"
        "status = test_jit.call(library, 'everything', np.zeros(4))\n"
        "if child == 0: os._exit(status)\n"
        "print(status, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))\n"
    )
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.split() == ["41", "41"]


def test_scipy_works_as_ever_after_its_blas_was_loaded_alone():
    script = (
        "import sys\n"
        "from chainrule.compiler.machine_code import symbols\n"
        "symbols._wheel_library = lambda: None\n"
        "assert symbols.address_of('chainrule_sgemm')\n"
        "assert symbols.address_of('chainrule_dgesv')\n"
        "assert 'scipy.linalg' not in sys.modules\n"
        "import scipy.linalg, scipy.linalg.cython_blas, numpy as np\n"
        "assert scipy.linalg.cython_blas.__pyx_capi__['sgemm']\n"
        "assert (scipy.linalg.solve(np.eye(2) * 2, np.ones(2)) == 0.5).all()\n"
        "assert scipy.linalg.expm(np.zeros((2, 2)))[0, 0] == 1\n"
    )
    subprocess.run([sys.executable, "-W", "error", "-c", script], check=True)


@pytest.mark.parametrize("name", ["dgemv", "ddot", "zdotu", "zgemm", "dgesv", "dpotrf", "dsyevd"])
def test_blas_and_lapack_are_bound_by_name(routines, name):
    assert symbols.address_of("chainrule_" + name)


def test_an_unknown_symbol_is_named(routines):
    text = TWICE.replace("fmul double %x, 2.0", "call double @chainrule_nothing(double %x)")
    with pytest.raises(NativeCodeError, match=r"no function 'chainrule_nothing' was found"):
        jit.load("declare double @chainrule_nothing(double)" + text, ["twice"])
    with pytest.raises(NativeCodeError, match=r"no function 'chainrule nothing' was found"):
        symbols.address_of("chainrule nothing")


@pytest.mark.parametrize("effort", [0, 1, 2, 3])
def test_code_of_every_effort_does_the_same(loader, effort):
    cell = np.zeros(4)
    library = jit.load(EVERYTHING, ["everything"], effort=effort)
    assert call(library, "everything", cell) == 41
    assert list(cell) == [7.25**2, 2, 3, 4]


def test_a_text_that_llvm_refuses_says_why():
    with pytest.raises(NativeCodeError, match=r"(?s)LLVM refused a module of 3 lines: .*error"):
        jit.object_code("define i64 @f() {\n  ret i32 0\n}")


def test_what_is_no_object_file_is_refused():
    code = jit.object_code(TWICE)
    with pytest.raises(NativeCodeError, match="not an object file of this version"):
        jit.load_object(code.replace(b"object 1", b"object 0"), ["twice"])
    if linker.IS_AVAILABLE:
        with pytest.raises(NativeCodeError, match="cannot be loaded: a truncated object file"):
            jit.load_object(code[:-100], ["twice"])
        with pytest.raises(NativeCodeError, match="not a relocatable object file for x86-64"):
            jit.load_object(code.replace(b"\x7fELF", b"\x7fFLE"), ["twice"])


@pytest.mark.skipif(not linker.IS_AVAILABLE, reason="another kind of machine")
def test_an_object_file_lists_what_it_leaves_open():
    data = jit.object_code(EVERYTHING).split(b"\n", 2)[2]
    assert sorted(read_object(data).undefined.values()) == ["memcpy", "pow"]


@pytest.mark.skipif(not linker.IS_AVAILABLE, reason="another kind of machine")
@pytest.mark.parametrize(
    ("field", "value", "why"),
    [
        ("kind", 250, r"kinds that are not known: \[250\]"),
        ("offset", 1 << 20, "an address behind the end"),
        ("offset", -8, "an address behind the end"),
        ("symbol", 1 << 20, "of a symbol behind the last"),
        ("addend", 1 << 40, "too far away"),
    ],
)
def test_addresses_that_cannot_be_written_are_refused(field, value, why):
    code = jit.object_code(EVERYTHING)
    head, data = code[: -len(code.split(b"\n", 2)[2])], code.split(b"\n", 2)[2]
    rows = max(read_object(data).relocations.values(), key=len)
    assert data.count(rows.tobytes()) == 1
    changed = rows.copy()
    changed[field] = value
    with pytest.raises(NativeCodeError, match=why):
        jit.load_object(head + data.replace(rows.tobytes(), changed.tobytes()), ["everything"])
