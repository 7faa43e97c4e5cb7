"""What a file is, by its first kilobytes alone."""

import random
import struct
import subprocess
import sys
import time
from collections.abc import Callable
from io import BytesIO

import pillow_heif
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from tests.given import pictures, tiffs
from tests.given.pictures import box
from vitrine.colours import Colours, read_colours
from vitrine.content import HEAD_BYTES, Content, accepted_types, canonical, declarable_types, sniff
from vitrine.media_types import DOCUMENTS, OTHER_RAWS, RAWS, SHOWABLE, STILLS, TYPES, VIDEOS
from vitrine.settings import settings as read_settings


def encoded(
    kind: str, *, width: int = 320, height: int = 200, orientation: int | None = None, **options: object
) -> bytes:
    file = BytesIO()
    if orientation is not None:
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    pictures.quarters(width, height).save(file, kind, **options)
    return file.getvalue()


def heic(*, width: int = 320, height: int = 200) -> bytes:
    file = BytesIO()
    pillow_heif.from_pillow(pictures.quarters(width, height)).save(file, quality=50)
    return file.getvalue()


def ftyp(*brands: bytes) -> bytes:
    return (
        struct.pack(">I", 12 + 4 * len(brands))
        + b"ftyp"
        + brands[0]
        + bytes(4)
        + b"".join(brands[1:])
        + b"\0\0\0\x08moov"
    )


def ebml(doctype: bytes) -> bytes:
    header = b"\x42\x86\x81\x01\x42\x82" + bytes([0x80 | len(doctype)]) + doctype
    return b"\x1a\x45\xdf\xa3" + bytes([0x80 | len(header)]) + header + bytes(100)


SVG_WITH_PROLOGUE = (
    b"\xef\xbb\xbf<?xml version='1.0'?>\n<!-- <html> -->\n<!DOCTYPE svg [<!ENTITY a '>'>]>\n<svg:svg>"
)


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (pictures.jpeg(321, 201), Content("image/jpeg", "image", 321, 201)),
        (pictures.jpeg(321, 201, progressive=True), Content("image/jpeg", "image", 321, 201)),
        (pictures.jpeg(321, 201, mode="CMYK"), Content("image/jpeg", "image", 321, 201)),
        (pictures.png(321, 201), Content("image/png", "image", 321, 201)),
        (pictures.gif(321, 201, frames=3), Content("image/gif", "image", 321, 201)),
        (pictures.webp(321, 201), Content("image/webp", "image", 321, 201)),
        (pictures.webp(321, 201, lossless=True), Content("image/webp", "image", 321, 201)),
        (pictures.webp(321, 201, alpha=True), Content("image/webp", "image", 321, 201)),
        (pictures.animated_webp(321, 201), Content("image/webp", "image", 321, 201)),
        (encoded("AVIF", speed=10), Content("image/avif", "image", 320, 200)),
        (heic(), Content("image/heic", "image", 320, 200)),
        (encoded("TIFF", compression="tiff_lzw"), Content("image/tiff", "image", 320, 200)),
        (encoded("TIFF", big_tiff=True), Content("image/tiff", "image", 320, 200)),
        (encoded("BMP"), Content("image/bmp", "image", 320, 200)),
        (b"BM" + bytes(12) + struct.pack("<Iii", 40, 320, -200), Content("image/bmp", "image", 320, 200)),
        (encoded("PDF"), Content("application/pdf", "document")),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", Content("image/svg+xml", "image")),
        (SVG_WITH_PROLOGUE, Content("image/svg+xml", "image")),
        ("\ufeff<svg >".encode("utf-16-le"), Content("image/svg+xml", "image")),
        (ftyp(b"isom", b"iso2", b"avc1"), Content("video/mp4", "video")),
        (ftyp(b"mp42"), Content("video/mp4", "video")),
        (ftyp(b"M4V ", b"isom"), Content("video/mp4", "video")),
        (ftyp(b"what", b"mp42"), Content("video/mp4", "video")),
        (ftyp(b"qt  ", b"isom"), Content("video/quicktime", "video")),
        (b"\0\0\0\x08wide\0\0\0\0mdat", Content("video/quicktime", "video")),
        (ftyp(b"3gp5", b"isom"), Content("video/3gpp", "video")),
        (ftyp(b"M4A ", b"isom"), Content("audio/mp4", "audio")),
        (ftyp(b"mif1", b"miaf"), Content("image/heif", "image")),
        (ftyp(b"mif1", b"avif", b"miaf"), Content("image/avif", "image")),
        (ftyp(b"mif1", b"heic"), Content("image/heic", "image")),
        (ebml(b"webm"), Content("video/webm", "video")),
        (ebml(b"matroska"), Content("video/x-matroska", "video")),
        (ftyp(b"crx ", b"isom"), Content("image/x-canon-cr3", "image")),
        (b"FUJIFILMCCD-RAW 0201", Content("image/x-fuji-raf", "image")),
        (b"IIU\0\x18\0\0\0", Content("image/x-panasonic-rw2", "image")),
        (b"IIRO\x08\0\0\0", Content("image/x-olympus-orf", "image")),
        (b"II\x1a\0\0\0HEAPCCDR", Content("image/x-canon-crw", "image")),
        (b"\0MRM\0\0\0\0", Content("image/x-minolta-mrw", "image")),
        (b"FOVb\0\0\2\0", Content("image/x-sigma-x3f", "image")),
        *(
            (data, Content(mime_type, "image"))
            for mime_type, data in tiffs.raws(tiffs.preview(64, 40), tiffs.preview(16, 10)).items()
        ),
        (
            tiffs.written(tiffs.stamp() | tiffs.camera("NIKON"), below=[{}], mark=bytes(65_000))[:65_300],
            Content("image/x-nikon-nef", "image"),
        ),
        (
            tiffs.written(tiffs.stamp() | {254: (4, 0)} | tiffs.camera("NIKON"), below=[tiffs.stamp()]),
            Content("image/tiff", "image", 16, 10),
        ),
        (b"\0\0\x01\xba" + bytes(64), Content("video/mpeg", "video")),
        ((b"\x47" + bytes(187)) * 5, Content("video/mp2t", "video")),
    ],
    ids=lambda value: value.mime_type if isinstance(value, Content) else "",
)
def test_the_type_of_a_file_is_recognised_by_its_head(head: bytes, expected: Content) -> None:
    assert sniff(head) == expected


