"""A video as FFmpeg reads it: what its container says, and the frames of some moments, found by its key
frames.

Only in the child process. The demuxer is the one that the first bytes call for: FFmpeg's own guess would also
take a playlist, a script or
a picture for a video. Nothing but the one file is ever read.
"""

import math
import re
import struct
import time
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Any, Final

import av
from av.container import InputContainer
from av.error import FFmpegError
from av.stream import Discard, Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from vitrine.models.derived import Undecodable
from vitrine_imaging.libraries import Library
from vitrine_imaging.models import OUT_OF_MEMORY
from vitrine_video.models import Wanted
from vitrine_video.remote import BLOCK, Remote, TooMuch
from vitrine_video.upright import Glance, glance, size_shown

_DEMUXERS: Final = {
    "video/mp4": "mov",
    "video/quicktime": "mov",
    "video/3gpp": "mov",
    "video/webm": "matroska",
    "video/x-matroska": "matroska",
    "video/mpeg": "mpeg",
    "video/mp2t": "mpegts",
}
_BARE: Final = b"\0\0\x01\xb3"  # MPEG without a container: no times, and nowhere to seek to

_NEAR: Final = 0.002  # seconds: Matroska counts in thousandths
_EARLY: Final = 1.0  # seconds
_CLOSEST: Final = 0.5  # seconds between two frames; shorter videos give fewer
# pixels decoded from key frames on, in all: 24 s of 1080p30, about 3 s of work
_MOST_FORWARD: Final = 1_500_000_000
_MOST_PACKETS: Final = 300  # looked at for a key frame
_MOST_RATE: Final = 1000  # frames per second that are believed
_UNSAID: Final = 2  # of primaries, transfer and matrix (ITU-T H.273)
_OLDEST: Final = datetime(1990, 1, 1, tzinfo=UTC)  # clocks that were never set show 1904 and 1970

# PyAV 18 raises UnicodeDecodeError for metadata that is not UTF-8, unless it is given this argument; PyAV 19
# decodes so by itself, and has no
# such argument. Python 3.11 has no PyAV 19.
_METADATA: Final[Mapping[str, Any]] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}
)

CUT: Final = "The file is damaged or cut short"


@dataclass(frozen=True, slots=True)
class Shot:
    """A decoded frame, as it is stored."""

    frame: VideoFrame
    wide: float  # times as wide as high, each pixel
    at: float  # seconds from the beginning
    glance: Glance


@contextmanager
def opened(remote: Remote, wanted: Wanted) -> Generator["Film"]:
    """Raises Undecodable."""
    demuxer = _DEMUXERS[wanted.mime_type]
    if remote.read(len(_BARE)) == _BARE:
        demuxer = "mpegvideo"
    remote.seek(0)
    options = {"threads": "1", "max_pixels": str(wanted.max_pixels)}
    limits = {
        "enable_drefs": "0",
        "protocol_whitelist": "none",
        "max_streams": "64",
        "probesize": str(8 * BLOCK),
        "analyzeduration": "3000000",
    }
    with PYAV.undecodable(lambda _: CUT):
        container = av.open(
            remote,
            "r",
            format=demuxer,
            options=options,
            container_options=limits,
            io_open=_reject,
            **_METADATA,
        )
    with container:
        yield Film(container, remote, wanted, demuxer)


class _Elsewhere(OSError):
    """The file names another one, which is not opened."""


def _reject(*_: Any) -> Any:
    raise _Elsewhere


PYAV: Final = Library(
    frozenset({"av"}),
    (FFmpegError, _Elsewhere),
    # UnicodeDecodeError and IndexError were seen.
    (ValueError, LookupError, EOFError, OSError, RuntimeError, ArithmeticError, StopIteration, struct.error),
)


