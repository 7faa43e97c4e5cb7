"""Metadata in EXIF and XMP: written with Pillow and by hand, read by our code, shown by the Studio API."""

from __future__ import annotations

import json
import math
import struct
import zlib
from datetime import UTC, datetime, timedelta, timezone
from io import BytesIO
from typing import TYPE_CHECKING, Any

import pillow_heif
import pytest
from PIL import Image
from PIL.TiffImagePlugin import IFDRational

from tests.given import pictures
from vitrine.models.derived import Derived, DerivedFrame, Picture
from vitrine_imaging import exif
from vitrine_imaging.answers import receive_derived, send_derived
from vitrine_imaging.decoder import Decoder, Limits
from vitrine_imaging.models import FIRST_YEAR, LAST_YEAR

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from tests.given.tenants import Tenant

Entries = dict[int, tuple[int, int, bytes]]  # tag -> type, count, value
CAMERA: dict[str, Any] = {
    "make": "Canon",
    "model": "EOS R5",
    "software": "Version 1",
    "orientation": 6,
    "lens": "RF 50mm",
    "exposureTime": 0.004,
    "fNumber": 2.8,
    "iso": 400,
    "focalLength": 50,
    "focalLength35mm": 75,
    "flash": True,
}
PARIS = {"latitude": 48.858333, "longitude": -2.294444, "altitude": -35.5}
A_FRAME = DerivedFrame(
    Picture(pictures.jpeg(8, 8), "image/jpeg", 8, 8), Picture(pictures.webp(8, 8), "image/webp", 8, 8)
)
SUMMER = datetime(2024, 7, 14, 18, 30, 5, 120_000, tzinfo=timezone(timedelta(hours=2)))


def of_a_camera() -> Image.Exif:
    tags = Image.Exif()
    tags.update(
        {
            0x010F: "Canon  ",
            0x0110: "EOS R5\0junk",
            0x0131: "Version\r\n1",
            0x0112: 6,
            0x0132: "2030:01:01 00:00:00",
        }
    )
    tags.get_ifd(0x8769).update(
        {
            0xA434: "RF 50mm",
            0x829A: IFDRational(1, 250),
            0x829D: IFDRational(28, 10),
            0x8827: 400,
            0x920A: IFDRational(50, 1),
            0xA405: 75,
            0x9209: 25,
            0x9003: "2024:07:14 18:30:05",
            0x9291: "12",
            0x9011: "+02:00",
            0x927C: bytes(40_000),
        }
    )
    degrees = [tuple(IFDRational(part, 1) for part in parts) for parts in ((48, 51, 30), (2, 17, 40))]
    tags.get_ifd(0x8825).update(
        {1: "N", 2: degrees[0], 3: "W", 4: degrees[1], 5: b"\1", 6: IFDRational(355, 10)}
    )
    return tags


def test_every_container_has_the_same_metadata(tmp_path: Path) -> None:
    pillow_heif.register_heif_opener()
    block = of_a_camera().tobytes()
    metadata: dict[str, exif.ExifMetadata] = {}
    for kind, mime_type in (
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("HEIF", "image/heic"),
        ("AVIF", "image/avif"),
    ):
        file = BytesIO()
        pictures.quarters(64, 40).save(file, kind, exif=block)
        metadata[kind] = read_metadata(tmp_path, file.getvalue(), mime_type)
    # A block of EXIF is a TIFF file behind its first six bytes.
    metadata["TIFF"] = read_metadata(tmp_path, block.removeprefix(b"Exif\0\0"), "image/tiff")
    whole = pictures.png(64, 40)
    metadata["PNG, behind its pixels"] = read_metadata(
        tmp_path,
        pictures.with_chunks(whole, (b"eXIf", block.removeprefix(b"Exif\0\0")), behind=True),
        "image/png",
    )

    upright = metadata["AVIF"].exif  # Pillow writes an AVIF's orientation as boxes, not as EXIF
    assert upright == {name: value for name, value in CAMERA.items() if name != "orientation"}
    assert [
        name
        for name, each in metadata.items()
        if name != "AVIF" and each != exif.ExifMetadata(CAMERA, SUMMER, "+02:00")
    ] == []
    assert read_metadata(
        tmp_path, block.removeprefix(b"Exif\0\0"), "image/tiff", keep_gps=True
    ).exif == CAMERA | {"gps": PARIS}
    assert (
        read_metadata(tmp_path, pictures.jpeg(64, 40), "image/jpeg")
        == read_metadata(tmp_path, b"", "image/jpeg")
        == read_metadata(tmp_path, b"", "video/mp4")
        == exif.ExifMetadata()
    )