@pytest.mark.parametrize(
    "head",
    [
        b"",
        b"\xff\xd8",
        b"\x89PNG\r\n",
        b"RIFF\0\0\0\0WAVE",
        b"<!doctype html><svg></svg>",
        b"<html><svg></svg></html>",
        b"BM, the initials of somebody",
        b"GIF90a",
        b"PK\x03\x04",
        b"\x7fELF",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\0\0\0\x02moov",
        ebml(b"other"),
        ftyp(b"jp2 "),
        b"G" * 3,
        b"hello, world",
        bytes(HEAD_BYTES),
    ],
)
def test_what_is_not_known_is_none(head: bytes) -> None:
    assert sniff(head) is None


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_a_turned_picture_is_measured_as_stored_and_as_shown(kind: str, orientation: int) -> None:
    content = sniff(encoded(kind, width=300, height=200, orientation=orientation))

    assert content
    assert (content.width, content.height, content.orientation) == (300, 200, orientation)
    assert (content.width_shown, content.height_shown) == ((200, 300) if orientation >= 5 else (300, 200))


@pytest.mark.parametrize("orientation", range(1, 9))
def test_an_avif_is_turned_by_its_own_boxes(orientation: int) -> None:
    """Pillow writes irot and imir for EXIF's orientation."""
    content = sniff(encoded("AVIF", width=300, height=200, orientation=orientation, speed=10))

    assert content
    assert (content.width, content.height, content.orientation) == (300, 200, orientation)


def test_an_invalid_orientation_counts_as_upright() -> None:
    assert sniff(pictures.jpeg(300, 200, orientation=9)) == Content("image/jpeg", "image", 300, 200)


def test_a_header_beyond_the_head_leaves_the_size_unknown() -> None:
    late = pictures.late_header(kilobytes=200)

    assert sniff(late) == Content("image/jpeg", "image")
    assert sniff(late[:HEAD_BYTES]) == sniff(late)


def test_a_picture_that_contains_a_page_is_a_picture() -> None:
    assert sniff(pictures.polyglot()) == Content("image/jpeg", "image", 320, 240)


@pytest.mark.parametrize(
    ("declared", "usual"),
    [
        ("image/jpeg", "image/jpeg"),
        ("IMAGE/JPG", "image/jpeg"),
        (" image/png; charset=binary", "image/png"),
        ("video/x-m4v", "video/mp4"),
        ("x", "x"),
        ("", ""),
    ],
)
def test_a_declared_type_has_one_canonical_name(declared: str, usual: str) -> None:
    assert canonical(declared) == usual


