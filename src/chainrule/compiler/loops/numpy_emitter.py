"""The emitter that computes at once, with NumPy: an op's own function is what every other emitter is measured by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import numpy as np

from chainrule.compiler.machine_code.special_errors import are_ignored
from chainrule.core.op import TABLE, Ufunc


class NumpyEmitter:
    """Computes ops on arrays and numbers. A method by the name of an op is that op's function."""

    def number(self, value: Any, like: Any) -> Any:
        """Return a number in the dtype of another value."""
        dtype = like if isinstance(like, np.dtype) else like.dtype
        with np.errstate(all="ignore"):
            return dtype.type(value)

    def cast(self, x: Any, dtype: np.dtype[Any]) -> Any:
        """Return a value in another dtype, as `astype` does."""
        array = np.asarray(x)
        if array.dtype.kind == "c" and dtype.kind not in "cb":
            array = array.real
        with np.errstate(all="ignore"):
            return array.astype(dtype)[()]

    def exactly(self) -> AbstractContextManager[None]:
        """Round after every sum and product, as NumPy does in any case."""
        return nullcontext()

    def call_ufunc(self, ufunc: Ufunc, result: int, copies: Sequence[Sequence[Any]]) -> Any:
        """Return a result of a ufunc for the arguments of each copy."""
        function = ufunc.function
        with np.errstate(all="ignore"):
            every = [function(*args) for args in copies]
        return [x[result] if type(x) is tuple else x for x in every]

    def special_errors_are_ignored(self) -> bool:
        """Ask whether SciPy's special functions are to keep errors to themselves."""
        return are_ignored()

    def has_no_exception(self) -> bool:
        """Say that no exception waits: in Python it would have been raised."""
        return True

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name not in TABLE:
            raise AttributeError(name)
        function = TABLE[name].numpy

        def computed(*args: Any) -> Any:
            with np.errstate(all="ignore"):
                return function(*args)

        setattr(self, name, computed)
        return computed
