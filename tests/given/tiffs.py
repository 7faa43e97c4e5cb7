"""TIFF files and camera raw, written byte by byte, so that directories and samples can be of any kind."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING

from tests.given import pictures, stills

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from PIL import Image

BYTE, ASCII, SHORT, LONG, RATIONAL, DOUBLE = 1, 2, 3, 4, 5, 12
_FORMS = {BYTE: "B", SHORT: "H", LONG: "I", RATIONAL: "I", DOUBLE: "d"}
CFA, LINEAR_RAW = 32803, 34892  # PhotometricInterpretation


class Bytes(bytes):
    """A value that lies elsewhere in the file; the tag has its offset."""


Value = int | tuple[float, ...] | bytes
Tags = dict[int, tuple[int, Value]]  # tag -> type, value


def written(
    first: Tags,
    *,
    following: Sequence[Tags] = (),
    below: Sequence[Tags] = (),
    mark: bytes = b"",
    order: str = "<",
) -> bytes:
    """A TIFF of a first directory, those that follow it, and those below it (its SubIFDs).

    `mark`: the bytes behind the header.
    """
    directories = [first, *following, *below]
    if below:
        first[330] = (LONG, (0,) * len(below))
    starts, at = [], 8 + len(mark)
    for tags in directories:
        starts.append(at)
        at += 2 + 12 * len(tags) + 4
    if below:
        first[330] = (LONG, tuple(starts[1 + len(following) :]))
    body, behind = b"", b""
    for number, tags in enumerate(directories):
        body += struct.pack(order + "H", len(tags))
        for tag, (form, value) in sorted(tags.items()):
            count, packed = _packed(form, value, order)
            if isinstance(value, Bytes):
                count, packed = 1, struct.pack(order + "I", at + len(behind))
                behind += value
            elif len(packed) > 4:
                packed, behind = struct.pack(order + "I", at + len(behind)), behind + packed
            body += struct.pack(order + "HHI", tag, form, count) + packed.ljust(4, b"\0")
        chained = number < len(following)
        body += struct.pack(order + "I", starts[number + 1] if chained else 0)
    head = {"<": b"II", ">": b"MM"}[order] + struct.pack(order + "HI", 42, starts[0])
    return head + mark + body + behind


def _packed(form: int, value: Value, order: str) -> tuple[int, bytes]:
    if isinstance(value, bytes):
        return len(value), value
    values = value if isinstance(value, tuple) else (value,)
    return len(values) // (2 if form == RATIONAL else 1), struct.pack(
        f"{order}{len(values)}{_FORMS[form]}", *values
    )


def tiff(
    samples: bytes,
    *,
    bits: int = 8,
    channels: int = 3,
    photometric: int = 2,
    width: int = 64,
    height: int = 40,
    order: str = "<",
    more: Mapping[int, tuple[int, Value]] | None = None,
) -> bytes:
    """A TIFF of one strip of samples, passed as they are stored."""
    return written(
        {
            256: (SHORT, width),
            257: (SHORT, height),
            258: (SHORT, (bits,) * channels),
            259: (SHORT, 1),
            262: (SHORT, photometric),
            273: (LONG, Bytes(samples)),
            277: (SHORT, channels),
            278: (SHORT, height),
            279: (LONG, len(samples)),
            **(more or {}),
        },
        order=order,
    )


def full_range() -> Image.Image:
    """Four colours, and a row of black and one of white."""
    picture = pictures.quarters(64, 40)
    picture.paste((0, 0, 0), (0, 0, 64, 1))
    picture.paste((255, 255, 255), (0, 39, 64, 40))
    return picture


def samples(code: str, least: float, most: float, *, order: str = "<", mode: str = "RGB") -> bytes:
    """`full_range` as samples of `struct`'s code, from the least to the most."""
    stored = full_range().convert(mode).tobytes()
    values = [least + (most - least) * value / 255 for value in stored]
    return struct.pack(f"{order}{len(values)}{code}", *(values if code in "efd" else map(round, values)))


