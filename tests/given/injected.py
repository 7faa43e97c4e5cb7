"""Raises TypeError in each function of our own code around the decoders in turn, with whole files, and prints
what is raised to the caller. Runs in a process of its own.

    python -m tests.given.injected [--lines]

Prints JSON: for each function that was called, and with `--lines` for each line that was run, the name of the
exception that `derive` raised.
"""

from __future__ import annotations

import json
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.given import pictures, stills, videos
from vitrine.models.derived import Undecodable
from vitrine_imaging.derive import derive as of_still
from vitrine_video.derive import derive as of_video
from vitrine_video.models import FrameRequest
from vitrine_video.remote import Remote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

OURS = ("vitrine_imaging", "vitrine_video")
Place = tuple[str, str, int]  # file, function, line

STILLS: dict[str, Callable[[], bytes]] = {
    **{kind: partial(stills.turned, kind, 6) for kind in ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIC")},
    **{
        kind: stills.UPRIGHT[kind]
        for kind in (
            "CMYK JPEG",
            "APNG",
            "animated GIF",
            "16-bit TIFF",
            "10-bit HEIC",
            "BMP",
            "BMP of a palette",
        )
    },
    "AVIF sequence": stills.SMALL["AVIF sequence"],
    "transparent PNG": partial(pictures.png, 64, 40, alpha=True),
}
VIDEOS: dict[str, tuple[str, Callable[[], bytes]]] = {
    "mp4": (
        "mp4",
        partial(videos.video, seconds=3, rotation=90, metadata={"creation_time": "2024-05-01T10:00:00Z"}),
    ),
    "one key frame": ("mp4", partial(videos.video, seconds=3, gop=250)),
    "of unknown length": ("webm", partial(videos.video, "webm", live=True, seconds=1)),
    "transport stream": ("mpegts", partial(videos.video, "mpegts", seconds=1)),
    "without a container": ("mpeg", partial(videos.video, "mpeg2video", "mpeg2video", seconds=1)),
    "wide gamut": (
        "mp4",
        partial(
            videos.video,
            seconds=0.4,
            pixels="yuv420p10le",
            options={"x264-params": "colorprim=bt2020:transfer=smpte2084"},
        ),
    ),
}


def files(folder: Path) -> Iterator[tuple[str, Callable[[], object]]]:
    for name, make in STILLS.items():
        path = folder / name
        path.write_bytes(make())
        yield name, partial(_of_still, path)
    for name, (container, make_video) in VIDEOS.items():
        data = make_video()
        wanted = FrameRequest(
            videos.KINDS[container][0], frames=3, max_pixels=10**8, max_seconds=1000, work_seconds=60
        )
        yield name, partial(_of_video, data, wanted)


def _of_still(path: Path) -> object:
    with path.open("rb") as file:
        return of_still(file.fileno(), max_pixels=10**8, max_animation_pixels=10**9, keep_gps=True)


def _of_video(data: bytes, wanted: FrameRequest) -> object:
    return of_video(
        Remote(lambda offset, size: data[offset : offset + size], len(data), most_bytes=1 << 28), wanted
    )


def called(work: Callable[[], object], *, lines: bool) -> set[Place]:
    """Return the functions or lines of our code that ran."""
    places = set[Place]()

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not _is_ours(frame):
            return None
        if event == ("line" if lines else "call"):
            places.add(_place(frame, lines=lines))
        return trace

    sys.settrace(trace)
    try:
        work()
    finally:
        sys.settrace(None)
    return places


def outcome(work: Callable[[], object], place: Place, *, lines: bool) -> str:
    """Return the name of the exception that `work` raises when TypeError is raised at this place."""

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        if not _is_ours(frame):
            return None
        if event == ("line" if lines else "call") and _place(frame, lines=lines) == place:
            raise TypeError("injected")
        return trace

    sys.settrace(trace)
    try:
        work()
    except Undecodable as undecodable:
        return f"Undecodable: {undecodable.reason}"
    except Exception as error:
        return type(error).__name__
    finally:
        sys.settrace(None)
    return "nothing"


def _is_ours(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__")).partition(".")[0] in OURS


def _place(frame: FrameType, *, lines: bool) -> Place:
    code = frame.f_code
    return (
        Path(code.co_filename).name,
        code.co_qualname,
        (frame.f_lineno or 0) if lines else code.co_firstlineno,
    )


def main() -> None:
    lines = "--lines" in sys.argv
    outcomes = dict[str, str]()
    with tempfile.TemporaryDirectory() as folder:
        for name, work in files(Path(folder)):
            work()  # loads what is loaded at first use
            for place in sorted(called(work, lines=lines)):
                key = ":".join(map(str, place))
                if key not in outcomes:
                    outcomes[key] = outcome(work, place, lines=lines)
                    if outcomes[key] != "TypeError":
                        outcomes[key] += f" ({name})"
    print(json.dumps(outcomes))  # noqa: T201 - the program's result


if __name__ == "__main__":
    main()