def test_a_png_may_have_exif_in_a_text(tmp_path: Path) -> None:
    """ImageMagick wrote EXIF so before PNG had a chunk for it, and ExifTool reads it."""
    block = of_a_camera().tobytes()
    digits = f"\nexif\n{len(block):8}\n{block.hex()}\n".encode()
    texts = {
        "tEXt": (b"tEXt", b"Raw profile type exif\0" + digits),
        "zTXt": (b"zTXt", b"Raw profile type APP1\0\0" + zlib.compress(digits.replace(b"exif", b"APP1"))),
        "iTXt": (b"iTXt", b"Raw profile type exif\0\0\0en\0name\0" + digits),
        "iTXt, deflated": (b"iTXt", b"Raw profile type exif\0\1\0\0\0" + zlib.compress(digits)),
    }

    metadata = {name: read_metadata(tmp_path, png_with(*text), "image/png") for name, text in texts.items()}
    bad = (b"", b"x", zlib.compress(b"\nexif\n 4\nzz"), zlib.compress(b"\nexif\n 9\n4"))
    nothing = [(b"zTXt", b"Raw profile type exif\0\0" + rest) for rest in bad]

    assert metadata == dict.fromkeys(texts, exif.ExifMetadata(CAMERA, SUMMER, "+02:00"))
    assert [read_metadata(tmp_path, png_with(*text), "image/png") for text in nothing] == [
        exif.ExifMetadata()
    ] * 4


def test_a_text_that_expands_without_end_is_read_up_to_a_bound(tmp_path: Path) -> None:
    endless = png_with(b"zTXt", b"Raw profile type exif\0\0" + pictures.zeros(1_000_000, 200))

    assert read_metadata(tmp_path, endless, "image/png") == exif.ExifMetadata()


XMP_TIME = datetime(2024, 7, 14, 18, 30, 5, 120_000, tzinfo=timezone(timedelta(hours=2)))


def xmp(inside: str) -> bytes:
    return (
        f'<?xpacket begin=""?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF>{inside}</rdf:RDF></x:xmpmeta>'
    ).encode()


def in_jpeg(packet: bytes) -> bytes:
    whole, segment = pictures.jpeg(8, 8), b"http://ns.adobe.com/xap/1.0/\0" + packet
    return whole[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(segment)) + segment + whole[2:]


def test_the_time_is_read_from_xmp_where_exif_has_none(tmp_path: Path) -> None:
    packet = xmp(
        '<rdf:Description exif:DateTimeOriginal="2024-07-14T18:30:05.12+02:00"'
        ' xmp:CreateDate="2001-01-01T00:00:00Z"/>'
    )
    webp = pictures.webp(8, 8) + b"XMP " + struct.pack("<I", len(packet)) + packet
    files = {
        "JPEG": (in_jpeg(packet), "image/jpeg"),
        "PNG": (png_with(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet), "image/png"),
        "PNG, deflated": (
            png_with(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + zlib.compress(packet)),
            "image/png",
        ),
        "PNG, ImageMagick": (
            png_with(b"tEXt", f"Raw profile type xmp\0\nxmp\n{len(packet):8}\n{packet.hex()}".encode()),
            "image/png",
        ),
        "WebP": (webp, "image/webp"),
        "TIFF": (tiff({700: (1, len(packet), packet)}), "image/tiff"),
        "DNG": (tiff({700: (1, len(packet), packet)}), "image/x-adobe-dng"),
    }

    metadata = {name: read_metadata(tmp_path, *file) for name, file in files.items()}

    assert metadata == dict.fromkeys(files, exif.ExifMetadata(None, XMP_TIME, "+02:00"))


