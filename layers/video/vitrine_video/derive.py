"""Frames and thumbnails of some moments of a video, its placeholder, and the metadata in its container.

This runs inside the child process, the only place where PyAV is ever loaded.
"""

from dataclasses import replace

import pyvips

from vitrine.models.derived import Derived, DerivedFrame, Undecodable
from vitrine_imaging.derive import make_frame, make_placeholder
from vitrine_imaging.models import DAMAGED, FRAME_EDGE, OUT_OF_MEMORY
from vitrine_imaging.perceptual import dominant_colors, perceptual_hash
from vitrine_video.film import PYAV, Film, open_film
from vitrine_video.models import FrameRequest
from vitrine_video.remote import ReadLimitExceeded, Remote
from vitrine_video.upright import size_shown, upright


def derive(remote: Remote, request: FrameRequest) -> Derived:
    """Return the frames and metadata of the video; of a truncated file, the frames before the end.

    Raises Undecodable where no frame can be decoded.
    """
    try:
        with PYAV.undecodable(lambda _: DAMAGED), open_film(remote, request) as film:
            return _derive(film)
    except pyvips.Error as error:
        # libvips works on decoded pixels here, so the file can cause no error but a lack of memory
        if "memory" in str(error).lower():
            raise Undecodable(OUT_OF_MEMORY) from None
        raise
    except ReadLimitExceeded:
        raise Undecodable("More of the file would have to be read than is") from None


def _derive(film: Film) -> Derived:
    frames = list[DerivedFrame]()
    shown, poster, is_black = (0, 0), None, True
    for decoded in film.decoded_frames():
        image = upright(decoded.frame, decoded.pixel_width, FRAME_EDGE)
        frame, thumbnail = make_frame(image, at_seconds=decoded.at)
        if frames:
            frames[-1] = replace(frames[-1], end_seconds=decoded.at)
        else:
            shown = size_shown(decoded.frame, decoded.pixel_width)
        frames.append(frame)
        if poster is None or (is_black and not decoded.glance.is_black):
            poster, is_black = thumbnail, decoded.glance.is_black
    if poster is None:
        raise Undecodable(film.problem or DAMAGED)
    frames[-1] = replace(frames[-1], end_seconds=max(film.duration or 0.0, frames[-1].at_seconds))
    taken_at, taken_zone = film.recorded_at()
    return Derived(
        width=shown[0],
        height=shown[1],
        frames=tuple(frames),
        placeholder=make_placeholder(poster),
        perceptual_hash=perceptual_hash(poster),
        colors=dominant_colors(poster),
        taken_at=taken_at,
        taken_zone=taken_zone,
        duration=film.duration,
        codec=film.codec,
        frame_rate=film.frame_rate,
    )
