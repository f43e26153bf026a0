"""The machine that code is emitted for: its vectors, and the names by which LLVM knows it."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.forks import forks_wait
from chainrule.records import record

_AVX512 = ("avx512f", "avx512bw", "avx512dq", "avx512vl")
_NAMED = {
    "avx512": ("x86_64-unknown-linux-gnu", "x86-64-v4", ""),
    "avx2": ("x86_64-unknown-linux-gnu", "x86-64-v3", ""),
    "sse2": ("x86_64-unknown-linux-gnu", "x86-64", ""),
    "neon": ("aarch64-unknown-linux-gnu", "generic", "+neon"),
}


@record
class Machine:
    """A target.

    Attributes:
        triple: LLVM's name of the system.
        cpu: LLVM's name of the processor.
        features: LLVM's list of features, as `+this,-that`.
        vector_bits: the width of its vectors.
        has_fma: whether it multiplies and adds in one rounding.
        has_masks: whether any lanes of a vector can be loaded and stored.
        registers: how many vectors it holds.
    """

    triple: str
    cpu: str
    features: str
    vector_bits: int
    has_fma: bool
    has_masks: bool
    registers: int

    @classmethod
    def host(cls) -> Machine:
        """Return the machine at hand."""
        return _host()

    @classmethod
    def named(cls, name: str) -> Machine:
        """Return a typical machine of a kind, to see the code made for it.

        Args:
            name: `avx512`, `avx2`, `sse2` or `neon`.

        Raises:
            ArgumentError: the name is another.
        """
        if name not in _NAMED:
            raise ArgumentError.from_choice("Machine.named", "name", name, tuple(_NAMED))
        triple, cpu, features = _NAMED[name]
        return _described(triple, cpu, features, _typical(name))

    @property
    def is_x86(self) -> bool:
        """Whether it is of the x86 family."""
        return self.triple.startswith(("x86", "i386", "i686"))

    def lanes(self, dtype: np.dtype[Any]) -> int:
        """Return how many elements of a dtype fit into a vector."""
        return max(1, self.vector_bits // (8 * dtype.itemsize))


@functools.cache
def _host() -> Machine:
    with forks_wait():  # LLVM has a lock
        import llvmlite.binding as llvm

        flags = llvm.get_host_cpu_features()
        triple, cpu = llvm.get_process_triple(), llvm.get_host_cpu_name()
    return _described(triple, cpu, flags.flatten(), frozenset(k for k, on in flags.items() if on))


def _typical(name: str) -> frozenset[str]:
    return frozenset({"avx512": ("avx2", "fma", *_AVX512), "avx2": ("avx2", "fma")}.get(name, ()))


def _described(triple: str, cpu: str, features: str, has: frozenset[str]) -> Machine:
    is_x86 = triple.startswith(("x86", "i386", "i686"))
    is_wide = all(f in has for f in _AVX512)
    return Machine(
        triple=triple,
        cpu=cpu,
        features=features,
        vector_bits=512 if is_wide else 256 if "avx2" in has else 128,
        has_fma="fma" in has or not is_x86,
        has_masks=is_wide,
        registers=32 if is_wide or not is_x86 else 16,
    )
