"""What a decoder can still do once a hostile file has taken it over.

Each attempt runs in a separate process, since confinement cannot be undone.
"""

from __future__ import annotations

import json
import os
import re
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.given import pictures, videos
from vitrine.process import hide
from vitrine_imaging import confinement
from vitrine_imaging.child import UNCONFINED
from vitrine_imaging.decoder import Decoder, Limits, Task, Undecodable

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="uses means of the Linux kernel")

ATTEMPTS = """
import os, socket, sys
from threading import Thread
from vitrine_imaging import confinement

def program():
    if os.fork() == 0:
        try:
            os.execv("/bin/true", ["true"])
        except OSError:
            os._exit(1)
    return os.wait()[1] and sys.exit("refused")

def outcome_of(what):
    try:
        what()
    except (OSError, SystemExit):
        return "refused"
    return "done"

if sys.argv[1] == "confined":
    confinement.confine()
print(*(outcome_of(what) for what in (
    socket.socket,
    program,
    lambda: os.kill(os.getppid(), 0),
    lambda: os.pidfd_open(os.getppid()),
    lambda: open("/dev/null").close(),
    lambda: Thread(target=print, args=("",), kwargs={"end": ""}).start(),
)))
"""

READS_PARENT = """
import os, subprocess, sys
from vitrine.process import hide

os.environ["SECRET"] = "x"
if sys.argv[1] == "hidden":
    hide()
look = "import os; print(len(open(f'/proc/{os.getppid()}/environ').read()) > 0)"
read = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True)
print(read.stdout.strip() or "refused")
"""


def output_of(script: str, word: str, *before: str) -> str:
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*before, sys.executable, "-c", script, word]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_confined_process_opens_no_socket_and_starts_no_program() -> None:
    assert output_of(ATTEMPTS, "free") == "done done done done done done"
    assert output_of(ATTEMPTS, "confined") == "refused refused refused refused done done"


def test_the_environment_of_a_hidden_process_is_not_readable_for_its_own_user() -> None:
    # root may read every process
    unprivileged = ("/usr/bin/setpriv", "--bounding-set", "-all") if os.geteuid() == 0 else ()

    assert output_of(READS_PARENT, "open", *unprivileged) == "True"
    assert output_of(READS_PARENT, "hidden", *unprivileged) == "refused"


def test_the_decoder_is_confined(tmp_path: Path) -> None:
    file = tmp_path / "photo"
    file.write_bytes(pictures.jpeg(40, 30))
    with Decoder() as decoder:
        decoder.derive(file)
        status = dict(
            line.split(":", 1) for line in Path(f"/proc/{decoder.pid}/status").read_text().splitlines()
        )

    assert (status["Seccomp"].strip(), status["NoNewPrivs"].strip()) == ("2", "1")


SANDBOX = """
import ctypes, os, struct, sys

# For this process and those that it starts: prctl and seccomp fail with EPERM, Landlock's calls with ENOSYS.
prctl, seccomp = {"x86_64": (157, 317), "aarch64": (167, 277)}[os.uname().machine]
answers = {prctl: 1, seccomp: 1, 444: 38, 445: 38, 446: 38}
denials = [((0x15, 0, 1, call), (0x06, 0, 0, 0x00050000 | code)) for call, code in answers.items()]
program = [(0x20, 0, 0, 0), *(each for denial in denials for each in denial)]
program = b"".join(struct.pack("HBBI", *each) for each in [*program, (0x06, 0, 0, 0x7FFF0000)])
instructions = ctypes.create_string_buffer(program)
library = ctypes.CDLL(None)
assert library.prctl(38, 1, 0, 0, 0) == 0
filters = ctypes.create_string_buffer(struct.pack("HP", len(program) // 8, ctypes.addressof(instructions)))
assert library.syscall(seccomp, 1, 0, filters) == 0

from pathlib import Path
from vitrine_imaging.decoder import Decoder, Task
from vitrine_imaging.models import Limits

data = Path(sys.argv[2]).read_bytes()
if sys.argv[1] == "stills":
    with Decoder() as decoder:
        print(len(decoder.derive(Path(sys.argv[2])).frames))
else:
    fields = {"mime_type": "video/mp4", "size": len(data), "frames": 8, "max_seconds": 60}
    fields["read_bytes"] = 1 << 24
    with Decoder(module="vitrine_video.child") as decoder:
        task = Task(fields, lambda at, size: data[at : at + size])
        with decoder.begin_task(task, limits=Limits(memory_bytes=2 << 30)) as decoding:
            print(len(decoding.result().frames))
"""


