"""Media types of known files: their suffixes, whether browsers show them, and whether frames are made of
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal

Kind = Literal["image", "video", "audio", "document"]


@dataclass(frozen=True, slots=True)
class Type:
    """What is known of a media type."""

    kind: Kind
    extension: str  # the usual one, with its dot
    showable: bool  # a browser shows it in <img> or <video>


# SVG and PDF can contain scripts, so they are never shown, although browsers could.
TYPES: Final[Mapping[str, Type]] = {
    "image/jpeg": Type("image", ".jpg", showable=True),
    "image/png": Type("image", ".png", showable=True),  # also declared for animated PNG
    "image/gif": Type("image", ".gif", showable=True),
    "image/webp": Type("image", ".webp", showable=True),
    "image/avif": Type("image", ".avif", showable=True),
    "image/heic": Type("image", ".heic", showable=False),
    "image/heif": Type("image", ".heif", showable=False),
    "image/tiff": Type("image", ".tiff", showable=False),
    "image/bmp": Type("image", ".bmp", showable=False),
    # Camera raw, named as in freedesktop.org's shared-mime-info.
    "image/x-adobe-dng": Type("image", ".dng", showable=False),
    "image/x-canon-cr2": Type("image", ".cr2", showable=False),
    "image/x-nikon-nef": Type("image", ".nef", showable=False),
    "image/x-sony-arw": Type("image", ".arw", showable=False),
    "image/x-pentax-pef": Type("image", ".pef", showable=False),
    "image/x-samsung-srw": Type("image", ".srw", showable=False),
    "image/x-hasselblad-3fr": Type("image", ".3fr", showable=False),
    "image/x-phaseone-iiq": Type("image", ".iiq", showable=False),
    "image/x-leaf-mos": Type("image", ".mos", showable=False),
    "image/x-mamiya-mef": Type("image", ".mef", showable=False),
    "image/x-kodak-dcr": Type("image", ".dcr", showable=False),
    "image/x-epson-erf": Type("image", ".erf", showable=False),
    "image/x-dcraw": Type("image", ".raw", showable=False),  # of another camera
    "image/x-canon-cr3": Type("image", ".cr3", showable=False),
    "image/x-canon-crw": Type("image", ".crw", showable=False),
    "image/x-fuji-raf": Type("image", ".raf", showable=False),
    "image/x-olympus-orf": Type("image", ".orf", showable=False),
    "image/x-panasonic-rw2": Type("image", ".rw2", showable=False),
    "image/x-minolta-mrw": Type("image", ".mrw", showable=False),
    "image/x-sigma-x3f": Type("image", ".x3f", showable=False),
    "image/svg+xml": Type("image", ".svg", showable=False),
    "application/pdf": Type("document", ".pdf", showable=False),
    "video/mp4": Type("video", ".mp4", showable=True),
    "video/quicktime": Type("video", ".mov", showable=False),
    "video/webm": Type("video", ".webm", showable=True),
    "video/x-matroska": Type("video", ".mkv", showable=False),
    "video/mpeg": Type("video", ".mpg", showable=False),
    "video/mp2t": Type("video", ".ts", showable=False),
    "video/3gpp": Type("video", ".3gp", showable=False),
    "audio/mp4": Type("audio", ".m4a", showable=False),
}
# Further suffixes that files of a type have, beside `Type.extension`.
_OTHER_SUFFIXES: Final[Mapping[str, tuple[str, ...]]] = {
    "image/jpeg": (".jpeg", ".jpe", ".jfif", ".jif", ".pjpeg"),
    "image/png": (".apng",),
    "image/avif": (".avifs",),
    "image/heic": (".heif", ".hif", ".heics"),  # cameras call HEIC HIF
    "image/heif": (".heic", ".hif", ".heifs"),
    "image/tiff": (".tif",),
    "image/bmp": (".dib",),
    "video/mp4": (".m4v", ".mp4v", ".f4v"),
    "video/quicktime": (".qt",),
    "video/mpeg": (".mpeg", ".mpe", ".m1v", ".m2v", ".mpv", ".vob"),
    "video/mp2t": (".mts", ".m2ts", ".m2t"),
    "video/3gpp": (".3gpp", ".3g2"),
    "audio/mp4": (".m4b", ".mp4"),
}


def suffixes(mime_type: str) -> tuple[str, ...]:
    """The suffixes of file names of this type, the usual one first, in lower case; none for a type that is
    not in TYPES.
    """
    return (TYPES[mime_type].extension, *_OTHER_SUFFIXES.get(mime_type, ())) if mime_type in TYPES else ()


SHOWABLE: Final = frozenset(name for name, each in TYPES.items() if each.showable)
RAWS: Final = frozenset(  # TIFF files of a sensor's samples, of which the largest embedded preview is shown
    {
        "image/x-adobe-dng",
        "image/x-canon-cr2",
        "image/x-nikon-nef",
        "image/x-sony-arw",
        "image/x-pentax-pef",
        "image/x-samsung-srw",
        "image/x-hasselblad-3fr",
        "image/x-phaseone-iiq",
        "image/x-leaf-mos",
        "image/x-mamiya-mef",
        "image/x-kodak-dcr",
        "image/x-epson-erf",
        "image/x-dcraw",
    }
)
OTHER_RAWS: Final = frozenset(  # raw files whose containers are not read: known so that errors can name them
    {
        "image/x-canon-cr3",
        "image/x-canon-crw",
        "image/x-fuji-raf",
        "image/x-olympus-orf",
        "image/x-panasonic-rw2",
        "image/x-minolta-mrw",
        "image/x-sigma-x3f",
    }
)
STILLS: Final = RAWS | frozenset(  # of which frames are made
    {
        "image/jpeg",
        "image/png",
        "image/gif",
        "image/webp",
        "image/avif",
        "image/heic",
        "image/heif",
        "image/tiff",
        "image/bmp",
    }
)
# stored and served where a setting accepts them; never rendered
DOCUMENTS: Final = frozenset({"image/svg+xml", "application/pdf"})
VIDEOS: Final = frozenset(name for name, each in TYPES.items() if each.kind == "video")
