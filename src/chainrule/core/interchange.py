"""What the Array API standard asks of an array besides NumPy's methods: its namespace, its device, DLPack."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.errors import ArgumentError

ARRAY_API_VERSIONS = ("2021.12", "2022.12", "2023.12", "2024.12", "2025.12")
"""The versions of the standard that the namespace answers for; its names only grew, so the last serves them all."""

DEVICE = "cpu"
"""The one device there is."""

_DLPACK_CPU = (1, 0)
"""`kDLCPU` of dlpack.h, and which of them."""

_NO_EXPORT = (
    "an export of its memory (DLPack)",
    "return the value from the function and export it outside, or export cr.stop_gradient(x)",
)
_NAMESPACES: list[Callable[[], Any]] = []


def register_namespace(load: Callable[[], Any]) -> None:
    """Have arrays name what `load` returns as their namespace. It stands above this layer, hence by registration."""
    _NAMESPACES.append(load)


class Interchange:
    """The part of the standard by which libraries find and hand over each other's arrays."""

    __slots__ = ()
    plain: Callable[[str, str], Any]
    __array__: Callable[..., Any]

    def __array_namespace__(self, *, api_version: str | None = None) -> Any:
        """Return `chainrule.numpy`.

        Raises:
            ArgumentError: another version of the standard was asked for.
        """
        if api_version is not None and api_version not in ARRAY_API_VERSIONS:
            raise ArgumentError.from_choice(
                "__array_namespace__", "api_version", api_version, ARRAY_API_VERSIONS
            )
        return _NAMESPACES[-1]()

    @property
    def device(self) -> str:
        """Where the numbers are."""
        return DEVICE

    def to_device(self, device: str, /, *, stream: Any = None) -> Any:
        """Return itself: there is one device.

        Raises:
            ArgumentError: another device was named.
        """
        if device != DEVICE:
            raise ArgumentError.from_choice("to_device", "device", device, (DEVICE,))
        return self

    def __dlpack__(self, **options: Any) -> Any:
        """Export through DLPack what is not traced any more; an array made inside a trace shares its memory.

        Raises:
            EscapedValueError: a trace is running that would lose the value.
        """
        self.plain(*_NO_EXPORT)
        return self.__array__().__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        return _DLPACK_CPU