@pytest.mark.parametrize(("kind", "frames"), [("stills", "1"), ("video", "4")])
def test_the_decoder_runs_in_a_sandbox_that_permits_no_filter(tmp_path: Path, kind: str, frames: str) -> None:
    file = tmp_path / "file"
    file.write_bytes(pictures.jpeg(40, 30) if kind == "stills" else videos.video())
    # unprivileged HOME, as in Lambda
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}

    done = subprocess.run(
        [sys.executable, "-c", SANDBOX, kind, str(file)],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
        timeout=60,
    )

    assert (done.returncode, done.stdout.strip()) == (0, frames)
    assert done.stderr.splitlines() == [
        "this process cannot be hidden from its children: [Errno 1] Operation not permitted",
        UNCONFINED,
    ]


@pytest.fixture(scope="module", params=["stills", "video"])
def broken(request: pytest.FixtureRequest) -> Iterator[Decoder]:
    """The real child of each kind, which makes the attempts in its request (tests/given/hostile)."""
    hide()  # as each process with credentials does, and each decoder's parent
    with Decoder(module=f"tests.given.hostile.{request.param}") as decoder:
        yield decoder


def attempted(decoder: Decoder, *attempts: Any) -> dict[str, str]:
    """The outcome of each attempt: `done`, or the name of the error."""
    task = Task({"attempts": json.loads(json.dumps(attempts, default=str))})
    with pytest.raises(Undecodable) as answer, decoder.begin_task(task, limits=Limits()) as decoding:
        decoding.result()
    names = [" ".join(map(str, attempt)) for attempt in attempts]
    return dict(zip(names, answer.value.reason.split(" "), strict=True))


def all_denied(results: dict[str, str]) -> bool:
    return results == dict.fromkeys(results, "EPERM")


