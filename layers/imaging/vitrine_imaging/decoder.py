"""Decoding of untrusted files in a child process with limits, which a hostile file may crash without harm.

The child is started by running Python anew, never by fork (a fork after libvips was used hangs), and this
process never imports libvips. The child gets no credentials: its environment is made from nothing, and it can
neither read this process's memory nor use the network (`confinement.py`). It opens no file by name: a picture
is passed to it as an open file. Its responses are checked like any input, since whoever takes over the child
also writes them.
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
    "Cancelled",
    "Decoder",
    "DecoderUnavailable",
    "Decoding",
    "Derived",
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
    # libvips keeps whole pictures in memory, where they are counted, because the child may not write files
    "VIPS_DISC_THRESHOLD": "64g",
}


class Decoder:
    """One child process, started at the first file, replaced when it fails and after some hundred files.

    `module`: what the child runs. Threads may share a decoder; they take turns.
    """

    def __init__(
        self, *, files_per_child: int = _FILES_PER_CHILD, module: str = "vitrine_imaging.child"
    ) -> None:
        self._files_per_child = files_per_child
        self._module = module
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def derive(self, path: Path, *, limits: Limits | None = None) -> Derived:
        """Return the frames, thumbnails and metadata of the picture at `path`.

        `limits`: those of `Limits()` if none are passed. Raises Undecodable for whatever is wrong with the
        file, or what it did to the child; FileNotFoundError; InternalError where our own code in the child
        raised; and DecoderUnavailable where no child can be started at all.
        """
        return self._derive(_task_of(path), limits or Limits(), _Request())

    def begin(self, path: Path, *, limits: Limits | None = None) -> "Decoding":
        """Start decoding the picture at `path` in a thread, for a caller with something else to do meanwhile.

        The file must exist until the block of the returned `Decoding` ends. Raises FileNotFoundError; all
        other errors come with the result.
        """
        return self.begin_task(_task_of(path), limits=limits or Limits())

    def begin_task(self, task: "Task", *, limits: Limits) -> "Decoding":
        """Start a task in a thread. The child's module must know the task's fields."""
        request = _Request()
        return Decoding(request, lambda: self._derive(task, limits, request))

    @property
    def pid(self) -> int | None:
        """The child's process id; None while there is no child."""
        child = self._child
        return child.process.pid if child else None

    def close(self) -> None:
        """End the child. The next file starts another."""
        with self._turn:
            self._stop()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _derive(self, task: "Task", limits: Limits, request: "_Request") -> Derived:
        with self._turn, open(task.file, "rb", buffering=0) if task.file else nullcontext() as file:
            try:
                return self._attempt(task, file, limits, request)
            except _ChildFailed:
                # The cause may be an earlier file, the system or a person: only a fresh child's response
                # counts.
                pass
            try:
                return self._attempt(task, file, limits, request)
            except _ChildFailed as again:
                raise Undecodable(again.reason) from None

    def _attempt(self, task: "Task", file: FileIO | None, limits: Limits, request: "_Request") -> Derived:
        request.check()  # before a child is started for it
        child = self._ready(limits.memory_bytes)
        child.files += 1
        until = time.monotonic() + limits.wall_seconds
        try:
            with request.running_in(child.process):
                return child.derive(task, file, limits, until)
        except TimeoutError:
            self._stop()
            raise Undecodable(_too_long(limits)) from None
        except Undecodable as error:
            if error.reason == OUT_OF_MEMORY:  # earlier files may have left too little of it
                self._stop()
                raise _ChildFailed(error.reason) from None
            raise
        except (ValueError, RecursionError) as error:  # the latter from JSON that nests too deeply
            log.warning("no valid answer from the decoder's process: %s", error)
            self._stop()
            raise _ChildFailed(_FAILS) from None
        except (EOFError, OSError):
            ended_by = child.end_signal()
            self._stop()
            if ended_by == signal.SIGXCPU:
                raise Undecodable(_too_long(limits)) from None
            raise _ChildFailed(_REASONS_BY_SIGNAL.get(ended_by, _FAILS)) from None
        except BaseException:
            self._stop()  # interrupted: the rest of this response must not be read as the next one
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
    """One file that a child is to decode."""

    fields: Mapping[str, Any]  # of the request to the child, beside the limits
    # (offset, size) -> bytes of the file; None: the child reads the file itself
    piece: Callable[[int, int], bytes] | None = None
    # Opened here and passed on, since the child opens nothing by name. None where the child requests pieces.
    file: Path | None = None


