"""What is made of a video: frames and thumbnails of some of its moments, a placeholder, and what its
container says of it.

This runs inside the child process, the only place where PyAV is ever loaded.
"""

from dataclasses import replace

import pyvips

from vitrine.models.derived import Derived, Frame, Undecodable
from vitrine_imaging.derive import picture_frame, placeholder
from vitrine_imaging.models import FRAME_EDGE, OUT_OF_MEMORY
from vitrine_imaging.perceptual import dominant_colors, perceptual_hash
from vitrine_video.film import CUT, PYAV, Film, opened
from vitrine_video.models import Wanted
from vitrine_video.remote import Remote, TooMuch
from vitrine_video.upright import size_shown, upright


def derive(remote: Remote, wanted: Wanted) -> Derived:
    """Of a cut file, what frames there are. Raises Undecodable where there is none."""
    try:
        with PYAV.undecodable(lambda _: CUT), opened(remote, wanted) as film:
            return _derive(film)
    except pyvips.Error as error:
        # libvips works on decoded pixels here, so nothing but memory can be wrong with the file
        if "memory" in str(error).lower():
            raise Undecodable(OUT_OF_MEMORY) from None
        raise
    except TooMuch:
        raise Undecodable("More of the file would have to be read than is") from None


def _derive(film: Film) -> Derived:
    frames = list[Frame]()
    shown, poster, lit = (0, 0), None, False
    for shot in film.shots():
        image = upright(shot.frame, shot.wide, FRAME_EDGE)
        frame, thumbnail = picture_frame(image, at_seconds=shot.at)
        if frames:
            frames[-1] = replace(frames[-1], end_seconds=shot.at)
        else:
            shown = size_shown(shot.frame, shot.wide)
        frames.append(frame)
        if poster is None or not lit:
            poster, lit = (
                (thumbnail if poster is None or not shot.glance.is_black else poster),
                not shot.glance.is_black,
            )
    if poster is None:
        raise Undecodable(film.trouble or CUT)
    frames[-1] = replace(frames[-1], end_seconds=max(film.duration or 0.0, frames[-1].at_seconds))
    taken_at, taken_zone = film.taken()
    return Derived(
        width=shown[0],
        height=shown[1],
        frames=tuple(frames),
        placeholder=placeholder(poster),
        perceptual_hash=perceptual_hash(poster),
        colors=dominant_colors(poster),
        taken_at=taken_at,
        taken_zone=taken_zone,
        duration=film.duration,
        codec=film.codec,
        frame_rate=film.frame_rate,
    )
