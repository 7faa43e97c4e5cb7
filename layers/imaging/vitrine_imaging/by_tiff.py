"""TIFF files that libvips reads wrong without reporting an error: they are corrected here, or fail with a
reason.

libvips returns the samples of some TIFF files as they are stored and calls them colours: floating-point and
32-bit samples, YCbCr without subsampling, associated masks. The file's own tags state what the samples are.
Kinds that libvips reads right are left to it.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import pyvips

from vitrine import tiff
from vitrine.models.derived import Undecodable
from vitrine_imaging import tiff_samples
from vitrine_imaging.models import DAMAGED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from vitrine.containers import Read
    from vitrine_imaging.tiff_samples import Samples

_SAMPLED: Final = 256  # pixels of an edge by which the range of the samples is computed
# One sample in so many, at either end, may lie outside the range that is shown.
_OUTLIERS_ONE_IN: Final = 1000
_LEAST_MISSING: Final = 1e30  # floating-point samples of at least this magnitude stand for a missing value
# Integers that use less than one part in so many of their range are scaled to the part that they use.
_DIM_ONE_IN: Final = 16
# Where all samples have one value: black and white lie this share of the value below and above it.
_RELATIVE_STEP: Final = 2.0**-20
_FULL: Final = 65535.0  # white in 16 bits

# Tags for whose value libtiff may fail the whole file, while other readers ignore them, with the values that
# libtiff accepts.
_OPTIONAL: Final[Mapping[int, range]] = {
    tiff.ORIENTATION: range(1, 9),
    tiff.FILL_ORDER: range(1, 3),
    tiff.PLANAR: range(1, 3),
    tiff.RESOLUTION_UNIT: range(1, 4),
}
UNKNOWN_TAG: Final = b"\xff\xff"


def invalid_entries(read: Read) -> list[int]:
    """The offsets of a TIFF's entries that libtiff reports as errors, and that other readers ignore."""
    places = list[int | None]()
    for directory in tiff.walk(read):
        for tag, valid in _OPTIONAL.items():
            if directory.number(tag, 1) not in valid:
                places.append(directory.place(tag))
        for tag in (tiff.X_RESOLUTION, tiff.Y_RESOLUTION):
            values = directory.numbers(tag, 1)
            if not values or values[0] < 0:
                places.append(directory.place(tag))
    return [place for place in places if place is not None]


def render(
    samples: Samples, reopen: Callable[[], pyvips.Image], shrink: Callable[[pyvips.Image], pyvips.Image]
) -> pyvips.Image:
    """The picture, made small by `shrink`, in memory. `reopen` opens the file with libvips from its
    beginning.

    Raises Undecodable where no sample is a number, or where libtiff has left some out; pyvips.Error.
    """
    grey_or_rgb = samples.photometric in (
        tiff_samples.MIN_IS_WHITE,
        tiff_samples.MIN_IS_BLACK,
        tiff_samples.RGB,
    )
    if samples.photometric == tiff_samples.YCBCR and not samples.subsampled and not samples.in_jpeg:
        picture = shrink(_from_ycbcr(reopen(), samples))
    elif grey_or_rgb and (samples.bits == 32 or samples.format in (tiff_samples.SIGNED, tiff_samples.FLOAT)):
        picture = shrink(_scaled(reopen(), samples, *_range(reopen(), samples)))
    else:
        picture = shrink(_with_known_channels(reopen(), samples))
        # 12 bits or fewer, in 16
        if grey_or_rgb and samples.bits == 16 and not _has_profile(reopen()) and _is_dim(picture, samples):
            picture = shrink(_scaled(reopen(), samples, *_range(reopen(), samples)))
    return _with_visible_opacity(picture, samples)


def _has_profile(image: pyvips.Image) -> bool:
    return bool(image.get_typeof("icc-profile-data"))


def _is_dim(picture: pyvips.Image, samples: Samples) -> bool:
    """Whether the colours use at most a sixteenth of their range, and are not all zero."""
    colours = picture.extract_band(0, n=picture.bands - 1) if picture.hasalpha() else picture
    full = _FULL if picture.format == "ushort" else 255.0
    least: Any = colours.min()
    most: Any = colours.max()
    used = full - least if samples.photometric == tiff_samples.MIN_IS_WHITE else most
    return bool(0 < used <= (full + 1) / _DIM_ONE_IN)


