"""What a decoder that has been broken can still do: nothing to the network, to other processes, or by starting programs. Linux only.

Limits on memory, time and files are the child's own (`child.py`). This is about whom it could speak to: the worker, which has the credentials
in its environment and memory, and whatever the network reaches. There is no binding of libseccomp that a layer could bring without the
system's library, hence the filter by hand: a list of calls that are refused, by number, as the kernel's tables have them.
"""

import ctypes
import errno
import os
import platform
import struct
import sys
from typing import Final

_PR_SET_DUMPABLE: Final = 4
_PR_SET_SECCOMP: Final = 22
_PR_SET_NO_NEW_PRIVS: Final = 38
_SECCOMP_MODE_FILTER: Final = 2

# Refused with EPERM, by machine: (number that its seccomp gives the architecture, numbers of the calls).
_REFUSED: Final[dict[str, tuple[int, dict[str, int]]]] = {
    "x86_64": (0xC000003E, {
        "socket": 41, "connect": 42, "sendto": 44, "bind": 49, "execve": 59, "kill": 62, "ptrace": 101, "unshare": 272, "open_by_handle_at": 304,
        "setns": 308, "process_vm_readv": 310, "process_vm_writev": 311, "bpf": 321, "execveat": 322, "pidfd_send_signal": 424,
        "io_uring_setup": 425, "pidfd_open": 434, "pidfd_getfd": 438,
    }),
    "aarch64": (0xC00000B7, {
        "socket": 198, "bind": 200, "connect": 203, "sendto": 206, "execve": 221, "kill": 129, "ptrace": 117, "unshare": 97,
        "open_by_handle_at": 265, "setns": 268, "process_vm_readv": 270, "process_vm_writev": 271, "bpf": 280, "execveat": 281,
        "pidfd_send_signal": 424, "io_uring_setup": 425, "pidfd_open": 434, "pidfd_getfd": 438,
    }),
}  # fmt: skip

_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # of classic BPF: a word of the call, comparisons, the verdict
_NUMBER, _ARCHITECTURE = 0, 4  # where the word is
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | errno.EPERM, 0x80000000
_OTHER_ABI = 0x40000000  # x32's calls, on x86-64: the same calls by other numbers


def hide() -> None:
    """Other processes of this user cannot read this one's memory or environment any more (nor can a debugger, and no core is written).

    For the process that has the credentials, before it starts a decoder.
    """
    if sys.platform == "linux":
        _prctl(_PR_SET_DUMPABLE, 0)


def confine() -> None:
    """From here on this process, its threads too, starts no program, opens no connection and reaches into no other process.

    For the decoder, once all is imported. Raises OSError where the kernel knows no filters; does nothing on machines not listed.
    """
    known = _REFUSED.get(platform.machine()) if sys.platform == "linux" else None
    if known is None:
        return
    architecture, calls = known
    program = _program(architecture, sorted(calls.values()))
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    filters = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(instructions)))
    _prctl(_PR_SET_NO_NEW_PRIVS, 1)
    _prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.addressof(filters))


def _program(architecture: int, numbers: list[int]) -> list[tuple[int, int, int, int]]:
    """Instructions (code, steps on if so, steps on if not, operand)."""
    checks = [(_EQUAL, len(numbers) - place, 0, number) for place, number in enumerate(numbers)]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, len(numbers) + 1, 0, _OTHER_ABI),
        *checks,
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]


def _prctl(option: int, first: int, second: int = 0) -> None:
    call = ctypes.CDLL(None, use_errno=True).prctl
    call.argtypes = [ctypes.c_int, *[ctypes.c_ulong] * 4]
    if call(option, first, second, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
