"""Pictures that libraries decode wrong without an error, or reject although they are whole.

They are shown right, or fail with the name of what is not supported.
"""

from __future__ import annotations

import struct
import zlib
from io import BytesIO
from typing import TYPE_CHECKING

import pytest
from PIL import Image, ImageChops, ImageCms, ImageStat

from tests.given import pictures, stills, tiffs
from vitrine_imaging.decoder import Decoder, Undecodable
from vitrine_imaging.models import DAMAGED, OUT_OF_MEMORY
from vitrine_imaging.reasons import reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from vitrine.models.derived import Derived

    Derive = Callable[[bytes], Derived]

QUARTERS = pictures.quarters(64, 40)
SHORT = tiffs.SHORT


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as one:
        yield one


@pytest.fixture
def derive(decoder: Decoder, tmp_path: Path) -> Derive:
    def derived(data: bytes) -> Derived:
        (tmp_path / "original").write_bytes(data)
        return decoder.derive(tmp_path / "original")

    return derived


def frame(derived: Derived) -> Image.Image:
    image = Image.open(BytesIO(derived.frames[0].picture.data))
    image.load()
    return image


def difference(image: Image.Image, expected: Image.Image = QUARTERS) -> float:
    """The mean difference over the pixels, of the worst channel; a frame's JPEG alone costs some 3 to 9."""
    assert image.size == expected.size
    return max(ImageStat.Stat(ImageChops.difference(image.convert("RGB"), expected.convert("RGB"))).mean)


def outcome(derive: Derive, data: bytes, expected: Image.Image = QUARTERS) -> str:
    """ "right", the difference from right, or the reason."""
    try:
        shown = frame(derive(data))
    except Undecodable as why:
        return why.reason
    off = difference(shown, expected)
    return "right" if off < 10 and shown.mode == "RGB" else f"{shown.mode}, {off:.0f} off"


FLOAT, SIGNED = {339: (SHORT, (3, 3, 3))}, {339: (SHORT, (2, 2, 2))}
BT709: dict[int, tuple[int, tiffs.Value]] = {
    530: (SHORT, (1, 1)),
    529: (tiffs.RATIONAL, (2126, 10_000, 7152, 10_000, 722, 10_000)),
}


def bt709() -> bytes:
    """YCbCr by the coefficients of Rec. 709, without subsampling."""
    stored = bytearray()
    pixels = tiffs.full_range().tobytes()
    for at in range(0, len(pixels), 3):
        red, green, blue = pixels[at : at + 3]
        light = 0.2126 * red + 0.7152 * green + 0.0722 * blue
        stored += bytes(
            min(255, max(0, round(each)))
            for each in (light, 128 + (blue - light) / 1.8556, 128 + (red - light) / 1.5748)
        )
    return bytes(stored)


