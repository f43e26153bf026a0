"""The call entry: from Python's arguments to a native function's pointers, and back."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from chainrule.compiler.entry.native import is_native_possible, make_native_entry
from chainrule.compiler.entry.signature import Signature, Stage
from chainrule.compiler.entry.tables import NotNative
from chainrule.forks import forks_wait


def make_entry(
    signature: Signature, stages: tuple[Stage, ...], owner: Any = None
) -> Callable[..., Any]:
    """Return the function that checks arguments, calls the stages on their memory, and makes the result.

    It takes positional arguments only, and returns a `Declined` instead of the result if the arguments are not those of
    the signature or a guard failed; nothing was written then. It may be called by several threads at once.

    It is machine code wherever Python and NumPy are as that expects them; `CHAINRULE_ENTRY=plain` asks for Python.

    Args:
        signature: what it takes and gives.
        stages: what it runs, in order.
        owner: what has to live as long as the function: the library of the stages.
    """
    if os.environ.get("CHAINRULE_ENTRY") != "plain" and is_native_possible():
        try:
            return make_native_entry(signature, stages, owner)
        except NotNative:
            pass
    with forks_wait():
        from chainrule.compiler.entry.plain import make_plain_entry

    return make_plain_entry(signature, stages, owner)
