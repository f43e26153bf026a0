"""Compiled code on disk: found again, whole or not at all, and only in a folder of one's own."""

import os
import stat
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

from chainrule.compiler.machine_code import cache, jit, stamp

posix = pytest.mark.skipif(os.name != "posix", reason="permissions as on Unix")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """A cache of the test's own."""
    path = tmp_path / "cache"
    monkeypatch.setenv("CHAINRULE_CACHE", str(path))
    cache._warn.cache_clear()
    return path


def files(folder):
    return sorted(folder.iterdir())


def test_what_was_put_is_found_again(folder):
    key = cache.key_of("a", b"b")
    assert cache.get(key) is None
    for data in (b"", b"code", bytes(range(256)) * 1000):
        cache.put(key, data)
        assert cache.get(key) == data
    assert len(files(folder)) == 1


def test_something_is_made_once(folder):
    made = []

    def make():
        made.append(1)
        return b"made"

    assert [cache.cached(("x", "y"), make) for _ in range(3)] == [b"made"] * 3
    assert len(made) == 1
    cache.cached(("xy", ""), make)  # the same letters, cut elsewhere
    assert len(made) == 2


def test_a_cache_that_is_off_keeps_nothing(tmp_path, monkeypatch):
    monkeypatch.setenv("CHAINRULE_CACHE", "off")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    made = []
    for _ in range(2):
        cache.cached(("x",), lambda: made.append(1) or b"made")
    cache.put(cache.key_of("x"), b"made")
    assert len(made) == 2
    assert cache.get(cache.key_of("x")) is None
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform != "linux", reason="where Linux keeps caches")
def test_without_a_setting_the_system_says_where(tmp_path, monkeypatch):
    monkeypatch.delenv("CHAINRULE_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    cache.put(cache.key_of("x"), b"code")
    assert len(files(tmp_path / "xdg" / "chainrule")) == 1
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    cache.put(cache.key_of("x"), b"code")
    assert len(files(tmp_path / ".cache" / "chainrule")) == 1


def test_a_file_that_was_damaged_is_ignored_and_written_anew(folder):
    key = cache.key_of("x")
    cache.put(key, b"machine code " * 100)
    (file,) = files(folder)
    whole = file.read_bytes()
    for damaged in (
        b"",
        whole[:10],
        whole[:-1],
        whole + b"x",
        whole.replace(b"machine", b"machina", 1),
        whole.replace(b"cache 1", b"cache 0"),
        b"\0" * len(whole),
    ):
        file.write_bytes(damaged)
        assert cache.get(key) is None
        assert cache.cached(("x",), lambda: b"anew") == b"anew"
        assert cache.get(key) == b"anew"


def test_a_file_under_another_key_is_ignored(folder):
    cache.put(cache.key_of("x"), b"code")
    (file,) = files(folder)
    file.rename(folder / (cache.key_of("y") + ".chainrule"))
    assert cache.get(cache.key_of("y")) is None


@posix
def test_files_and_folder_are_the_owners_alone(folder):
    cache.put(cache.key_of("x"), b"code")
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert [stat.S_IMODE(f.stat().st_mode) for f in files(folder)] == [0o600]


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702, 0o1777])
def test_a_folder_that_others_can_write_to_is_refused(folder, mode):
    key = cache.key_of("x")
    cache.put(key, b"code")
    folder.chmod(mode)
    with pytest.warns(
        RuntimeWarning, match=r"is not used: others than you can write to it.*Hint: chmod go-w"
    ):
        assert cache.get(key) is None
    with warnings.catch_warnings(action="error"):  # it is said once
        assert cache.cached(("y",), lambda: b"made") == b"made"
    assert len(files(folder)) == 1
    folder.chmod(0o755)
    assert cache.get(key) == b"code"


@posix
@pytest.mark.skipif(
    os.name == "posix" and os.geteuid() != 0, reason="only root can give a folder away"
)
def test_a_folder_of_another_user_is_refused(folder):
    key = cache.key_of("x")
    cache.put(key, b"code")
    os.chown(folder, 1234, -1)
    with pytest.warns(RuntimeWarning, match="is not used"):
        assert cache.get(key) is None
    os.chown(folder, os.geteuid(), -1)
    (file,) = files(folder)
    os.chown(file, 1234, -1)
    assert cache.get(key) is None