def samples_of_every_kind() -> Iterator[tuple[str, bytes]]:
    of = tiffs.samples
    yield "32-bit integers", tiffs.tiff(of("I", 0, 2**32 - 1), bits=32)
    yield "32-bit integers, big-endian", tiffs.tiff(of("I", 0, 2**32 - 1, order=">"), bits=32, order=">")
    yield "32-bit integers, little of their range", tiffs.tiff(of("I", 0, 4095), bits=32)
    yield "16-bit integers, 12 bits of their range", tiffs.tiff(of("H", 0, 4095), bits=16)
    yield "signed 8-bit integers", tiffs.tiff(of("b", -128, 127), bits=8, more=SIGNED)
    yield "signed 16-bit integers", tiffs.tiff(of("h", -32_768, 32_767), bits=16, more=SIGNED)
    yield "signed 32-bit integers", tiffs.tiff(of("i", -(2**31), 2**31 - 1), bits=32, more=SIGNED)
    yield "half floats", tiffs.tiff(of("e", 0, 1), bits=16, more=FLOAT)
    yield "floats", tiffs.tiff(of("f", 0, 1), bits=32, more=FLOAT)
    yield (
        "floats, with a profile",
        tiffs.tiff(of("f", 0, 1), bits=32, more={**FLOAT, 34675: (tiffs.BYTE, stills.PROFILE)}),
    )
    yield "floats to 255", tiffs.tiff(of("f", 0, 255), bits=32, more=FLOAT)
    yield "floats below zero", tiffs.tiff(of("f", -1000, 3000), bits=32, more=FLOAT)
    yield "floats, next to nothing", tiffs.tiff(of("f", 0, 0.001), bits=32, more=FLOAT)
    full = tiffs.full_range()
    yield "YCbCr", tiffs.tiff(full.convert("YCbCr").tobytes(), photometric=6, more={530: (SHORT, (1, 1))})
    yield "YCbCr of Rec. 709", tiffs.tiff(bt709(), photometric=6, more=BT709)
    yield (
        "a channel of no known meaning",
        tiffs.tiff(with_fourth(full, 0), channels=4, more={338: (SHORT, 0)}),
    )
    yield (
        "opacity by which nothing could be seen",
        tiffs.tiff(with_fourth(full, 0), channels=4, more={338: (SHORT, 2)}),
    )


def with_fourth(picture: Image.Image, value: int) -> bytes:
    return Image.merge("RGBA", (*picture.split(), Image.new("L", picture.size, value))).tobytes()


def test_every_kind_of_samples_in_a_tiff_is_shown_right(derive: Derive) -> None:
    full = tiffs.full_range()
    wrong = {
        name: result
        for name, data in samples_of_every_kind()
        if (result := outcome(derive, data, full)) != "right"
    }

    assert wrong == {}


def test_every_kind_of_grey_samples_in_a_tiff_is_shown_right(derive: Derive) -> None:
    """A ramp from black to white. NaN is black, and does not count for the range."""
    ramp = Image.frombytes("L", (64, 40), bytes(4 * x for x in range(64)) * 40)
    as_floats = [x / 63 for x in range(64)] * 40
    no_data = [-9999.0 if at < 64 else 500 + 10 * value for at, value in enumerate(as_floats)]
    nan = [float("nan") if at < 64 else value for at, value in enumerate(as_floats)]
    is_float: dict[int, tuple[int, tiffs.Value]] = {339: (SHORT, 3)}
    cases = {
        "floats": tiffs.tiff(
            struct.pack("<2560f", *as_floats), bits=32, channels=1, photometric=1, more=is_float
        ),
        "floats, the least white": tiffs.tiff(
            struct.pack("<2560f", *(1 - each for each in as_floats)),
            bits=32,
            channels=1,
            photometric=0,
            more=is_float,
        ),
        "32 bits, the least white": tiffs.tiff(
            struct.pack("<2560I", *(round((2**32 - 1) * (1 - x)) for x in as_floats)),
            bits=32,
            channels=1,
            photometric=0,
        ),
        "signed, the least white": tiffs.tiff(
            struct.pack("<2560h", *(round(-999 * x) for x in as_floats)),
            bits=16,
            channels=1,
            photometric=0,
            more={339: (SHORT, 2)},
        ),
        "12 bits, the least white": tiffs.tiff(
            struct.pack("<2560H", *(round(4095 * (1 - x)) for x in as_floats)),
            bits=16,
            channels=1,
            photometric=0,
        ),
        "no numbers": tiffs.tiff(
            struct.pack("<2560f", *nan), bits=32, channels=1, photometric=1, more=is_float
        ),
        "no data": tiffs.tiff(
            struct.pack("<2560f", *no_data),
            bits=32,
            channels=1,
            photometric=1,
            more={**is_float, 42113: (tiffs.ASCII, b"-9999\0")},
        ),
    }

    wrong = {
        name: result for name, data in cases.items() if (result := outcome(derive, data, ramp)) != "right"
    }

    assert wrong == {}
    large = tiffs.tiff(
        struct.pack("<2560f", *[1e20] * 2560), bits=32, channels=1, photometric=1, more=is_float
    )
    assert outcome(derive, large, Image.new("L", (64, 40), 128)) == "right"
    nothing = tiffs.tiff(
        struct.pack("<2560f", *[float("nan")] * 2560), bits=32, channels=1, photometric=1, more=is_float
    )
    assert outcome(derive, nothing) == "The picture has no sample that is a number"


