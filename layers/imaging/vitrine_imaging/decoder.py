"""Pictures out of files nobody vouches for: decoding happens in a child process with limits, which may die of
it.

The child is started by running Python anew, never by fork (a fork after libvips was used hangs), and this
side never
imports libvips. It gets no credentials: its environment is made from nothing, and it can neither look into
this process nor
speak to the network (`confinement.py`). It opens no file by name: a picture is passed to it open. What it
answers is checked like any input,
since whoever breaks a decoder speaks for it from then on.
"""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import weakref
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self

from vitrine.models.derived import Derived, Picture, Undecodable
from vitrine.process import hide
from vitrine_imaging import answers, wire
from vitrine_imaging.models import OUT_OF_MEMORY, DecoderUnavailable, Limits

log = logging.getLogger(__name__)

__all__ = [
    "Decoder",
    "DecoderUnavailable",
    "Decoding",
    "Derived",
    "GivenUp",
    "Limits",
    "Picture",
    "Task",
    "Undecodable",
]

_START_SECONDS: Final = 30  # a first import from a cold disk; 60 ms when warm
_FILES_PER_CHILD: Final = 300  # memory levels off after some ten files; this is for leaks we do not know

_KEPT_ENVIRONMENT: Final = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONHOME")
_ENVIRONMENT: Final = {
    "MALLOC_ARENA_MAX": "2",  # peak 151 -> 112 MB
    "VIPS_BLOCK_UNTRUSTED": "1",
    "VIPS_CONCURRENCY": "1",  # two threads gained an eighth
    # what must be held whole is held in memory, where it is counted: the child may not write files
    "VIPS_DISC_THRESHOLD": "64g",
}


class Decoder:
    """One child process, started at the first file, replaced when it fails and after some hundred files.
    `module`: what it runs.

    Threads may share it; they take turns.
    """

    def __init__(
        self, *, files_per_child: int = _FILES_PER_CHILD, module: str = "vitrine_imaging.child"
    ) -> None:
        self._files_per_child = files_per_child
        self._module = module
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def derive(self, path: Path, *, limits: Limits | None = None) -> Derived:
        """What is made of the picture at `path`, within `limits` (those of `Limits()` if none are given).

        Raises Undecodable for whatever is wrong with the file, or what it did to the child;
        FileNotFoundError;
        InternalError where our own code in the child raised; and DecoderUnavailable where no child can be
        started at all.
        """
        return self._derive(_of(path), limits or Limits(), _Wish())

    def begin(self, path: Path, *, limits: Limits | None = None) -> "Decoding":
        """The same, begun: for a caller with something else to do meanwhile. The file stays until the block
        of what is returned ends.

        Raises FileNotFoundError; the rest comes with the result.
        """
        return self.begin_task(_of(path), limits=limits or Limits())

    def begin_task(self, task: "Task", *, limits: Limits) -> "Decoding":
        """The same, of a child that knows what to make of this task."""
        wish = _Wish()
        return Decoding(wish, lambda: self._derive(task, limits, wish))

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is none."""
        child = self._child
        return child.process.pid if child else None

    def close(self) -> None:
        """The child is gone. The next file starts another."""
        with self._turn:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _derive(self, task: "Task", limits: Limits, wish: "_Wish") -> Derived:
        with self._turn, open(task.file, "rb", buffering=0) if task.file else nullcontext() as file:
            try:
                return self._ask(task, file, limits, wish)
            except _Disturbed:
                # an earlier file, the system or a person may be to blame: only what a fresh child says counts
                pass
            try:
                return self._ask(task, file, limits, wish)
            except _Disturbed as again:
                raise Undecodable(again.reason) from None

    def _ask(self, task: "Task", file: FileIO | None, limits: Limits, wish: "_Wish") -> Derived:
        wish.check()  # before a child is started for it
        child = self._ready(limits.memory_bytes)
        child.files += 1
        until = time.monotonic() + limits.wall_seconds
        try:
            with wish.kept_by(child.process):
                return child.derive(task, file, limits, until)
        except TimeoutError:
            self._stop()
            raise Undecodable(_too_long(limits)) from None
        except Undecodable as rejected:
            if rejected.reason == OUT_OF_MEMORY:  # perhaps what earlier files left too little of
                self._stop()
                raise _Disturbed(rejected.reason) from None
            raise
        except (ValueError, RecursionError) as error:  # the latter from JSON that nests too deeply
            log.warning("no valid answer from the decoder's process: %s", error)
            self._stop()
            raise _Disturbed(_FAILS) from None
        except (EOFError, OSError):
            fate = child.fate()
            self._stop()
            if fate == signal.SIGXCPU:
                raise Undecodable(_too_long(limits)) from None
            raise _Disturbed(_LAST_WORDS.get(fate, _FAILS)) from None
        except BaseException:
            self._stop()  # interrupted: whatever the child still sends is no answer to the next question
            raise

    def _ready(self, memory_bytes: int) -> "_Child":
        child = self._child
        if (
            child
            and child.files < self._files_per_child
            and child.memory_bytes == memory_bytes
            and child.process.poll() is None
        ):
            return child
        self._stop()
        self._child = _Child(self._module, memory_bytes)
        return self._child

    def _stop(self) -> None:
        child, self._child = self._child, None
        if child:
            child.stop()


@dataclass(frozen=True, slots=True)
class Task:
    """What is to be made of one file."""

    told: Mapping[str, Any]  # to the child, beside its limits
    # of the file, from an offset so many bytes; None: the child reads it itself
    piece: Callable[[int, int], bytes] | None = None
    # opened here and passed on: the child opens nothing by name. None where there are pieces
    file: Path | None = None


def _of(path: Path) -> Task:
    return Task({}, file=path.resolve(strict=True))


class Decoding:
    """A picture that is being made beside what its caller does. At the end of its block nothing goes on: its
    child is ended, unless it is done;
    one that waits behind other files has its turn first, and takes none.
    """

    def __init__(self, wish: "_Wish", derive: Callable[[], Derived]) -> None:
        self._wish = wish
        self._thread = ThreadPoolExecutor(1, "decoding")
        self._derived = self._thread.submit(derive)

    def result(self) -> Derived:
        """Waits for it. Raises Undecodable, InternalError and DecoderUnavailable as `Decoder.derive`
        does; GivenUp where the block ended before.
        """
        return self._derived.result()

    def succeeded(self) -> bool:
        """Whether there is a result by now."""
        return self._derived.done() and self._derived.exception() is None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._wish.give_up()
        self._thread.shutdown()


class _Wish:
    """That one file be decoded. Whoever gives it up ends the child that is at it, and no other is asked."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._given_up = False
        self._process: subprocess.Popen[bytes] | None = None

    def give_up(self) -> None:
        with self._lock:
            self._given_up = True
            if self._process:
                self._process.kill()

    def check(self) -> None:
        if self._given_up:
            raise GivenUp

    @contextmanager
    def kept_by(self, process: subprocess.Popen[bytes]) -> Generator[None]:
        with self._lock:
            self.check()
            self._process = process
        try:
            yield
        finally:
            with self._lock:  # from here on the child may be at another's file
                self._process = None


