"""Attributes that our processes set for themselves by prctl(2)."""

from __future__ import annotations

import ctypes
import os
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4  # linux/prctl.h


def hide() -> None:
    """Hide this process's memory and environment from other processes of the same user.

    A process that has credentials in its environment calls this first: a program that replaces it by exec is
    visible again. Afterwards no debugger can attach and no core is written. Linux only; elsewhere nothing
    happens. Raises OSError where the kernel denies it.
    """
    if sys.platform == "linux":
        prctl(_PR_SET_DUMPABLE, 0)


def prctl(option: int, first: int) -> None:
    """Call prctl(2) with one argument. Raises OSError."""
    call = ctypes.CDLL(None, use_errno=True).prctl
    call.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if call(option, first, 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
