"""Several steps compiled as one: most of what a compilation takes is paid once."""

import chainrule as cr
from chainrule.errors import NotCompiledError


def compiled_together(steps, arguments):
    """Return what each step returns for its arguments, by native code wherever it has native code by itself.

    Where one of them leaves a call to Python the whole would go there, and so each is compiled alone.
    """
    whole = cr.compile(lambda *given: [f(*xs) for f, xs in zip(steps, given, strict=True)])
    results = whole(*arguments)
    try:
        whole.captured
    except NotCompiledError:
        return [cr.compile(f)(*xs) for f, xs in zip(steps, arguments, strict=True)]
    return results
