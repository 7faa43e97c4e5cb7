"""The nouns of video: what is asked of one."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is to be made of a video, and what it may cost."""

    mime_type: str  # as sniffed
    frames: int  # at most
    max_pixels: int  # width x height
    max_seconds: int  # that it may last
    patience: float  # seconds of work, after which the frames that there are must do