def test_cielab_of_16_bits_is_read(derive: Derive) -> None:
    red = struct.pack("<Hhh", round(65_535 * 0.532), round(256 * 80.1), round(256 * 67.2)) * 2560

    assert (
        outcome(derive, tiffs.tiff(red, bits=16, photometric=8), Image.new("RGB", (64, 40), (255, 0, 0)))
        == "right"
    )


def test_the_opacity_of_a_tiff_is_read_by_its_tag(derive: Derive) -> None:
    """Associated opacity (the colours are multiplied by it) and unassociated, of every depth."""
    half = (100, 50, 200, 128)
    stored = {1: (*(round(each * 128 / 255) for each in half[:3]), 128), 2: half}
    seen: dict[str, object] = {}
    for extra, colour in stored.items():
        for code, bits, most, more in (
            ("B", 8, 255, {}),
            ("H", 16, 65_535, {}),
            ("f", 32, 1, {339: (SHORT, (3,) * 4)}),
        ):
            each = [value * most / 255 for value in colour]
            data = struct.pack(f"<4{code}", *(each if code == "f" else map(round, each))) * 2560
            shown = frame(derive(tiffs.tiff(data, bits=bits, channels=4, more={338: (SHORT, extra), **more})))
            seen[f"{extra} {code}"] = shown.getpixel((32, 20))

    assert {name: pytest.approx(half, abs=6) for name in seen} == seen


def test_an_invalid_optional_tag_does_not_fail_a_tiff(derive: Derive) -> None:
    """Other readers ignore the tag; libtiff fails because of its value."""
    rgb, negative, second = QUARTERS.tobytes(), struct.pack("<f", -72.0), {274: (SHORT, 0)}
    of_one = {
        f"{tag}: {value}": tiffs.tiff(rgb, more={tag: (SHORT, value)})
        for tag in (266, 274, 284, 296)
        for value in (0, 9, 65_535)
    }
    of_one["resolution"] = tiffs.tiff(rgb, more={282: (11, negative), 296: (SHORT, 0)})
    of_one["big-endian"] = tiffs.tiff(rgb, order=">", more={274: (SHORT, 0)})

    assert {name: outcome(derive, data) for name, data in of_one.items()} == dict.fromkeys(of_one, "right")
    assert outcome(derive, tiffs.tiff(rgb, more={274: (SHORT, 3), **second, 296: (SHORT, 0)})) == "right"


