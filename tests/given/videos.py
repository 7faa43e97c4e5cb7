"""Videos for tests, made by code: small, and written by other parts of FFmpeg than those that read them."""

import io
import struct
from collections.abc import Callable, Mapping
from fractions import Fraction

import av
from av.container import OutputContainer
from PIL import Image

from tests.given import pictures

Paint = Callable[[int], Image.Image]  # by the frame's number

# container -> (MIME type, codec)
KINDS: Mapping[str, tuple[str, str]] = {
    "mp4": ("video/mp4", "libx264"),
    "mov": ("video/quicktime", "mpeg4"),
    "webm": ("video/webm", "libvpx"),
    "matroska": ("video/x-matroska", "libx264"),
    "mpeg": ("video/mpeg", "mpeg2video"),
    "mpegts": ("video/mp2t", "mpeg2video"),
    "3gp": ("video/3gpp", "mpeg4"),
}


def video(
    container: str = "mp4",
    codec: str | None = None,
    *,
    width: int = 64,
    height: int = 48,
    seconds: float = 2.0,
    rate: int = 25,
    gop: int = 25,
    rotation: int | None = None,
    square: Fraction | None = None,
    paint: Paint | None = None,
    pixels: str = "yuv420p",
    metadata: Mapping[str, str] | None = None,
    options: Mapping[str, str] | None = None,
    muxing: Mapping[str, str] | None = None,
    sound: bool = False,
    live: bool = False,
    header_first: bool = False,
) -> bytes:
    """A video of four flat corners, unless `paint` draws others.

    `rotation`: degrees of the display matrix. `live`: written to a file in which the writer cannot seek.
    """
    file: io.BytesIO = _Live() if live else io.BytesIO()
    with av.open(file, "w", format=container, options=dict(muxing or {})) as out:
        stream = out.add_stream(
            codec or KINDS[container][1], rate=rate, options={"threads": "1", **(options or {})}
        )
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.codec_context.gop_size = (
            width,
            height,
            pixels,
            gop,
        )
        if rotation is not None:
            stream.set_display_rotation(rotation)
        if square is not None:
            stream.codec_context.sample_aspect_ratio = square
        hum = _silent(out) if sound else None
        out.metadata.update(metadata or {})
        for number in range(round(seconds * rate)):
            frame = av.VideoFrame.from_image(paint(number) if paint else pictures.quarters(width, height))  # type: ignore[no-untyped-call]
            frame.pts, frame.time_base = number, Fraction(1, rate)
            out.mux(stream.encode(frame))
        out.mux(stream.encode(None))
        if hum:
            _hush(out, hum)
    return _header_first(file.getvalue()) if header_first else file.getvalue()


def motion_jpeg(*, rotation: int) -> bytes:
    """A motion JPEG of Pillow's photos with EXIF, as some cameras record. `rotation`: degrees of the display
    matrix.
    """
    photo, exif = io.BytesIO(), Image.Exif()
    exif[0x010E] = "a description"
    pictures.quarters(64, 48).save(photo, "JPEG", quality=95, exif=exif)
    file = io.BytesIO()
    with av.open(file, "w", format="mov") as out:
        stream = out.add_stream("mjpeg", rate=25)
        assert isinstance(stream, av.VideoStream)
        stream.width, stream.height, stream.pix_fmt, stream.time_base = 64, 48, "yuvj420p", Fraction(1, 25)
        stream.set_display_rotation(rotation)
        for number in range(5):
            packet = av.Packet(photo.getvalue())
            packet.stream, packet.pts, packet.dts, packet.time_base, packet.is_keyframe = (
                stream,
                number,
                number,
                Fraction(1, 25),
                True,
            )
            out.mux(packet)
    return file.getvalue()


class _Live(io.BytesIO):
    def seekable(self) -> bool:
        return False


def _header_first(data: bytes) -> bytes:
    """An MP4 for streaming: its moov before its mdat, with the chunks' offsets moved by the moov's size."""
    at = data.rindex(b"moov") - 4
    moov, table = bytearray(data[at:]), data.index(b"stco") - at + 4
    for entry in range(struct.unpack_from(">I", moov, table + 4)[0]):
        place = table + 8 + 4 * entry
        struct.pack_into(">I", moov, place, struct.unpack_from(">I", moov, place)[0] + len(moov))
    start = struct.unpack_from(">I", data)[0]
    return data[:start] + moov + data[start:at]


def sound_only() -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as out:
        _hush(out, _silent(out))
    return file.getvalue()


def _silent(out: OutputContainer) -> av.AudioStream:
    stream = out.add_stream("aac", rate=8000)
    assert isinstance(stream, av.AudioStream)
    stream.layout = "mono"
    return stream


def _hush(out: OutputContainer, stream: av.AudioStream) -> None:
    silence = av.AudioFrame(format="fltp", layout="mono", samples=1024)
    silence.sample_rate, silence.pts = 8000, 0
    for plane in silence.planes:
        plane.update(bytes(plane.buffer_size))
    out.mux(stream.encode(silence))
    out.mux(stream.encode(None))


def shades(number: int) -> Image.Image:
    """A grey level by the frame's number: 40, 41 ..."""
    return Image.new("RGB", (64, 48), (40 + number,) * 3)


def patched(data: bytes, box: bytes, offset: int, value: bytes) -> bytes:
    """The file with other bytes at an offset behind the name of the first such box."""
    at = data.index(box) + len(box) + offset
    return data[:at] + value + data[at + len(value) :]


def without_size(data: bytes) -> bytes:
    """An H.264 MP4 whose track and sample entry state 0 x 0, and whose codec states no size."""
    data = patched(data, b"avc1" if data.count(b"avc1") < 2 else b"avc1\0\0\0\0\0\0\0\1", 0, b"avc1"[:0])
    entry = data.rindex(b"avc1")
    data = data[: entry + 28] + bytes(4) + data[entry + 32 :]
    return patched(data, b"avcC", 0, bytes(6))


def timed(data: bytes, scale: int, delta: int) -> bytes:
    """An MP4 whose track counts so many ticks per second, and so many from frame to frame."""
    for box in (b"mvhd", b"mdhd"):
        data = patched(data, box, 12, struct.pack(">I", scale))
    return patched(data, b"stts", 12, struct.pack(">I", delta))


def padded(data: bytes, size: int) -> bytes:
    """An MP4 with so many zero bytes between its header and its frames."""
    start = struct.unpack_from(">I", data)[0]
    if data[start + 4 : start + 8] == b"moov":
        start += struct.unpack_from(">I", data, start)[0]
    moved = bytearray(data[:start] + struct.pack(">I", size) + b"free" + bytes(size - 8) + data[start:])
    table = moved.index(b"stco") + 4
    for entry in range(struct.unpack_from(">I", moved, table + 4)[0]):
        place = table + 8 + 4 * entry
        struct.pack_into(">I", moved, place, struct.unpack_from(">I", moved, place)[0] + size)
    return bytes(moved)


def elsewhere(data: bytes) -> bytes:
    """A QuickTime file that names another file, on this machine, as the place of its frames."""
    return data.replace(b"\0\0\0\x0curl \0\0\0\1", b"\0\0\0\x0calis\0\0\0\0")
