"""Tracebacks of errors in a step that runs in parts: they show the lines of the step as if it ran as it stands."""

from __future__ import annotations

from types import CodeType, TracebackType

_OURS = __name__.partition(".splitting")[0]


def as_it_stands(error: BaseException, step: CodeType) -> TracebackType | None:
    """Return the traceback of an error without what calls the parts; all of it if the error is ours.

    Args:
        error: what was raised.
        step: the code that calls the parts, each from the line of its first statement.
    """
    traces = []
    trace = error.__traceback__
    while trace is not None:
        traces.append(trace)
        trace = trace.tb_next
    if not traces or _is_ours(traces[-1]):
        return error.__traceback__
    shown = None
    following = traces[-1]
    for trace in reversed(traces):
        calls_part = trace.tb_frame.f_code is step and _is_ours(following)
        if not calls_part and not _is_ours(trace):
            shown = TracebackType(shown, trace.tb_frame, trace.tb_lasti, trace.tb_lineno)
        following = trace
    return shown


def _is_ours(trace: TracebackType) -> bool:
    module = trace.tb_frame.f_globals.get("__name__")
    return isinstance(module, str) and f"{module}.".startswith(f"{_OURS}.")
