"""The nouns of video: the request for frames."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class FrameRequest:
    """A request for frames of a video, with its limits."""

    mime_type: str  # as sniffed
    frames: int  # at most
    max_pixels: int  # width x height
    max_seconds: int  # that it may last
    work_seconds: float  # seconds of work, after which the frames made so far are returned
