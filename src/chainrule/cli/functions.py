"""Find a user's function by its name, and arguments to call it with."""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.errors import UsageError

_FORM = "write MODULE:FUNCTION, such as model:loss, or FILE.py:FUNCTION."
_ARGUMENTS = "give --shape once per argument, --args FILE.npz, or defaults in the signature."


def find_function(name: str) -> Callable[..., Any]:
    """Import `module:function` or `path/file.py:function`, from the current folder too.

    Raises:
        UsageError: there is no such module or function, or importing it failed.
    """
    place, colon, attribute = name.rpartition(":")
    if not colon or not place or not attribute:
        raise UsageError.from_function(name, "is not the name of a function", _FORM)
    module = _import(name, place)
    function = getattr(module, attribute, None)
    if not callable(function):
        functions = (k for k, v in vars(module).items() if inspect.isfunction(v))
        found = sorted(name for name in functions if not name.startswith("_"))
        listed = ", ".join(found[:12]) or "none"
        reason = f"{place} has no function {attribute!r}; its functions: {listed}"
        raise UsageError.from_function(name, reason, _FORM)
    return function  # type: ignore[no-any-return]  # a module's attribute may be anything


def find_arguments(
    name: str,
    function: Callable[..., Any],
    *,
    file: Path | None,
    shapes: Sequence[str],
    rng: np.random.Generator,
) -> tuple[Any, ...]:
    """Return positional arguments: from a file, random ones of given shapes, or the defaults.

    Raises:
        UsageError: the file cannot be used, or a parameter is left without a value.
    """
    parameters = _parameters(name, function)
    if file is not None and shapes:
        reason = "got both --args and --shape"
        raise UsageError.from_function(name, reason, "give one of the two.")
    if file is not None:
        given = _from_file(file, parameters)
    else:
        arrays = [rng.standard_normal(parse_shape(text)) for text in shapes]
        if len(arrays) > len(parameters):
            reason = f"got {len(arrays)} shapes for {len(parameters)} parameters"
            raise UsageError.from_function(name, reason, _ARGUMENTS)
        given = dict(zip((p.name for p in parameters), arrays, strict=False))
    return tuple(_value(name, parameter, given) for parameter in parameters)


def parse_shape(text: str) -> tuple[int, ...]:
    """Read a shape; `scalar` is the shape of a single number.

    >>> parse_shape("3,4"), parse_shape("3"), parse_shape("scalar")
    ((3, 4), (3,), ())

    Raises:
        UsageError: the text is not a shape.
    """
    if text.strip() == "scalar":
        return ()
    try:
        shape = tuple(int(part) for part in text.strip("() ,").split(","))
    except ValueError:
        shape = (-1,)
    if min(shape) < 0:
        expected = "sizes separated by commas, such as 3,4, or scalar"
        raise UsageError.from_option("--shape", text, expected)
    return shape


def _import(name: str, place: str) -> ModuleType:
    """Import a module by its file or its dotted name."""
    try:
        if place.endswith(".py"):
            return _import_file(Path(place))
        sys.path.insert(0, str(Path.cwd()))
        try:
            return importlib.import_module(place)
        finally:
            sys.path.pop(0)
    except Exception as error:
        reason = f"importing {place} failed: {type(error).__name__}: {error}"
        raise UsageError.from_function(name, reason, _FORM) from error


def _import_file(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None or not path.exists():
        raise FileNotFoundError(path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    spec.loader.exec_module(module)
    return module


def _parameters(name: str, function: Callable[..., Any]) -> list[inspect.Parameter]:
    """Return the parameters that can be given by position."""
    try:
        signature = inspect.signature(function)
    except ValueError as error:
        raise UsageError.from_function(name, "has no readable signature", _FORM) from error
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return [p for p in signature.parameters.values() if p.kind in positional]


def _from_file(file: Path, parameters: Sequence[inspect.Parameter]) -> dict[str, Any]:
    """Match arrays to parameters by their names; those of `np.savez(file, a, b)` by their order."""
    try:
        with np.load(file, allow_pickle=False) as stored:
            if isinstance(stored, np.ndarray):
                return {p.name: stored for p in parameters[:1]}
            arrays = {key: stored[key] for key in stored.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise UsageError.from_option("--args", str(file), f"an .npz file ({error})") from error
    unnamed = {p.name: f"arr_{i}" for i, p in enumerate(parameters)}
    keys = {p.name: p.name if p.name in arrays else unnamed[p.name] for p in parameters}
    unused = sorted(set(arrays) - set(keys.values()))
    if unused:
        expected = f"arrays named {', '.join(p.name for p in parameters)}; not {', '.join(unused)}"
        raise UsageError.from_option("--args", str(file), expected)
    return {parameter: arrays[key] for parameter, key in keys.items() if key in arrays}


def _value(name: str, parameter: inspect.Parameter, given: dict[str, Any]) -> Any:
    if parameter.name in given:
        return given[parameter.name]
    if parameter.default is inspect.Parameter.empty:
        reason = f"parameter {parameter.name!r} has no value"
        raise UsageError.from_function(name, reason, _ARGUMENTS)
    return parameter.default