def test_the_tables_agree() -> None:
    assert {"image/svg+xml", "application/pdf"} == DOCUMENTS
    assert not DOCUMENTS & (SHOWABLE | STILLS | VIDEOS)
    assert RAWS < STILLS
    assert not OTHER_RAWS & (SHOWABLE | STILLS)
    assert set(TYPES) > SHOWABLE | STILLS | VIDEOS | DOCUMENTS
    assert {canonical(name) for name in TYPES} == set(TYPES)
    assert len({each.extension for each in TYPES.values()}) == len(TYPES)


def test_documents_are_accepted_where_a_setting_names_them(another_environment: pytest.MonkeyPatch) -> None:
    by_default = accepted_types(), declarable_types()
    another_environment.setenv("ACCEPTED_DOCUMENTS", "application/pdf, image/svg+xml")
    read_settings.cache_clear()
    all_of_them = accepted_types(), declarable_types()
    another_environment.setenv("ACCEPTED_DOCUMENTS", "pdf")
    read_settings.cache_clear()

    with pytest.raises(ValueError, match=r"^ACCEPTED_DOCUMENTS may name application/pdf and image/svg\+xml$"):
        accepted_types()
    assert by_default[0] == STILLS | VIDEOS
    assert all_of_them[0] == STILLS | VIDEOS | DOCUMENTS
    assert set(all_of_them[1]) - set(by_default[1]) == DOCUMENTS


HEADS = [
    *(pictures.jpeg(40, 30, orientation=6), pictures.png(40, 30, orientation=6), pictures.gif(40, 30)),
    *(pictures.webp(40, 30, orientation=6), pictures.webp(40, 30), pictures.webp(40, 30, lossless=True)),
    *(
        encoded("AVIF", width=40, height=30, orientation=5, speed=10),
        heic(width=64, height=64),
        encoded("TIFF", width=40, height=30),
        encoded("BMP"),
    ),
    *(ftyp(b"isom", b"mp42"), ebml(b"webm"), b"<?xml version='1.0'?><!DOCTYPE svg [ ]><svg/>"),
]


def is_consistent(content: Content | None) -> bool:
    """Whether the content is consistent: a known type and orientation, and both dimensions or none."""
    if content is None:
        return True
    known = content.width is not None and content.height is not None
    unknown = content.width is None and content.height is None
    return (
        content.mime_type in TYPES
        and 1 <= content.orientation <= 8
        and (unknown or (known and (content.width or 0) > 0 and (content.height or 0) > 0))
    )


@given(st.sampled_from([head[:24] for head in HEADS]), st.integers(0, 24), st.binary(max_size=400))
@example(b"", 0, b"")
@settings(max_examples=400, deadline=None, database=None)
def test_no_bytes_make_it_raise(start: bytes, kept: int, rest: bytes) -> None:
    assert is_consistent(sniff(start[:kept] + rest))
    read_colours(start[:kept] + rest)


def test_no_damaged_head_makes_it_raise() -> None:
    for seed in range(4000):
        damaged = pictures.mutated(HEADS[seed % len(HEADS)][:2048], seed=seed)

        assert is_consistent(sniff(damaged)), seed
        read_colours(damaged)


def test_no_cut_head_makes_it_raise() -> None:
    for head in HEADS:
        kinds = [
            content.mime_type for length in range(min(len(head), 1500)) if (content := sniff(head[:length]))
        ]

        assert len(set(kinds)) == 1  # a cut file is either unknown, or of its type


def avif_with(*properties: bytes) -> bytes:
    """The header of an AVIF: these properties of the primary item, then one that says PQ and belongs to no
    item.
    """
    associated = bytes([0, 0, 0, 0, 0, 0, 0, 1, 0, 1, len(properties), *range(1, len(properties) + 1)])
    kept = box(b"ipco", b"".join(properties) + box(b"colr", b"nclx\0\x09\0\x10\0\x09\x80"))
    return ftyp(b"avif")[:-8] + box(
        b"meta", bytes(4) + box(b"pitm", b"\0\0\0\0\0\x01") + box(b"iprp", kept + box(b"ipma", associated))
    )


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    return pictures.with_chunks(pictures.png(8, 8), *chunks)