def _with_visible_opacity(picture: pyvips.Image, samples: Samples) -> pyvips.Image:
    """The picture without its opacity if that would hide all of it: such a channel is something else.

    Raises Undecodable where libtiff left pixels out, which it reports only by making them transparent.
    """
    if not picture.hasalpha():
        return picture
    opacity = picture[picture.bands - 1]
    least: Any = opacity.min()
    if samples.photometric == tiff_samples.YCBCR and samples.channels == samples.colours and least < 255:
        raise Undecodable(DAMAGED)
    return picture.extract_band(0, n=picture.bands - 1) if opacity.max() == 0 else picture


def _with_known_channels(image: pyvips.Image, samples: Samples) -> pyvips.Image:
    """The picture's colours and opacity, without channels whose meaning is unknown."""
    # libvips has converted these to other channels
    if image.bands != samples.channels or samples.photometric in (
        tiff_samples.PALETTE,
        tiff_samples.YCBCR,
        tiff_samples.CIELAB,
    ):
        return image
    kept = samples.colours + samples.has_opacity
    return (
        image.extract_band(0, n=kept).copy(interpretation=_interpretation(image, samples))
        if kept < image.bands
        else image
    )


def _interpretation(image: pyvips.Image, samples: Samples) -> str:
    deep = image.format == "ushort"
    if samples.colours == 4:
        return "cmyk"
    return ("rgb16" if deep else "srgb") if samples.colours == 3 else ("grey16" if deep else "b-w")


def _from_ycbcr(image: pyvips.Image, samples: Samples) -> pyvips.Image:
    """Convert YCbCr to sRGB (TIFF 6.0, section 21). libvips returns YCbCr without subsampling as it is
    stored.
    """
    if image.bands != samples.channels:
        return image
    red, green, blue = (
        samples.luma if len(samples.luma) == 3 and samples.luma[1] > 0 else (0.299, 0.587, 0.114)
    )
    reference = samples.reference if len(samples.reference) == 6 else (0, 255, 128, 255, 128, 255)
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


def _stored(image: pyvips.Image, samples: Samples) -> pyvips.Image:
    """The colours as they are stored: libvips inverts unsigned samples where the least is white, and no
    others.
    """
    colours = image.extract_band(0, n=min(samples.colours, image.bands)).cast("double")
    inverted = samples.photometric == tiff_samples.MIN_IS_WHITE and samples.format not in (
        tiff_samples.SIGNED,
        tiff_samples.FLOAT,
    )
    return colours.linear([-1], [2.0**samples.bits - 1]) if inverted else colours


def _range(image: pyvips.Image, samples: Samples) -> tuple[float, float]:
    """The values that are shown black and white. Raises Undecodable where no sample is a number."""
    across, down = (max(1, size // _SAMPLED) for size in (image.width, image.height))
    whole: Any = (
        memoryview(_stored(image, samples).subsample(across, down).write_to_memory()).cast("B").cast("d")
    )
    values = sorted(
        each
        for each in whole
        if math.isfinite(each) and abs(each) < _LEAST_MISSING and each != samples.no_value
    )
    if not values:
        raise Undecodable("The picture has no sample that is a number")
    odd = len(values) // _OUTLIERS_ONE_IN
    low, high = values[odd], values[-1 - odd]
    most = 1.0 if samples.format == tiff_samples.FLOAT else 2.0**samples.bits - 1
    fills = (
        high >= most / _DIM_ONE_IN
        and (high <= most or samples.format != tiff_samples.FLOAT)
        and samples.format != tiff_samples.SIGNED
    )
    if low >= 0 and (fills or high == 0):
        low, high = 0.0, most
    elif low == high:
        step = max(1.0, abs(low) * _RELATIVE_STEP)  # less would not change a large number
        low, high = low - step, high + step
    return (high, low) if samples.photometric == tiff_samples.MIN_IS_WHITE else (low, high)


def _scaled(image: pyvips.Image, samples: Samples, black: float, white: float) -> pyvips.Image:
    """The picture in 16 bits per sample, with `black` at 0 and `white` at 65535. Opacity has the range of its
    type.
    """
    factor = _FULL / (white - black)
    colours = _stored(image, samples).linear([factor], [-black * factor])
    # Comparing NaN is false, so NaN is shown black, as values below the range are.
    shown = (
        (colours > 0)
        .ifthenelse(colours, 0)
        .cast("ushort")
        .copy(interpretation="rgb16" if samples.colours > 1 else "grey16")
    )
    if not samples.has_opacity or samples.format == tiff_samples.SIGNED or image.bands <= samples.colours:
        return shown
    most = 1.0 if samples.format == tiff_samples.FLOAT else 2.0**samples.bits - 1
    opacity = image[samples.colours].cast("double").linear([_FULL / most], [0])
    return shown.bandjoin((opacity > 0).ifthenelse(opacity, 0).cast("ushort")).copy(
        interpretation=shown.interpretation
    )
