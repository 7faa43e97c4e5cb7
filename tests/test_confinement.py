"""What a decoder that has been broken can still do. Each is tried by a process of its own, since there is no way back."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import pictures
from vitrine_imaging.decoder import Decoder

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the kernel's own means, of Linux")

TRIES = """
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

def tried(what):
    try:
        what()
    except (OSError, SystemExit):
        return "refused"
    return "done"

if sys.argv[1] == "confined":
    confinement.confine()
print(*(tried(what) for what in (
    socket.socket,
    program,
    lambda: os.kill(os.getppid(), 0),
    lambda: os.pidfd_open(os.getppid()),
    lambda: open("/dev/null").close(),
    lambda: Thread(target=print, args=("",), kwargs={"end": ""}).start(),
)))
"""

LOOKS = """
import os, subprocess, sys
from vitrine_imaging import confinement

os.environ["SECRET"] = "x"
if sys.argv[1] == "hidden":
    confinement.hide()
look = "import os; print(len(open(f'/proc/{os.getppid()}/environ').read()) > 0)"
print(subprocess.run([sys.executable, "-c", look], capture_output=True, text=True).stdout.strip() or "refused")
"""


def said(script: str, word: str, *before: str) -> str:
    environment = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONDONTWRITEBYTECODE": "1"}
    command = [*before, sys.executable, "-c", script, word]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, timeout=30)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_confined_process_speaks_to_nobody_and_starts_nothing() -> None:
    assert said(TRIES, "free") == "done done done done done done"
    assert said(TRIES, "confined") == "refused refused refused refused done done"


def test_a_hidden_process_is_not_looked_into_by_its_own_user() -> None:
    without = ("/usr/bin/setpriv", "--bounding-set", "-all") if os.geteuid() == 0 else ()   # root may look at everything

    assert said(LOOKS, "open", *without) == "True"
    assert said(LOOKS, "hidden", *without) == "refused"


def test_the_decoder_is_confined(tmp_path: Path) -> None:
    file = tmp_path / "photo"
    file.write_bytes(pictures.jpeg(40, 30))
    with Decoder() as decoder:
        decoder.derive(file)
        status = dict(line.split(":", 1) for line in Path(f"/proc/{decoder.pid}/status").read_text().splitlines())

    assert (status["Seccomp"].strip(), status["NoNewPrivs"].strip()) == ("2", "1")
