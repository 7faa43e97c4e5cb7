"""Starts a program that ends with its parent process, however that ends.

    python tether.py PARENT SIGNAL [ACCOUNT] -- PROGRAM ARGUMENT...

This process execs the program, so its process id stays; as ACCOUNT where one is named. When the process
PARENT ends, the program receives SIGNAL: on Linux from the kernel, elsewhere from a small process that checks
every second.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Callable, Sequence

PR_SET_PDEATHSIG = 1  # linux/prctl.h


def tethered(
    program: Sequence[str], *, end_signal: signal.Signals = signal.SIGTERM, account: str | None = None
) -> list[str]:
    """Return the command that starts the program tethered to this process.

    Start it from a thread that lasts as long as the process: Linux sends the signal when the starting thread
    ends.
    """
    words = [sys.executable, "-I", "-S", os.path.abspath(__file__), str(os.getpid()), str(int(end_signal))]
    return [*words, *([account] if account else []), "--", *program]


def main(words: list[str]) -> None:
    cut = words.index("--")
    parent, end_signal = int(words[0]), int(words[1])
    tie = kernel_tie() if sys.platform == "linux" else watch
    if cut == 3:  # an account is named
        switch_account(words[2])
    tie(parent, end_signal)
    # no shell, so that signals reach the program itself
    os.execvp(words[cut + 1], words[cut + 1 :])  # noqa: S606


def switch_account(name: str) -> None:
    import pwd

    account = pwd.getpwnam(name)
    os.setgroups([])
    os.setgid(account.pw_gid)
    os.setuid(account.pw_uid)


def kernel_tie() -> Callable[[int, int], None]:
    """Return a function that asks the kernel to send a signal when the parent ends.

    ctypes is imported here, before the account is switched, because the new account may not be able to read
    the library. The function is called after the switch, because switching clears the setting (prctl(2)).
    """
    import ctypes

    libc = ctypes.CDLL(None, use_errno=True)

    def tie(parent: int, end_signal: int) -> None:
        if libc.prctl(PR_SET_PDEATHSIG, end_signal, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG)")
        if os.getppid() != parent:  # the parent ended before prctl was called
            sys.exit(1)

    return tie


def watch(parent: int, end_signal: int) -> None:
    """Fork a child that checks every second whether the parent still runs, where the kernel cannot do it."""
    program = os.getpid()
    if os.fork():
        return
    os.closerange(0, 3)
    os.setpgid(0, 0)  # a group of its own, so that it outlives a signal to the program's group
    while os.getppid() == program:
        if not is_running(parent):
            os.kill(program, end_signal)
        time.sleep(1)
    os._exit(0)


def is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


if __name__ == "__main__":
    main(sys.argv[1:])