def preview(width: int, height: int) -> Bytes:
    return Bytes(stills.encoded(pictures.quarters(width, height), "JPEG"))


def stamp() -> Tags:
    """A reduced picture of 16 x 10 pixels, which a plain reader of TIFF shows as the whole picture."""
    samples = Bytes(pictures.quarters(16, 10).tobytes())
    return {
        254: (LONG, 1),
        256: (LONG, 16),
        257: (LONG, 10),
        258: (SHORT, (8, 8, 8)),
        259: (SHORT, 1),
        262: (SHORT, 2),
        273: (LONG, samples),
        277: (SHORT, 3),
        278: (LONG, 10),
        279: (LONG, len(samples)),
    }


def sensor(photometric: int = CFA, compression: int = 1) -> Tags:
    """Samples of a sensor, which are never decoded here."""
    return {
        254: (LONG, 0),
        256: (LONG, 320),
        257: (LONG, 200),
        258: (SHORT, 16),
        259: (SHORT, compression),
        262: (SHORT, photometric),
        273: (LONG, Bytes(bytes(4000))),
        277: (SHORT, 1),
        278: (LONG, 200),
        279: (LONG, 4000),
    }


def by_strip(jpeg: Bytes, compression: int = 7) -> Tags:
    return {
        254: (LONG, 1),
        259: (SHORT, compression),
        262: (SHORT, 6),
        273: (LONG, jpeg),
        279: (LONG, len(jpeg)),
    }


def by_offset(jpeg: Bytes) -> Tags:
    return {254: (LONG, 1), 259: (SHORT, 6), 513: (LONG, jpeg), 514: (LONG, len(jpeg))}


def camera(make: str, orientation: int = 1) -> Tags:
    return {271: (ASCII, make.encode() + b"\0"), 274: (SHORT, orientation)}


def raws(large: Bytes, small: Bytes, orientation: int = 1) -> dict[str, bytes]:
    """A raw file in each maker's structure, by the media type that it is recognised as.

    Its largest preview is `large`.
    """
    dng: Tags = {50706: (BYTE, (1, 4, 0, 0))}
    # a compression of sensors' samples
    lossless = Bytes(b"\xff\xd8\xff\xc3\0\x0b\x0e\x03\x20\x03\x20\x01\0\x11\0" + bytes(40))
    return {
        "image/x-adobe-dng": written(
            {**stamp(), **camera("Canon", orientation), **dng},
            below=[sensor(LINEAR_RAW), by_strip(large), by_strip(small)],
        ),
        "image/x-canon-cr2": written(
            {**by_strip(large, 6), **camera("Canon", orientation)},
            following=[by_offset(small), stamp(), by_strip(lossless, 6)],
            mark=b"CR\2\0\0\0\0\0",
        ),
        "image/x-nikon-nef": written(
            {**stamp(), **camera("NIKON CORPORATION", orientation)},
            below=[by_offset(large), sensor(CFA, 34713)],
            order=">",
        ),
        "image/x-sony-arw": written(
            {**by_offset(large), **camera("SONY", orientation)},
            following=[by_offset(small)],
            below=[sensor(CFA, 32767)],
        ),
        "image/x-pentax-pef": written(
            {**sensor(CFA, 65535), **camera("PENTAX", orientation)},
            following=[by_offset(small), by_offset(large)],
            order=">",
        ),
        "image/x-samsung-srw": written(
            {**stamp(), **camera("SAMSUNG", orientation)}, below=[sensor(CFA, 32770), by_offset(large)]
        ),
        "image/x-hasselblad-3fr": written(
            {**stamp(), **camera("Hasselblad", orientation)}, below=[sensor()], following=[by_offset(large)]
        ),
        "image/x-phaseone-iiq": written(
            {**stamp(), **camera("Phase One", orientation)}, following=[by_strip(large)], mark=b"IIII\1waR"
        ),
        "image/x-dcraw": written(
            {**stamp(), **camera("Somebody", orientation)}, below=[sensor(), by_offset(large)]
        ),
    }