def test_which_of_xmps_times_is_used(tmp_path: Path) -> None:
    noon = datetime(2024, 2, 29, 12, tzinfo=UTC)
    cases: list[tuple[str, datetime | None, str | None]] = [
        ("<exif:DateTimeOriginal>2024-02-29T12:00:00Z</exif:DateTimeOriginal>", noon, "+00:00"),
        ("<exif:DateTimeOriginal>\n 2024-02-29T12:00 \n</exif:DateTimeOriginal>", noon, None),
        (
            "<d photoshop:DateCreated='2024-02-29T12:00:00' exif:DateTimeDigitized='2023-01-01T00:00:00'/>",
            noon,
            None,
        ),
        (
            '<d xmp:CreateDate="2024-02-29T12:00:00+05:45"/>',
            noon.replace(tzinfo=timezone(timedelta(hours=5, minutes=45))),
            "+05:45",
        ),
        ('<d xap:CreateDate = "2024-02-29T12:00:00"/>', noon, None),
        # no such day
        ('<d exif:DateTimeOriginal="2023-02-29T12:00:00" xmp:CreateDate="2024-02-29T12:00:00"/>', noon, None),
        *(
            (inside, None, None)
            for inside in (
                '<d xmp:ModifyDate="2024-02-29T12:00:00"/>',
                '<d xmp:CreateDate="2024-02-29"/>',
                '<d xmp:CreateDate="2024"/>',
                '<d xmp:CreateDate="0000-00-00T00:00:00"/>',
                '<d xmp:CreateDate="9999-12-31T23:59:59"/>',
                '<d xmp:CreateDate="&entity;"/>',
                "<exif:DateTimeOriginal>" * 2000,
                "exif:DateTimeOriginal" + " " * 50_000,
            )
        ),
    ]

    assert [
        (inside, read_metadata(tmp_path, in_jpeg(xmp(inside)), "image/jpeg")) for inside, *_ in cases
    ] == [(inside, exif.ExifMetadata(None, taken_at, zone)) for inside, taken_at, zone in cases]


def test_exifs_time_is_preferred_to_xmps(tmp_path: Path) -> None:
    file = BytesIO()
    pictures.quarters(64, 40).save(
        file, "JPEG", exif=of_a_camera(), xmp=xmp('<d exif:DateTimeOriginal="2001-01-01T00:00:00Z"/>')
    )

    assert read_metadata(tmp_path, file.getvalue(), "image/jpeg").taken_at == SUMMER


