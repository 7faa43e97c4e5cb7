"""Pictures of high dynamic range or wide gamut, converted for an sRGB screen: stills and frames of videos.

PQ and HLG are mapped as FFmpeg's filters
`zscale=t=linear:npl=100,zscale=p=bt709,tonemap=hable:desat=0,zscale=t=bt709` map them; `python -m bench
tones` compares the two. The three channels of a pixel are multiplied by one factor, which depends on its
brightest channel. A curve for each channel would change hues. FFmpeg's own scaler can map tones too, but
takes 4 s of processor time for its table with each new size of picture.
"""

import math
from array import array
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, Final

import pyvips

from vitrine.colours import Colours

_PQ, _HLG = 16, 18  # transfer characteristics, ITU-T H.273
_BT709, _BT2020 = 1, 9  # colour primaries, ITU-T H.273
_UNIT: Final = 100.0  # nits of light 1.0, which is `npl=100`
# nits of the screen on which HLG is shown, and of the brightest pixel where a picture does not state its own
_SCREEN: Final = 1000.0
# Of a screen for BT.709 (BT.1886). Other videos' codes are used as sRGB unchanged, and these shall look like
# them.
_GAMMA: Final = 2.4

# Matrices from linear light to BT.709's, by primaries. DCI's are P3's with an adapted white.
_P3: Final = ((1.2249401, -0.2249402, 0.0), (-0.0420569, 1.0420571, 0.0), (-0.0196376, -0.0786361, 1.0982735))
_TO_BT709: Final[Mapping[int, tuple[tuple[float, float, float], ...]]] = {
    # BT.2087
    _BT2020: (
        (1.660491, -0.587641, -0.072850),
        (-0.124550, 1.132900, -0.008349),
        (-0.018151, -0.100579, 1.118730),
    ),
    11: _P3,  # SMPTE RP 431-2
    12: _P3,  # SMPTE EG 432-1, Display P3
}


def is_high_range(transfer: int) -> bool:
    """Whether the transfer characteristics are those of PQ or HLG."""
    return transfer in (_PQ, _HLG)


def differ(colours: Colours) -> bool:
    """Whether a picture coded like this would look wrong if its codes were used as sRGB."""
    return is_high_range(colours.transfer) or colours.primaries in _TO_BT709


def to_srgb(image: pyvips.Image, colours: Colours) -> pyvips.Image:
    """Return a picture of 8 bits that an sRGB screen shows right. `image`: one or three channels of 8 or 16
    bits, and perhaps opacity.
    """
    depth = 255 if image.format == "uchar" else 65535
    if image.hasalpha():
        opacity = image[image.bands - 1]
        shown = to_srgb(image.extract_band(0, n=image.bands - 1), colours)
        return shown.bandjoin((opacity * (255 / depth)).rint().cast("uchar"))
    if image.bands == 1:
        image = image.bandjoin([image, image])
    high = is_high_range(colours.transfer)
    light = image.maplut(_light(colours.transfer if high else 0, depth))
    # HLG and PQ are defined for BT.2020 (BT.2100), so a file that names no primaries means these.
    matrix = _TO_BT709.get(_BT2020 if high and colours.primaries in (0, 2) else colours.primaries)
    if matrix:
        light = light.recomb(pyvips.Image.new_from_array([list(row) for row in matrix]))
    red, green, blue = light.bandsplit()
    brightest = red.bandrank([green, blue], index=2)
    light = light * (_factor_of_tone(brightest, colours.brightest) if high else 1 / _at_least(brightest, 1.0))
    light = _at_least(light, 0.0)  # colours outside BT.709 have light below zero
    coded = (
        light ** (1 / _GAMMA)
        if high
        else (light < 0.0031308).ifthenelse(light * 12.92, light ** (1 / 2.4) * 1.055 - 0.055)
    )
    return (coded * 255 + 0.5).cast("uchar").copy(interpretation="srgb")


def _factor_of_tone(brightest: pyvips.Image, nits: float | None) -> pyvips.Image:
    """Return the factor of each pixel. Pixels brighter than the brightest one that the file states become as
    light as white, and keep their hue.
    """
    peak = min(max(nits or _SCREEN, _UNIT), 10_000) / _UNIT
    brightest = _at_least(brightest, 1e-6)
    mapped = _hable(brightest) / _hable(peak)
    return (mapped < 1).ifthenelse(mapped, 1) / brightest


def _hable(light: Any) -> Any:
    """John Hable's curve ("Uncharted 2: HDR Lighting", GDC 2010), with FFmpeg's numbers."""
    return (light * (light * 0.15 + 0.05) + 0.004) / (light * (light * 0.15 + 0.5) + 0.06) - 0.02 / 0.3


def _at_least(image: pyvips.Image, least: float) -> pyvips.Image:
    return (image > least).ifthenelse(image, least)


@cache
def _light(transfer: int, depth: int) -> pyvips.Image:
    """The table of light by level. `transfer` 0: any but PQ and HLG."""
    curve: Mapping[int, Callable[[float], float]] = {_PQ: _pq, _HLG: _hlg}
    of = curve.get(transfer, _srgb)
    table = array("f", (of(level / depth) for level in range(depth + 1)))
    return pyvips.Image.new_from_memory(table.tobytes(), depth + 1, 1, 1, "float")


def _pq(level: float) -> float:
    """The light of a level by SMPTE ST 2084, whose levels are absolute."""
    power = math.pow(level, 1 / 78.84375)
    light: float = max(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)
    return 10_000 / _UNIT * math.pow(light, 1 / 0.1593017578125)


def _hlg(level: float) -> float:
    """The light of a level by ARIB STD-B67, on a screen of 1000 nits. Its gamma of 1.2 is applied to each
    channel, as zscale does.

    BT.2100 applies the gamma to luminance. That would make colours paler, by 27 levels of blue in a saturated
    orange.
    """
    scene = (
        level * level / 3 if level <= 0.5 else (math.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12
    )
    return _SCREEN / _UNIT * math.pow(scene, 1.2)


def _srgb(level: float) -> float:
    """The light of a level by sRGB, which the end of `to_srgb` inverts, so that only the colours change."""
    return level / 12.92 if level < 0.04045 else math.pow((level + 0.055) / 1.055, 2.4)
