"""TIFF: kinds that libvips reads right are left to it. Kinds that it reads wrong, without an error, are
corrected here, or fail with a reason.

libvips gives the samples of some TIFF files as they are stored and calls them colours: floating-point and
32-bit samples, YCbCr without
subsampling, associated masks. The file's own tags say what the samples are.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pyvips

from vitrine import tiff
from vitrine.models.derived import Undecodable
from vitrine_imaging.models import DAMAGED, not_supported

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB, _PALETTE, _SEPARATED, _YCBCR, _CIELAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS: Final[Mapping[int, int]] = {
    _MIN_IS_WHITE: 1,
    _MIN_IS_BLACK: 1,
    _RGB: 3,
    _PALETTE: 1,
    _SEPARATED: 4,
    _YCBCR: 3,
    _CIELAB: 3,
}
_COLOUR_MODELS: Final[Mapping[int, str]] = {
    4: "transparency masks",
    9: "ICCLab colours",
    10: "ITULab colours",
    32844: "LogL luminance",
    32845: "LogLuv colours",
    32803: "samples of a sensor (CFA)",
    34892: "samples of a sensor (LinearRaw)",
    51177: "depth maps",
    52527: "semantic masks",
}
# Compression: what the packaged libvips decompresses, tried with a file of each.
_COMPRESSIONS: Final = frozenset({1, 2, 3, 4, 5, 7, 8, 32773, 32946, 50001})
_COMPRESSION_NAMES: Final[Mapping[int, str]] = {
    6: "old-style JPEG",
    9: "JBIG",
    10: "JBIG",
    32766: "NeXT RLE",
    32771: "CCITT RLE with word alignment",
    32809: "ThunderScan",
    32895: "IT8 CTPAD",
    32896: "IT8 LW",
    32897: "IT8 MP",
    32898: "IT8 BL",
    32908: "PixarFilm",
    32909: "PixarLog",
    32947: "DCS",
    33003: "JPEG 2000",
    33004: "JPEG 2000",
    33005: "JPEG 2000",
    34661: "JBIG",
    34676: "SGILog",
    34677: "SGILog24",
    34712: "JPEG 2000",
    34887: "LERC",
    34892: "lossy JPEG",
    34925: "LZMA",
    34926: "Zstandard",
    34927: "WebP",
    34933: "PNG",
    34934: "JPEG XR",
    50000: "Zstandard",
    50002: "JPEG XL",
    52546: "JPEG XL",
}
_JPEG, _WEBP = 7, 50001
_UNSIGNED, _SIGNED, _FLOAT, _UNDEFINED = 1, 2, 3, 4
_SAMPLE_FORMATS: Final[Mapping[int, str]] = {
    _SIGNED: "signed integers",
    _FLOAT: "floating point",
    5: "complex integers",
    6: "complex floating point",
}
_PLANES: Final = 2  # PlanarConfiguration: a plane for each channel
_CMYK: Final = 1  # InkSet
# ExtraSamples: associated and unassociated alpha, and what CorelDRAW writes
_OPACITY: Final = frozenset({1, 2, 999})

_SAMPLED: Final = 256  # pixels of an edge by which the range of the samples is found
_ODDS: Final = 1000  # one sample of so many, at either end, may lie beyond the range that is shown
_BEYOND: Final = 1e30  # what says that there is no value, in floating point
_FEW: Final = 16  # integers that use less than this part of their range are scaled to what they use
_STEP: Final = 2.0**-20  # of a sample that is the only one, to what is shown black and white around it
_FULL: Final = 65535.0


# Tags whose value libtiff may call bad, which fails the whole file, while other readers go on without them:
# the values that it takes.
_OPTIONAL: Final[Mapping[int, range]] = {
    tiff.ORIENTATION: range(1, 9),
    tiff.FILL_ORDER: range(1, 3),
    tiff.PLANAR: range(1, 3),
    tiff.RESOLUTION_UNIT: range(1, 4),
}
UNKNOWN_TAG: Final = b"\xff\xff"


def meaningless(read: tiff.Read) -> list[int]:
    """Where the entries of a TIFF are that libtiff takes for errors, and that describe no pixel or have a
    value that means nothing.
    """
    found = list[int | None]()
    for directory in tiff.walk(read):
        found += (
            directory.place(tag) for tag, valid in _OPTIONAL.items() if directory.number(tag, 1) not in valid
        )
        resolutions = {tag: directory.numbers(tag, 1) for tag in (tiff.X_RESOLUTION, tiff.Y_RESOLUTION)}
        found += (directory.place(tag) for tag, said in resolutions.items() if not said or said[0] < 0)
    return [place for place in found if place is not None]


@dataclass(frozen=True, slots=True)
class Samples:
    """What a TIFF's first directory says about its samples."""

    photometric: int
    bits: int  # of each sample
    format: int  # SampleFormat
    channels: int
    extra: tuple[float, ...]  # ExtraSamples
    has_extra: bool  # whether the tag is there
    subsampled: bool  # YCbCr only
    luma: tuple[float, ...]  # YCbCrCoefficients: of red, green and blue
    # ReferenceBlackWhite: of each channel, black (or no colour) and white (or full colour)
    reference: tuple[float, ...]
    no_value: float | None  # GDAL's: the number that stands where there is no value
    in_jpeg: bool  # within JPEGs or WebPs, whose decoders make RGB of YCbCr

    @property
    def colours(self) -> int:
        return _COLOURS[self.photometric]

    @property
    def has_opacity(self) -> bool:
        """Whether the channel behind the colours is opacity. Without the tag it is, as other readers take
        it.
        """
        return self.channels > self.colours and (
            self.extra[:1] == () if not self.has_extra else self.extra[:1] != () and self.extra[0] in _OPACITY
        )


