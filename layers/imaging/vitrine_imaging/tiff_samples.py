"""What the samples of a TIFF file are, as its own tags describe them, and which kinds can be decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from vitrine import tiff
from vitrine.models.derived import Undecodable
from vitrine_imaging.models import DAMAGED, not_supported

if TYPE_CHECKING:
    from collections.abc import Mapping

    from vitrine.containers import Read

# PhotometricInterpretation
MIN_IS_WHITE, MIN_IS_BLACK, RGB, PALETTE, SEPARATED, YCBCR, CIELAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS: Final[Mapping[int, int]] = {
    MIN_IS_WHITE: 1,
    MIN_IS_BLACK: 1,
    RGB: 3,
    PALETTE: 1,
    SEPARATED: 4,
    YCBCR: 3,
    CIELAB: 3,
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
_JPEG, _WEBP = 7, 50001  # Compression
# SampleFormat
UNSIGNED, SIGNED, FLOAT, UNDEFINED = 1, 2, 3, 4
_SAMPLE_FORMATS: Final[Mapping[int, str]] = {
    SIGNED: "signed integers",
    FLOAT: "floating point",
    5: "complex integers",
    6: "complex floating point",
}
_PLANES: Final = 2  # PlanarConfiguration: a plane for each channel
_CMYK: Final = 1  # InkSet
# ExtraSamples: associated and unassociated alpha, and what CorelDRAW writes
_OPACITY: Final = frozenset({1, 2, 999})


@dataclass(frozen=True, slots=True)
class Samples:
    """A TIFF's samples, as its first directory describes them."""

    photometric: int
    bits: int  # of each sample
    format: int  # SampleFormat
    channels: int
    extra: tuple[float, ...]  # ExtraSamples
    has_extra: bool  # whether the tag exists
    subsampled: bool  # YCbCr only
    luma: tuple[float, ...]  # YCbCrCoefficients: of red, green and blue
    # ReferenceBlackWhite: of each channel, black (or no colour) and white (or full colour)
    reference: tuple[float, ...]
    no_value: float | None  # GDAL's: the number that stands for a missing value
    in_jpeg: bool  # within JPEGs or WebPs, whose decoders make RGB of YCbCr

    @property
    def colours(self) -> int:
        """The number of channels that are colours."""
        return _COLOURS[self.photometric]

    @property
    def has_opacity(self) -> bool:
        """Whether the channel behind the colours is opacity. Without the tag it is, as in other readers."""
        return self.channels > self.colours and (
            self.extra[:1] == () if not self.has_extra else self.extra[:1] != () and self.extra[0] in _OPACITY
        )


def read_samples(read: Read) -> Samples:
    """The description of the file's samples.

    Raises Undecodable where the packaged libvips cannot read such samples.
    """
    directory = tiff.first(read)
    if directory is None or not directory.is_whole or tiff.WIDTH not in directory:
        raise Undecodable(DAMAGED)
    photometric = directory.number(tiff.PHOTOMETRIC, -1)
    channels = directory.number(tiff.SAMPLES_PER_PIXEL, 1)
    bits = set(directory.numbers(tiff.BITS_PER_SAMPLE, 64)) or {1}
    formats = set(directory.numbers(tiff.SAMPLE_FORMAT, 64)) or {UNSIGNED}
    across, down = (*directory.numbers(tiff.YCBCR_SUBSAMPLING, 2), 2, 2)[:2]
    compression = directory.number(tiff.COMPRESSION, 1)
    _check_compression(compression)
    if photometric == -1:
        raise Undecodable(not_supported("TIFF that names no colour model"))
    if photometric not in _COLOURS:
        raise Undecodable(
            not_supported(f"TIFF with {_COLOUR_MODELS.get(photometric, f'the colour model {photometric}')}")
        )
    if len(bits) > 1 or (len(formats) > 1 and photometric != CIELAB):
        raise Undecodable(not_supported("TIFF with samples of several kinds"))
    samples = Samples(
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
    _check_samples(samples)
    _check_layout(samples, directory)
    return samples


def _check_compression(compression: int) -> None:
    if compression not in _COMPRESSIONS:
        raise Undecodable(
            not_supported(
                f"TIFF compressed with {_COMPRESSION_NAMES.get(compression, f'method {compression}')}"
            )
        )


def _check_samples(samples: Samples) -> None:
    """Raise Undecodable for bits or a format of samples that libvips does not read in this colour model."""
    number = _SAMPLE_FORMATS.get(
        samples.format,
        "unsigned integers" if samples.format in (UNSIGNED, UNDEFINED) else f"format {samples.format}",
    )
    if samples.photometric == CIELAB:  # libvips opens no other kind
        if (samples.bits, samples.channels) != (16, 3):
            raise Undecodable(not_supported(f"TIFF with CIELab colours of {samples.bits} bits"))
        return
    grey_or_rgb = samples.photometric in (MIN_IS_WHITE, MIN_IS_BLACK, RGB)
    readable: dict[int, set[int]] = {
        UNSIGNED: {8, 16, 32} if grey_or_rgb else {8, 16} if samples.photometric == SEPARATED else {8},
        SIGNED: {8, 16, 32} if grey_or_rgb else set(),
        FLOAT: {16, 32} if grey_or_rgb else set(),
    }
    if samples.photometric in (MIN_IS_WHITE, MIN_IS_BLACK, PALETTE) and samples.channels == 1:
        readable[UNSIGNED] |= {1, 2, 4}
    readable[UNDEFINED] = readable[UNSIGNED]
    if samples.bits not in readable.get(samples.format, set()):
        raise Undecodable(not_supported(f"TIFF with samples of {samples.bits} bits ({number})"))


def _check_layout(samples: Samples, directory: tiff.Directory) -> None:
    """Raise Undecodable for channels, inks or an arrangement of planes that libvips does not read."""
    if samples.channels < samples.colours:
        raise Undecodable(
            not_supported(f"TIFF with {samples.channels} channels for {samples.colours} colours")
        )
    if samples.photometric == SEPARATED:
        inks = directory.number(
            tiff.NUMBER_OF_INKS, samples.colours if samples.has_extra else samples.channels
        )
        if directory.number(tiff.INK_SET, _CMYK) != _CMYK or inks != samples.colours:
            raise Undecodable(not_supported("TIFF with other inks than cyan, magenta, yellow and black"))
    if directory.number(tiff.PLANAR, 1) == _PLANES and samples.channels > 1:
        if (samples.bits, samples.format) == (16, FLOAT):  # libvips gives other numbers than the file has
            raise Undecodable(not_supported("TIFF with a plane of 16-bit floating point for each channel"))
        if tiff.TILE_WIDTH in directory:
            raise Undecodable(not_supported("TIFF with a plane of tiles for each channel"))
        if samples.photometric == YCBCR:
            raise Undecodable(not_supported("TIFF with a plane for each channel of YCbCr"))


def _number(text: bytes) -> float | None:
    """The number that the text states; None where it is no number."""
    try:
        return float(text)
    except ValueError:
        return None
