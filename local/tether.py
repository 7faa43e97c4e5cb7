"""Starts a program that ends with the process that asked for it, however that one ends.

    python tether.py PARENT SIGNAL [ACCOUNT] -- PROGRAM ARGUMENT...

Becomes the program (its process id stays), as ACCOUNT where one is named. When the process PARENT is gone the
program gets SIGNAL:
from the kernel on Linux, elsewhere from a small process that looks every second.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered(
    program: Sequence[str], *, farewell: signal.Signals = signal.SIGTERM, account: str | None = None
) -> list[str]:
    """The command that starts the program tethered to this process.

    Start it from a thread that lives as long as the process: Linux takes the end of the thread for the end of
    the parent.
    """
    words = [sys.executable, "-I", "-S", os.path.abspath(__file__), str(os.getpid()), str(int(farewell))]
    return [*words, *([account] if account else []), "--", *program]


def main(words: list[str]) -> None:
    cut = words.index("--")
    parent, farewell = int(words[0]), int(words[1])
    tie = kernel_tie() if sys.platform == "linux" else watch
    if cut == 3:  # an account is named
        become(words[2])
    tie(parent, farewell)
    os.execvp(words[cut + 1], words[cut + 1 :])  # noqa: S606 - no shell is needed, so that signals reach the program itself


def become(name: str) -> None:
    import pwd

    account = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def kernel_tie() -> Callable[[int, int], None]:
    """Made before the change of account, which may leave us unable to read our own library; used after
    it, which would undo it.
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def tie(parent: int, farewell: int) -> None:
        if libc.prctl(PR_SET_PDEATHSIG, farewell, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # it went before the kernel was told
            sys.exit(1)

    return tie


def watch(parent: int, farewell: int) -> None:
    """A child looks whether the parent is there, for systems whose kernel does not."""
    program = os.getpid()
    if os.fork():
        return
    os.closerange(0, 3)
    os.setpgid(0, 0)  # no part of the program's group: it must outlive a signal to that one
    while os.getppid() == program:
        if not there(parent):
            os.kill(program, farewell)
        time.sleep(1)
    os._exit(0)


def there(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
