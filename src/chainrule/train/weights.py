"""Parameters in a safetensors file, one tensor per leaf, named by its place in the container."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from chainrule import tree
from chainrule.errors import DataError
from chainrule.train.files import write_atomically


def save_weights(path: str | Path, params: Any) -> None:
    """Write the arrays of a model or another container to a safetensors file, atomically.

    Raises:
        UsageError: the file cannot be written.

    Examples:
        >>> import tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     save_weights(f"{folder}/w.safetensors", {"w": np.ones(2)})
        ...     load_weights(f"{folder}/w.safetensors", like={"w": np.zeros(2)})
        {'w': array([1., 1.])}
    """
    from safetensors.numpy import save

    arrays = [np.asarray(leaf, order="C") for leaf in tree.leaves(params)]
    content = save(dict(zip(tree.paths(params), arrays, strict=True)))
    write_atomically(Path(path), content)


def load_weights(path: str | Path, like: Any) -> Any:
    """Read a safetensors file into a container with the structure and the shapes of `like`.

    Raises:
        DataError: the file cannot be read, or holds other names or shapes.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        arrays = load(Path(path).read_bytes())
    except (OSError, SafetensorError) as error:
        raise DataError.from_weights(str(path), str(error)) from error
    leaves, structure = tree.flatten(like)
    expected = dict(zip(tree.paths(like), map(np.shape, leaves), strict=True))
    got = {name: array.shape for name, array in arrays.items()}
    if got != expected:
        raise DataError.from_weights(str(path), f"it holds {got}, the model {expected}")
    return tree.unflatten(structure, [arrays[name] for name in expected])
