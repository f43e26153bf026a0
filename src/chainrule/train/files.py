"""Write files whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from chainrule.errors import UsageError


def write_atomically(path: Path, content: bytes) -> None:
    """Write a file under another name and rename it, so that nobody ever sees half of it.

    Raises:
        UsageError: the place cannot be written to; nothing is left there.
    """
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        raise UsageError.from_unwritable(str(path), error.strerror or str(error)) from error
    finally:
        part.unlink(missing_ok=True)