def state(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    return {
        each.name: (
            (found := each.lstat()).st_mode,
            found.st_mtime_ns,
            each.read_bytes() if stat.S_ISREG(found.st_mode) else b"",
        )
        for each in sorted([folder, *folder.iterdir()])
    }


def test_a_broken_decoder_changes_no_file(broken: Decoder, tmp_path: Path) -> None:
    """In a folder that every account may write to, so that only the confinement can deny it."""
    for folder in (*tmp_path.parents, tmp_path):
        if folder.owner() == tmp_path.owner() and folder != Path("/"):
            folder.chmod(folder.stat().st_mode | 0o011)
    file, new, inner = tmp_path / "file", tmp_path / "new", tmp_path / "inner"
    file.write_text("before")
    inner.mkdir()
    for each in (tmp_path, file, inner):
        each.chmod(0o777)
    before = state(tmp_path)
    here, there = str(file), str(new)
    cwd = -100  # AT_FDCWD

    flags = [
        os.O_WRONLY,
        os.O_RDWR,
        3,
        os.O_RDONLY | os.O_TRUNC,
        os.O_RDONLY | os.O_CREAT,
        os.O_WRONLY | os.O_APPEND,
    ]
    results = [
        attempted(broken, *(["open", path, each] for path in (here, there) for each in flags)),
        attempted(
            broken,
            ["open", str(tmp_path), os.O_TMPFILE | os.O_RDWR],
            ["write", here],
            ["creat", there],
            ["write", "/dev/null"],
        ),
        attempted(
            broken,
            ["mkdir", there],
            ["rmdir", str(inner)],
            ["mknod", there],
            ["mkfifo", there],
            ["link", here, there],
        ),
        attempted(
            broken,
            ["symlink", here, there],
            ["rename", here, there],
            ["unlink", here],
            ["chmod", here, 0o600],
            ["chown", here],
        ),
        attempted(broken, ["truncate", here], ["utime", here], ["setxattr", here], ["memfd"]),
        attempted(
            broken,
            ["at", "mkdirat", cwd, there, 0o700],
            ["at", "mknodat", cwd, there, 0o600, 0],
            ["at", "linkat", cwd, here, cwd, there, 0],
        ),
        attempted(broken, ["at", "symlinkat", here, cwd, there], ["at", "renameat", cwd, here, cwd, there]),
        attempted(
            broken,
            ["at", "renameat2", cwd, here, cwd, there, 0],
            ["at", "unlinkat", cwd, here, 0],
            ["at", "fchmodat", cwd, here, 0o600, 0],
        ),
        attempted(
            broken,
            ["at", "fchownat", cwd, here, 0, 0, 0],
            ["at", "utimensat", cwd, here, 0, 0],
            ["at", "lchown", here, 0, 0],
        ),
    ]

    assert [each for each in results if not all_denied(each)] == []
    assert state(tmp_path) == before


def test_a_broken_decoder_reaches_no_other_process(broken: Decoder) -> None:
    me = os.getpid()

    ways = attempted(
        broken, ["socket"], ["pidfd_open", me], ["limit", me], ["owned", me], ["namespace"], ["exec"]
    )
    signals = attempted(
        broken,
        *(
            [way, me, int(number)]
            for way in ("kill", "tkill", "tgkill", "sigqueue")
            for number in (0, signal.SIGURG)
        ),
    )

    assert all_denied(ways), ways
    assert all_denied(signals), signals


def test_which_files_a_broken_decoder_can_read(broken: Decoder, tmp_path: Path) -> None:
    """Never its parent's environment and memory; other users' files only where the kernel has no Landlock and
    their mode allows it.
    """
    secret = tmp_path / "config.json"
    secret.write_text("secret")
    secret.chmod(0o600)
    me = f"/proc/{os.getpid()}"
    confined = bool(confinement.landlock_version())

    parent = attempted(
        broken, ["read", f"{me}/environ"], ["read", f"{me}/mem"], ["read", f"{me}/maps"], ["list", f"{me}/fd"]
    )
    files = attempted(
        broken,
        ["read", "/etc/passwd"],
        ["list", "/"],
        ["list", str(Path.cwd())],
        ["list", "/tmp"],
        ["read", "/proc/self/environ"],
    )
    private = attempted(broken, ["read", str(secret)])

    assert parent == dict.fromkeys(parent, "EACCES") | (
        {} if confined else {f"read {me}/maps": parent[f"read {me}/maps"]}
    )
    assert not confined or files == dict.fromkeys(files, "EACCES")
    assert private == {f"read {secret}": "EACCES" if confined or os.geteuid() == 0 else "done"}


@pytest.mark.parametrize(
    ("attempt", "reason"),
    [("abort", "The file makes the decoder crash"), ("segfault", "The file makes the decoder crash")],
)
@pytest.mark.sampled(2)
def test_a_decoder_that_aborts_ends_although_it_may_send_itself_no_signal(
    broken: Decoder, attempt: str, reason: str
) -> None:
    signals = attempted(broken, ["pthread_kill", int(signal.SIGABRT)])

    with (
        pytest.raises(Undecodable) as ended,
        broken.begin_task(Task({"attempts": [[attempt]]}), limits=Limits()) as decoding,
    ):
        decoding.result()

    assert all_denied(signals)
    # on aarch64 the signal is SIGTRAP, which GLib raises too when memory is short
    assert ended.value.reason.startswith(reason)
    assert attempted(broken, ["list", "/dev/null"]) != {}  # the next request is answered


def test_all_threads_of_a_decoder_are_confined(broken: Decoder) -> None:
    attempted(broken, ["memfd"])

    threads = [
        dict(line.split(":", 1) for line in (task / "status").read_text().splitlines())
        for task in Path(f"/proc/{broken.pid}/task").iterdir()
    ]

    account = str(confinement.ACCOUNT if os.geteuid() == 0 else os.getuid())
    assert len(threads) > 1
    for each in threads:
        assert (each["Seccomp"].strip(), each["NoNewPrivs"].strip(), set(each["Uid"].split())) == (
            "2",
            "1",
            {account},
        )
    if os.geteuid() == 0:
        assert (
            {each["CapEff"].strip() for each in threads}
            == {each["CapPrm"].strip() for each in threads}
            == {"0" * 16}
        )
        assert {(each["Groups"].strip(), *each["Gid"].split()) for each in threads} == {("", *[account] * 4)}


def test_every_architecture_denies_the_same_calls() -> None:
    """A call that one architecture lacks has a later form, which both have."""
    tables = {
        **confinement.DENIED,
        **confinement.MISSING,
        **{name: each.numbers for name, each in confinement.BY_ARGUMENT.items()},
    }
    later = {
        "creat": "openat",
        "open": "openat",
        "link": "linkat",
        "symlink": "symlinkat",
        "rename": "renameat",
        "unlink": "unlinkat",
        "rmdir": "unlinkat",
        "mkdir": "mkdirat",
        "mknod": "mknodat",
        "chmod": "fchmodat",
        "chown": "fchownat",
        "lchown": "fchownat",
        "utime": "utimensat",
        "utimes": "utimensat",
        "futimesat": "utimensat",
    }

    assert {name for name, (_, number) in tables.items() if number is None} == set(later)
    assert all(None not in tables[name] for name in later.values())
    for column in (0, 1):
        numbers = [each[column] for each in tables.values() if each[column] is not None]
        assert len(numbers) == len(set(numbers))


HEADERS = {0: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", 1: "/usr/include/asm-generic/unistd.h"}


@pytest.mark.parametrize("column", HEADERS)
def test_the_numbers_are_the_kernels(column: int) -> None:
    header = Path(HEADERS[column])
    if not header.exists():
        pytest.skip("needs linux-libc-dev, of x86-64 for the first column")
    known = {
        name: int(number)
        for name, number in re.findall(
            r"#define __NR(?:3264)?_(\w+)\s+(\d+)$", header.read_text(), re.MULTILINE
        )
    }
    tables = {
        **confinement.DENIED,
        **confinement.MISSING,
        **{name: each.numbers for name, each in confinement.BY_ARGUMENT.items()},
    }

    ours = {name: numbers[column] for name, numbers in tables.items() if numbers[column] is not None}

    newest = max(known.values())
    assert {name: number for name, number in ours.items() if number is not None and number <= newest} == {
        name: known[name] for name in ours if name in known
    }
    assert {name for name, numbers in tables.items() if numbers[column] is None} & set(known) == set()


def test_root_without_the_right_to_change_its_account_decodes_nothing(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("only root changes its account")
    script = (
        "from vitrine_imaging.decoder import Decoder; from pathlib import Path; import sys;"
        " Decoder().derive(Path(sys.argv[1]))"
    )
    file = tmp_path / "photo"
    file.write_bytes(pictures.jpeg(40, 30))

    done = subprocess.run(
        ["/usr/bin/setpriv", "--bounding-set", "-all", sys.executable, "-c", script, str(file)],
        capture_output=True,
        text=True,
        check=False,
        env={"PYTHONPATH": os.pathsep.join(sys.path)},
        timeout=60,
    )

    assert "DecoderUnavailable" in done.stderr
