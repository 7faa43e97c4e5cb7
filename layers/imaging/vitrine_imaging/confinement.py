"""Confinement of the decoder's child process: what it can still do if a hostile file takes it over. Linux
only.

It cannot use the network, change files, reach into other processes, or start programs.

Limits on memory, time and files are the child's own (`child.py`). This module protects what surrounds the
child: the worker, which has the credentials in its environment and memory, the files of the user who started
it, and whatever the network reaches. Three means of the kernel are used, each where it exists:

- an account without rights, where root started the child;
- Landlock, for what may be read (Linux 5.13 and later, unless it is switched off; AWS Lambda does not have
  it);
- a seccomp filter, for calls. No binding of libseccomp could be packed into a layer without the system's
  library, so the filter is written by hand: a list of denied calls, by their numbers in the
  kernel's tables.
"""

import ctypes
import errno
import os
import platform
import re
import struct
import sys
import sysconfig
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from vitrine.process import prctl

# The id of the account and group that root's child runs as. No user has it; the user `nobody` would own the
# files of the laptop's database. Debian and systemd leave 65000 to 65533 unused, and containers commonly have
# 65,536 ids, of which this is one.
ACCOUNT: Final = 65_533

_PR_SET_NO_NEW_PRIVS: Final = 38  # linux/prctl.h

# Calls that are denied, with their numbers on x86-64 and aarch64: arch/x86/entry/syscalls/syscall_64.tbl and
# include/uapi/asm-generic/unistd.h of Linux. None: the architecture does not have the call, since it came
# after the call's `*at` form. A number that an older kernel does not know does no harm.
DENIED: Final[dict[str, tuple[int, int | None]]] = {
    # network
    "socket": (41, 198),
    "connect": (42, 203),
    "bind": (49, 200),
    "sendto": (44, 206),
    "sendmsg": (46, 211),
    "sendmmsg": (307, 269),
    # programs, and namespaces, in which a process has rights that it lacks outside
    "execve": (59, 221),
    "execveat": (322, 281),
    "unshare": (272, 97),
    "setns": (308, 268),
    # signals
    "kill": (62, 129),
    "tkill": (200, 130),
    "tgkill": (234, 131),
    "rt_sigqueueinfo": (129, 138),
    "rt_tgsigqueueinfo": (297, 240),
    "pidfd_send_signal": (424, 424),
    # other processes
    "ptrace": (101, 117),
    "process_vm_readv": (310, 270),
    "process_vm_writev": (311, 271),
    "pidfd_open": (434, 434),
    "pidfd_getfd": (438, 438),
    "process_madvise": (440, 440),
    "process_mrelease": (448, 448),
    "migrate_pages": (256, 238),
    "move_pages": (279, 239),
    "kcmp": (312, 272),
    "shmget": (29, 194),
    "shmat": (30, 196),
    "shmctl": (31, 195),
    "semget": (64, 190),
    "semctl": (66, 191),
    "semop": (65, 193),
    "semtimedop": (220, 192),
    "msgget": (68, 186),
    "msgctl": (71, 187),
    "msgsnd": (69, 189),
    "msgrcv": (70, 188),
    "mq_open": (240, 180),
    "mq_unlink": (241, 181),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    # files: their names (`open` and `openat` are below, among the calls whose arguments decide)
    "creat": (85, None),
    "link": (86, None),
    "linkat": (265, 37),
    "symlink": (88, None),
    "symlinkat": (266, 36),
    "rename": (82, None),
    "renameat": (264, 38),
    "renameat2": (316, 276),
    "unlink": (87, None),
    "unlinkat": (263, 35),
    "rmdir": (84, None),
    "mkdir": (83, None),
    "mkdirat": (258, 34),
    "mknod": (133, None),
    "mknodat": (259, 33),
    "open_by_handle_at": (304, 265),
    # files: their size, mode, owner, times and attributes
    "truncate": (76, 45),
    "ftruncate": (77, 46),
    "fallocate": (285, 47),
    "chmod": (90, None),
    "fchmod": (91, 52),
    "fchmodat": (268, 53),
    "fchmodat2": (452, 452),
    "chown": (92, None),
    "lchown": (94, None),
    "fchown": (93, 55),
    "fchownat": (260, 54),
    "utime": (132, None),
    "utimes": (235, None),
    "futimesat": (261, None),
    "utimensat": (280, 88),
    "setxattr": (188, 5),
    "lsetxattr": (189, 6),
    "fsetxattr": (190, 7),
    "setxattrat": (463, 463),
    "removexattr": (197, 14),
    "lremovexattr": (198, 15),
    "fremovexattr": (199, 16),
    "removexattrat": (466, 466),
    "file_setattr": (469, 469),
    # files in memory, which no limit counts
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    # file systems
    "mount": (165, 40),
    "umount2": (166, 39),
    "pivot_root": (155, 41),
    "chroot": (161, 51),
    "open_tree": (428, 428),
    "move_mount": (429, 429),
    "fsopen": (430, 430),
    "fsconfig": (431, 431),
    "fsmount": (432, 432),
    "fspick": (433, 433),
    "mount_setattr": (442, 442),
    "open_tree_attr": (467, 467),
    # parts of the kernel that are broken more often than others
    "bpf": (321, 280),
    "io_uring_setup": (425, 425),
    "userfaultfd": (323, 282),
    "perf_event_open": (298, 241),
    "fanotify_init": (300, 262),
}

