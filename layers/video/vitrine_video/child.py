"""The child process that makes frames of videos. `Decoder` starts it; a person never does:

    python -m vitrine_video.child <bytes of address space>

Its requests are JSON {"mime_type", "size", "frames", "max_seconds", "read_bytes", "max_pixels",
"cpu_seconds"}. No open file follows: the child requests pieces of the video from its parent
(`answers.request_piece`).
"""

import importlib
import pkgutil
import resource
import sys
from collections.abc import Mapping
from typing import Any

from vitrine.models.derived import Derived
from vitrine_imaging import answers, child, wire
from vitrine_imaging.answers import Send
from vitrine_imaging.child import Loaded


def videos() -> Loaded:
    """Import the code that decodes videos."""
    import av

    # PyAV imports some of its modules when a file first needs them
    for module in pkgutil.walk_packages(av.__path__, "av."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)

    from vitrine_imaging.derive import warm_up_frames
    from vitrine_video.derive import derive
    from vitrine_video.models import BLOCK, FrameRequest
    from vitrine_video.remote import Remote

    def derive_video(request: Mapping[str, Any], send: Send) -> Derived:
        # From here on nothing can be opened: no file, no socket, whatever a video names. The limit is three
        # and not none, because poll() fails for more descriptors than the limit.
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))

        def piece(offset: int, size: int) -> bytes:
            answers.request_piece(send, offset, size)
            return wire.read(0, at_most=BLOCK)

        frame_request = FrameRequest(
            mime_type=request["mime_type"],
            frames=request["frames"],
            max_pixels=request["max_pixels"],
            max_seconds=request["max_seconds"],
            work_seconds=request["cpu_seconds"] * 2 / 3,
        )
        return derive(Remote(piece, request["size"], most_bytes=request["read_bytes"]), frame_request)

    return Loaded(derive_video, warm_up_frames)


if __name__ == "__main__":
    child.main(int(sys.argv[1]), videos)