def test_the_time_has_the_cameras_zone_where_one_is_stated(tmp_path: Path) -> None:
    noon = datetime(2024, 2, 29, 12, tzinfo=UTC)
    east = noon.replace(tzinfo=timezone(timedelta(hours=5, minutes=45)))
    cases: list[tuple[dict[int, str], datetime | None, str | None]] = [
        ({0x9003: "2024:02:29 12:00:00"}, noon, None),
        ({0x9003: "2024:02:29 12:00:00", 0x9011: "Z"}, noon, "+00:00"),
        ({0x9003: "2024:02:29 12:00:00", 0x9011: "+05:45"}, east, "+05:45"),
        (
            {0x9003: "2024:02:29 12:00:00", 0x9011: "+0545", 0x9291: "1234567"},
            east.replace(microsecond=123_456),
            "+05:45",
        ),
        (
            {0x9003: "2024:02:29 12:00:00", 0x9011: "-00:30"},
            noon.replace(tzinfo=timezone(timedelta(minutes=-30))),
            "-00:30",
        ),
        ({0x9003: "2024:02:29 12:00:00", 0x9011: "   :  ", 0x9291: "   "}, noon, None),
        ({0x9003: "2024:02:29 12:00:00", 0x9011: "+25:00"}, noon, None),
        # 0x9012 is the zone of the time of digitization.
        ({0x9003: "2024:02:29 12:00:00", 0x9012: "+01:00"}, noon, None),
        ({0x9003: "2024-02-29T12:00:00"}, noon, None),
        ({0x9003: "    :  :     :  :  ", 0x9004: "2024:02:29 12:00:00", 0x9012: "+05:45"}, east, "+05:45"),
        ({0x9003: f"{FIRST_YEAR}:01:01 00:00:00"}, datetime(FIRST_YEAR, 1, 1, tzinfo=UTC), None),
        *(
            ({0x9003: text, 0x9011: "+02:00"}, None, None)
            for text in (
                "0000:00:00 00:00:00",
                "2023:02:29 12:00:00",
                "2024:02:29 24:00:00",
                "2024:02:29 12:00:60",
                "9999:12:31 23:59:59",
                "2024:02:29",
                "x",
                "",
                f"{FIRST_YEAR - 1}:12:31 23:59:59",
                f"{LAST_YEAR + 1}:01:01 00:00:00",
                "２０２４:02:29 12:00:00",
            )
        ),
    ]

    wrong = [
        (entries, metadata)
        for entries, taken_at, zone in cases
        if (
            metadata := read_metadata(
                tmp_path, tiff({}, {tag: text_of(text) for tag, text in entries.items()}), "image/tiff"
            )
        )
        != exif.ExifMetadata(None, taken_at, zone)
    ]

    assert wrong == []


def test_malformed_exif_is_bounded_or_ignored(tmp_path: Path) -> None:
    nan, zero, huge = struct.pack("<d", math.nan), struct.pack("<II", 1, 0), struct.pack("<II", 2**32 - 1, 1)
    cases: list[tuple[bytes, Mapping[str, Any] | None]] = [
        (tiff({0x010F: text_of("A\x00B")}), {"make": "A"}),
        (tiff({0x010F: text_of("A\x01\x1b[31m\u202eB\ufffe\r\nC  ")}), {"make": "A [31m B C"}),
        (tiff({0x010F: (2, 3, b"\xff\xfe\xfd")}), {"make": "ÿþý"}),  # no UTF-8
        (tiff({0x010F: (2, 100_000, b"x" * 100_000)}), {"make": "x" * exif.MOST_TEXT}),
        (tiff({0x010F: (2, 2**32 - 1, b"yy")}), {"make": "yy"}),  # claims more bytes than the file has
        # wrong types, nothing
        (tiff({0x010F: (3, 1, b"\1\0\0\0"), 0x0110: (2, 0, b""), 0x0112: text_of("6")}), None),
        (tiff({0x0112: (3, 1, b"\x09\0\0\0")}), None),
        (
            tiff(
                {},
                {0x829A: (5, 1, zero), 0x829D: (12, 1, nan), 0x920A: (5, 1, huge), 0x8827: (3, 1, b"\0\0")},
            ),
            None,
        ),
        (tiff({}, {0x9209: (3, 1, b"\x10\0")}), {"flash": False}),
        (
            tiff({}, {0x8827: (3, 1, b"\xff\xff"), 0x8833: (4, 1, struct.pack("<I", 102_400))}),
            {"iso": 102_400},
        ),
        (
            tiff(
                {}, {0x829A: (10, 1, struct.pack("<ii", -1, 2)), 0x829D: (11, 1, struct.pack("<f", math.inf))}
            ),
            None,
        ),
        (tiff({0x927C: (7, 3_000_000, bytes(3_000_000)), 0x0110: text_of("M")}), {"model": "M"}),
        (tiff({}, {}, {1: text_of("N"), 2: (5, 3, zero * 3), 3: text_of("E"), 4: (5, 3, huge * 3)}), None),
        (
            tiff(
                {},
                {},
                {
                    1: text_of("N"),
                    2: (5, 1, struct.pack("<II", 91, 1)),
                    3: text_of("E"),
                    4: (5, 1, struct.pack("<II", 1, 1)),
                },
            ),
            None,
        ),
        # a directory in itself
        (
            b"II*\0\x08\0\0\0" + struct.pack("<H", 65_535) + struct.pack("<HHII", 0x8769, 4, 1, 8) * 65_535,
            None,
        ),
        (b"II*\0\xff\xff\xff\xff", None),
        (b"II*\0\x08\0\0\0", None),
        (b"MM\0*" + bytes(8), None),
        (b"", None),
        (b"II+\0\x08\0\0\0", None),
    ]

    wrong = [
        (block[:40], metadata)
        for block, kept in cases
        if (metadata := read_metadata(tmp_path, block, "image/tiff", keep_gps=True)).exif != kept
    ]

    assert wrong == []