class GivenUp(Exception):
    """Nobody waits for the answer."""


class _Disturbed(Exception):
    """The child died, or spoke nonsense."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_FAILS: Final = "The file makes the decoder fail"
# What the file seems to have done, by the signal that ended the child.
_LAST_WORDS: Final[Mapping[int, str]] = {
    signal.SIGKILL: "Decoding was stopped by the system, twice",
    # GLib aborts where malloc fails
    signal.SIGABRT: "The file makes the decoder crash, or need more memory than allowed",
    signal.SIGTRAP: "The file makes the decoder crash, or need more memory than allowed",
    signal.SIGSEGV: "The file makes the decoder crash",
    signal.SIGBUS: "The file makes the decoder crash",
    signal.SIGFPE: "The file makes the decoder crash",
    signal.SIGILL: "The file makes the decoder crash",
}


def _too_long(limits: Limits) -> str:
    return f"Decoding took longer than {limits.wall_seconds} s"


class _Child:
    """A running child; raises DecoderUnavailable if it does not come to run."""

    def __init__(self, module: str, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.files = 0
        try:
            hide()
        except OSError as error:  # a sandbox around this process denies it
            log.warning("this process cannot be hidden from its children: %s", error)
        channel, theirs = socket.socketpair()  # not a pipe: open files are passed over it
        with theirs:
            self.process = subprocess.Popen(
                # -P, -s: modules come from where ours come from, not from the working directory or a home
                [sys.executable, "-P", "-s", "-B", "-m", module, str(memory_bytes)],
                bufsize=0,
                stdin=theirs.fileno(),
                stdout=subprocess.PIPE,
                cwd="/",
                env=_environment(),
            )
        assert self.process.stdout
        self._questions, self._answers = channel.fileno(), self.process.stdout.fileno()
        os.set_blocking(self._questions, False)  # one that takes nothing is not waited for without end
        self._end = weakref.finalize(self, _end, self.process, channel)  # also when the interpreter exits
        try:
            greeting = wire.read(self._answers, at_most=16, until=time.monotonic() + _START_SECONDS)
        except (EOFError, OSError, TimeoutError, ValueError) as error:
            self.fate()
            self.stop()
            raise DecoderUnavailable(
                f"The decoder's process does not start: {type(error).__name__}, exit {self.process.returncode}"
            ) from error
        if greeting != wire.READY:
            self.stop()
            raise DecoderUnavailable("The decoder's process does not greet")

    def derive(self, task: Task, file: FileIO | None, limits: Limits, until: float) -> Derived:
        """Raises Undecodable, InternalError, TimeoutError; EOFError or OSError where the child is gone,
        ValueError or RecursionError where it
        babbles; and what the task's `piece` raises.
        """
        told = {
            **task.told,
            "max_pixels": limits.max_pixels,
            "max_animation_pixels": limits.max_animation_pixels,
            "keep_gps": limits.keep_gps,
            "cpu_seconds": limits.wall_seconds,
        }
        wire.write(self._questions, json.dumps(told).encode(), until=until)
        if file is not None:
            wire.give_file(self._questions, file.fileno(), until=until)

        def hear(at_most: int) -> bytes:
            return wire.read(self._answers, at_most=at_most, until=until)

        head = hear(answers.MOST_HEAD)
        while task.piece is not None and (asked := answers.asked(head)) is not None:
            wire.write(self._questions, task.piece(*asked), until=until)
            head = hear(answers.MOST_HEAD)
        return answers.take(head, hear, max_pixels=limits.max_pixels)

    def fate(self) -> int:
        """The signal that ended the process, whose pipe has just ended; 0 if none did."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=1)
        return max(0, -(self.process.returncode or 0))

    def stop(self) -> None:
        self._end()


def _end(process: subprocess.Popen[bytes], channel: socket.socket) -> None:
    process.kill()
    process.wait()
    channel.close()
    if process.stdout:
        process.stdout.close()


def _environment() -> dict[str, str]:
    modules = os.pathsep.join(str(Path(entry).resolve()) for entry in sys.path)
    kept = {name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ}
    return {**kept, **_ENVIRONMENT, "PYTHONPATH": modules}
