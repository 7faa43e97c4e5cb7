"""The decoder's child process, which makes pictures of the open files that it is passed.

`Decoder` starts it; a person never does:

    python -m vitrine_imaging.child <bytes of address space>

The protocol, in messages of `wire.py`. The child first writes "ready" on stdout. The parent then sends one
request per file on stdin, a socket: JSON {"max_pixels", "max_animation_pixels", "keep_gps", "cpu_seconds"},
and behind it an open file, since the child may open nothing by name. The child writes one response for each
(`answers.py`). A child of another kind calls `main` with a function of its own, and may request pieces of its
file first.
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
from vitrine_imaging.answers import Send
from vitrine_imaging.models import OUT_OF_MEMORY

# on stderr, once per process
UNCONFINED = "WARNING: the decoder runs without a seccomp filter, since none is permitted here"
# (the request's fields, a function that writes a message to the parent) -> what was made of the file
Derive = Callable[[Mapping[str, Any], Send], Derived]


@dataclass(frozen=True, slots=True)
class Loaded:
    """The imported code that a child decodes with."""

    derive: Derive
    # Loads what libraries load at first use. It may start threads; afterwards nothing can be opened by name.
    warm_up: Callable[[], None]


def main(memory_bytes: int, load: Callable[[], Loaded]) -> None:
    """Confine this process to `memory_bytes` of address space and to harmless calls, then serve requests.

    `load` imports what decodes, and starts no thread. Returns when the parent closes stdin.
    """
    limited = sys.platform == "linux"  # elsewhere the address space cannot be limited
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if limited:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is the parent's affair

    loaded = load()  # only now: libraries and what they map count within the limit
    send = partial(wire.write, os.dup(1))
    # nothing can be opened for writing once the process is confined
    silence = os.open(os.devnull, os.O_WRONLY)

    confinement.confine_reading()  # before there is a second thread, which would stay unconfined
    threading.Thread(target=_die_with_parent, daemon=True).start()
    loaded.warm_up()
    if not confinement.confine() and limited:
        sys.stderr.write(UNCONFINED + "\n")

    os.dup2(silence, 1)  # what a library prints is no response
    # A hostile file cannot write into our log either. Loading is over, so its errors were printed before.
    os.dup2(silence, 2)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))

    send(wire.READY)
    while True:
        try:
            request = json.loads(wire.read(0, at_most=1 << 20))
        except EOFError:
            return
        _respond(request, loaded.derive, send)


def _respond(request: Mapping[str, Any], derive: Derive, send: Send) -> None:
    """Serve one request: write the result, the reason why the file cannot be decoded, or an internal error.

    An error while the message is written passes on, as OSError when the parent has ended, and ends the child.
    """
    try:
        _allow_processor_time(request["cpu_seconds"])
        answers.send_derived(send, derive(request, send))
    except Undecodable as error:
        answers.send_reason(send, error.reason)
    except MemoryError:
        answers.send_reason(send, OUT_OF_MEMORY)
    except Exception as error:
        # `derive` raises Undecodable for every error that the file causes, so this is a defect of our code.
        answers.send_internal_error(send, error)


def stills() -> Loaded:
    """Import the code that decodes stills. Each request is followed by an open file."""
    from vitrine_imaging.derive import derive, warm_up

    def derive_still(request: Mapping[str, Any], _: Send) -> Derived:
        file = wire.receive_file(0)
        try:
            return derive(
                file,
                max_pixels=request["max_pixels"],
                max_animation_pixels=request["max_animation_pixels"],
                keep_gps=request["keep_gps"],
            )
        finally:
            os.close(file)

    return Loaded(derive_still, warm_up)


def _allow_processor_time(seconds: int) -> None:
    """Let the process use so many seconds of processor time from now on; past them the kernel sends SIGXCPU.

    The limit counts the whole life of the process, so it is raised for each file.
    """
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    soft = int(used.ru_utime + used.ru_stime) + 1 + seconds
    resource.setrlimit(
        resource.RLIMIT_CPU, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard)
    )


def _die_with_parent() -> None:
    """End this process, within a file too, once the other end of stdin is closed or the parent is another
    process.

    PR_SET_PDEATHSIG is not used: it fires when the thread that started us ends, and servers start us from
    threads that come and go.
    """
    parent = os.getppid()
    poll = select.poll()
    poll.register(0, 0)  # asks for no event: a hang-up is always reported
    while os.getppid() == parent and not poll.poll(1000):
        pass
    os._exit(0)


if __name__ == "__main__":
    main(int(sys.argv[1]), stills)
