"""A tethered program ends with the process that started it."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from local import CLONE
from local.tether import is_running, tethered

# The parent starts a tethered `sleep`, prints its process id, and waits.
PARENT = """
import subprocess, sys, time
from local import tether
{change}
child = subprocess.Popen(tether.tethered(["sleep", "60"]))
print(child.pid, flush=True)
time.sleep(60)
"""
# Simulates a system whose kernel does not signal the end of a parent.
WITHOUT_KERNEL = """
tether.tethered = lambda program: [
    sys.executable, "-c",
    "import sys; sys.platform = 'darwin'; from local.tether import main; main(sys.argv[1:])",
    str(__import__("os").getpid()), "15", "--", *program,
]
"""


def wait_until(claim: Callable[[], object]) -> None:
    end = time.monotonic() + 10
    while not claim():
        assert time.monotonic() < end, "the condition was not met"
        time.sleep(0.02)


def running(process: int) -> bool:
    """Whether the process runs; a zombie does not."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def runs_sleep(process: int) -> bool:
    return b"sleep" in Path(f"/proc/{process}/cmdline").read_bytes().split(b"\0")[0]


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
@pytest.mark.parametrize("change", ["", WITHOUT_KERNEL], ids=["kernel", "watch"])
def test_a_program_ends_with_its_killed_parent(change: str) -> None:
    environment = {**os.environ, "PYTHONPATH": str(CLONE)}
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT.format(change=change)],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    wait_until(lambda: runs_sleep(child))

    parent.kill()
    parent.wait()
    parent.stdout.close()

    wait_until(lambda: not running(child))


def test_a_program_has_the_same_process_id_arguments_and_exit_code() -> None:
    process = subprocess.Popen(
        tethered(["sh", "-c", 'echo "$$ $1"; exit 3', "sh", "a b"]), stdout=subprocess.PIPE, text=True
    )
    answered, _ = process.communicate()

    assert (answered, process.returncode) == (f"{process.pid} a b\n", 3)


def test_a_running_process_is_detected() -> None:
    process = subprocess.Popen(["true"])
    process.wait()

    assert is_running(os.getpid())
    assert not is_running(process.pid)