def unsupported_tiffs() -> Iterator[tuple[str, bytes]]:
    rgb = QUARTERS.tobytes()
    yield "compressed with old-style JPEG", tiffs.tiff(rgb, photometric=6, more={259: (SHORT, 6)})
    for number, name in (
        (34925, "LZMA"),
        (50000, "Zstandard"),
        (50002, "JPEG XL"),
        (34712, "JPEG 2000"),
        (34887, "LERC"),
        (34661, "JBIG"),
        (1234, "method 1234"),
    ):
        yield f"compressed with {name}", tiffs.tiff(rgb, more={259: (SHORT, number)})
    for number, name in (
        (8, "CIELab colours of 8 bits"),
        (9, "ICCLab colours"),
        (32845, "LogLuv colours"),
        (4, "transparency masks"),
        (777, "the colour model 777"),
    ):
        yield f"with {name}", tiffs.tiff(rgb, photometric=number)
    yield (
        "with samples of 64 bits (floating point)",
        tiffs.tiff(tiffs.samples("d", 0, 1), bits=64, more=FLOAT),
    )
    yield (
        "with samples of 64 bits (complex floating point)",
        tiffs.tiff(bytes(8 * 2560), bits=64, channels=1, photometric=1, more={339: (SHORT, 6)}),
    )
    yield "with samples of 12 bits (unsigned integers)", tiffs.tiff(bytes(64 * 40 * 9 // 2), bits=12)
    yield (
        "with samples of 32 bits (floating point)",
        tiffs.tiff(
            tiffs.samples("f", 0, 1, mode="CMYK"),
            bits=32,
            channels=4,
            photometric=5,
            more={339: (SHORT, (3,) * 4)},
        ),
    )
    yield (
        "with samples of 16 bits (unsigned integers)",
        tiffs.tiff(tiffs.samples("H", 0, 65_535), bits=16, photometric=6, more={530: (SHORT, (1, 1))}),
    )
    yield "with samples of several kinds", tiffs.tiff(rgb, more={258: (SHORT, (5, 6, 5))})
    yield (
        "with other inks than cyan, magenta, yellow and black",
        tiffs.tiff(bytes(5 * 2560), channels=5, photometric=5),
    )
    halves = tiffs.samples("e", 0, 1)
    yield (
        "with a plane of 16-bit floating point for each channel",
        tiffs.tiff(halves, bits=16, more={284: (SHORT, 2), **FLOAT}),
    )
    yield "with a plane for each channel of YCbCr", tiffs.tiff(rgb, photometric=6, more={284: (SHORT, 2)})


def test_a_tiff_that_cannot_be_decoded_fails_with_the_name_of_what_is_not_supported(derive: Derive) -> None:
    cases = dict(unsupported_tiffs())

    assert {name: outcome(derive, data) for name, data in cases.items()} == {
        name: f"not supported: TIFF {name}" for name in cases
    }


@pytest.mark.parametrize("orientation", [1, 6])
def test_a_raw_file_is_shown_by_its_largest_preview_with_its_first_directorys_orientation(
    derive: Derive, orientation: int
) -> None:
    stored = tiffs.Bytes(stills.encoded(pictures.stored(pictures.quarters(64, 40), orientation), "JPEG"))
    files = tiffs.raws(stored, tiffs.preview(16, 10), orientation)

    assert {name: outcome(derive, data) for name, data in files.items()} == dict.fromkeys(files, "right")


def test_a_raw_file_without_a_preview_fails_and_the_reason_names_its_type(derive: Derive) -> None:
    files = tiffs.raws(tiffs.Bytes(b"no JPEG"), tiffs.Bytes(b"none"))

    outcomes = {name: outcome(derive, data) for name, data in files.items()}

    assert outcomes == {
        name: f"not supported: a camera's raw file ({name}) without a JPEG preview within the limits"
        for name in files
    }


def test_a_dng_has_the_size_that_it_states_for_the_finished_picture(derive: Derive) -> None:
    finished: tiffs.Tags = {50720: (SHORT, (960, 600))}
    cropped: tiffs.Tags = {50720: (SHORT, (960, 960))}  # of another shape than the preview
    nonsense: tiffs.Tags = {50720: (tiffs.DOUBLE, (float("nan"), float("inf")))}
    sizes: list[tuple[int, int]] = []
    for stated in (finished, cropped, nonsense):
        first: tiffs.Tags = {**tiffs.stamp(), **tiffs.camera("Canon", 6), 50706: (tiffs.BYTE, (1, 4, 0, 0))}
        derived = derive(
            tiffs.written(
                first, below=[{**tiffs.sensor(), **stated}, tiffs.by_strip(tiffs.preview(320, 200))]
            )
        )
        sizes += [(derived.width, derived.height), frame(derived).size]

    assert sizes == [(600, 960), (200, 320), *[(200, 320)] * 4]


def test_a_mask_or_a_depth_map_is_no_preview(derive: Derive) -> None:
    """A DNG has them beside its previews, and they may be larger (DNG 1.6 and 1.7)."""
    first: tiffs.Tags = {**tiffs.stamp(), **tiffs.camera("Apple"), 50706: (tiffs.BYTE, (1, 7, 0, 0))}
    others: list[tiffs.Tags] = [
        {**tiffs.by_strip(tiffs.preview(320, 200)), 262: (SHORT, colours)} for colours in (4, 51177, 52527)
    ]

    assert (
        outcome(
            derive,
            tiffs.written(first, below=[tiffs.sensor(), *others, tiffs.by_strip(tiffs.preview(64, 40))]),
        )
        == "right"
    )


def test_a_raw_file_is_recognised_wherever_its_directory_is(derive: Derive) -> None:
    """The directory lies beyond the first kilobytes, by which the file is a TIFF of 16 x 10 pixels."""
    whole = tiffs.raws(tiffs.preview(64, 40), tiffs.preview(8, 5))["image/x-nikon-nef"]
    moved = tiffs.written(
        {**tiffs.stamp(), **tiffs.camera("NIKON")},
        below=[tiffs.by_offset(tiffs.preview(64, 40)), tiffs.sensor()],
        mark=bytes(80_000),
    )

    assert (outcome(derive, whole), outcome(derive, moved)) == ("right", "right")


def broken_profiles() -> dict[str, bytes]:
    whole = stills.PROFILE
    grey = _grey_profile()
    return {
        "cut short": whole[: len(whole) // 2],
        "no tags": whole[:140],
        "nothing behind its directory": whole[: 132 + 12 * int.from_bytes(whole[128:132], "big")].ljust(
            len(whole), b"\0"
        ),
        "no curves": whole.replace(b"para", b"\0\0\0\0").replace(b"curv", b"\0\0\0\0"),
        "another colour model": grey,
        "a colour model that there is not": whole[:16] + b"????" + whole[20:],
        "much of it": whole[:128] + b"\xff" * 2_000_000,
        "no profile": b"nothing of the kind" * 20,
    }


def _grey_profile() -> bytes:
    """A profile for pictures of one channel, whose only tag is a white point."""
    lab = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes())
    lab[16:20] = b"GRAY"
    return bytes(lab)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "AVIS", "HEIC"])