def samples(read: tiff.Read) -> Samples:
    """What the file's first directory says about its samples. Raises Undecodable where the packaged
    libvips cannot read such samples.
    """
    directory = tiff.first(read)
    if directory is None or not directory.whole or tiff.WIDTH not in directory:
        raise Undecodable(DAMAGED)
    photometric = directory.number(tiff.PHOTOMETRIC, -1)
    channels = directory.number(tiff.SAMPLES_PER_PIXEL, 1)
    bits = set(directory.numbers(tiff.BITS_PER_SAMPLE, 64)) or {1}
    formats = set(directory.numbers(tiff.SAMPLE_FORMAT, 64)) or {_UNSIGNED}
    across, down = (*directory.numbers(tiff.YCBCR_SUBSAMPLING, 2), 2, 2)[:2]
    compression = directory.number(tiff.COMPRESSION, 1)
    _check_compression(compression)
    if photometric == -1:
        raise Undecodable(not_supported("TIFF that names no colour model"))
    if photometric not in _COLOURS:
        raise Undecodable(
            not_supported(f"TIFF with {_COLOUR_MODELS.get(photometric, f'the colour model {photometric}')}")
        )
    if len(bits) > 1 or (len(formats) > 1 and photometric != _CIELAB):
        raise Undecodable(not_supported("TIFF with samples of several kinds"))
    found = Samples(
        photometric=photometric,
        bits=int(bits.pop()),
        format=int(formats.pop()),
        channels=channels,
        extra=directory.numbers(tiff.EXTRA_SAMPLES),
        has_extra=tiff.EXTRA_SAMPLES in directory,
        subsampled=(across, down) != (1, 1),
        luma=directory.numbers(tiff.YCBCR_COEFFICIENTS, 3),
        reference=directory.numbers(tiff.REFERENCE_BLACK_WHITE, 6),
        no_value=_number(directory.text(tiff.GDAL_NODATA)),
        in_jpeg=compression in (_JPEG, _WEBP),
    )
    _check_samples(found)
    _check_layout(found, directory)
    return found


def _check_compression(compression: int) -> None:
    if compression not in _COMPRESSIONS:
        raise Undecodable(
            not_supported(
                f"TIFF compressed with {_COMPRESSION_NAMES.get(compression, f'method {compression}')}"
            )
        )


def _check_samples(found: Samples) -> None:
    number = _SAMPLE_FORMATS.get(
        found.format,
        "unsigned integers" if found.format in (_UNSIGNED, _UNDEFINED) else f"format {found.format}",
    )
    if found.photometric == _CIELAB:  # libvips opens no other kind
        if (found.bits, found.channels) != (16, 3):
            raise Undecodable(not_supported(f"TIFF with CIELab colours of {found.bits} bits"))
        return
    grey_or_rgb = found.photometric in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB)
    readable: dict[int, set[int]] = {
        _UNSIGNED: {8, 16, 32} if grey_or_rgb else {8, 16} if found.photometric == _SEPARATED else {8},
        _SIGNED: {8, 16, 32} if grey_or_rgb else set(),
        _FLOAT: {16, 32} if grey_or_rgb else set(),
    }
    if found.photometric in (_MIN_IS_WHITE, _MIN_IS_BLACK, _PALETTE) and found.channels == 1:
        readable[_UNSIGNED] |= {1, 2, 4}
    readable[_UNDEFINED] = readable[_UNSIGNED]
    if found.bits not in readable.get(found.format, set()):
        raise Undecodable(not_supported(f"TIFF with samples of {found.bits} bits ({number})"))