def _task_of(path: Path) -> Task:
    return Task({}, file=path.resolve(strict=True))


class Decoding:
    """A file that is being decoded in a thread, beside what the caller does.

    When the block ends, decoding has ended too: the child is killed if it still works on this file. A file
    that waits behind others is not started.
    """

    def __init__(self, request: "_Request", derive: Callable[[], Derived]) -> None:
        self._request = request
        self._thread = ThreadPoolExecutor(1, "decoding")
        self._derived = self._thread.submit(derive)

    def result(self) -> Derived:
        """Wait for the result and return it.

        Raises Undecodable, InternalError and DecoderUnavailable as `Decoder.derive` does; Cancelled where the
        block ended before.
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
        self._request.cancel()
        self._thread.shutdown()


class _Request:
    """A caller's request to decode one file. Cancelling it kills the child that works on it, and starts no
    other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._is_cancelled = False
        self._process: subprocess.Popen[bytes] | None = None

    def cancel(self) -> None:
        with self._lock:
            self._is_cancelled = True
            if self._process:
                self._process.kill()

    def check(self) -> None:
        if self._is_cancelled:
            raise Cancelled

    @contextmanager
    def running_in(self, process: subprocess.Popen[bytes]) -> Generator[None]:
        with self._lock:
            self.check()
            self._process = process
        try:
            yield
        finally:
            with self._lock:  # from here on the child may work on another caller's file
                self._process = None


class Cancelled(Exception):
    """The caller no longer waits for the result."""


class _ChildFailed(Exception):
    """The child died, or sent a malformed response."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


_FAILS: Final = "The file makes the decoder fail"
# What the file seems to have done, by the signal that ended the child.
_REASONS_BY_SIGNAL: Final[Mapping[int, str]] = {
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
    """A running child process. The constructor raises DecoderUnavailable if the child does not report that it
    is ready.
    """

    def __init__(self, module: str, memory_bytes: int) -> None:
        self.memory_bytes = memory_bytes
        self.files = 0
        try:
            hide()
        except OSError as error:  # a sandbox around this process denies it
            log.warning("this process cannot be hidden from its children: %s", error)
        channel, childs_end = socket.socketpair()  # not a pipe: open files are passed over it
        with childs_end:
            self.process = subprocess.Popen(
                # -P, -s: modules come from where ours come from, not from the working directory or a home
                [sys.executable, "-P", "-s", "-B", "-m", module, str(memory_bytes)],
                bufsize=0,
                stdin=childs_end.fileno(),
                stdout=subprocess.PIPE,
                cwd="/",
                env=_environment(),
            )
        assert self.process.stdout
        self._requests, self._responses = channel.fileno(), self.process.stdout.fileno()
        os.set_blocking(self._requests, False)  # so that a child that reads nothing meets the time limit
        self._end = weakref.finalize(self, _end, self.process, channel)  # also when the interpreter exits
        try:
            greeting = wire.read(self._responses, at_most=16, until=time.monotonic() + _START_SECONDS)
        except (EOFError, OSError, TimeoutError, ValueError) as error:
            self.end_signal()
            self.stop()
            kind, code = type(error).__name__, self.process.returncode
            raise DecoderUnavailable(f"The decoder's process does not start: {kind}, exit {code}") from error
        if greeting != wire.READY:
            self.stop()
            raise DecoderUnavailable("The decoder's process does not greet")

    def derive(self, task: Task, file: FileIO | None, limits: Limits, until: float) -> Derived:
        """Send the request, serve the pieces that the child requests, and return its checked response.

        Raises Undecodable, InternalError, TimeoutError; EOFError or OSError where the child has ended;
        ValueError or RecursionError where its response is malformed; and what the task's `piece` raises.
        """
        fields = {
            **task.fields,
            "max_pixels": limits.max_pixels,
            "max_animation_pixels": limits.max_animation_pixels,
            "keep_gps": limits.keep_gps,
            "cpu_seconds": limits.wall_seconds,
        }
        wire.write(self._requests, json.dumps(fields).encode(), until=until)
        if file is not None:
            wire.send_file(self._requests, file.fileno(), until=until)

        def receive(at_most: int) -> bytes:
            return wire.read(self._responses, at_most=at_most, until=until)

        head = receive(answers.MOST_HEAD)
        while task.piece is not None and (requested := answers.requested_piece(head)) is not None:
            wire.write(self._requests, task.piece(*requested), until=until)
            head = receive(answers.MOST_HEAD)
        return answers.receive_derived(head, receive, max_pixels=limits.max_pixels)

    def end_signal(self) -> int:
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