@pytest.mark.sampled(3)
def test_a_profile_that_yields_no_colours_is_ignored(derive: Derive, kind: str) -> None:
    files = {
        name: stills.encoded(QUARTERS, kind, icc_profile=profile)
        for name, profile in broken_profiles().items()
    }

    assert {name: outcome(derive, data) for name, data in files.items()} == dict.fromkeys(files, "right")


def test_a_broken_profile_of_four_inks_is_ignored(derive: Derive) -> None:
    inks = QUARTERS.convert("CMYK")
    plain = frame(derive(stills.encoded(inks, "JPEG", quality=95)))

    for name, profile in broken_profiles().items():
        assert (
            outcome(derive, stills.encoded(inks, "JPEG", quality=95, icc_profile=profile), plain) == "right"
        ), name


def png_with(*chunks: tuple[bytes, bytes], behind: bool = False, picture: Image.Image = QUARTERS) -> bytes:
    """A PNG with these chunks behind its header, or behind its pixels."""
    return pictures.with_chunks(stills.encoded(picture, "PNG"), *chunks, behind=behind)


def test_the_texts_of_a_png_are_in_latin_1(derive: Derive) -> None:
    assert (
        outcome(
            derive,
            png_with((b"tEXt", b"Cr\xe9ateur\0Ren\xe9"), (b"zTXt", b"\xfcber\0\0" + zlib.compress(b"\xff"))),
        )
        == "right"
    )


def raw_profile(kind: str, block: bytes) -> bytes:
    """The text in which ImageMagick writes a profile."""
    digits = block.hex()
    lines = "\n".join(digits[at : at + 72] for at in range(0, len(digits), 72))
    return f"\n{kind}\n{len(block):8}\n{lines}\n".encode()


