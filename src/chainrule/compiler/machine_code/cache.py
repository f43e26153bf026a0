"""Compiled code on disk: for the next process, which then needs no compiler.

`CHAINRULE_CACHE` is a folder, or `off`; without it the system's folder for caches is taken. Machine code is executed
as it is read, so the folder has to be its user's own, and closed to the writing of others.
"""

from __future__ import annotations

import contextlib
import functools
import os
import stat
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from typing import Any

from chainrule.compiler.machine_code.stamp import stamp
from chainrule.records import record

try:
    from _blake2 import blake2b  # hashlib would load OpenSSL, which takes some milliseconds
except ImportError:
    from hashlib import blake2b

LIMIT = 256 * 1024 * 1024
"""The most bytes that the folder holds; what was not read for the longest time goes."""
_FORMAT = b"chainrule cache 1\n"
_DIGEST = 32
_SUFFIX = ".chainrule"
_ABANDONED = 3_600  # seconds after which a file that was not finished is nobody's
_READ_AGAIN = 3_600  # seconds after which a reading is worth a new date
_OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH


def key_of(*parts: str | bytes) -> str:
    """Return the key of what is made of `parts` on this machine by this version."""
    digest = _stamped().copy()
    for part in parts:
        _add(digest, part)
    return str(digest.hexdigest())


@functools.cache
def _stamped() -> Any:
    digest = blake2b(_FORMAT, digest_size=_DIGEST)
    for part in stamp():
        _add(digest, part)
    return digest


def _add(digest: Any, part: str | bytes) -> None:
    data = part.encode() if isinstance(part, str) else part
    digest.update(len(data).to_bytes(8, "little"))
    digest.update(data)


def is_on() -> bool:
    """Say whether what is compiled is kept for the next process."""
    return _folder() is not None


def cached(parts: tuple[str | bytes, ...], make: Callable[[], bytes]) -> bytes:
    """Return what `make` returned for `parts` earlier, or have it made and keep it."""
    if not is_on():
        return make()
    key = key_of(*parts)
    data = get(key)
    if data is None:
        data = make()
        put(key, data)
    return data


def get(key: str) -> bytes | None:
    """Return what was kept under a key; None if there is nothing, or nothing whole."""
    folder = _folder()
    if folder is None:
        return None
    with _opened(folder) as place:
        return None if place is None else _read(place, key)


def put(key: str, data: bytes) -> None:
    """Keep something under a key. If it cannot be written, nothing happens: the next process compiles again."""
    folder = _folder()
    if folder is None:
        return
    with contextlib.suppress(OSError):
        os.makedirs(folder, mode=0o700, exist_ok=True)
    with _opened(folder) as place:
        if place is not None:
            with contextlib.suppress(OSError):
                _write(place, key, data)
                _trim(place)


@record
class _Place:
    """An open folder. Files are named relative to it, so that nobody can put another in its place meanwhile."""

    path: str
    number: int | None

    def name(self, name: str) -> str:
        return name if self.number is not None else os.path.join(self.path, name)


@contextlib.contextmanager
def _opened(folder: str) -> Iterator[_Place | None]:
    """Open a folder; None if there is none, or one that others could write to."""
    if os.open not in os.supports_dir_fd:
        yield _Place(folder, None) if os.path.isdir(folder) else None
        return
    try:
        number = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        yield None
        return
    try:
        yield _Place(folder, number) if _is_private(folder, os.fstat(number)) else None
    finally:
        os.close(number)


def _is_private(folder: str, status: os.stat_result) -> bool:
    if status.st_uid == os.geteuid() and not status.st_mode & _OTHERS_MAY_WRITE:
        return True
    _warn(folder)
    return False


@functools.cache
def _warn(folder: str) -> None:
    """Say it once in a process."""
    warnings.warn(
        f"chainrule: the cache {folder} is not used: others than you can write to it, and what it holds is executed. "
        f"Hint: chmod go-w it, delete it, or set CHAINRULE_CACHE to a folder of your own.",
        RuntimeWarning,
        stacklevel=2,
    )


def _read(place: _Place, key: str) -> bytes | None:
    name = place.name(key + _SUFFIX)
    try:
        with os.fdopen(os.open(name, os.O_RDONLY | _FLAGS, dir_fd=place.number), "rb") as file:
            status = os.fstat(file.fileno())
            data = file.read()
    except OSError:
        return None
    if os.name == "posix" and (status.st_uid != os.geteuid() or status.st_mode & _OTHERS_MAY_WRITE):
        return None
    head = len(_FORMAT) + _DIGEST
    if data[:head] != _FORMAT + _checksum(key, data[head:]):
        return None
    if time.time() - status.st_mtime > _READ_AGAIN:
        with contextlib.suppress(OSError):
            os.utime(name, dir_fd=place.number)
    return data[head:]


def _write(place: _Place, key: str, data: bytes) -> None:
    """Write a file under a name of its own and rename it: a reader sees all of it or nothing."""
    draft = place.name(f"{os.urandom(8).hex()}.draft")
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | _FLAGS
    try:
        with os.fdopen(os.open(draft, flags, 0o600, dir_fd=place.number), "wb") as file:
            file.write(_FORMAT + _checksum(key, data) + data)
        os.replace(
            draft, place.name(key + _SUFFIX), src_dir_fd=place.number, dst_dir_fd=place.number
        )
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(draft, dir_fd=place.number)
        raise


def _checksum(key: str, data: bytes) -> bytes:
    return bytes(blake2b(data, digest_size=_DIGEST, key=key.encode()[:64]).digest())


def _trim(place: _Place) -> None:
    """Delete drafts that nobody finished, and beyond the limit the files that were not read for the longest time."""
    now, files = time.time(), []
    with os.scandir(place.path if place.number is None else place.number) as entries:
        names = [entry.name for entry in entries]
    for name in names:
        with contextlib.suppress(OSError):
            status = os.stat(place.name(name), dir_fd=place.number, follow_symlinks=False)
            if name.endswith(_SUFFIX):
                files.append((status.st_mtime, status.st_size, name))
            elif name.endswith(".draft") and now - status.st_mtime > _ABANDONED:
                os.unlink(place.name(name), dir_fd=place.number)
    size = sum(s for _, s, _ in files)
    for _, s, name in sorted(files):
        if size <= LIMIT:
            break
        with contextlib.suppress(OSError):
            os.unlink(place.name(name), dir_fd=place.number)
        size -= s


_FLAGS = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)


def _folder() -> str | None:
    """Return where the cache is; None if it is off."""
    setting = os.environ.get("CHAINRULE_CACHE", "")
    if setting.lower() == "off":
        return None
    folder = os.path.expanduser(setting or _default())
    # ~ is left of one without a home.
    return None if folder.startswith("~") else os.path.abspath(folder)


def _default() -> str:
    """Return the system's folder for caches."""
    if sys.platform == "win32":
        return os.path.join(os.environ.get("LOCALAPPDATA") or "~", "chainrule", "cache")
    if sys.platform == "darwin":
        return "~/Library/Caches/chainrule"
    return os.path.join(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "chainrule")