NCLX = box(b"colr", b"nclx\0\x09\0\x12\0\x09\x80")
ICC = box(b"colr", b"prof" + bytes(128))
SCREEN = struct.pack(">8H2I", *range(8), 10_000_000, 50)  # 1000 nits


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (avif_with(), None),
        (avif_with(NCLX), Colours(9, 18)),
        (avif_with(NCLX, ICC), None),
        (avif_with(ICC, NCLX), None),
        (avif_with(box(b"clli", b"\x02\xbf\0\xa5"), NCLX), Colours(9, 18, 703)),
        (avif_with(NCLX, box(b"mdcv", SCREEN)), Colours(9, 18, 1000)),
        (avif_with(NCLX, box(b"mdcv", SCREEN), box(b"clli", bytes(4))), Colours(9, 18, 1000)),
        (avif_with(box(b"colr", b"nclx\0")), None),
        (png_with(), None),
        (png_with((b"iCCP", b"x\0\0"), (b"cICP", b"\x0c\x10\0\1")), Colours(12, 16)),
        (
            png_with((b"cLLI", struct.pack(">2I", 7_030_000, 1)), (b"cICP", b"\x0c\x10\0\1")),
            Colours(12, 16, 703),
        ),
        (png_with((b"cICP", b"\x0c\x10\0\1"), (b"mDCV", SCREEN)), Colours(12, 16, 1000)),
        (pictures.jpeg(8, 8), None),
    ],
)
def test_the_coding_of_colours_is_read_from_their_numbers(head: bytes, expected: Colours | None) -> None:
    """The numbers are those of the primary item. In a HEIF a profile overrides them; in a PNG they override
    the profile.
    """
    assert read_colours(head) == expected


def exif_of_many_entries() -> bytes:
    return b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 274, 3, 1, 6) * 5000


HOSTILE: dict[str, Callable[[], bytes]] = {
    "fill": lambda: b"\xff\xd8" + b"\xff" * HEAD_BYTES,
    "lone markers": lambda: b"\xff\xd8" + b"\xff\xd0" * HEAD_BYTES,
    "empty segments": lambda: b"\xff\xd8" + b"\xff\xe0\0\0" * HEAD_BYTES,
    "many exifs": lambda: b"\xff\xd8" + (b"\xff\xe1\xff\xffExif\0\0" + exif_of_many_entries())[:65537] * 3,
    "exifs within each other": lambda: b"\xff\xd8" + b"\xff\xe1\0\x02Exif\0\0II*\0\x08\0\0\0\xff\xff" * 3000,
    "empty chunks": lambda: pictures.png(8, 8)[:33] + b"\0\0\0\0tEXt\0\0\0\0" * 6000,
    "empty riff chunks": lambda: b"RIFF\0\0\0\0WEBP" + b"JUNK\0\0\0\0" * 9000,
    "directory": exif_of_many_entries,
    "directories within each other": lambda: (
        b"II*\0\x08\0\0\0\xff\xff" + struct.pack("<HHII", 330, 4, 16, 8) * 5400
    ),
    "brands": lambda: b"\0\0\xff\xffftyp" + b"mif1" * 16000,
    "boxes": lambda: ftyp(b"heic")[:-8] + box(b"meta", bytes(4) + b"\0\0\0\x08free" * 8000),
    "associations": lambda: (
        ftyp(b"heic")[:-8]
        + box(
            b"meta",
            bytes(4)
            + box(b"pitm", b"\0\0\0\0\0\x01")
            + box(
                b"iprp",
                box(b"ipco", box(b"irot", b"\x03") * 3)
                + box(b"ipma", b"\0\0\0\0\xff\xff\xff\xff" + b"\0\x02\x01\x01" * 15000),
            ),
        )
    ),
    "comments": lambda: b"<!---->" * 9000,
    "open comment": lambda: b"<!--" * 16000,
    "document types": lambda: b"<!DOCTYPE[>]>" * 5000,
    "spaces": lambda: b" " * HEAD_BYTES,
    "instructions": lambda: b"<??>" * 16000,
    "ebml": lambda: b"\x1a\x45\xdf\xa3" + b"\x42" * HEAD_BYTES,
    "noise": lambda: random.Random(0).randbytes(HEAD_BYTES),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_head_takes_no_longer_than_its_length_allows(name: str) -> None:
    head = HOSTILE[name]()

    started = time.process_time()
    content = sniff(head)
    read_colours(head)
    spent = time.process_time() - started

    assert is_consistent(content)
    # seconds; a pass over 64 KB in Python is some 10 ms, a pass for each byte some minutes
    assert spent < 0.25


def test_importing_it_imports_no_decoder() -> None:
    script = (
        "import sys; before = set(sys.modules); import vitrine.content;"
        " print(sorted({m.split('.')[0] for m in set(sys.modules) - before}))"
    )

    answer = subprocess.run(
        [sys.executable, "-c", script],
        env={"PYTHONPATH": "layers/core"},
        capture_output=True,
        text=True,
        check=True,
    )

    loaded = set(answer.stdout.strip("[]\n").replace("'", "").split(", "))
    assert loaded - sys.stdlib_module_names == {"vitrine"}