@pytest.mark.parametrize("orientation", [1, 3, 6, 8])
@pytest.mark.sampled(2)
def test_a_png_is_turned_by_its_exif_wherever_that_is(derive: Derive, orientation: int) -> None:
    block = stills.exif(orientation=orientation)
    bare, texts = block.removeprefix(b"Exif\0\0"), [raw_profile(kind, block) for kind in ("exif", "APP1")]
    stored = pictures.stored(QUARTERS, orientation)
    files = {
        "before": png_with((b"eXIf", bare), picture=stored),
        "behind": png_with((b"eXIf", bare), behind=True, picture=stored),
        "behind, with an introduction": png_with((b"eXIf", block), behind=True, picture=stored),
        "zTXt": png_with((b"zTXt", b"Raw profile type exif\0\0" + zlib.compress(texts[0])), picture=stored),
        "tEXt, APP1": png_with((b"tEXt", b"Raw profile type APP1\0" + texts[1]), picture=stored),
        "iTXt, behind": png_with(
            (b"iTXt", b"Raw profile type exif\0\1\0\0\0" + zlib.compress(texts[0])),
            behind=True,
            picture=stored,
        ),
        "eXIf goes before a text": png_with(
            (b"tEXt", b"Raw profile type exif\0" + raw_profile("exif", stills.exif(orientation=2))),
            (b"eXIf", bare),
            picture=stored,
        ),
    }

    outcomes = {
        name: (outcome(derive, data), (derive(data).exif or {}).get("orientation"))
        for name, data in files.items()
    }

    assert outcomes == dict.fromkeys(files, ("right", orientation))


@pytest.mark.parametrize("kind", ["AVIF", "HEIC"])
def test_exif_is_kept_without_an_orientation_that_is_not_applied(derive: Derive, kind: str) -> None:
    """A HEIF's boxes override its EXIF, which contradicts them here."""
    derived = derive(stills.contradicted(kind))

    assert (outcome(derive, stills.contradicted(kind)), "orientation" in (derived.exif or {})) == (
        "right",
        False,
    )


def bmp(
    pixels: bytes,
    *,
    header: int = 40,
    compression: int = 0,
    bits: int = 32,
    from_the_top: bool = False,
    masks: tuple[int, ...] = (),
) -> bytes:
    """A BMP of 64 x 40 pixels, passed as they are stored."""
    body = struct.pack(
        "<IiiHHIIiiII",
        header,
        64,
        -40 if from_the_top else 40,
        1,
        bits,
        compression,
        len(pixels),
        2835,
        2835,
        0,
        0,
    )
    body = (body + struct.pack(f"<{len(masks)}I", *masks)).ljust(header, b"\0")
    return b"BM" + struct.pack("<IHHI", 14 + len(body) + len(pixels), 0, 0, 14 + len(body)) + body + pixels


def bgra(opacity: Image.Image, *, order: str = "BGRA", upside_down: bool = True) -> bytes:
    picture = Image.merge("RGBA", (*QUARTERS.split(), opacity))
    picture = picture.transpose(Image.Transpose.FLIP_TOP_BOTTOM) if upside_down else picture
    return picture.tobytes() if order == "RGBA" else picture.tobytes("raw", "BGRA")


