"""What compiled code depends on besides its source: this processor, this library, LLVM. Found without loading LLVM."""

from __future__ import annotations

import functools
import importlib.util
import os
import platform
import sys

import numpy as np

_LIBRARY = os.path.abspath(os.path.join(os.path.dirname(__file__), "..", ".."))
_CPU_LINES = (b"model name", b"flags", b"CPU implementer", b"CPU part", b"Features", b"isa")
_ENDINGS = (".so", ".dylib", ".dll", ".pyd")
_ABOVE = frozenset({"cli", "data", "explanation", "lecture", "optim", "train"})
"""Packages that the compiler does not import: what they do is in the graph."""
_ENOUGH = 16_384  # bytes for the first processor; the file of a big machine takes long to make


@functools.cache
def stamp() -> tuple[str, ...]:
    """Return texts that change whenever code that was compiled before may no longer be right."""
    return (
        sys.platform,
        platform.machine(),
        sys.implementation.cache_tag or sys.version,
        np.__version__,
        _processor(),
        _llvm(),
        _scipy(),
        _own_source(_LIBRARY),
    )


def _processor() -> str:
    """Name the processor and what it can do, as the operating system does."""
    try:
        with open("/proc/cpuinfo", "rb", buffering=0) as file:
            text = file.read(_ENOUGH)
    except OSError:
        return platform.processor()
    lines = text.split(b"\n\n", 1)[0].splitlines()
    return b"\n".join(line for line in lines if line.startswith(_CPU_LINES)).decode()


def _llvm() -> str:
    """Name the build of LLVM: a version of llvmlite may come with several."""
    return _files("llvmlite", "_version.py", "binding")


def _scipy() -> str:
    """Name the build of SciPy, whose functions compute the constants of a step."""
    return _files("scipy", "version.py", "special")


def _files(package: str, version: str, folder: str) -> str:
    """Tell the state of a package that is not loaded for it: of one file, and of the libraries in a folder."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        return ""
    root = os.path.dirname(spec.origin)
    with os.scandir(os.path.join(root, folder)) as entries:
        libraries = sorted(
            f"{e.name} {e.stat().st_size}" for e in entries if e.name.endswith(_ENDINGS)
        )
    file = os.stat(os.path.join(root, version))
    return f"{root} {file.st_size} {file.st_mtime_ns} {' '.join(libraries)}"


def _own_source(folder: str) -> str:
    """Tell the state of this library: a number would miss what a developer changed."""
    lines: list[str] = []
    _list_source(folder, lines, _ABOVE)
    return "\n".join(sorted(lines))


def _list_source(folder: str, lines: list[str], without: frozenset[str] = frozenset()) -> None:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.endswith(".py"):
                file = entry.stat()
                lines.append(f"{entry.path} {file.st_size} {file.st_mtime_ns}")
            elif entry.name != "__pycache__" and entry.name not in without and entry.is_dir():
                _list_source(entry.path, lines)