class Film:
    """Raises Undecodable where there is no video, or more of it than is taken."""

    def __init__(self, container: InputContainer, remote: Remote, wanted: Wanted, demuxer: str) -> None:
        self._container, self._remote, self._wanted, self._demuxer = container, remote, wanted, demuxer
        self._until = time.monotonic() + wanted.patience
        self._stream = _video(container)
        context = self._stream.codec_context
        if not context.width or not context.height:
            raise Undecodable("The video says no size of its picture")
        _reject_large(context.width, context.height, wanted.max_pixels)
        # Of the container, before a frame is decoded: some codecs' frames say that they do not know.
        self._coded = context.color_primaries, context.color_trc, context.colorspace
        context.thread_count = 1
        context.options = {"max_pixels": str(wanted.max_pixels)}
        for other in container.streams:
            if other is not self._stream:
                other.discard = Discard.all  # or its bytes would be read too, lying between ours
        self._start = float((self._stream.start_time or 0) * self._base)
        self._forward: Iterator[VideoFrame] | None = None
        self._forward_at = 0.0
        self._pixels_left = _MOST_FORWARD
        self.trouble: str | None = None
        self.duration = self._duration()
        _reject_long(self.duration or 0.0, wanted.max_seconds)

    @property
    def codec(self) -> str:
        return self._stream.codec_context.codec.canonical_name[:32]

    @property
    def frame_rate(self) -> float | None:
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate and 0 < rate <= _MOST_RATE else None

    def taken(self) -> tuple[datetime | None, str | None]:
        """When it was begun, and the zone: Apple's own words have the camera's, and `creation_time` is UTC,
        "Z" (ISO 14496-12, Matroska's DateUTC).

        None for the zone of a time that was written without one.
        """
        said = {**self._stream.metadata, **self._container.metadata}
        for name in ("com.apple.quicktime.creationdate", "creation_time"):
            found = re.fullmatch(
                r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:(Z)|([+-]\d\d):?([0-5]\d))?",
                said.get(name, ""),
            )
            if found is None:
                continue
            zone = found[2] or (f"{found[3]}:{found[4]}" if found[3] else None)
            try:
                at = datetime.fromisoformat(found[1] + (zone or "Z"))
            except ValueError:
                continue
            if _OLDEST <= at <= datetime.now(UTC) + timedelta(days=1):
                return at, zone
        return None, None

    def shots(self) -> Iterator[Shot]:
        """Some frames, spread over the whole, each as soon as it is found; fewer where the file gives no
        more, and why in `trouble`.
        """
        last: Shot | None = None
        # Matroska's index is read when it is first needed; whatever is wrong shows again
        with PYAV.ignored():
            self._seek(0.0)
        for start, end in self._spans():
            if time.monotonic() > self._until:
                self.trouble = "Decoding took too long"
                return
            try:
                shot = self._of(start, end, last)
            except TooMuch:
                self.trouble = "More of the file would have to be read than is"
                return
            except MemoryError:
                self.trouble = OUT_OF_MEMORY
                return
            except Undecodable as rejected:
                self.trouble = rejected.reason
                return
            except Exception as error:
                # the end of a file that was cut, and whatever else a hostile one brings about: the next may
                # do
                if not PYAV.could_not_read(error):
                    raise
                self._forward = None
                self.trouble = CUT
                continue
            if shot is not None and (last is None or shot.at > last.at):
                yield shot
                last = shot

    @property
    def _base(self) -> float:
        return float(self._stream.time_base or 0) or 1.0

    def _duration(self) -> float | None:
        """Seconds, of the whole; None where nothing tells."""
        said = self._container.duration
        seconds = said / 1_000_000 if said else float(self._stream.duration or 0) * self._base
        if seconds > 0 and math.isfinite(seconds):
            return seconds
        return None if self._demuxer == "mpegvideo" else self._measured()

    def _measured(self) -> float | None:
        """By the last packet: browsers that record write a file whose end they do not know."""
        last = 0.0
        spare = self._remote.left // 2  # for the frames
        try:
            for packet in self._container.demux(self._stream):
                if packet.pts is not None:
                    last = max(last, (packet.pts + (packet.duration or 0)) * self._base - self._start)
                if self._remote.left < spare or time.monotonic() > self._until:
                    return None
        except Exception as error:
            if not PYAV.could_not_read(error):
                raise
            self.trouble = CUT  # up to where it was cut
        return last if last > 0 and math.isfinite(last) else None

    def _spans(self) -> list[tuple[float, float]]:
        """The parts of its time that one frame each is to stand for."""
        if self.duration is None:
            return [(0.0, math.inf)]
        seconds = min(self.duration, float(self._stream.duration or 0) * self._base or math.inf)
        number = max(1, min(self._wanted.frames, int(seconds / _CLOSEST)))
        return [(seconds * n / number, seconds * (n + 1) / number) for n in range(number)]

    def _of(self, start: float, end: float, last: Shot | None) -> Shot | None:
        """A key frame of this span, the nearest to its middle; another one if that is black or shows what the
        last one did. Else a frame decoded
        from the key frame before it, where that is cheap.
        """
        best: Shot | None = None
        for shot in self._key_shots(start, end):
            if best is None or (best.glance.is_black and not shot.glance.is_black):
                best = shot
            if not shot.glance.is_black and (last is None or shot.glance.differs(last.glance)):
                return shot
        return best or self._decoded_from_before(start, end)

    def _key_shots(self, start: float, end: float) -> Iterator[Shot]:
        """Key frames of this span, two at most, the better first."""
        middle = (start + end) / 2
        places = [start, middle] if math.isfinite(middle) else [start]
        if self._indexed:
            there = sorted(self._key_times(start, middle, end), key=lambda at: abs(at - middle))
            # by its end what begins in black has begun
            places = list(dict.fromkeys([there[0], max(there)])) if there else []
        for at in places:
            shot = self._key_shot(at, end)
            if shot is not None:
                yield shot

    @property
    def _indexed(self) -> bool:
        """Whether it is known where its key frames are. One alone is what Matroska knows of a file
        without an index.
        """
        return self._demuxer == "mov" or (self._demuxer == "matroska" and len(self._stream.index_entries) > 1)

    def _key_times(self, start: float, middle: float, end: float) -> set[float]:
        """Of the key frames at the beginning, around the middle and at the end of this span."""
        index = self._stream.index_entries
        if not len(index):
            return set()
        # The index of MP4 is by decoding order: the first frame's tells how much earlier that is.
        early = (self._stream.start_time or 0) - index[0].timestamp if self._demuxer == "mov" else 0
        found = set[float]()
        for at, backward in ((start, False), (middle, True), (middle, False), (end, True)):
            number = index.search_timestamp(self._stamp(at) - early, backward=backward)
            if 0 <= number < len(index):
                found.add((index[number].timestamp + early) * self._base - self._start)
        return {at for at in found if start - _NEAR <= at < end}

    def _stamp(self, at: float) -> int:
        return round((at + self._start) / self._base)

    def _seek(self, at: float) -> None:
        """To the key frame at this time, or the last before it. Where there is no index that is a guess,
        which had better be early.
        """
        self._forward = None
        if self._demuxer != "mpegvideo":
            self._container.seek(self._stamp(at if self._indexed else at - _EARLY), stream=self._stream)

    def _key_shot(self, at: float, end: float) -> Shot | None:
        """The first key frame from this time on, before `end`."""
        self._seek(at)
        context = self._stream.codec_context
        context.skip_frame = "NONKEY"
        for packet in islice(self._container.demux(self._stream), _MOST_PACKETS):
            if packet.size and (not packet.is_keyframe or self._time(packet.pts) < at - _NEAR):
                continue
            if self._time(packet.pts) >= end:
                return None
            frames = packet.decode()
            if not frames and packet.size:
                # nothing more is to come: what the decoder holds back is wanted now
                frames = context.decode(None)
                if not frames:
                    context.flush_buffers()
            for frame in frames:
                return self._shot(frame)
        return None

    def _decoded_from_before(self, start: float, end: float) -> Shot | None:
        if not math.isfinite(end) or self._demuxer == "mpegvideo":
            return None
        if self._forward is None or self._forward_at > start:
            self._seek(start)
            self._stream.codec_context.skip_frame = "DEFAULT"
            self._forward = self._container.decode(self._stream)
            self._forward_at = 0.0
            first = next(self._forward, None)
            if first is None:
                return None
            self._forward_at = self._time(first.pts)
            if start <= self._forward_at < end:
                return self._shot(first)
        if self._too_far(start):
            return None
        for frame in self._forward:
            self._forward_at = self._time(frame.pts)
            self._pixels_left -= frame.width * frame.height
            if self._forward_at >= start - _NEAR:
                return self._shot(frame) if self._forward_at < end else None
            if self._pixels_left < 0 or time.monotonic() > self._until:
                return None
        return None

    def _too_far(self, start: float) -> bool:
        """Whether decoding until there would cost more than is left."""
        seconds = start - self._forward_at
        context = self._stream.codec_context
        pixels = seconds * (self.frame_rate or 60) * context.width * context.height
        read = seconds / (self.duration or math.inf) * self._remote.size
        return pixels > self._pixels_left or read > self._remote.left / 2

    def _time(self, stamp: int | None) -> float:
        return (
            0.0
            if stamp is None or self._demuxer == "mpegvideo"
            else max(0.0, stamp * self._base - self._start)
        )

    def _shot(self, frame: VideoFrame) -> Shot:
        if frame.width < 1 or frame.height < 1:
            raise Undecodable("The video says no size of its picture")
        wide, at = float(self._stream.sample_aspect_ratio or 1), self._time(frame.pts)
        _reject_large(frame.width, frame.height, self._wanted.max_pixels)
        _reject_large(*size_shown(frame, wide), self._wanted.max_pixels)  # the size that is recorded
        # a file without a duration may still have any time in a frame
        _reject_long(at, self._wanted.max_seconds)
        primaries, transfer, matrix = self._coded
        frame.color_primaries = primaries if frame.color_primaries == _UNSAID else frame.color_primaries
        frame.color_trc = transfer if frame.color_trc == _UNSAID else frame.color_trc
        frame.colorspace = matrix if frame.colorspace == _UNSAID else frame.colorspace
        return Shot(frame, wide, at, glance(frame))


def _video(container: InputContainer) -> VideoStream:
    """The first that is shown by default, or else the first; no cover of a piece of music."""
    if not len(container.streams):
        raise Undecodable(CUT)
    streams = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
    if not streams:
        raise Undecodable("There is no video in the file")
    known = [each for each in streams if each.codec_context is not None]  # pyright: ignore[reportUnnecessaryComparison] - of a codec without decoder
    if not known:
        raise Undecodable("The file is damaged, or of a codec that is not known")
    return next((each for each in known if each.disposition & Disposition.default), known[0])


def _reject_large(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Undecodable(
            f"The video has {width * height / 1e6:.1f} megapixels; the limit is {max_pixels / 1e6:.1f}"
        )


def _reject_long(seconds: float, max_seconds: int) -> None:
    if seconds > max_seconds:
        raise Undecodable(f"The video says that it lasts {seconds:.0f} s; the limit is {max_seconds} s")
