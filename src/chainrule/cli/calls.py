"""Call a user's function for a command: its own failures are told by their line, without a traceback."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from chainrule.errors import ChainruleError, UsageError
from chainrule.position import Position, is_user_file

T = TypeVar("T")


def told(name: str, function: Callable[..., Any], run: Callable[[], T]) -> T:
    """Run something that calls `function`, which the user calls `name`.

    Raises:
        UsageError: the call failed; with the line of the user's code where it did.
    """
    try:
        return run()
    except ChainruleError as error:
        reason = f"{error.message.rstrip('.')} (at {_place(function, error)})"
        raise UsageError.from_function(name, reason, error.hint) from error
    except MemoryError:
        raise
    except Exception as error:
        raise UsageError.from_function(
            name,
            f"the call failed with {type(error).__name__}: {error} (at {_place(function, error)})",
            "check the arguments; --args and --shape set them.",
        ) from error


def _place(function: Any, error: Exception) -> str:
    """Return the innermost line of the user's code that an error came from, or the function's first."""
    code = getattr(function, "__code__", None)
    place = None if code is None else Position(code, 0)
    step = error.__traceback__
    while step is not None:
        code = step.tb_frame.f_code
        if is_user_file(code.co_filename):
            place = Position(code, step.tb_lasti)
        step = step.tb_next
    return str(place or "the call")
