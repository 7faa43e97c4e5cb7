"""The laptop's AWS from the command line.

python -m local run       start everything, until Ctrl-C; --help lists the options
python -m local doctor    report violated invariants, and work that is stuck

python -m local user|key|org ...      the operator's commands on people, keys and organizations; see --help
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

PORTS = (8484, 8485)  # of API and S3, unless an option or config.json names others
MAX_RESTARTS = 5  # of one part within a minute; more restarts would not help
CHECK_INTERVAL = 0.3  # seconds between checks of the parts


class RunningError(StartError):
    """A stack of this folder is already running."""


def run(words: list[str]) -> int:
    """Start everything, print the URLs, restart parts that die; stop in order at Ctrl-C or SIGTERM. Exit code
    0.
    """
    options = parse_options(words)
    with interruptible() as interrupted:
        folder = data_folder()
        with lock(folder):
            stack = Stack(
                folder,
                ports=PORTS,
                required_ports=options.ports,
                owner_url=configured_database(),
                report=print_line,
                like_aws=options.like_aws,
            )
            with contextlib.suppress(KeyboardInterrupt), stopping(stack):
                stack.start()
                demo = show_demo(stack)
                try:
                    watch(stack, interrupted)
                finally:
                    demo.kill()
                    demo.wait()
            print_line("Stopped. The data stays in .vitrine; `make run` goes on with it.")
    return 0


@dataclass(frozen=True, slots=True)
class RunOptions:
    """The options of `run`."""

    ports: Mapping[str, int]  # by part: `api`, `s3`; a missing part has its default port
    like_aws: bool  # apply the limits of API Gateway and Lambda


def parse_options(words: list[str]) -> RunOptions:
    """Parse the arguments of `run`. Exits with code 2 and a sentence when they are invalid."""
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
    parsed = parser.parse_args(words)
    ports = {part: number for part, number in (("api", parsed.api), ("s3", parsed.s3)) if number is not None}
    if len(set(ports.values())) < len(ports):
        parser.error("API and store need a port each")
    return RunOptions(ports, parsed.like_aws)


def port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65535")
    return int(text)


def doctor(words: list[str]) -> int:
    """Print violated invariants and stuck work; exit code 1 when there is any.

    The stack is started for it when none is running.
    """
    argparse.ArgumentParser(prog="python -m local doctor").parse_args(words)
    folder = data_folder()
    stack = Stack(folder, ports=PORTS, owner_url=configured_database())
    with attached_or_started(stack, folder):
        os.environ |= stack.environment()  # the library reads its settings at first use
        from vitrine import db
        from vitrine.library.invariants import invariants, stuck

        problems = [*map(str, invariants()), *stuck(), *failed_messages(stack)]
        db.close()
    for line in problems:
        print(line)
    if not problems:
        print("Rows, ledger, counts and store agree; nothing is stuck.")
    return 1 if problems else 0


@contextmanager
def database() -> Generator[None]:
    """Set WORKER_DATABASE_URL within the block, unless it is set already.

    It then leads to the running stack, or to a stack that is started for the block.
    """
    if os.environ.get("WORKER_DATABASE_URL"):
        yield
        return
    folder = data_folder()
    stack = Stack(folder, ports=PORTS, owner_url=configured_database())
    with attached_or_started(stack, folder):
        os.environ |= stack.environment()
        yield


def failed_messages(stack: Stack) -> Generator[str]:
    """A line for each dead letter, and for each message that was received before without success."""
    queues = Queues(stack.owner_url, read(CLONE / "template.yaml").queues)
    queues.open()
    try:
        yield from queues.failed_messages()
    finally:
        queues.close()


@contextmanager
def attached_or_started(stack: Stack, folder: Path) -> Generator[None]:
    """Attach to the running stack of the folder, or start one for the block."""
    try:
        with lock(folder), stack:
            yield
    except RunningError:
        stack.attach()
        yield


def watch(stack: Stack, interrupted: Callable[[], bool]) -> None:
    """Restart parts that die, until `interrupted()`. Raises StartError when a part keeps dying."""
    deaths: dict[str, deque[float]] = {}
    while not interrupted():
        for part in stack.died():
            times = deaths.setdefault(part, deque(maxlen=MAX_RESTARTS))
            if len(times) == MAX_RESTARTS and time.monotonic() - times[0] < 60:
                raise StartError(
                    f"{part} died {MAX_RESTARTS + 1} times within a minute; see {stack.log(part)}"
                )
            times.append(time.monotonic())
            print_line(f"{part} died; starting it again (its log: {stack.log(part)})")
            stack.restart(part)
        time.sleep(CHECK_INTERVAL)


def show_demo(stack: Stack) -> subprocess.Popen[bytes]:
    """Start the demo in a process of its own; it uses the API like any other client."""
    environment = {**stack.environment(), "OWNER_DATABASE_URL": stack.owner_url}
    words = [sys.executable, "-m", "local.demo", "--folder", str(stack.folder)]
    return subprocess.Popen(
        tethered(words, end_signal=signal.SIGKILL),
        cwd=CLONE,
        env=environment,
        stdin=subprocess.DEVNULL,
        start_new_session=True,
    )


@contextmanager
def stopping(stack: Stack) -> Generator[None]:
    """Stop the stack at the end of the block, whatever happens inside."""
    try:
        yield
    finally:
        print_line("Stopping ...")
        stack.stop()


@contextmanager
def interruptible() -> Generator[Callable[[], bool]]:
    """Raise KeyboardInterrupt in the block at the first SIGINT, SIGTERM or SIGHUP, and at no later one.

    Yields a function that returns whether a signal came.
    """
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
    """Lock the data folder for one running stack. Raises RunningError when it is locked."""
    with open(folder / "lock", "a+", opener=private) as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            running = file.read().strip()
            raise RunningError(
                f"Vitrine runs already{f' (process {running})' if running else ''}. Stop it there with "
                "Ctrl-C first."
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def configured_database() -> str | None:
    """DATABASE_URL: the database to use in place of the embedded one; None: not set."""
    return os.environ.get("DATABASE_URL") or None


def print_line(line: str) -> None:
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
