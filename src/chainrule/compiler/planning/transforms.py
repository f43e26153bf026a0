"""Fourier transforms along one axis: by which ufunc of `numpy.fft`, of how many numbers, times what."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from chainrule.compiler.planning.plan import DType
from chainrule.core.op import Ufunc

_MODULE = "numpy.fft._pocketfft_umath"
_UNDONE_BY = {"backward": "forward", "forward": "backward", "ortho": "ortho"}

TRANSFORMS = ("transform", "inverse_transform", "real_transform", "inverse_real_transform")
"""The ops that are transforms."""


class Transform(NamedTuple):
    """A transform along one axis.

    Attributes:
        ufunc: computes it.
        loop: the dtypes of what is transformed, of the factor, and of the result.
        made: the dtype that NumPy's result has then.
        size: of the axis, in the result.
        factor: by which the result is multiplied.
    """

    ufunc: Ufunc
    loop: tuple[DType, ...]
    made: DType
    size: int
    factor: Any

    @property
    def types(self) -> str:
        """The loop, as in `ufunc.types`."""
        return "{}{}->{}".format(*(t.char for t in self.loop))


def transform_of(
    name: str, dtype: DType, made: DType, *, size: int, n: int, norm: str
) -> Transform:
    """Return a transform as NumPy does it.

    Args:
        name: of the op.
        dtype: of what is transformed.
        made: the dtype of the result.
        size: of the axis that is transformed.
        n: how many points the transform has.
        norm: NumPy's parameter.
    """
    is_inverse = name.startswith("inverse")
    ufunc, size = _ufunc_of(name, size, n)
    factor = _factor(n, _UNDONE_BY[norm] if is_inverse else norm, np.empty(0, made).real.dtype)
    given = int if type(factor) is int else factor.dtype
    loop = ufunc.function.resolve_dtypes((dtype, given, None))
    return Transform(ufunc, loop, made, size, np.asarray(factor, loop[1]))


def _ufunc_of(name: str, size: int, n: int) -> tuple[Ufunc, int]:
    """Return what computes a transform, and the size of its result."""
    if name == "real_transform":
        return Ufunc(_MODULE, "rfft_n_odd" if n % 2 else "rfft_n_even"), n // 2 + 1
    if name == "inverse_real_transform":
        return Ufunc(_MODULE, "irfft"), n
    return Ufunc(_MODULE, "ifft" if name == "inverse_transform" else "fft"), size


def _factor(n: int, norm: str, dtype: DType) -> Any:
    if norm == "ortho":
        return np.reciprocal(np.sqrt(n, dtype=dtype))
    return np.reciprocal(n, dtype=dtype) if norm == "forward" else 1
