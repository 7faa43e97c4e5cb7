"""High dynamic range and wide gamut as sRGB shows them: recommendation BT.2100's two curves, and BT.2020's colours.

FFmpeg's own scaler can do it too, and takes 4 s of processor time for its table with every size of picture that it has not just seen.
"""

import math
from array import array
from functools import cache
from typing import Final

import pyvips

_PQ, _HLG, _BT2020 = 16, 18, 9  # transfer, transfer, primaries (ITU-T H.273)
_WHITE: Final = 203.0  # nits of paper in BT.2408; what sRGB shows as its white
_SCREEN: Final = 1000.0  # nits that HLG is graded for
_KNEE: Final = 0.5  # of white: below, light is shown as it is; above, what has no room is brought together
_TO_BT709: Final = [[1.6605, -0.5876, -0.0728], [-0.1246, 1.1329, -0.0083], [-0.0182, -0.1006, 1.1187]]  # BT.2087, of linear light


def differ(transfer: int, primaries: int) -> bool:
    """Whether a frame with these would look wrong where it is taken for sRGB."""
    return transfer in (_PQ, _HLG) or primaries == _BT2020


def to_srgb(image: pyvips.Image, transfer: int) -> pyvips.Image:
    """`image`: RGB of BT.2020 in 16 bits."""
    light = image.maplut(_light(transfer)).recomb(pyvips.Image.new_from_array(_TO_BT709))
    light = (light > 0).ifthenelse(light, 0)
    if transfer in (_PQ, _HLG):
        rolled = 1 - ((light - _KNEE) * (-1 / (1 - _KNEE))).exp() * (1 - _KNEE)
        light = (light < _KNEE).ifthenelse(light, rolled)
    light = (light < 1).ifthenelse(light, 1)
    coded = (light < 0.0031308).ifthenelse(light * 12.92, light ** (1 / 2.4) * 1.055 - 0.055)
    return (coded * 255 + 0.5).cast("uchar").copy(interpretation="srgb")


@cache
def _light(transfer: int) -> pyvips.Image:
    """For each of 65,536 levels its light; 1: white."""
    curve = {_PQ: _pq, _HLG: _hlg}.get(transfer, _usual)
    table = array("f", (curve(level / 65535) for level in range(65536)))
    return pyvips.Image.new_from_memory(table.tobytes(), 65536, 1, 1, "float")


def _pq(level: float) -> float:
    """SMPTE ST 2084: absolute."""
    power = math.pow(level, 1 / 78.84375)
    light: float = max(power - 0.8359375, 0.0) / (18.8515625 - 18.6875 * power)
    return 10_000 * math.pow(light, 1 / 0.1593017578125) / _WHITE


def _hlg(level: float) -> float:
    """ARIB STD-B67, with the screen's own gamma of 1.2, channel by channel."""
    scene = level * level / 3 if level <= 0.5 else (math.exp((level - 0.55991073) / 0.17883277) + 0.28466892) / 12
    return math.pow(scene, 1.2) * _SCREEN / _WHITE


def _usual(level: float) -> float:
    """As sRGB codes it: what is changed is the colours alone."""
    return level / 12.92 if level < 0.04045 else math.pow((level + 0.055) / 1.055, 2.4)
