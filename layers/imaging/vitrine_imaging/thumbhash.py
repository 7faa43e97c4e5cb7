"""ThumbHash: a picture's placeholder in some 25 bytes (https://evanw.github.io/thumbhash/).

Written here because the package of that name (0.1.2) fails on every picture with transparency; for opaque
ones the two agree.
"""

from collections.abc import Sequence
from math import cos, pi

MOST_PIXELS = 100  # on either side, by definition


def thumbhash(width: int, height: int, rgba: bytes) -> bytes:
    """The hash of `width` x `height` pixels of four bytes each (RGBA), alpha not premultiplied.

    Raises ValueError where a side is longer than `MOST_PIXELS`, or the number of bytes does not fit.
    """
    if not 1 <= width <= MOST_PIXELS or not 1 <= height <= MOST_PIXELS or len(rgba) != 4 * width * height:
        raise ValueError(f"not {width}x{height} pixels of RGBA within {MOST_PIXELS}x{MOST_PIXELS}")
    opacity = [a / 255 for a in rgba[3::4]]
    opaque = sum(opacity)
    transparent = opaque < width * height
    red, green, blue = (_over_average(rgba[channel::4], opacity, opaque) for channel in range(3))
    pixels = list(zip(red, green, blue, strict=True))

    longest = max(width, height)
    limit = 5 if transparent else 7
    across, down = max(1, _round(limit * width / longest)), max(1, _round(limit * height / longest))
    basis = _Cosines(width, height)
    light, light_waves, light_scale = basis.waves(
        [(r + g + b) / 3 for r, g, b in pixels], max(3, across), max(3, down)
    )
    yellow, yellow_waves, yellow_scale = basis.waves([(r + g) / 2 - b for r, g, b in pixels], 3, 3)
    reddish, reddish_waves, reddish_scale = basis.waves([r - g for r, g, _ in pixels], 3, 3)

    landscape = width > height
    head = _round(63 * light) | _round(31.5 + 31.5 * yellow) << 6 | _round(31.5 + 31.5 * reddish) << 12
    head |= _round(31 * light_scale) << 18 | transparent << 23
    tail = (
        (down if landscape else across)
        | _round(63 * yellow_scale) << 3
        | _round(63 * reddish_scale) << 9
        | landscape << 15
    )
    fixed = head.to_bytes(3, "little") + tail.to_bytes(2, "little")
    waves = [*light_waves, *yellow_waves, *reddish_waves]
    if transparent:
        alpha, alpha_waves, alpha_scale = basis.waves(opacity, 5, 5)
        fixed += bytes([_round(15 * alpha) | _round(15 * alpha_scale) << 4])
        waves += alpha_waves
    nibbles = [_round(15 * wave) for wave in waves]
    nibbles += [0] * (len(nibbles) % 2)
    return fixed + bytes(low | high << 4 for low, high in zip(nibbles[::2], nibbles[1::2], strict=True))


def _over_average(values: bytes, opacity: Sequence[float], opaque: float) -> list[float]:
    """A channel, 0 to 1, laid over its own average, so that transparent parts have no edge."""
    average = (
        sum(value * a for value, a in zip(values, opacity, strict=True)) / 255 / opaque if opaque else 0.0
    )
    return [average * (1 - a) + value / 255 * a for value, a in zip(values, opacity, strict=True)]


class _Cosines:
    """The lowest waves of the discrete cosine transform, for one size of picture."""

    def __init__(self, width: int, height: int) -> None:
        self.width = width
        self.across = [[cos(pi / width * n * (x + 0.5)) for x in range(width)] for n in range(7)]
        self.down = [[cos(pi / height * n * (y + 0.5)) for y in range(height)] for n in range(7)]

    def waves(self, channel: Sequence[float], across: int, down: int) -> tuple[float, list[float], float]:
        """(mean, waves, scale) of the triangle of low frequencies; the waves are scaled to 0 to 1, around a
        half.
        """
        rows = [channel[start : start + self.width] for start in range(0, len(channel), self.width)]
        within_rows = [[sum(map(float.__mul__, row, self.across[n])) for row in rows] for n in range(across)]
        kept = [(x, y) for y in range(down) for x in range(across) if x * down < across * (down - y)]
        mean, *strengths = [
            sum(map(float.__mul__, within_rows[x], self.down[y])) / len(channel) for x, y in kept
        ]
        scale = max(map(abs, strengths), default=0.0)
        return mean, [0.5 + 0.5 / scale * strength if scale else strength for strength in strengths], scale


def _round(value: float) -> int:
    return int(value + 0.5)  # halves upwards, as the reference does; nothing here is negative