def test_metadata_of_fuzzed_exif_can_be_stored(tmp_path: Path) -> None:
    assert_all_can_be_stored(tmp_path, range(60))


@pytest.mark.soak
def test_metadata_of_much_fuzzed_exif_can_be_stored(tmp_path: Path) -> None:
    assert_all_can_be_stored(tmp_path, range(60, 5_000))


def assert_all_can_be_stored(tmp_path: Path, seeds: range) -> None:
    """The parent's checks let through nothing that jsonb or timestamptz does not accept."""
    pillow_heif.register_heif_opener()
    wholes: dict[str, bytes] = {}
    for kind, mime_type in (
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("HEIF", "image/heic"),
    ):
        file = BytesIO()
        pictures.quarters(64, 40).save(file, kind, exif=of_a_camera())
        wholes[mime_type] = file.getvalue()
    block = of_a_camera().tobytes().removeprefix(b"Exif\0\0")
    # without the long note, so that mutations hit entries that are read
    wholes["image/tiff"] = block[: block.index(bytes(1000))]
    found = 0

    for seed in seeds:
        mime_type = list(wholes)[seed % len(wholes)]
        metadata = read_metadata(
            tmp_path, pictures.mutated(wholes[mime_type], seed=seed), mime_type, keep_gps=True
        )
        assert sent_and_received(metadata) == metadata, seed
        found += metadata.exif is not None

    assert found > len(seeds) // 4  # most are still read


def sent_and_received(metadata: exif.ExifMetadata) -> exif.ExifMetadata:
    """The metadata as the parent receives it."""
    messages: list[bytes] = []
    send_derived(
        messages.append,
        Derived(
            8,
            8,
            (A_FRAME,),
            b"12345",
            exif=metadata.exif,
            taken_at=metadata.taken_at,
            taken_zone=metadata.taken_zone,
        ),
    )
    rest: Iterator[bytes] = iter(messages)
    taken = receive_derived(next(rest), lambda _: next(rest), max_pixels=100)
    return exif.ExifMetadata(taken.exif, taken.taken_at, taken.taken_zone)


