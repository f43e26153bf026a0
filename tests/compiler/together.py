"""Several steps compiled as one: most of what a compilation takes is paid once."""

import chainrule as cr
from chainrule.errors import NotCompiledError


def compiled_together(steps, arguments):
    """Return what each step returns for its arguments, by native code wherever it has native code by itself.

    Where one of them leaves a call to Python the whole goes there, and so each half is compiled by itself.
    """
    if len(steps) == 1:
        return [cr.compile(steps[0])(*arguments[0])]
    whole = cr.compile(lambda *given: [f(*xs) for f, xs in zip(steps, given, strict=True)])
    results = whole(*arguments)
    if not steps or has_run_natively(whole):
        return results
    half = len(steps) // 2
    return [
        *compiled_together(steps[:half], arguments[:half]),
        *compiled_together(steps[half:], arguments[half:]),
    ]


def has_run_natively(compiled):
    """Say whether a call was served by native code."""
    try:
        return compiled.captured is not None
    except NotCompiledError:
        return False