def test_the_fourth_byte_of_a_bmp_is_opacity_where_one_is_not_zero(derive: Derive) -> None:
    left = Image.new("L", (64, 40), 0)
    left.paste(255, (0, 0, 32, 40))
    masks, other = (0xFF0000, 0xFF00, 0xFF, 0xFF000000), (0xFF, 0xFF00, 0xFF0000, 0xFF000000)
    files = {
        "by no header": bmp(bgra(left)),
        "from the top": bmp(bgra(left, upside_down=False), from_the_top=True),
        "version 3": bmp(bgra(left), header=56, compression=3, masks=masks),
        "version 4": bmp(bgra(left), header=108, compression=3, masks=masks),
        "version 5": bmp(bgra(left), header=124, compression=3, masks=masks),
        "red first": bmp(bgra(left, order="RGBA"), header=124, compression=3, masks=other),
    }
    nothing = {
        f"nothing, {header}": bmp(bgra(Image.new("L", (64, 40), 0)), header=header) for header in (40, 124)
    }
    nothing["nothing, by a mask"] = bmp(
        bgra(Image.new("L", (64, 40), 0)), header=124, compression=3, masks=masks
    )
    nothing["masks without opacity"] = bmp(bgra(left), header=124, compression=3, masks=(*masks[:3], 0))

    seen: dict[str, object] = {}
    for name, data in files.items():
        shown = frame(derive(data))
        seen[name] = (
            shown.mode,
            shown.getpixel((8, 8))[3],  # type: ignore[index]
            shown.getpixel((60, 8))[3],  # type: ignore[index]
            shown.getpixel((8, 8))[:3],  # type: ignore[index]
        )

    assert seen == dict.fromkeys(files, ("RGBA", 255, 0, pytest.approx(pictures.RED, abs=4)))
    assert {name: outcome(derive, data) for name, data in nothing.items()} == dict.fromkeys(nothing, "right")


def test_a_bmp_of_another_kind_fails_with_the_name_of_what_is_not_supported(derive: Derive) -> None:
    pixels = bytes(4 * 64 * 40)
    cut = bmp(bgra(Image.new("L", (64, 40), 9)))[:-100]

    outcomes = [
        outcome(derive, bmp(pixels, compression=kind, bits=bits))
        for kind, bits in ((4, 24), (5, 0), (7, 8), (0, 2))
    ]
    outcomes.append(outcome(derive, bmp(pixels, compression=3, masks=(0xF0F00, 0xF0, 0xF))))
    many = bytearray(bmp(pixels, bits=8))
    struct.pack_into("<I", many, 46, 300)
    outcomes.append(outcome(derive, bytes(many)))

    assert outcomes == [
        "not supported: BMP with JPEG and 24 bits per pixel",
        "not supported: BMP with PNG and 0 bits per pixel",
        "not supported: BMP with compression 7 and 8 bits per pixel",
        "not supported: BMP with compression 0 and 2 bits per pixel",
        "not supported: BMP with channels whose bits do not follow one another",
        "not supported: BMP with a palette of more than 256 colours",
    ]
    assert outcome(derive, cut) == DAMAGED


def test_other_bmps_are_read(derive: Derive) -> None:
    flat = QUARTERS.transpose(Image.Transpose.FLIP_TOP_BOTTOM)
    short = [(r >> 3 << 10 | g >> 3 << 5 | b >> 3) for r, g, b in _pixels(flat)]
    core = (
        b"BM"
        + struct.pack("<IHHI", 26 + 3 * 2560, 0, 0, 26)
        + struct.pack("<IHHHH", 12, 64, 40, 1, 24)
        + flat.tobytes("raw", "BGR")
    )
    fields = [(r << 20 | g << 10 | b) * 4 for r, g, b in _pixels(flat)]  # 10 bits each
    files = {
        "16 bits": bmp(struct.pack("<2560H", *short), bits=16),
        "OS/2": core,
        "10 bits each": bmp(
            struct.pack("<2560I", *fields), compression=3, masks=(0x3FF00000, 0xFFC00, 0x3FF)
        ),
        "4 bits each": bmp(
            struct.pack(
                "<2560H",
                *(
                    0xF000 | round(r / 17) << 8 | round(g / 17) << 4 | round(b / 17)
                    for r, g, b in _pixels(flat)
                ),
            ),
            header=56,
            compression=3,
            bits=16,
            masks=(0xF00, 0xF0, 0xF, 0xF000),
        ),
        "opacity without a header for it": bmp(
            bgra(Image.new("L", (64, 40), 255)), compression=6, masks=(0xFF0000, 0xFF00, 0xFF, 0xFF000000)
        ),
    }

    assert {name: outcome(derive, data) for name, data in files.items()} == dict.fromkeys(files, "right")


