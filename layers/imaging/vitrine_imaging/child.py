"""The decoder's child process: takes open files, gives back what is made of them. Started by `Decoder`, never
by hand.

    python -m vitrine_imaging.child <bytes of address space>

On stdin, a socket, messages (`wire.py`) of JSON {"max_pixels", "max_animation_pixels", "keep_gps",
"cpu_seconds"}, each with an open file behind it:
the child may open nothing by name. On stdout "ready", then for each an answer (`answers.py`).
A child of another kind calls `main` with what it derives, and may ask for pieces of its file, before it
answers.
"""

import json
import os
import resource
import select
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from vitrine.models.derived import Derived, Undecodable
from vitrine_imaging import answers, confinement, wire
from vitrine_imaging.answers import Say
from vitrine_imaging.models import OUT_OF_MEMORY

# on stderr, once per process
UNCONFINED = "WARNING: the decoder runs without a seccomp filter, since none is permitted here"
# of what is told about a file, and whom its pieces are asked of
Derive = Callable[[Mapping[str, Any], Say], Derived]


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a child decodes with, imported."""

    derive: Derive
    # loads what libraries load when they are first used: it starts threads, and later nothing may be opened
    rehearse: Callable[[], None]


def main(memory_bytes: int, load: Callable[[], Loaded]) -> None:
    """`load` imports what decodes, and starts no thread."""
    limited = sys.platform == "linux"  # elsewhere the address space cannot be limited
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limited:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair

    loaded = load()  # only now: libraries and what they map count within the limit
    say = partial(wire.write, os.dup(1))
    # nothing can be opened for writing once the process is confined
    silence = os.open(os.devnull, os.O_WRONLY)

    confinement.confine_reading()  # before there is a second thread, which would go free
    threading.Thread(target=_die_with_parent, daemon=True).start()
    loaded.rehearse()
    if not confinement.confine() and limited:
        sys.stderr.write(UNCONFINED + "\n")

    os.dup2(silence, 1)  # what a library prints is no answer
    # nor does a hostile file write our log; that libvips cannot be loaded was said before
    os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    say(wire.READY)
    while True:
        try:
            asked = json.loads(wire.read(0, at_most=1 << 20))
        except EOFError:
            return
        try:
            _allow_processor_time(asked["cpu_seconds"])
            answers.give(say, loaded.derive(asked, say))
        except Undecodable as rejected:
            answers.reject(say, rejected.reason)
        except MemoryError:
            answers.reject(say, OUT_OF_MEMORY)
        except Exception as error:
            # an error of our code: whatever a library raises because of the file has become Undecodable
            answers.report(say, error)


def stills() -> Loaded:
    from vitrine_imaging.derive import derive, rehearse

    def of(told: Mapping[str, Any], _: Say) -> Derived:
        file = wire.take_file(0)
        try:
            return derive(
                file,
                max_pixels=told["max_pixels"],
                max_animation_pixels=told["max_animation_pixels"],
                keep_gps=told["keep_gps"],
            )
        finally:
            os.close(file)

    return Loaded(of, rehearse)


def _allow_processor_time(seconds: int) -> None:
    """The limit counts the whole life of the process, so it is raised for each file; past it the kernel
    sends SIGXCPU.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def _die_with_parent() -> None:
    """Ends this process, in the middle of a file too, once nobody holds the other end of stdin or the parent
    is another.

    Not PR_SET_PDEATHSIG: it fires when the thread that started us ends, and servers start us from threads
    that come and go.
    """
    parent = os.getppid()
    poll = select.poll()
    poll.register(0, 0)  # asks for nothing: a hang-up is always told
    while os.getppid() == parent and not poll.poll(1000):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), stills)
