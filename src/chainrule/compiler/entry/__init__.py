"""The call entry: from Python's arguments to a native function's pointers, and back."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.compiler.entry.plain import make_plain_entry
from chainrule.compiler.entry.signature import Signature, Stage


def make_entry(
    signature: Signature, stages: tuple[Stage, ...], owner: Any = None
) -> Callable[..., Any]:
    """Return the function that checks arguments, calls the stages on their memory, and makes the result.

    It takes positional arguments only, and returns a `Declined` instead of the result if the arguments are not those of
    the signature or a guard failed; nothing was written then. It may be called by several threads at once.

    Args:
        signature: what it takes and gives.
        stages: what it runs, in order.
        owner: what has to live as long as the function: the library of the stages.
    """
    return make_plain_entry(signature, stages, owner)
