"""The laptop's data folder, its permissions, and free ports."""

from __future__ import annotations

import atexit
import hashlib
import os
import pwd
import socket
import stat
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

from local import CLONE

ROOT_FOLDER = Path("/var/lib/vitrine")
DATABASE_ACCOUNT = "nobody"  # Postgres runs as this account when root starts it: it does not run as root


class StartError(Exception):
    """An error that is shown to the person at the keyboard as a sentence, without a traceback."""


def data_folder(clone: Path = CLONE) -> Path:
    """Return `.vitrine` in the clone, created when missing. For root it is a link to a folder under
    /var/lib/vitrine, which the database's account can reach.

    Raises StartError when it belongs to another user.
    """
    here = clone / ".vitrine"
    if os.geteuid() == 0:
        return _of_root(here)
    if not here.exists():
        if here.is_symlink():
            raise StartError(
                f"{here} points to {os.readlink(here)}, which is not there or not yours; remove it to begin "
                "anew."
            )
        here.mkdir(mode=0o700, exist_ok=True)
    if not os.access(here, os.W_OK | os.X_OK):
        raise StartError(
            f"{here} belongs to {_owner(here)}: run as that user, or move it away to begin anew."
        )
    return here


def _of_root(here: Path) -> Path:
    if here.is_dir():
        if here.stat().st_uid != 0:
            raise StartError(
                f"{here} belongs to {_owner(here)}: run as that user, or move it away to begin anew."
            )
        if can_reach(here):
            return here.resolve()
        raise StartError(
            f"The account {DATABASE_ACCOUNT}, whom Postgres runs as for root, cannot reach {here}; move it "
            "away to begin anew."
        )
    here.unlink(missing_ok=True)  # a dangling link
    name = hashlib.sha256(os.fsencode(here)).hexdigest()[:12]
    ROOT_FOLDER.mkdir(mode=0o711, parents=True, exist_ok=True)
    ROOT_FOLDER.chmod(0o711)
    tries = 0
    while True:  # a fresh clone begins with new data, even at the path of an earlier clone
        target = ROOT_FOLDER / (f"{name}-{tries}" if tries else name)
        try:
            target.mkdir(mode=0o711)
            break
        except FileExistsError:
            tries += 1
    target.chmod(0o711)
    try:
        here.symlink_to(target)
    except FileExistsError:  # created by a concurrent process
        target.rmdir()
    return here.resolve()


def make_private(folder: Path) -> None:
    """Make everything in the folder readable by its owner alone, also files of earlier versions.

    The database's folder `postgres` keeps its modes. For root the folder itself stays passable (0711) for the
    account that Postgres runs as. Files that vanish meanwhile, and files of other users, are skipped.
    """
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for entry, closed in _entries(folder, 0):
        if not closed:
            with suppress(FileNotFoundError):
                os.chmod(entry.path, stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode) & ~0o077)


def _entries(folder: Path | str, depth: int) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """Yield the entries below the folder, each with whether it is private already.

    From the second level on a private folder is not listed: its files cannot be reached, and the store has
    many.
    """
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() or (
                depth == 0 and (entry.name == "postgres" or entry.name.startswith("unpack-"))
            ):
                continue
            with suppress(FileNotFoundError):
                status = entry.stat(follow_symlinks=False)
                if os.geteuid() not in (0, status.st_uid):
                    continue
                closed = not status.st_mode & 0o077
                yield entry, closed
                if entry.is_dir(follow_symlinks=False) and (depth == 0 or not closed):
                    yield from _entries(entry.path, depth + 1)


def private(path: str, flags: int) -> int:
    """An `opener` for `open`: a file that it creates is readable by its owner alone."""
    return os.open(path, flags, 0o600)


def can_reach(folder: Path) -> bool:
    """Whether the database's account may pass through this folder and all of its parents."""
    account = pwd.getpwnam(DATABASE_ACCOUNT)
    for step in (folder.resolve(), *folder.resolve().parents):
        status = step.stat()
        bit = (
            stat.S_IXUSR
            if status.st_uid == account.pw_uid
            else stat.S_IXGRP
            if status.st_gid == account.pw_gid
            else stat.S_IXOTH
        )
        if not status.st_mode & bit:
            return False
    return True


def _owner(path: Path) -> str:
    number = path.stat().st_uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"user {number}"


def is_free(port: int) -> bool:
    return port_problem(port) is None


def port_problem(port: int) -> str | None:
    """Return why we cannot listen on the port, as the end of a sentence that begins with the port; None: it
    is free.
    """
    with socket.socket() as probe:
        # without SO_REUSEADDR a port in TIME_WAIT would count as taken
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return "is one that only root may use"
        except OSError:
            return "is taken"
        return None


def free_port(*, wanted: int = 0) -> int:
    """Return `wanted` if it is free, else another port, which is reserved while this process runs.

    The port is below the range of outgoing connections (on Linux from 32768), so that it is probably still
    free after a restart. Raises StartError when there is none.
    """
    if wanted and is_free(wanted):
        return wanted
    start = int.from_bytes(os.urandom(2), "big")
    for step in range(8000):
        port = 20000 + (start + step * 7) % 12000
        if _reserve(port):
            return port
    raise StartError("No free port between 20000 and 32000.")


def _reserve(port: int) -> bool:
    """Bind the port without listening. Servers, which bind with SO_REUSEADDR, can still listen on it; another
    reservation of it fails.
    """
    reserved = socket.socket()
    try:
        reserved.bind(("127.0.0.1", port))
    except OSError:
        reserved.close()
        return False
    reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        atexit.register(reserved.close)
    else:
        reserved.close()  # on other systems a bound socket prevents others from listening
    return True
