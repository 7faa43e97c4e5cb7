"""A perceptual hash of 64 bits, by which similar pictures are found, and a picture's dominant colours.

This runs inside the child processes, on thumbnails, which are decoded and small already.
"""

from collections import Counter
from collections.abc import Sequence
from math import cos, inf, pi
from operator import mul
from statistics import median
from typing import Final

import pyvips
from PIL import Image

MOST_COLORS: Final = 6

_EDGE: Final = 32  # pixels of an edge of the picture that is transformed
# the lowest waves of the cosine transform, in each direction
_COSINES: Final = [[cos(pi / _EDGE * n * (x + 0.5)) for x in range(_EDGE)] for n in range(8)]
# levels of grey: a wave of at least this amplitude comes from the picture, not from its encoder
_LEAST_AMPLITUDE: Final = 0.15
_LEAST_WAVES: Final = 20  # of that amplitude, of 63; fewer do not distinguish a picture from others

_COLOR_EDGE: Final = 64  # pixels
_SHADES: Final = 16  # before similar ones are merged
# Pixels, of 4,096: k-means stops moving the shades when at most so many pixels change to another shade in a
# round. Continuing until no pixel changes takes four times as long.
_KMEANS_CHANGES: Final = 64
_ALIKE: Final = 32  # levels, in each channel, by which two shades of one colour may differ
# A colour counts when at least one pixel in so many has it. An edge between two areas has one in 64.
_RAREST_ONE_IN: Final = 50


def perceptual_hash(image: pyvips.Image) -> int | None:
    """The picture's hash of 64 bits: copies that were encoded anew, resized or made a little brighter differ
    in few bits.

    `image`: in sRGB or grey, maybe with alpha. None where too little is in the picture to distinguish it from
    others: one colour, a gradient, a dot on a white page.
    """
    small = image.thumbnail_image(_EDGE, height=_EDGE, size="force")
    if not small.hasalpha():
        return _hash(small)
    # Most viewers show transparent pixels on white, and programs convert them to JPEG so.
    on_white = _hash(small.flatten(background=[255]))
    return _hash(small.flatten(background=[0])) if on_white is None else on_white


def _hash(small: pyvips.Image) -> int | None:
    """The bits of the lowest waves that are stronger than the median. The mean is left out: brightness does
    not show what is in a picture.
    """
    pixels = small.cast("uchar").write_to_memory()
    grey: Sequence[float] = bytes(pixels)
    if small.bands == 3:
        grey = [
            0.299 * red + 0.587 * green + 0.114 * blue
            for red, green, blue in zip(grey[::3], grey[1::3], grey[2::3], strict=True)
        ]
    rows = [grey[start : start + _EDGE] for start in range(0, _EDGE * _EDGE, _EDGE)]
    within_rows = [[sum(map(mul, row, wave)) for row in rows] for wave in _COSINES]
    strengths = [
        sum(map(mul, within_row, wave)) / len(grey) for wave in _COSINES for within_row in within_rows
    ]
    if sum(abs(strength) >= _LEAST_AMPLITUDE for strength in strengths[1:]) < _LEAST_WAVES:
        return None
    strengths[0] = -inf
    middle = median(strengths)
    return sum(1 << at for at, strength in enumerate(strengths) if strength > middle)


def dominant_colors(image: pyvips.Image) -> tuple[str, ...]:
    """Up to `MOST_COLORS` colours as "#rrggbb", the most common first. Transparent pixels do not count.

    `image`: in sRGB or grey, maybe with alpha.
    """
    small = image.thumbnail_image(_COLOR_EDGE, height=_COLOR_EDGE, size="down")
    if small.bands < 3:
        small = small.colourspace("srgb")
    pixels = bytes(small.cast("uchar").write_to_memory())
    if small.bands == 4:
        pixels = b"".join(
            pixels[start : start + 3] for start in range(0, len(pixels), 4) if pixels[start + 3] >= 128
        )
    count = len(pixels) // 3
    if not count:
        return ()
    shades = Image.frombytes("RGB", (count, 1), pixels).quantize(
        _SHADES, Image.Quantize.MEDIANCUT, kmeans=_KMEANS_CHANGES
    )
    palette = shades.getpalette() or []
    colors: Counter[tuple[int, int, int]] = Counter()
    for shade, number in Counter(shades.tobytes()).most_common():
        red, green, blue = palette[3 * shade : 3 * shade + 3]
        alike = next(
            (
                each
                for each in colors
                if max(abs(each[0] - red), abs(each[1] - green), abs(each[2] - blue)) <= _ALIKE
            ),
            None,
        )
        colors[alike or (red, green, blue)] += number
    return tuple(
        f"#{red:02x}{green:02x}{blue:02x}"
        for (red, green, blue), number in colors.most_common(MOST_COLORS)
        if number * _RAREST_ONE_IN >= count
    )