def _check_layout(found: Samples, directory: tiff.Directory) -> None:
    if found.channels < found.colours:
        raise Undecodable(not_supported(f"TIFF with {found.channels} channels for {found.colours} colours"))
    if found.photometric == _SEPARATED:
        inks = directory.number(tiff.NUMBER_OF_INKS, found.colours if found.has_extra else found.channels)
        if directory.number(tiff.INK_SET, _CMYK) != _CMYK or inks != found.colours:
            raise Undecodable(not_supported("TIFF with other inks than cyan, magenta, yellow and black"))
    if directory.number(tiff.PLANAR, 1) == _PLANES and found.channels > 1:
        if (found.bits, found.format) == (16, _FLOAT):  # libvips gives other numbers than the file has
            raise Undecodable(not_supported("TIFF with a plane of 16-bit floating point for each channel"))
        if tiff.TILE_WIDTH in directory:
            raise Undecodable(not_supported("TIFF with a plane of tiles for each channel"))
        if found.photometric == _YCBCR:
            raise Undecodable(not_supported("TIFF with a plane for each channel of YCbCr"))


def shown(
    found: Samples, opened: Callable[[], pyvips.Image], shrink: Callable[[pyvips.Image], pyvips.Image]
) -> pyvips.Image:
    """The picture, made small by `shrink`, in memory. `opened` opens the file anew, as libvips reads it.

    Raises Undecodable where the samples hold nothing, or where libtiff has left some out; pyvips.Error.
    """
    grey_or_rgb = found.photometric in (_MIN_IS_WHITE, _MIN_IS_BLACK, _RGB)
    if found.photometric == _YCBCR and not found.subsampled and not found.in_jpeg:
        picture = shrink(_from_ycbcr(opened(), found))
    elif grey_or_rgb and (found.bits == 32 or found.format in (_SIGNED, _FLOAT)):
        picture = shrink(_scaled(opened(), found, *_range(opened(), found)))
    else:
        picture = shrink(_with_known_channels(opened(), found))
        # 12 bits or fewer, in 16
        if grey_or_rgb and found.bits == 16 and not _has_profile(opened()) and _is_dim(picture, found):
            picture = shrink(_scaled(opened(), found, *_range(opened(), found)))
    return _with_visible_opacity(picture, found)


def _has_profile(image: pyvips.Image) -> bool:
    return bool(image.get_typeof("icc-profile-data"))


def _is_dim(picture: pyvips.Image, found: Samples) -> bool:
    """Whether the colours use no more than a sixteenth of their range, and something of it."""
    colours = picture.extract_band(0, n=picture.bands - 1) if picture.hasalpha() else picture
    full = _FULL if picture.format == "ushort" else 255.0
    least: Any = colours.min()
    most: Any = colours.max()
    used = full - least if found.photometric == _MIN_IS_WHITE else most
    return bool(0 < used <= (full + 1) / _FEW)


def _with_visible_opacity(picture: pyvips.Image, found: Samples) -> pyvips.Image:
    """The picture without a channel of opacity by which nothing of it could be seen: such a channel is
    something else.

    Raises Undecodable where libtiff left pixels out, which it reports by nothing but their opacity.
    """
    if not picture.hasalpha():
        return picture
    opacity = picture[picture.bands - 1]
    least: Any = opacity.min()
    if found.photometric == _YCBCR and found.channels == found.colours and least < 255:
        raise Undecodable(DAMAGED)
    return picture.extract_band(0, n=picture.bands - 1) if opacity.max() == 0 else picture


def _with_known_channels(image: pyvips.Image, found: Samples) -> pyvips.Image:
    """The colours and the opacity; no channel whose meaning is unknown."""
    # libvips has made other channels of them
    if image.bands != found.channels or found.photometric in (_PALETTE, _YCBCR, _CIELAB):
        return image
    kept = found.colours + found.has_opacity
    return (
        image.extract_band(0, n=kept).copy(interpretation=_interpretation(image, found))
        if kept < image.bands
        else image
    )


