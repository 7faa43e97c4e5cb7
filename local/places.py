"""Where the laptop's data lies, and who may reach it."""

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

ROOTS_OWN = Path("/var/lib/vitrine")
DATABASE_ACCOUNT = "nobody"  # whom Postgres runs as when root starts it: it refuses root


class StartError(Exception):
    """What the person at the keyboard must know; said without a traceback."""


def data_folder(clone: Path = CLONE) -> Path:
    """`.vitrine` in the clone. Started by root it is a link to a folder under /var/lib/vitrine, which the
    database's account can reach.

    Raises StartError when it belongs to somebody else.
    """
    here = clone / ".vitrine"
    if os.geteuid() == 0:
        return _of_root(here)
    if not here.exists():
        if here.is_symlink():
            raise StartError(
                f"{here} points to {os.readlink(here)}, which is not there or not yours; remove it to begin anew."
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
            f"The account {DATABASE_ACCOUNT}, whom Postgres runs as for root, cannot reach {here}; move it away to begin anew."
        )
    here.unlink(missing_ok=True)  # a link to nothing
    name = hashlib.sha256(os.fsencode(here)).hexdigest()[:12]
    ROOTS_OWN.mkdir(mode=0o711, parents=True, exist_ok=True)
    ROOTS_OWN.chmod(0o711)
    tries = 0
    while True:  # a fresh clone begins with fresh data, though an earlier one lay at the same place
        there = ROOTS_OWN / (f"{name}-{tries}" if tries else name)
        try:
            there.mkdir(mode=0o711)
            break
        except FileExistsError:
            tries += 1
    there.chmod(0o711)
    try:
        here.symlink_to(there)
    except FileExistsError:  # another process was quicker
        there.rmdir()
    return here.resolve()


def make_private(folder: Path) -> None:
    """Make everything in the folder readable by its owner alone, but the database's own folder: `postgres`
    keeps its modes.

    Started by root, the folder itself stays passable (0711) for the account that Postgres runs as. What
    earlier versions left open is closed.
    Files that vanish meanwhile, and files of others, are passed over.
    """
    folder.chmod(0o711 if os.geteuid() == 0 else 0o700)
    for entry, closed in _entries(folder, 0):
        if not closed:
            with suppress(FileNotFoundError):
                os.chmod(entry.path, stat.S_IMODE(entry.stat(follow_symlinks=False).st_mode) & ~0o077)


def _entries(folder: Path | str, depth: int) -> Iterator[tuple[os.DirEntry[str], bool]]:
    """Yield what may have to be closed, and whether it is closed already.

    A folder that is closed is not looked into from the second level on: its files cannot be reached, and the
    store has many.
    """
    with suppress(FileNotFoundError), os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink() or (
                depth == 0 and (entry.name == "postgres" or entry.name.startswith("unpack-"))
            ):
                continue
            with suppress(FileNotFoundError):
                found = entry.stat(follow_symlinks=False)
                if os.geteuid() not in (0, found.st_uid):
                    continue
                closed = not found.st_mode & 0o077
                yield entry, closed
                if entry.is_dir(follow_symlinks=False) and (depth == 0 or not closed):
                    yield from _entries(entry.path, depth + 1)


def private(path: str, flags: int) -> int:
    """Open a file as `open` does, readable by the owner alone where it is made: the `opener` of what lies
    in the data folder.
    """
    return os.open(path, flags, 0o600)


def can_reach(folder: Path) -> bool:
    """The database's account may pass through every folder on the way (and this one)."""
    account = pwd.getpwnam(DATABASE_ACCOUNT)
    for step in (folder.resolve(), *folder.resolve().parents):
        found = step.stat()
        bit = (
            stat.S_IXUSR
            if found.st_uid == account.pw_uid
            else stat.S_IXGRP
            if found.st_gid == account.pw_gid
            else stat.S_IXOTH
        )
        if not found.st_mode & bit:
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
    """Return why nothing of ours can listen on the port, as the end of a sentence that begins with the
    port; None where it is free.
    """
    with socket.socket() as probe:
        # a port that a connection just left is free
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except PermissionError:
            return "is one that only root may use"
        except OSError:
            return "is taken"
        return None


def free_port(*, wanted: int = 0) -> int:
    """`wanted` if it is free, else another one, which no other process is given while this one lives.

    Below the range that the system lends to outgoing connections (Linux: 32768 on), so that it is still free
    after a restart.
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
    """Bound without listening: whoever binds it with SO_REUSEADDR, as servers do, may listen; who
    reserves it as well, may not have it.
    """
    locked = socket.socket()
    try:
        locked.bind(("127.0.0.1", port))
    except OSError:
        locked.close()
        return False
    locked.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if sys.platform == "linux":
        atexit.register(locked.close)
    else:
        locked.close()  # elsewhere a socket that is bound is in the way of one that listens
    return True
