"""LLVM IR becomes machine code, and machine code a library in memory.

Two steps, so that the first can be left out when the cache has its result: `object_code` is the only one that needs
LLVM, which takes some 40 ms to load.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from chainrule.compiler.machine_code import linker
from chainrule.compiler.machine_code.cache import cached
from chainrule.compiler.machine_code.symbols import address_of
from chainrule.errors import NativeCodeError
from chainrule.forks import forks_wait, held_by_forks
from chainrule.records import record

_FORMAT = b"chainrule object 1\n"
LOCK = held_by_forks()
"""Held while LLVM works, and until its objects are gone, which is work for it too.

A signal's handler may compile as well: who holds it can take it again.
"""


@record
class Library:
    """Compiled functions in memory. Their addresses are good as long as this object lives.

    Attributes:
        addresses: by name.
        owner: what has to be kept alive.
    """

    addresses: Mapping[str, int]
    owner: Any

    def address(self, name: str) -> int:
        """Return the address of a function."""
        return self.addresses[name]


def load(
    ir: str,
    names: Sequence[str],
    symbols: Mapping[str, int] | None = None,
    *,
    level: int = 0,
    effort: int = 2,
) -> Library:
    """Compile LLVM IR, or take it from the cache, and load it.

    Args:
        ir: the text of a module.
        names: the functions whose addresses are wanted.
        symbols: addresses of outside names; those not given are looked up, see `symbols.py`.
        level: of LLVM's pass pipeline; 0 runs none, for the emitter writes vectors already.
        effort: of LLVM's code generation; with 0 it takes a fifth of the time, and the code is worse.
    """
    return load_object(kept_object_code(ir, level=level, effort=effort), names, symbols)


def kept_object_code(ir: str, *, level: int = 0, effort: int = 2) -> bytes:
    """Compile LLVM IR as `object_code` does, or take the result from the cache."""
    parts = ("object", str(linker.IS_AVAILABLE), str(level), str(effort), ir)
    return cached(parts, lambda: object_code(ir, level=level, effort=effort))


def object_code(ir: str, *, level: int = 0, effort: int = 2) -> bytes:
    """Compile LLVM IR to an object file for this machine, in the form that `load_object` takes."""
    with LOCK:
        return _object_code(ir, level, effort)


def _object_code(ir: str, level: int, effort: int) -> bytes:
    llvm = _llvm()
    target = _machine(effort)
    try:
        module = llvm.parse_assembly(ir)
        module.verify()
    except RuntimeError as error:
        raise NativeCodeError.from_llvm(str(error), ir) from error
    module.triple = target.triple
    module.data_layout = str(target.target_data)
    if level:
        _optimise(llvm, target, module, level)
    named = (*module.functions, *module.global_variables)
    outside = "\0".join(x.name for x in named if x.is_declaration)
    return b"".join((_FORMAT, outside.encode(), b"\n", target.emit_object(module)))


def assembly(ir: str, *, level: int = 0) -> str:
    """Compile LLVM IR to the text of its machine code, for people."""
    with LOCK:
        return _assembly(ir, level)


def _assembly(ir: str, level: int) -> str:
    llvm = _llvm()
    target = _machine(2)
    module = llvm.parse_assembly(ir)
    if level:
        _optimise(llvm, target, module, level)
    return str(target.emit_assembly(module))


def load_object(
    code: bytes, names: Sequence[str], symbols: Mapping[str, int] | None = None
) -> Library:
    """Load what `object_code` made, on this machine or on one with the same processor and system."""
    kind, outside, data = code.split(b"\n", 2)
    if kind + b"\n" != _FORMAT:
        raise NativeCodeError.from_object("not an object file of this version")
    resolve = _resolver(symbols or {})
    if not linker.IS_AVAILABLE:
        return _load_with_llvm(data, outside.decode().split("\0"), names, resolve)
    try:
        image = linker.link(data, resolve)
    except ValueError as error:
        raise NativeCodeError.from_object(str(error)) from error
    return Library({name: image.addresses[name] for name in names}, image)


def _resolver(symbols: Mapping[str, int]) -> Callable[[str], int]:
    def resolve(name: str) -> int:
        address = symbols.get(name)
        return address_of(name) if address is None else address

    return resolve


def _load_with_llvm(
    data: bytes, outside: Sequence[str], names: Sequence[str], resolve: Callable[[str], int]
) -> Library:
    """Load an object file by LLVM's loader, on systems that `linker.py` does not know."""
    with LOCK:
        llvm = _llvm()
        for name in outside:
            if name and not name.startswith("llvm."):
                llvm.add_symbol(name, resolve(name))
        engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), _new_machine(2))
        engine.add_object_file(llvm.object_file.ObjectFileRef.from_data(data))
        engine.finalize_object()
        addresses = {name: int(engine.get_function_address(name)) for name in names}
    return Library(addresses, engine)


def _optimise(llvm: Any, target: Any, module: Any, level: int) -> None:
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options(level))
    builder.getModulePassManager().run(module, builder)


@functools.cache
def _llvm() -> Any:
    """Load LLVM, which takes some 40 ms."""
    with forks_wait():
        import llvmlite.binding as llvm

    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm


@functools.cache
def _machine(effort: int) -> Any:
    return _new_machine(effort)


def _new_machine(effort: int) -> Any:
    """Describe this machine to LLVM; an execution engine takes the description over."""
    with forks_wait():
        from chainrule.compiler.machine_code.machine import Machine

    host = Machine.host()
    target = _llvm().Target.from_triple(host.triple)
    return target.create_target_machine(
        cpu=host.cpu,
        features=host.features,
        opt=effort,
        reloc="pic",
        codemodel="small" if linker.IS_AVAILABLE else "jitdefault",
        jit=True,
    )
