"""Write a file that is whole or not there, and never over anything that exists unless the user says so.

A file has no name while it is made (where the file system can do that, else a temporary one beside the target) and gets
its own only after it was found good, in one step that fails if the name was taken meanwhile.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from inspector.errors import InspectorError

_PRIVATE = 0o600
"""Permissions of a file until it is whole."""


@contextlib.contextmanager
def new_file(target: str, like: os.stat_result | None, replace: bool = False) -> Iterator[Path]:
    """An empty file that becomes `target` when the block ends well, with permissions and owner of the file `like`.

    Without `like` it gets what the umask leaves. `replace`: a regular file of that name is replaced, never one that a
    symbolic link leads to.

    Raises InspectorError when `target` exists in any form (a dangling symbolic link as well), cannot be made, or when
    the disk is full. Whatever goes wrong, no file is left behind; an unnamed one goes even with a killed process.
    """
    final = Path(target)
    if not (replace and _plain_file(final)):
        refuse_existing(final)
    if not final.name or target.endswith("/"):
        raise InspectorError("names no file", target or "''", "give the name of a new file")
    try:
        handle, temporary = _unnamed(final) or _named(final)
    except OSError as error:
        raise InspectorError(
            f"cannot be written: {error.strerror}", target, "name a file in a writable folder"
        ) from None
    try:
        yield temporary
        _own(handle, like)
        if replace and _plain_file(final):
            _take_name(handle, temporary, final)
        else:
            _give_name(handle, temporary, final)
    except OSError as error:
        raise InspectorError(f"cannot be written: {error.strerror}", target, "no file was left behind") from None
    finally:
        os.close(handle)
        if temporary.parent == final.parent:
            temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def new_folder(target: str, like: os.stat_result) -> Iterator[Path]:
    """An empty folder that becomes `target` when the block ends well, with permissions and owner of the folder `like`.

    It has another name until then, and nothing is left behind when the block fails. Raises InspectorError.
    """
    final = Path(target.rstrip("/") or target)
    refuse_existing(final)
    temporary = final.with_name(f".{final.name[:200]}.{os.getpid()}.part")
    try:
        temporary.mkdir(mode=0o700)
    except OSError as error:
        hint = "name a folder that can be made in a writable one"
        raise InspectorError(f"cannot be written: {error.strerror}", target, hint) from None
    try:
        yield temporary
        own_folder(temporary, like)
        refuse_existing(final)
        temporary.rename(final)
    except OSError as error:
        raise InspectorError(f"cannot be written: {error.strerror}", target, "no folder was left behind") from None
    finally:
        import shutil  # loads every compression

        shutil.rmtree(temporary, ignore_errors=True)


def own_folder(path: Path, like: os.stat_result) -> None:
    """Give a folder owner, group and permissions of another, as far as this user may."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        _own(handle, like)
    finally:
        os.close(handle)


def _unnamed(final: Path) -> tuple[int, Path] | None:
    """A file without a name in the target's folder, and a path that opens it; None where there are none."""
    flag = getattr(os, "O_TMPFILE", 0)
    if not flag:
        return None
    try:
        handle = os.open(final.parent, os.O_RDWR | flag, _PRIVATE)
    except OSError:
        return None
    path = Path(f"/proc/self/fd/{handle}")
    if path.exists():
        return handle, path
    os.close(handle)
    return None


def _named(final: Path) -> tuple[int, Path]:
    temporary = final.with_name(f".{final.name[:200]}.{os.getpid()}.part")
    return os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE), temporary


def _own(handle: int, like: os.stat_result | None) -> None:
    """Give the copy owner, group and permissions of the original, as far as this user may.

    Where the group cannot be kept, its permissions are not given to another one.
    """
    if like is None:
        mask = os.umask(0o077)
        os.umask(mask)
        os.fchmod(handle, 0o666 & ~mask)
        return
    for user, group in ((like.st_uid, like.st_gid), (-1, like.st_gid)):
        with contextlib.suppress(PermissionError):
            os.fchown(handle, user, group)
            break
    same_group = os.fstat(handle).st_gid == like.st_gid
    os.fchmod(handle, stat.S_IMODE(like.st_mode) & (0o777 if same_group else 0o707))