@posix
def test_a_link_or_a_file_that_others_can_write_to_is_not_read(folder):
    key = cache.key_of("x")
    cache.put(key, b"code")
    (file,) = files(folder)
    file.chmod(0o666)
    assert cache.get(key) is None
    file.chmod(0o600)
    assert cache.get(key) == b"code"
    file.rename(folder / "elsewhere")
    file.symlink_to(folder / "elsewhere")
    assert cache.get(key) is None
    cache.put(key, b"anew")
    assert cache.get(key) == b"anew"
    assert not file.is_symlink()


def test_a_folder_that_cannot_be_made_does_no_harm(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CHAINRULE_CACHE", str(tmp_path / "file" / "cache"))
    assert cache.cached(("x",), lambda: b"made") == b"made"


def test_a_full_disk_does_no_harm(folder, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    assert cache.cached(("x",), lambda: b"made") == b"made"
    assert not files(folder)


def test_the_least_recently_read_go_beyond_the_limit(folder, monkeypatch):
    keys = [cache.key_of(str(i)) for i in range(5)]
    for i, key in enumerate(keys[:4]):
        cache.put(key, bytes(1000))
        os.utime(folder / (key + ".chainrule"), (1e9 + i, 1e9 + i))
    assert cache.get(keys[0]) is not None  # it is the newest from now on
    monkeypatch.setattr(cache, "LIMIT", 3_500)
    cache.put(keys[4], bytes(1000))
    assert [cache.get(key) is not None for key in keys] == [True, False, False, True, True]


def test_abandoned_drafts_are_swept_and_others_are_left(folder):
    cache.put(cache.key_of("x"), b"code")
    for name, age in (("old.draft", 10_000), ("new.draft", 10), ("mine.txt", 10_000)):
        (folder / name).write_text("")
        os.utime(folder / name, (time.time() - age,) * 2)
    cache.put(cache.key_of("y"), b"code")
    assert {f.name for f in files(folder) if f.suffix != ".chainrule"} == {"new.draft", "mine.txt"}


def test_many_writers_and_readers_at_once_see_whole_files(folder):
    key = cache.key_of("x")
    values = [bytes([i]) * 50_000 for i in range(4)]
    seen = set()

    def work(i):
        for _ in range(50):
            cache.put(key, values[i])
            seen.add(cache.get(key))

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert seen <= set(values)
    assert len(files(folder)) == 1


def test_the_key_changes_with_whatever_code_depends_on(monkeypatch):
    key = cache.key_of("x")
    assert key == cache.key_of("x")
    known = stamp.stamp()
    monkeypatch.setattr(cache, "_stamped", cache._stamped.__wrapped__)
    for i in range(len(known)):
        changed = (*known[:i], known[i] + "!", *known[i + 1 :])
        monkeypatch.setattr(cache, "stamp", lambda changed=changed: changed)
        assert cache.key_of("x") != key


def test_a_changed_source_file_changes_the_stamp(tmp_path):
    (tmp_path / "package").mkdir()
    file = tmp_path / "package" / "a.py"
    file.write_text("x = 1")
    before = stamp._own_source(str(tmp_path))
    assert stamp._own_source(str(tmp_path)) == before
    (tmp_path / "package" / "notes.txt").write_text("no code")
    assert stamp._own_source(str(tmp_path)) == before
    file.write_text("x = 10")
    assert stamp._own_source(str(tmp_path)) != before


def test_code_from_the_cache_runs_in_a_process_that_never_loads_llvm(folder):
    script = (
        "import sys, ctypes, numpy as np\n"
        "from chainrule.compiler.machine_code import jit\n"
        "text = 'define i64 @f(ptr %p, ptr %a) { ret i64 42 }'\n"
        "library = jit.load(text, ['f'])\n"
        "f = ctypes.CFUNCTYPE(ctypes.c_int64, ctypes.c_void_p, ctypes.c_void_p)(library.address('f'))\n"
        "print(f(None, None), 'llvmlite.binding' in sys.modules)\n"
    )
    runs = [
        subprocess.run(
            [sys.executable, "-c", script], capture_output=True, text=True, check=True
        ).stdout.split()
        for _ in range(2)
    ]
    assert runs[0] == ["42", "True"]
    assert runs[1] == ["42", str(not jit.linker.IS_AVAILABLE)]
    assert np.all([f.stat().st_size < 10_000 for f in files(folder)])
