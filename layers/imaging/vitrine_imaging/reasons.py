"""Why a file could not be decoded, in a sentence for the person who sent it.

libvips, libheif and libavif report no codes, so their messages are read here, and nowhere else. A reason
decides nothing in our code but whether a fresh child process tries the file again (`OUT_OF_MEMORY`).
"""

import re
from typing import Final

from vitrine_imaging.models import DAMAGED, OUT_OF_MEMORY, not_supported

_CUT: Final = "The file is cut short"
_DETAIL: Final = 120  # characters of a library's message that are kept

# In this order: libheif reports its own limits as errors of memory. "{}" is what the pattern's group matched.
_REASONS: Final = tuple(
    (re.compile(pattern, re.IGNORECASE), reason)
    for pattern, reason in (
        (r"security limit exceeded:? *([^\n]*)", "The decoder's own limit stopped it: {}"),
        (r"out of memory|memory allocation error|memoryerror|cannot allocate memory", OUT_OF_MEMORY),
        (r"premature end|unexpected end", _CUT),
        # libtiff, libvips' TIFF reader
        (r"([\w -]+?) compression support is not configured", not_supported("TIFF compressed with {}")),
        (
            r"compression scheme (\d+) (?:strip|tile) decoding is not implemented",
            not_supported("TIFF compression {}"),
        ),
        (r"tiff2vips: (tiled separate planes)", not_supported("TIFF with {}")),
        (
            r"samples out of range|samples_per_pixel not a whole number|unsupported tiff image type",
            not_supported("TIFF samples of this kind"),
        ),
        # libjpeg
        (r"unsupported jpeg data precision (\d+)", not_supported("JPEG with {} bits per sample")),
        (r"unsupported jpeg process: sof type (0x[0-9a-f]+)", not_supported("JPEG of the coding process {}")),
        # libheif
        (
            r"support for this compression format has not been built in: (\w[\w -]*\w)",
            not_supported("pictures compressed with {}"),
        ),
        (r"wrong tile image chroma format", not_supported("a grid of tiles whose chroma formats differ")),
        (
            r"wrong tile image bit depth|wrong tile image pixel depth",
            not_supported("a grid of tiles whose bit depths differ"),
        ),
        (
            r"(?:unsupported feature|unsupported codec|unsupported file-type)(?:: *([^\n]*))?",
            not_supported("a feature of the format ({})"),
        ),
        (
            r"unsupported (?:image type|color conversion|data version|colou?r)\b",
            not_supported("a feature of the format"),
        ),
        # libavif, by way of Pillow
        (
            r"failed to decode image: (not implemented|no codec available|unsupported depth)",
            not_supported("a feature of AVIF (libavif: {})"),
        ),
    )
)


def reason(message: str) -> str:
    """The sentence for a library's message; `DAMAGED` for messages that are not known."""
    for pattern, sentence in _REASONS:
        matched = pattern.search(message)
        if matched is not None:
            detail = next(iter(matched.groups()), None) or "not named"
            return sentence.format(
                "".join(each for each in detail if each.isprintable()).strip().rstrip(".")[:_DETAIL]
            )
    return DAMAGED