def refuse_existing(final: Path) -> None:
    """Raises InspectorError when something of that name exists, a dangling symbolic link as well."""
    if os.path.lexists(final):
        raise InspectorError("exists already", str(final), "name a new file: nothing is ever overwritten")


def _plain_file(path: Path) -> bool:
    """True for a regular file that the name itself is."""
    return path.is_file() and not path.is_symlink()


def _take_name(handle: int, temporary: Path, final: Path) -> None:
    """Name the file in place of another; a reader meets the old or the new one, whole."""
    if temporary.parent == final.parent:
        temporary.replace(final)
        return
    step = final.with_name(f".{final.name[:200]}.{os.getpid()}.part")
    try:
        os.link(temporary, step, src_dir_fd=handle)
        step.replace(final)
    finally:
        step.unlink(missing_ok=True)


def _give_name(handle: int, temporary: Path, final: Path) -> None:
    """Name the file without replacing another: a hard link fails when the name is taken.

    Where there are no hard links, the name is claimed first, and the temporary file renamed onto it.
    """
    try:
        # A directory descriptor, unused for absolute paths, makes Python follow the link in /proc (linkat).
        os.link(temporary, final, src_dir_fd=handle) if temporary.parent != final.parent else os.link(temporary, final)
        return
    except FileExistsError:
        refuse_existing(final)
        raise
    except OSError as error:
        unlinkable = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK, errno.EACCES)
        if error.errno not in unlinkable or temporary.parent != final.parent:
            raise
    try:
        os.close(os.open(final, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _PRIVATE))
    except FileExistsError:
        refuse_existing(final)
        raise
    temporary.replace(final)


def check_target(target: str, force: bool = False) -> None:
    """Raises InspectorError where `write_whole` would refuse the name: said before long work, too."""
    if not target or target.endswith("/"):
        raise InspectorError("names no file", target or "''", "give the name of a new file")
    try:
        mode = os.lstat(target).st_mode
    except (OSError, ValueError) as error:
        if getattr(error, "errno", 0) == errno.ENAMETOOLONG:
            raise InspectorError("cannot be written: the name is too long", target, "give a shorter one") from None
        folder = Path(target).parent
        if not os.access(folder, os.W_OK):
            raise InspectorError("cannot be written", target, "name a file in a folder that you may write") from None
        return
    if stat.S_ISLNK(mode):
        raise InspectorError("is a symbolic link", target, "name the file itself; - writes to standard output")
    if stat.S_ISREG(mode) and not force:
        raise InspectorError("exists already", target, "name a new file, or replace it with --force")
    if not (stat.S_ISREG(mode) or _is_open_end(mode)):
        raise InspectorError("is no file that can be written", target, "name a new file")


def write_whole(target: str, data: bytes, like: os.stat_result | None = None, force: bool = False) -> None:
    """Write `data` to a new file; see `new_file`. `force`: in place of a regular file that is there.

    A device or a pipe of that name is written to. Raises InspectorError.
    """
    check_target(target, force)
    if os.path.lexists(target) and _is_open_end(os.lstat(target).st_mode):
        _pour(target, data)
        return
    with new_file(target, like, replace=force) as temporary:
        temporary.write_bytes(data)


def _is_open_end(mode: int) -> bool:
    return stat.S_ISCHR(mode) or stat.S_ISFIFO(mode)


def _pour(target: str, data: bytes) -> None:
    try:
        with os.fdopen(os.open(target, os.O_WRONLY | os.O_NOFOLLOW | os.O_CLOEXEC), "wb") as out:
            out.write(data)
    except OSError as error:
        raise InspectorError(f"cannot be written: {error.strerror}", target) from None
