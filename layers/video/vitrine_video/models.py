"""The request for frames of a video, and the size of the pieces in which the video is read."""

from dataclasses import dataclass
from typing import Final

# Bytes of a video that the child requests at once, at most. With 1 MiB, three times as much is read for the
# same frames.
BLOCK: Final = 256 * 1024


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """A request for frames of a video, with its limits."""

    mime_type: str  # as detected from the first bytes
    frames: int  # to be made, at most
    max_pixels: int  # width x height
    max_seconds: int  # of the video's duration
    work_seconds: float  # seconds of work, after which the frames made so far are returned
