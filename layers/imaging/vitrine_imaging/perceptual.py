"""What a picture looks like in 64 bits, for finding others that look the same; and its colours.

This runs inside the child processes, on pictures that are decoded and small already: thumbnails.
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

_EDGE: Final = 32  # pixels, of the picture whose waves are looked at
# the lowest waves, each way
_COSINES: Final = [[cos(pi / _EDGE * n * (x + 0.5)) for x in range(_EDGE)] for n in range(8)]
_AUDIBLE: Final = 0.15  # levels of grey: a wave as strong as this is of the picture, not of its encoder
_ENOUGH: Final = 20  # such waves, of 63; fewer do not tell a picture from others

_COLOR_EDGE: Final = 64  # pixels
_SHADES: Final = 16  # that are looked for, before those that look the same are taken together
# pixels of 4,096: shades are moved until no more than these change theirs; until none does is four times as
# long
_SETTLED: Final = 64
_ALIKE: Final = 32  # the furthest that two of them are apart, in levels, to be one colour
# a colour that less than one pixel in so many has is not shown: an edge between two is one in 64
_RARE: Final = 50


def perceptual_hash(image: pyvips.Image) -> int | None:
    """64 bits, of which pictures that look the same differ in few: encoded anew, resized, a little brighter.
    `image`: sRGB or grey, maybe with alpha.

    None where there is too little in the picture to tell it from others: one colour, a gradient, a dot on a
    white page.
    """
    small = image.thumbnail_image(_EDGE, height=_EDGE, size="force")
    if not small.hasalpha():
        return _hash(small)
    on_white = _hash(small.flatten(background=[255]))  # as most viewers show it, and as it becomes a JPEG
    return _hash(small.flatten(background=[0])) if on_white is None else on_white


def _hash(small: pyvips.Image) -> int | None:
    """Which of the lowest waves are stronger than half of them. Not the mean: how bright a picture is
    says nothing of what it shows.
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
    if sum(abs(strength) >= _AUDIBLE for strength in strengths[1:]) < _ENOUGH:
        return None
    strengths[0] = -inf
    middle = median(strengths)
    return sum(1 << at for at, strength in enumerate(strengths) if strength > middle)


def dominant_colors(image: pyvips.Image) -> tuple[str, ...]:
    """Up to `MOST_COLORS` colours as "#rrggbb", the most common first; what is transparent counts for
    nothing. `image` as above.
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
        _SHADES, Image.Quantize.MEDIANCUT, kmeans=_SETTLED
    )
    palette = shades.getpalette() or []
    found: Counter[tuple[int, int, int]] = Counter()
    for shade, having in Counter(shades.tobytes()).most_common():
        red, green, blue = palette[3 * shade : 3 * shade + 3]
        alike = next(
            (
                each
                for each in found
                if max(abs(each[0] - red), abs(each[1] - green), abs(each[2] - blue)) <= _ALIKE
            ),
            None,
        )
        found[alike or (red, green, blue)] += having
    return tuple(
        f"#{red:02x}{green:02x}{blue:02x}"
        for (red, green, blue), having in found.most_common(MOST_COLORS)
        if having * _RARE >= count
    )
