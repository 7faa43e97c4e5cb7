"""Decoders that a hostile file has taken over. Each is the real child of one kind, up to the place where it
would decode; there it makes the attempts in its request instead.

    Decoder(module="tests.given.hostile.stills").begin_task(Task({"attempts": [...]}), ...)

Each attempt is [name, argument ...] of `ATTEMPTS`. The response is the reason of an Undecodable: the outcome
of each attempt, in their order.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import resource
import signal
import socket
import stat
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from vitrine.models.derived import Derived, Undecodable
from vitrine_imaging import child
from vitrine_imaging.answers import Send

libc = ctypes.CDLL(None, use_errno=True)


def raw(name: str, *arguments: Any) -> None:
    """Call a function of the C library that Python does not have."""
    converted = [os.fsencode(each) if isinstance(each, str) else ctypes.c_long(each) for each in arguments]
    if getattr(libc, name)(*converted) == -1:
        raise OSError(ctypes.get_errno(), name)


def syscall(number: int, *arguments: int) -> None:
    raw("syscall", number, *arguments)


def open_and_close(path: str, flags: int) -> None:
    os.close(os.open(path, flags, 0o600))


def own_pipe(pid: int) -> None:
    """Make a process the owner of a pipe's end: it gets a signal when the pipe becomes readable."""
    reading, _ = os.pipe()
    fcntl.fcntl(reading, fcntl.F_SETOWN, pid)


ATTEMPTS: Mapping[str, Callable[..., object]] = {
    "open": open_and_close,
    "read": lambda path: Path(path).read_bytes(),
    "list": os.listdir,
    "write": lambda path: Path(path).write_text("x"),
    "creat": lambda path: raw("creat", path, 0o600),
    "mkdir": os.mkdir,
    "rmdir": os.rmdir,
    "mknod": lambda path: os.mknod(path, 0o600 | stat.S_IFREG),
    "mkfifo": os.mkfifo,
    "link": os.link,
    "symlink": os.symlink,
    "rename": os.rename,
    "unlink": os.unlink,
    "chmod": os.chmod,
    "fchmod": lambda path: os.fchmod(os.open(path, os.O_RDONLY), 0o777),
    "chown": lambda path: os.chown(path, os.getuid(), os.getgid()),
    "truncate": lambda path: os.truncate(path, 0),
    "utime": os.utime,
    "setxattr": lambda path: os.setxattr(path, "user.x", b"x"),
    "memfd": lambda: os.memfd_create("x"),
    "socket": socket.socket,
    "kill": os.kill,
    "tkill": lambda pid, number: syscall(200 if os.uname().machine == "x86_64" else 130, pid, number),
    "tgkill": lambda pid, number: syscall(234 if os.uname().machine == "x86_64" else 131, pid, pid, number),
    "sigqueue": lambda pid, number: raw("sigqueue", pid, number, 0),
    "pthread_kill": lambda number: raise_signal(number),
    "owned": own_pipe,
    "limit": lambda pid: resource.prlimit(pid, resource.RLIMIT_CORE, (0, 0)),
    "pidfd_open": os.pidfd_open,
    "namespace": lambda: syscall(
        56 if os.uname().machine == "x86_64" else 220, 0x10000000 | signal.SIGCHLD, 0
    ),
    "exec": lambda: os.execv("/bin/true", ["true"]),
    "at": lambda call, *arguments: raw(call, *arguments),
    "abort": os.abort,
    "segfault": lambda: ctypes.string_at(0),
}


def raise_signal(number: int) -> None:
    """Send a signal as `abort` of the C library begins with doing; its result is the error's number."""
    if code := libc.pthread_kill(ctypes.c_ulong(libc_self()), number):
        raise OSError(code, "pthread_kill")


def libc_self() -> int:
    libc.pthread_self.restype = ctypes.c_ulong
    me: int = libc.pthread_self()
    return me


def outcome_of(name: str, arguments: list[Any]) -> str:
    """Make one attempt. Returns `done`, or the name of the error."""
    try:
        ATTEMPTS[name](*arguments)
    except OSError as error:
        return errno.errorcode.get(error.errno or 0, "?")
    return "done"


def main(load: Callable[[], child.Loaded]) -> None:
    """Run the child, with attempts in the place of decoding."""

    def attempt(request: Mapping[str, Any], _: Send) -> Derived:
        raise Undecodable(" ".join(outcome_of(name, arguments) for name, *arguments in request["attempts"]))

    child.main(int(sys.argv[1]), lambda: child.Loaded(attempt, load().warm_up))