@pytest.mark.parametrize(
    "metadata",
    [
        {"exif": {"make": "a\0b"}},
        {"exif": {"make": "\ud800"}},
        {"exif": {"make": "x" * 256}},
        {"exif": {"iso": math.nan}},
        {"exif": {"iso": math.inf}},
        {"exif": {"iso": 10**400}},
        {"exif": {"a": {"b": {"c": 1}}}},
        {"exif": {"a": [1]}},
        {"exif": {"a\0": 1}},
        {"exif": {str(n): 1 for n in range(33)}},
        {"exif": []},
        {"duration": 10**400},
        {"frame_rate": math.nan},
        {"taken_at": "2024-07-14T18:30:05"},
        {"taken_at": "0001-01-01T00:00:00+14:00"},
        {"taken_at": "9999-12-31T23:00:00-12:00"},
        {"taken_zone": "+02:00:00"},
    ],
)
def test_metadata_that_our_child_never_sends_is_rejected(metadata: dict[str, Any]) -> None:
    head = {"width": 8, "height": 8, "placeholder": "aaaaaaaaaa", "frames": [[0, None]], **metadata}
    rest = iter([pictures.jpeg(8, 8), pictures.webp(8, 8)])

    with pytest.raises(ValueError, match="not"):
        receive_derived(json.dumps(head).encode(), lambda _: next(rest), max_pixels=100)


def test_the_position_is_kept_only_where_the_setting_allows_it(tmp_path: Path) -> None:
    file = tmp_path / "a.jpg"
    pictures.quarters(64, 40).save(file, "JPEG", exif=of_a_camera())

    with Decoder() as decoder:
        metadata = [decoder.derive(file, limits=limits).exif for limits in (Limits(), Limits(keep_gps=True))]

    assert metadata == [CAMERA, CAMERA | {"gps": PARIS}]


def test_an_item_shows_its_metadata_and_clients_cannot_write_it(tenant: Tenant) -> None:
    sent = BytesIO()
    pictures.quarters(64, 40).save(sent, "JPEG", exif=of_a_camera())
    item = tenant.ready(sent.getvalue())

    shown = tenant.studio.get(f"/api/media/{item}").json()["media"]
    written = tenant.studio.patch(
        f"/api/media/{item}", json={"metadata": {"exif": {"make": "Nikon"}}}
    ).json()["media"]

    assert (shown["metadata"]["exif"], shown["takenAt"], len(shown["colors"])) == (
        CAMERA,
        "2024-07-14T18:30:05.120+02:00",
        4,
    )
    assert written["metadata"]["exif"] == CAMERA
    assert tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"] == [
        written | {"frames": [MATCHING]}
    ]
    assert tenant.inconsistencies() == []


class _Matching:
    """Equal to a frame with any URLs."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, dict)

    __hash__ = None  # type: ignore[assignment]


MATCHING = _Matching()


def read_metadata(folder: Path, whole: bytes, mime_type: str, *, keep_gps: bool = False) -> exif.ExifMetadata:
    path = folder / "file"
    path.write_bytes(whole)
    with path.open("rb") as file:
        return exif.read(file, mime_type, keep_gps=keep_gps)


def text_of(text: str) -> tuple[int, int, bytes]:
    encoded = text.encode() + b"\0"
    return 2, len(encoded), encoded


def tiff(first: Entries, camera: Entries | None = None, place: Entries | None = None) -> bytes:
    """A little-endian TIFF of up to three directories, written by hand, so that it can claim anything."""
    camera, place = camera or {}, place or {}
    starts = [8]
    for entries in ({**first, 0x8769: (), 0x8825: ()}, camera):
        starts.append(starts[-1] + 6 + 12 * len(entries))
    pointers: Entries = {
        tag: (4, 1, struct.pack("<I", start)) for tag, start in ((0x8769, starts[1]), (0x8825, starts[2]))
    }
    at = starts[2] + 6 + 12 * len(place)
    directories, values = b"", b""
    for entries in ({**first, **pointers}, camera, place):
        directories += struct.pack("<H", len(entries))
        for tag, (kind, count, value) in entries.items():
            inline = len(value) <= 4 and count < 2**31
            directories += struct.pack("<HHI", tag, kind, count) + (
                value.ljust(4, b"\0") if inline else struct.pack("<I", at + len(values))
            )
            values += b"" if inline else value
        directories += bytes(4)
    return b"II*\0\x08\0\0\0" + directories + values


def png_with(name: bytes, body: bytes) -> bytes:
    return pictures.with_chunks(pictures.png(8, 8), (name, body))