# Calls whose flags lie in memory, which a filter cannot read. They are reported as missing (ENOSYS), and
# libraries then use the older call.
MISSING: Final[dict[str, tuple[int, int | None]]] = {"openat2": (437, 437), "clone3": (435, 435)}


@dataclass(frozen=True, slots=True)
class _Argument:
    """A call that is denied when any bit of `bits` is set in its argument, or when the argument is one of
    `values`.
    """

    numbers: tuple[int, int | None]
    place: int  # of the argument, from 0
    bits: int = 0
    values: tuple[int, ...] = ()


_O_TMPFILE: Final = 0o20000000  # without O_DIRECTORY, which is part of the C library's constant
_WRITING: Final = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | _O_TMPFILE
_NAMESPACES: Final = 0x7E020000  # CLONE_NEW* of linux/sched.h

BY_ARGUMENT: Final[dict[str, _Argument]] = {
    "open": _Argument((2, None), 1, _WRITING),
    "openat": _Argument((257, 56), 2, _WRITING),
    "clone": _Argument((56, 220), 0, _NAMESPACES),
    # of a process other than itself: a limit on processor time would end it
    "prlimit64": _Argument((302, 261), 0, 0xFFFFFFFF),
    # F_SETOWN, F_SETSIG, F_SETOWN_EX: a file that becomes ready sends a signal
    "fcntl": _Argument((72, 25), 1, values=(8, 10, 15)),
    # FIOSETOWN, SIOCSPGRP; TIOCSTI, TIOCLINUX: type at a terminal
    "ioctl": _Argument((16, 29), 1, values=(0x8901, 0x8902, 0x5412, 0x541C)),
}

