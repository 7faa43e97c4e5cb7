"""The laptop's AWS from the command line.

python -m local run       everything, until Ctrl-C; --port and --store-port choose the ports of this run,
--like-aws its limits
python -m local doctor    what does not agree, and what is stuck

python -m local user|key|org ...      people, their keys and organizations: the operator's commands, see
--help
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from local import CLONE, operating
from local.places import StartError, data_folder, private
from local.queues import Queues
from local.stack import PORT_OPTIONS, Stack
from local.template import read
from local.tether import tethered
from vitrine.process import hide

PORTS = (8484, 8485)  # API and S3, where neither an option nor config.json says otherwise
RESTARTS = 5  # of one part within a minute; after that something is wrong that a restart does not mend
LOOK = 0.3  # seconds between looks at the parts


class RunningError(StartError):
    """A stack of this folder runs."""


def run(words: list[str]) -> int:
    """Starts everything, shows what to open, restarts what dies; ends in order at Ctrl-C or SIGTERM, exit
    code 0.
    """
    chosen = options(words)
    with ending() as ended:
        folder = data_folder()
        with lock(folder):
            stack = Stack(
                folder,
                ports=PORTS,
                required_ports=chosen.ports,
                owner_url=own_database(),
                say=say,
                like_aws=chosen.like_aws,
            )
            with contextlib.suppress(KeyboardInterrupt), stopped(stack):
                stack.start()
                demo = show_demo(stack)
                try:
                    watch(stack, ended)
                finally:
                    demo.kill()
                    demo.wait()
            say("Stopped. The data stays in .vitrine; `make run` goes on with it.")
    return 0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """What `run` was asked for."""

    ports: Mapping[str, int]  # by part: `api`, `s3`; of a part that is missing the usual one
    like_aws: bool  # with the limits of API Gateway and Lambda


def options(words: list[str]) -> RunOptions:
    """Return the options that `run` was given. Exits with 2 and a sentence where the words cannot be
    understood.
    """
    parser = argparse.ArgumentParser(
        prog="python -m local run", epilog="From make: make run ARGS='--port 9000'"
    )
    parser.add_argument(
        PORT_OPTIONS["api"],
        dest="api",
        type=port,
        metavar="PORT",
        help=f"of the API and the page (default: {PORTS[0]})",
    )
    parser.add_argument(
        PORT_OPTIONS["s3"], dest="s3", type=port, metavar="PORT", help=f"of the store (default: {PORTS[1]})"
    )
    parser.add_argument(
        "--like-aws",
        action="store_true",
        help="the limits of API Gateway and Lambda on bodies, headers and time",
    )
    given = parser.parse_args(words)
    ports = {part: number for part, number in (("api", given.api), ("s3", given.s3)) if number is not None}
    if len(set(ports.values())) < len(ports):
        parser.error("API and store need a port each")
    return RunOptions(ports, given.like_aws)


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def doctor(words: list[str]) -> int:
    """Prints what does not agree and what is stuck; exit code 1 when there is something. Starts the stack
    where none runs.
    """
    argparse.ArgumentParser(prog="python -m local doctor").parse_args(words)
    folder = data_folder()
    stack = Stack(folder, ports=PORTS, owner_url=own_database())
    with answering(stack, folder):
        os.environ |= stack.environment()  # the library reads it at first use
        from vitrine import db
        from vitrine.library.invariants import invariants, stuck

        found = [*map(str, invariants()), *stuck(), *waiting(stack)]
        db.close()
    for line in found:
        print(line)
    if not found:
        print("Rows, ledger, counts and store agree; nothing is stuck.")
    return 1 if found else 0


@contextmanager
def database() -> Generator[None]:
    """WORKER_DATABASE_URL is set: it was, or it leads to the stack that runs, or to one started for as
    long as it is needed.
    """
    if os.environ.get("WORKER_DATABASE_URL"):
        yield
        return
    folder = data_folder()
    stack = Stack(folder, ports=PORTS, owner_url=own_database())
    with answering(stack, folder):
        os.environ |= stack.environment()
        yield


def waiting(stack: Stack) -> Generator[str]:
    """What lies in queues and cannot go on by itself, or has tried before."""
    queues = Queues(stack.owner_url, read(CLONE / "template.yaml").queues)
    queues.open()
    try:
        yield from queues.troubles()
    finally:
        queues.close()


@contextmanager
def answering(stack: Stack, folder: Path) -> Generator[None]:
    """The stack that runs, or one started for as long as it is needed."""
    try:
        with lock(folder), stack:
            yield
    except RunningError:
        stack.attach()
        yield


def watch(stack: Stack, ended: Callable[[], bool]) -> None:
    """Until it is told to end. Raises StartError when a part keeps dying."""
    deaths: dict[str, deque[float]] = {}
    while not ended():
        for part in stack.died():
            times = deaths.setdefault(part, deque(maxlen=RESTARTS))
            if len(times) == RESTARTS and time.monotonic() - times[0] < 60:
                raise StartError(f"{part} died {RESTARTS + 1} times within a minute; see {stack.log(part)}")
            times.append(time.monotonic())
            say(f"{part} died; starting it again (its log: {stack.log(part)})")
            stack.restart(part)
        time.sleep(LOOK)


def show_demo(stack: Stack) -> subprocess.Popen[bytes]:
    """A process of its own: it asks the API as any client does."""
    environment = {**stack.environment(), "OWNER_DATABASE_URL": stack.owner_url}
    words = [sys.executable, "-m", "local.demo", "--folder", str(stack.folder)]
    return subprocess.Popen(
        tethered(words, farewell=signal.SIGKILL),
        cwd=CLONE,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def stopped(stack: Stack) -> Generator[None]:
    """Whatever happens inside, nothing runs afterwards."""
    try:
        yield
    finally:
        say("Stopping ...")
        stack.stop()


@contextmanager
def ending() -> Generator[Callable[[], bool]]:
    """The first SIGINT, SIGTERM or SIGHUP raises KeyboardInterrupt in what goes on."""
    came = False

    def end(_number: int, _frame: FrameType | None) -> None:
        nonlocal came
        if not came:
            came = True
            raise KeyboardInterrupt

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, end)
    yield lambda: came


@contextmanager
def lock(folder: Path) -> Generator[None]:
    """One start at a time per data folder. Raises RunningError in the second."""
    with open(folder / "lock", "a+", opener=private) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            running = file.read().strip()
            raise RunningError(
                f"Vitrine runs already{f' (process {running})' if running else ''}. Stop it there with Ctrl-C first."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def own_database() -> str | None:
    """The one to use in place of ours."""
    return os.environ.get("DATABASE_URL") or None


def say(line: str) -> None:
    print(line, flush=True)


COMMANDS: dict[str, Callable[[list[str]], int]] = {"run": run, "doctor": doctor}


def main(words: list[str]) -> int:
    if words and words[0] in operating.GROUPS:
        return operating.main(words, database)
    if not words or words[0] not in COMMANDS:
        print(__doc__)
        return 2
    try:
        return COMMANDS[words[0]](words[1:])
    except StartError as error:
        print(error, file=sys.stderr, flush=True)
        return 1
    except KeyboardInterrupt:
        return 0


if __name__ == "__main__":
    hide()
    sys.exit(main(sys.argv[1:]))
