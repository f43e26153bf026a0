"""Running a program natively, and the assembly of machines that are not at hand."""

import ctypes
import functools

import numpy as np

from chainrule.compiler.emission.emit import emit
from chainrule.compiler.machine_code.jit import load
from chainrule.compiler.machine_code.machine import Machine


@functools.cache
def llvm():
    import llvmlite.binding

    llvmlite.binding.initialize_all_targets()
    llvmlite.binding.initialize_all_asmprinters()
    return llvmlite.binding


def assembly(program, machine):
    module = llvm().parse_assembly(emit(program, "step", machine).text)
    module.verify()
    target = llvm().Target.from_triple(machine.triple)
    options = {"cpu": machine.cpu, "features": machine.features, "opt": 2, "codemodel": "small"}
    return target.create_target_machine(**options).emit_assembly(module)


def compiled(program, machine=None):
    """Return a function of the arrays of the slots, which returns the status."""
    emitted = emit(program, "step", machine or Machine.host())
    library = load(emitted.text, ["step"])
    signature = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)
    step = signature(library.address("step"))

    def call(arrays):
        given = [a if a is None else a.ctypes.data for a in arrays]
        for buffer, content in program.constants.items():
            given[buffer.slot] = content.ctypes.data
        pointers = (ctypes.c_void_p * max(1, len(given)))(*given)
        arena = np.empty(emitted.arena + 64, np.uint8)
        return step(ctypes.addressof(pointers), -(-arena.ctypes.data // 64) * 64)

    call.library = library
    return call
