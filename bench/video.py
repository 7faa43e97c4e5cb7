"""Making eight frames and thumbnails of a minute of 1080p video in the store, reading pieces of the file,
compared with downloading the whole file.
"""

from __future__ import annotations

import io
import os
import time
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import av
from av.filter import Graph

from tests.given.stack import running_stack
from vitrine import storage
from vitrine.settings import settings
from vitrine_imaging.decoder import Decoder, Task
from vitrine_imaging.models import Limits
from vitrine_video import intake

if TYPE_CHECKING:
    from vitrine.models.derived import Derived
    from vitrine.models.uploads import Stored

SECONDS, RATE = 60, 30
TURNS = 5
ALLOWED = 2.0  # seconds, at the median
SHARE = 0.20  # of the file's bytes that may be read


def main() -> None:
    """Print the best and the median time of both, the bytes read, and the peak memory of the child."""
    began = time.perf_counter()
    data = _clip()
    print(f"  {len(data) / 1e6:.1f} MB of H.264, encoded in {time.perf_counter() - began:.0f} s")
    with running_stack() as stack, Decoder(module="vitrine_video.child") as decoder:
        os.environ.update(stack.environment())
        settings.cache_clear()
        stored = storage.put("derived/bench-video", data, "video/mp4")

        _by_pieces(stored, decoder)  # starts the child, and warms the store's cache
        pieces = sorted((_by_pieces(stored, decoder) for _ in range(TURNS)), key=lambda one: one[0])
        whole = sorted(_whole(stored, decoder) for _ in range(TURNS))
        peak = _peak(decoder.pid or 0)

    seconds, derived, read, requests = pieces[TURNS // 2]
    share = read / len(data)
    verdict = "met" if seconds < ALLOWED and share <= SHARE and len(derived.frames) == 8 else "NOT MET"
    best = pieces[0][0]
    print(
        f"  by pieces   {seconds:5.2f} s at the median of {TURNS} ({best:.2f} at best; {ALLOWED:.0f} allowed)"
        f"   {len(derived.frames)} frames"
    )
    print(
        f"              {read / 1e6:.1f} MB read in {requests} requests:"
        f" {share:.0%} of the file ({SHARE:.0%} allowed): {verdict}"
    )
    print(
        f"  read whole  {whole[TURNS // 2]:5.2f} s at the median ({whole[0]:.2f} at best)"
        f"   {whole[TURNS // 2] / seconds:.2f} x by pieces"
    )
    print(f"  most memory of the child: {peak:.0f} MB")


def _by_pieces(stored: Stored, decoder: Decoder) -> tuple[float, Derived, int, int]:
    """Make the frames from pieces of the file. Return seconds, frames, bytes read, and number of requests."""
    began = time.perf_counter()
    pieces = intake.Pieces(stored, most_bytes=stored.bytes)
    with decoder.begin_task(Task(_fields(stored), pieces), limits=_limits()) as decoding:
        derived = decoding.result()
    return time.perf_counter() - began, derived, pieces.read, pieces.requests


def _whole(stored: Stored, decoder: Decoder) -> float:
    """Download the file and make its frames. Return the seconds that both took."""
    began = time.perf_counter()
    data = b"".join(storage.read_chunks(stored))
    with decoder.begin_task(
        Task(_fields(stored), lambda offset, size: data[offset : offset + size]), limits=_limits()
    ) as decoding:
        decoding.result()
    return time.perf_counter() - began


def _fields(stored: Stored) -> dict[str, object]:
    return {
        "mime_type": "video/mp4",
        "size": stored.bytes,
        "frames": 8,
        "max_seconds": 86_400,
        "read_bytes": stored.bytes,
    }


def _limits() -> Limits:
    return Limits(
        max_pixels=settings().max_video_pixels,
        wall_seconds=settings().video_seconds,
        memory_bytes=settings().video_memory,
    )


def _clip() -> bytes:
    """Encode FFmpeg's moving test picture with noise. Every 250th frame is a key frame, as by default."""
    graph = Graph()
    source = graph.add("testsrc2", f"size=1920x1080:rate={RATE}:duration={SECONDS}")
    noise, pixels, sink = (
        graph.add("noise", "alls=6:allf=t"),
        graph.add("format", "yuv420p"),
        graph.add("buffersink"),
    )
    source.link_to(noise)
    noise.link_to(pixels)
    pixels.link_to(sink)
    graph.configure()
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        stream = out.add_stream(
            "libx264",
            rate=RATE,
            options={"preset": "ultrafast", "crf": "30", "g": "250", "sc_threshold": "0"},
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt = 1920, 1080, "yuv420p"
        for number in range(SECONDS * RATE):
            frame = graph.vpull()
            frame.pts, frame.time_base = number, Fraction(1, RATE)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
    return file.getvalue()


def _peak(pid: int) -> float:
    """Return the largest resident set size of a process so far, in MB."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) * 1024 / 1e6