def _pixels(picture: Image.Image) -> Iterator[tuple[int, int, int]]:
    data = picture.tobytes()
    return zip(data[::3], data[1::3], data[2::3], strict=True)


def test_a_sequence_without_a_still_is_not_called_damaged(derive: Derive) -> None:
    box = pictures.box
    sequence = (
        box(b"ftyp", b"msf1\0\0\0\0msf1hevciso8")
        + box(b"moov", box(b"mvhd", bytes(100)))
        + box(b"mdat", bytes(100))
    )

    assert outcome(derive, sequence) == "not supported: a HEIC sequence without a still picture"


def test_a_picture_of_another_coding_fails_with_its_name(derive: Derive) -> None:
    jpeg, png, heic = pictures.jpeg(64, 40), pictures.png(64, 40), stills.encoded(QUARTERS, "HEIC")
    at = jpeg.index(b"\xff\xc0")

    def coded(process: int, bits: int = 8) -> bytes:
        return jpeg[: at + 1] + bytes([process]) + jpeg[at + 2 : at + 4] + bytes([bits]) + jpeg[at + 5 :]

    files = {
        "lossless JPEG": coded(0xC3),
        "JPEG-LS": coded(0xF7),
        "hierarchical JPEG": coded(0xC6),
        "JPEG with 12 bits per sample": coded(0xC1, 12),
        "Apple's variant of PNG (CgBI)": png[:8] + pictures.chunk(b"CgBI", b"\x50\0\x20\6") + png[8:],
        "HEIF with pictures coded as AV1": heic.replace(b"hvc1", b"av01"),
        "HEIF with pictures coded as VVC": heic.replace(b"hvc1", b"vvc1"),
        "AVIF with pictures coded as HEVC": stills.encoded(QUARTERS, "AVIF").replace(
            b"\0\1\0\0av01", b"\0\1\0\0hvc1"
        ),
    }

    assert {what: outcome(derive, data) for what, data in files.items()} == {
        what: f"not supported: {what}" for what in files
    }


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            (
                "heif: Memory allocation error: Security limit exceeded: Image size 1436x730 exceeds the"
                " maximum image size 151280\n (6.1000)"
            ),
            "The decoder's own limit stopped it: Image size 1436x730 exceeds the maximum image size 151280",
        ),
        ("heif: Memory allocation error: Unspecified (6.0)", OUT_OF_MEMORY),
        ("out of memory --- size == 100MB", OUT_OF_MEMORY),
        ("VipsJpeg: premature end of JPEG image", "The file is cut short"),
        (
            "Unsupported feature: Unsupported codec",
            "not supported: a feature of the format (Unsupported codec)",
        ),
        (
            (
                "Error while loading plugin: Support for this compression format has not been built in: AV1"
                " (a suitable decoder plugin is dav1d)"
            ),
            "not supported: pictures compressed with AV1",
        ),
        (
            (
                "Invalid input: Wrong tile image chroma format: Image tile has different chroma format than"
                " combined image (2.127)"
            ),
            "not supported: a grid of tiles whose chroma formats differ",
        ),
        (
            "Failed to decode image: Not implemented",
            "not supported: a feature of AVIF (libavif: Not implemented)",
        ),
        (
            "VipsJpeg: Unsupported JPEG process: SOF type 0xc3",
            "not supported: JPEG of the coding process 0xc3",
        ),
        ("tiff2vips: LERC compression support is not configured", "not supported: TIFF compressed with LERC"),
        ("something else", DAMAGED),
    ],
)
def test_a_reason_follows_from_the_librarys_message(message: str, expected: str) -> None:
    assert reason(message) == expected
