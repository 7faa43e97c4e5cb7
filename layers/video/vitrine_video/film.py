"""A video as FFmpeg reads it: the metadata in its container, and frames of some moments, found by its key
frames.

This runs inside the child process. The demuxer is chosen by the file's first bytes: FFmpeg's own guess would
also open a playlist, a script or a picture as a video. No file but this one is ever read.
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
from vitrine_imaging.models import DAMAGED, OUT_OF_MEMORY
from vitrine_video.models import BLOCK, FrameRequest
from vitrine_video.remote import ReadLimitExceeded, Remote
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
_BARE: Final = b"\0\0\x01\xb3"  # MPEG without a container: it has no times, and cannot be searched

_NEAR: Final = 0.002  # seconds by which times may differ: Matroska counts in thousandths
_EARLY: Final = 1.0  # seconds before a time at which to search for it, where there is no index
_CLOSEST: Final = 0.5  # seconds between two frames; of shorter videos fewer frames are made
# pixels decoded from key frames on, in all: 24 s of 1080p30, about 3 s of work
_MOST_FORWARD: Final = 1_500_000_000
_MOST_PACKETS: Final = 300  # read in search of a key frame
_MOST_RATE: Final = 1000  # frames per second; a higher rate is ignored
_UNSPECIFIED: Final = 2  # of primaries, transfer and matrix (ITU-T H.273)
_OLDEST: Final = datetime(1990, 1, 1, tzinfo=UTC)  # clocks that were never set show 1904 and 1970

# PyAV 18 raises UnicodeDecodeError for metadata that is not UTF-8, unless this argument is passed. PyAV 19
# decodes so by itself, and has no such argument. Python 3.11 has no PyAV 19.
_METADATA: Final[Mapping[str, Any]] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "surrogateescape"}
)


@dataclass(frozen=True, slots=True)
class DecodedFrame:
    """A frame as the codec returns it: not turned, not scaled."""

    frame: VideoFrame
    pixel_width: float  # of a stored pixel, in heights
    at: float  # seconds from the beginning
    glance: Glance


@contextmanager
def open_film(remote: Remote, request: FrameRequest) -> Generator["Film"]:
    """Open the video for as long as the block runs. Raises Undecodable."""
    demuxer = _DEMUXERS[request.mime_type]
    if remote.read(len(_BARE)) == _BARE:
        demuxer = "mpegvideo"
    remote.seek(0)
    options = {"threads": "1", "max_pixels": str(request.max_pixels)}
    limits = {
        "enable_drefs": "0",
        "protocol_whitelist": "none",
        "max_streams": "64",
        "probesize": str(8 * BLOCK),
        "analyzeduration": "3000000",
    }
    with PYAV.undecodable(lambda _: DAMAGED):
        container = av.open(
            remote,
            "r",
            format=demuxer,
            options=options,
            container_options=limits,
            io_open=_reject_other_files,
            **_METADATA,
        )
    with container:
        yield Film(container, remote, request, demuxer)


class _Elsewhere(OSError):
    """The file names another file, which is not opened."""


def _reject_other_files(*_: Any) -> Any:
    raise _Elsewhere


PYAV: Final = Library(
    frozenset({"av"}),
    (FFmpegError, _Elsewhere),
    # UnicodeDecodeError (a ValueError) and IndexError were seen.
    (ValueError, LookupError, EOFError, OSError, RuntimeError, ArithmeticError, StopIteration, struct.error),
)


class Film:
    """An open video. The constructor raises Undecodable where there is no video, or it exceeds a limit."""

    def __init__(
        self, container: InputContainer, remote: Remote, request: FrameRequest, demuxer: str
    ) -> None:
        self._container, self._remote, self._request, self._demuxer = container, remote, request, demuxer
        self._until = time.monotonic() + request.work_seconds
        self._stream = _choose_stream(container)
        context = self._stream.codec_context
        if not context.width or not context.height:
            raise Undecodable("The video says no size of its picture")
        _check_pixels(context.width, context.height, request.max_pixels)
        # The container's, before a frame is decoded: some codecs' frames state no coding of their own.
        self._coded = context.color_primaries, context.color_trc, context.colorspace
        context.thread_count = 1
        context.options = {"max_pixels": str(request.max_pixels)}
        for other in container.streams:
            if other is not self._stream:
                other.discard = Discard.all  # or its bytes, which lie between ours, would be read too
        self._start = float((self._stream.start_time or 0) * self._base)
        self._forward: Iterator[VideoFrame] | None = None
        self._forward_at = 0.0
        self._pixels_left = _MOST_FORWARD
        self.problem: str | None = None
        self.duration = self._read_duration()
        _check_duration(self.duration or 0.0, request.max_seconds)

    @property
    def codec(self) -> str:
        """FFmpeg's name of the codec: h264, hevc, vp9."""
        return self._stream.codec_context.codec.canonical_name[:32]

    @property
    def frame_rate(self) -> float | None:
        """Frames per second; None where the rate is not stated, or not plausible."""
        rate = self._stream.average_rate or self._stream.guessed_rate
        return float(rate) if rate and 0 < rate <= _MOST_RATE else None

    def recorded_at(self) -> tuple[datetime | None, str | None]:
        """When the recording began, and the zone ("+02:00", or "Z" for UTC); None where it is not stated.

        Apple's own field has the camera's zone. `creation_time` is UTC (ISO 14496-12, Matroska's DateUTC).
        """
        fields = {**self._stream.metadata, **self._container.metadata}
        for name in ("com.apple.quicktime.creationdate", "creation_time"):
            written = re.fullmatch(
                r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.\d+)?(?:(Z)|([+-]\d\d):?([0-5]\d))?",
                fields.get(name, ""),
            )
            if written is None:
                continue
            zone = written[2] or (f"{written[3]}:{written[4]}" if written[3] else None)
            try:
                at = datetime.fromisoformat(written[1] + (zone or "Z"))
            except ValueError:
                continue
            if _OLDEST <= at <= datetime.now(UTC) + timedelta(days=1):
                return at, zone
        return None, None

    def decoded_frames(self) -> Iterator[DecodedFrame]:
        """Yield some frames, spread over the whole video, each as soon as it is decoded.

        If fewer can be decoded than were requested, `problem` has the reason afterwards.
        """
        last: DecodedFrame | None = None
        # Matroska's index is read by the first search; an error in it comes again later
        with PYAV.ignored():
            self._seek(0.0)
        for start, end in self._spans():
            if time.monotonic() > self._until:
                self.problem = "Decoding took too long"
                return
            try:
                decoded = self._frame_of_span(start, end, last)
            except ReadLimitExceeded:
                self.problem = "More of the file would have to be read than is"
                return
            except MemoryError:
                self.problem = OUT_OF_MEMORY
                return
            except Undecodable as error:
                self.problem = error.reason
                return
            except Exception as error:
                # the end of a truncated file, or damage: the next span may still be readable
                if not PYAV.could_not_read(error):
                    raise
                self._forward = None
                self.problem = DAMAGED
                continue
            if decoded is not None and (last is None or decoded.at > last.at):
                yield decoded
                last = decoded

    @property
    def _base(self) -> float:
        return float(self._stream.time_base or 0) or 1.0

    def _read_duration(self) -> float | None:
        """Seconds of the whole video; None where they can neither be read nor measured."""
        stated = self._container.duration
        seconds = stated / 1_000_000 if stated else float(self._stream.duration or 0) * self._base
        if seconds > 0 and math.isfinite(seconds):
            return seconds
        return None if self._demuxer == "mpegvideo" else self._measure_duration()

    def _measure_duration(self) -> float | None:
        """Seconds until the end of the last packet: browsers that record write files without a duration."""
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
            self.problem = DAMAGED  # up to the damage
        return last if last > 0 and math.isfinite(last) else None

    def _spans(self) -> list[tuple[float, float]]:
        """The spans of time, each of which one frame represents: (start, end) in seconds."""
        if self.duration is None:
            return [(0.0, math.inf)]
        seconds = min(self.duration, float(self._stream.duration or 0) * self._base or math.inf)
        number = max(1, min(self._request.frames, int(seconds / _CLOSEST)))
        return [(seconds * n / number, seconds * (n + 1) / number) for n in range(number)]

    def _frame_of_span(self, start: float, end: float, last: DecodedFrame | None) -> DecodedFrame | None:
        """The frame for a span: a key frame near its middle, or another one if that is black or looks like
        the last frame.

        Where the span has no key frame, a frame is decoded from the key frame before it, if that is cheap.
        """
        best: DecodedFrame | None = None
        for decoded in self._key_frames_of_span(start, end):
            if best is None or (best.glance.is_black and not decoded.glance.is_black):
                best = decoded
            if not decoded.glance.is_black and (last is None or decoded.glance.differs(last.glance)):
                return decoded
        return best or self._decode_forward(start, end)

    def _key_frames_of_span(self, start: float, end: float) -> Iterator[DecodedFrame]:
        """Yield at most two key frames of the span, the better first."""
        middle = (start + end) / 2
        places = [start, middle] if math.isfinite(middle) else [start]
        if self._has_index:
            times = sorted(self._key_times(start, middle, end), key=lambda at: abs(at - middle))
            # the last too: a span that begins in black may show something by then
            places = list(dict.fromkeys([times[0], max(times)])) if times else []
        for at in places:
            decoded = self._key_frame(at, end)
            if decoded is not None:
                yield decoded

    @property
    def _has_index(self) -> bool:
        """Whether the index of key frames is known. For Matroska files without one, FFmpeg has one entry."""
        return self._demuxer == "mov" or (self._demuxer == "matroska" and len(self._stream.index_entries) > 1)

    def _key_times(self, start: float, middle: float, end: float) -> set[float]:
        """Seconds of the key frames at the beginning, around the middle and at the end of the span."""
        index = self._stream.index_entries
        if not len(index):
            return set()
        # MP4's index has times of decoding. The first frame's shows by how much they are earlier.
        early = (self._stream.start_time or 0) - index[0].timestamp if self._demuxer == "mov" else 0
        times = set[float]()
        for at, backward in ((start, False), (middle, True), (middle, False), (end, True)):
            number = index.search_timestamp(self._stamp(at) - early, backward=backward)
            if 0 <= number < len(index):
                times.add((index[number].timestamp + early) * self._base - self._start)
        return {at for at in times if start - _NEAR <= at < end}

    def _stamp(self, at: float) -> int:
        return round((at + self._start) / self._base)

    def _seek(self, at: float) -> None:
        """Move to the key frame at this time, or the last before it. Without an index FFmpeg guesses, so an
        earlier time is searched for.
        """
        self._forward = None
        if self._demuxer != "mpegvideo":
            self._container.seek(self._stamp(at if self._has_index else at - _EARLY), stream=self._stream)

    def _key_frame(self, at: float, end: float) -> DecodedFrame | None:
        """The first key frame from this time on, and before `end`."""
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
                # no packet may follow, so the frames in the decoder's buffer are fetched now
                frames = context.decode(None)
                if not frames:
                    context.flush_buffers()
            for frame in frames:
                return self._decoded_frame(frame)
        return None

    def _decode_forward(self, start: float, end: float) -> DecodedFrame | None:
        """The first frame of the span, decoded from the key frame before it. None where that would cost too
        much, or where the span has no frame.
        """
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
                return self._decoded_frame(first)
        if self._is_too_far(start):
            return None
        for frame in self._forward:
            self._forward_at = self._time(frame.pts)
            self._pixels_left -= frame.width * frame.height
            if self._forward_at >= start - _NEAR:
                return self._decoded_frame(frame) if self._forward_at < end else None
            if self._pixels_left < 0 or time.monotonic() > self._until:
                return None
        return None

    def _is_too_far(self, start: float) -> bool:
        """Whether decoding up to this time would exceed what may still be decoded or read."""
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

    def _decoded_frame(self, frame: VideoFrame) -> DecodedFrame:
        """The frame with its time and the coding of its colours. Raises Undecodable above a limit."""
        if frame.width < 1 or frame.height < 1:
            raise Undecodable("The video says no size of its picture")
        pixel_width, at = float(self._stream.sample_aspect_ratio or 1), self._time(frame.pts)
        _check_pixels(frame.width, frame.height, self._request.max_pixels)
        # the size that is stored with the item
        _check_pixels(*size_shown(frame, pixel_width), self._request.max_pixels)
        # the only check on the length of a file without a duration
        _check_duration(at, self._request.max_seconds)
        primaries, transfer, matrix = self._coded
        frame.color_primaries = primaries if frame.color_primaries == _UNSPECIFIED else frame.color_primaries
        frame.color_trc = transfer if frame.color_trc == _UNSPECIFIED else frame.color_trc
        frame.colorspace = matrix if frame.colorspace == _UNSPECIFIED else frame.colorspace
        return DecodedFrame(frame, pixel_width, at, glance(frame))


def _choose_stream(container: InputContainer) -> VideoStream:
    """The first video stream that is shown by default, else the first; never the cover of a song."""
    if not len(container.streams):
        raise Undecodable(DAMAGED)
    streams = [each for each in container.streams.video if not each.disposition & Disposition.attached_pic]
    if not streams:
        raise Undecodable("There is no video in the file")
    decodable = [each for each in streams if each.codec_context is not None]  # pyright: ignore[reportUnnecessaryComparison] - of a codec without decoder
    if not decodable:
        raise Undecodable("The file is damaged, or of a codec that is not known")
    return next((each for each in decodable if each.disposition & Disposition.default), decodable[0])


def _check_pixels(width: int, height: int, max_pixels: int) -> None:
    if width * height > max_pixels:
        raise Undecodable(
            f"The video has {width * height / 1e6:.1f} megapixels; the limit is {max_pixels / 1e6:.1f}"
        )


def _check_duration(seconds: float, max_seconds: int) -> None:
    if seconds > max_seconds:
        raise Undecodable(f"The video says that it lasts {seconds:.0f} s; the limit is {max_seconds} s")
