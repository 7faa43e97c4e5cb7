"""The child process that makes frames of videos. Started by `Decoder`, never by hand.

    python -m vitrine_video.child <bytes of address space>

Told {"mime_type", "size", "frames", "max_seconds", "read_bytes", "max_pixels", "cpu_seconds"}; it has no
file, and asks for pieces of it.
"""

import importlib
import pkgutil
import resource
import sys
from collections.abc import Mapping
from typing import Any

from vitrine.models.derived import Derived
from vitrine_imaging import answers, child, wire
from vitrine_imaging.answers import Say
from vitrine_imaging.child import Loaded


def videos() -> Loaded:
    import av

    # PyAV imports some of its modules when a file first needs them
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    from vitrine_imaging.derive import rehearse_frames
    from vitrine_video.derive import derive
    from vitrine_video.models import Wanted
    from vitrine_video.remote import BLOCK, Remote

    def of(told: Mapping[str, Any], say: Say) -> Derived:
        # From here on nothing can be opened: no file, no socket, whatever a video names. Three, or nothing
        # could be waited for either.
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))

        def piece(offset: int, size: int) -> bytes:
            answers.ask(say, offset, size)
            return wire.read(0, at_most=BLOCK)

        wanted = Wanted(
            mime_type=told["mime_type"],
            frames=told["frames"],
            max_pixels=told["max_pixels"],
            max_seconds=told["max_seconds"],
            patience=told["cpu_seconds"] * 2 / 3,
        )
        return derive(Remote(piece, told["size"], most_bytes=told["read_bytes"]), wanted)

    return Loaded(of, rehearse_frames)


if __name__ == "__main__":
    child.main(int(sys.argv[1]), videos)