def _interpretation(image: pyvips.Image, found: Samples) -> str:
    deep = image.format == "ushort"
    if found.colours == _COLOURS[_SEPARATED]:
        return "cmyk"
    return ("rgb16" if deep else "srgb") if found.colours == _COLOURS[_RGB] else ("grey16" if deep else "b-w")


def _from_ycbcr(image: pyvips.Image, found: Samples) -> pyvips.Image:
    """TIFF 6.0, section 21. libvips gives YCbCr without subsampling as it is stored."""
    if image.bands != found.channels:
        return image
    red, green, blue = found.luma if len(found.luma) == 3 and found.luma[1] > 0 else (0.299, 0.587, 0.114)
    reference = found.reference if len(found.reference) == 6 else (0, 255, 128, 255, 128, 255)
    low, span = (
        reference[::2],
        [high - low for low, high in zip(reference[::2], reference[1::2], strict=True)],
    )
    if not all(span):
        raise Undecodable(DAMAGED)
    full = [each / size for each, size in zip((255, 127, 127), span, strict=True)]
    stored = image.extract_band(0, n=3)
    scaled = stored.linear(full, [-a * b for a, b in zip(low, full, strict=True)])
    matrix = [
        [1, 0, 2 - 2 * red],
        [1, (2 * blue * blue - 2 * blue) / green, (2 * red * red - 2 * red) / green],
        [1, 2 - 2 * blue, 0],
    ]
    return scaled.recomb(pyvips.Image.new_from_array(matrix)).rint().cast("uchar").copy(interpretation="srgb")


def _stored(image: pyvips.Image, found: Samples) -> pyvips.Image:
    """The colours as they are stored: libvips has turned unsigned ones over where the least is white, and
    no others.
    """
    colours = image.extract_band(0, n=min(found.colours, image.bands)).cast("double")
    turned = found.photometric == _MIN_IS_WHITE and found.format not in (_SIGNED, _FLOAT)
    return colours.linear([-1], [2.0**found.bits - 1]) if turned else colours


def _range(image: pyvips.Image, found: Samples) -> tuple[float, float]:
    """The samples that are shown black and white. Raises Undecodable where no sample is a number."""
    across, down = (max(1, size // _SAMPLED) for size in (image.width, image.height))
    whole: Any = (
        memoryview(_stored(image, found).subsample(across, down).write_to_memory()).cast("B").cast("d")
    )
    values = sorted(
        each for each in whole if math.isfinite(each) and abs(each) < _BEYOND and each != found.no_value
    )
    if not values:
        raise Undecodable("The picture has no sample that is a number")
    odd = len(values) // _ODDS
    low, high = values[odd], values[-1 - odd]
    most = 1.0 if found.format == _FLOAT else 2.0**found.bits - 1
    fills = high >= most / _FEW and (high <= most or found.format != _FLOAT) and found.format != _SIGNED
    if low >= 0 and (fills or high == 0):
        low, high = 0.0, most
    elif low == high:
        step = max(1.0, abs(low) * _STEP)  # or nothing would be added to a large number
        low, high = low - step, high + step
    return (high, low) if found.photometric == _MIN_IS_WHITE else (low, high)


def _scaled(image: pyvips.Image, found: Samples, black: float, white: float) -> pyvips.Image:
    """16 bits of each sample. Opacity, which has no other range than that of its type, is full at its
    type's most.
    """
    factor = _FULL / (white - black)
    colours = _stored(image, found).linear([factor], [-black * factor])
    # A comparison with what is no number is false: it is shown black, like what is below the range.
    shown = (
        (colours > 0)
        .ifthenelse(colours, 0)
        .cast("ushort")
        .copy(interpretation="rgb16" if found.colours > 1 else "grey16")
    )
    if not found.has_opacity or found.format == _SIGNED or image.bands <= found.colours:
        return shown
    most = 1.0 if found.format == _FLOAT else 2.0**found.bits - 1
    opacity = image[found.colours].cast("double").linear([_FULL / most], [0])
    return shown.bandjoin((opacity > 0).ifthenelse(opacity, 0).cast("ushort")).copy(
        interpretation=shown.interpretation
    )


def _number(text: bytes) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