# place in the tables above; as linux/audit.h has it
_ARCHITECTURES: Final = {"x86_64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7)}

# Classic BPF: load a word of the call; compare it, or test its bits; return the verdict.
_LOAD, _EQUAL, _AT_LEAST, _ANY_BIT, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06
# offsets in struct seccomp_data; an argument has 8 bytes, the lower half first
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16
_ALLOW, _ERROR, _KILL = 0x7FFF0000, 0x00050000, 0x80000000
_DENY: Final = _ERROR | errno.EPERM
_OTHER_ABI = 0x40000000  # x32's calls, on x86-64: the same calls by other numbers

_SECCOMP: Final = (317, 277)
_SET_MODE_FILTER, _TO_ALL_THREADS = 1, 1

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446  # Landlock's calls, on both architectures
_READ_FILE, _READ_FOLDER = 1 << 2, 1 << 3  # linux/landlock.h
_FILE_RIGHTS: Final = {1: 13, 2: 14, 3: 15, 4: 15}  # how many rights each version knows; 16 from version 5 on
_SHARED_OBJECT: Final = re.compile(r"(/.*)/[^/]*\.so(\.[^/]*)?$", re.MULTILINE)


def confine_reading() -> bool:
    """Let the calling thread, and the threads that it starts later, open only what the loaded libraries may
    need.

    That is the standard library, the packages that were imported, the folders of the shared objects that were
    loaded, /dev/null and /dev/urandom. Nothing can be written, and no signal can be sent to other processes.
    Returns whether the kernel has Landlock and permits its use; otherwise nothing is confined. Call it while
    there is one thread, because Landlock does not confine others. Raises OSError.
    """
    version = landlock_version()
    if not version:
        return False
    # Every right over files, TCP (from version 4 on), and both scopes (from version 6 on): abstract Unix
    # sockets and signals.
    handled = struct.pack("QQQ", (1 << _FILE_RIGHTS.get(version, 16)) - 1, 3, 3)[
        : 8 if version < 4 else 16 if version < 6 else 24
    ]
    rules = _call(_CREATE_RULESET, handled, len(handled), 0)
    try:
        for path in _readable_paths():
            _allow_reading(rules, path)
        try:
            prctl(_PR_SET_NO_NEW_PRIVS, 1)
            _call(_RESTRICT_SELF, rules, 0)
        except OSError:  # a sandbox around this process denies it
            return False
    finally:
        os.close(rules)
    return True


def landlock_version() -> int:
    """Return the version of Landlock that the kernel has, 0 for none."""
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return 0
    try:
        return _call(_CREATE_RULESET, None, 0, 1)
    except OSError:  # an old kernel, one without it, or a container that does not let it through
        return 0


def confine() -> bool:
    """Confine all threads of this process to harmless calls, and to an account without rights if root started
    it.

    Returns whether the calls are confined: they are not where the kernel, or a sandbox around this process,
    permits no seccomp filter, nor on machines that are not listed. For the decoder, once everything is
    imported. Afterwards it starts no program, opens no connection, reaches into no other process, sends no
    signal, not even to itself, and changes no file. `abort` therefore ends it by the instruction that the C
    library has for that case. Raises OSError where root has no right to change its account, or where a thread
    has a filter of its own.
    """
    if os.geteuid() == 0:
        os.setgroups([])
        os.setgid(ACCOUNT)
        os.setuid(ACCOUNT)  # the capabilities go with it
    if sys.platform != "linux" or platform.machine() not in _ARCHITECTURES:
        return False
    column, architecture = _ARCHITECTURES[platform.machine()]
    program = _program(column, architecture)
    instructions = ctypes.create_string_buffer(b"".join(struct.pack("HBBI", *each) for each in program))
    filters = ctypes.create_string_buffer(struct.pack("HP", len(program), ctypes.addressof(instructions)))
    try:
        prctl(_PR_SET_NO_NEW_PRIVS, 1)
        # the id of a thread; 0 for none
        unsynchronized = _call(_SECCOMP[column], _SET_MODE_FILTER, _TO_ALL_THREADS, ctypes.addressof(filters))
    except OSError:
        return False
    if unsynchronized:
        raise OSError(errno.EPERM, "a thread cannot be confined")
    return True


def _program(column: int, architecture: int) -> list[tuple[int, int, int, int]]:
    """Return the filter's instructions: (code, steps forward if true, steps forward if false, operand)."""
    verdicts = [(DENIED, _DENY), (MISSING, _ERROR | errno.ENOSYS)]
    plain = [
        (number, verdict)
        for calls, verdict in verdicts
        for each in calls.values()
        if (number := each[column]) is not None
    ]
    return [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_EQUAL, 1, 0, architecture),
        (_RETURN, 0, 0, _KILL),
        (_LOAD, 0, 0, _NUMBER),
        (_AT_LEAST, 0, 1, _OTHER_ABI),
        (_RETURN, 0, 0, _DENY),
        *(each for rule in BY_ARGUMENT.values() for each in _checks(rule, column)),
        *(each for number, verdict in plain for each in ((_EQUAL, 0, 1, number), (_RETURN, 0, 0, verdict))),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _checks(rule: _Argument, column: int) -> list[tuple[int, int, int, int]]:
    number = rule.numbers[column]
    if number is None:
        return []
    tests = [*([(_ANY_BIT, rule.bits)] if rule.bits else []), *((_EQUAL, value) for value in rule.values)]
    checks = [
        (_LOAD, 0, 0, _ARGUMENTS + 8 * rule.place),
        *((code, len(tests) - place, 0, operand) for place, (code, operand) in enumerate(tests)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _DENY),
    ]
    return [(_EQUAL, 0, len(checks), number), *checks]


def _readable_paths() -> Iterable[Path]:
    """Yield the files and folders from which the loaded libraries may load more of their own later."""
    for name in ("stdlib", "platstdlib"):
        yield Path(sysconfig.get_path(name))
    for module in [module for name, module in sys.modules.items() if "." not in name]:
        if folders := getattr(module, "__path__", None):
            yield from map(Path, folders)
        elif file := getattr(module, "__file__", None):
            yield Path(file)
    yield from {
        Path(match[1])
        for match in _SHARED_OBJECT.finditer(Path("/proc/self/maps").read_text(errors="surrogateescape"))
    }
    yield from map(Path, ("/etc/ld.so.cache", "/dev/null", "/dev/urandom"))


def _allow_reading(rules: int, path: Path) -> None:
    try:
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return  # a package in an archive, or a deleted file: nothing that could be read
    try:
        rights = _READ_FILE | _READ_FOLDER if path.is_dir() else _READ_FILE
        # 1: the rule is for all that lies beneath a path
        _call(_ADD_RULE, rules, 1, struct.pack("=Qi", rights, place), 0)
    finally:
        os.close(place)


def _call(number: int, *arguments: int | bytes | None) -> int:
    """Call the kernel by number. Raises OSError."""
    converted = [ctypes.c_long(each) if isinstance(each, int) else each for each in arguments]
    result: int = _syscall(ctypes.c_long(number), *converted)
    if result == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return result


_syscall = ctypes.CDLL(None, use_errno=True).syscall
_syscall.restype = ctypes.c_long
