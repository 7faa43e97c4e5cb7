"""Frames, thumbnails and placeholders of pictures, made through the decoder as the library does."""

import math
import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from local.pictures import demo
from tests.given import charts, pictures, stills
from vitrine_imaging.decoder import Decoder, Derived, Limits, Picture, Undecodable
from vitrine_imaging.thumbhash import thumbhash


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as one:
        yield one


class DeriveBytes:
    """Derives pictures of bytes, which it writes to a file first."""

    def __init__(self, decoder: Decoder, path: Path) -> None:
        self.decoder, self.path = decoder, path

    def __call__(self, data: bytes, limits: Limits | None = None) -> Derived:
        self.path.write_bytes(data)
        return self.decoder.derive(self.path, limits=limits)


@pytest.fixture
def derive(decoder: Decoder, tmp_path: Path) -> DeriveBytes:
    return DeriveBytes(decoder, tmp_path / "original")


def opened(picture: Picture) -> Image.Image:
    image = Image.open(BytesIO(picture.data))
    image.load()
    assert image.size == (picture.width, picture.height)
    assert image.get_format_mimetype() == picture.mime_type
    return image


def corners(image: Image.Image) -> list[str]:
    """The name of the flat colour nearest to each corner's, a tenth of the edge in from it."""
    names = {"red": pictures.RED, "green": pictures.GREEN, "blue": pictures.BLUE, "yellow": pictures.YELLOW}
    plain, (width, height) = image.convert("RGB"), image.size
    summary = [
        plain.getpixel((round(x * (width - 1)), round(y * (height - 1))))
        for y in (0.1, 0.9)
        for x in (0.1, 0.9)
    ]
    return [
        min(names, key=lambda name: math.dist(names[name], colour))
        for colour in summary
        if isinstance(colour, tuple)
    ]


def average(placeholder: bytes) -> tuple[float, float, float, float]:
    """The average colour and opacity, 0 to 1, as ThumbHash's own decoder reads them."""
    head = int.from_bytes(placeholder[:3], "little")
    light, yellow, reddish = (head & 63) / 63, (head >> 6 & 63) / 31.5 - 1, (head >> 12 & 63) / 31.5 - 1
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + reddish) / 2
    return red, red - reddish, blue, (placeholder[5] & 15) / 15 if head >> 23 else 1.0


UPRIGHT = "red green blue yellow"


def summary(derived: Derived) -> tuple[int, int, list[str]]:
    """The picture's size, and for frame and thumbnail: size, corners, and remaining metadata."""
    stated: list[str] = []
    for picture in (derived.frames[0].picture, derived.frames[0].thumbnail):
        image = opened(picture)
        metadata = sorted({"icc_profile", "exif", "xmp", "comment"} & set(image.info)) + [
            f"EXIF {tag}" for tag in image.getexif()
        ]
        stated.append(" ".join([f"{picture.width}x{picture.height}", *corners(image), *metadata]))
        stated += ["its description"] if stills.DESCRIPTION.encode() in picture.data else []
    return derived.width, derived.height, stated


def test_every_format_is_shown_upright_and_without_metadata(derive: DeriveBytes) -> None:
    written = {
        (kind, orientation): stills.turned(kind, orientation)
        for kind in stills.TURNING
        for orientation in range(1, 9)
    }

    wrong = {case: summary(derive(data)) for case, data in written.items()}

    expected = (64, 40, [f"64x40 {UPRIGHT}"] * 2)
    assert {case: result for case, result in wrong.items() if result != expected} == {}
    without_description = [
        kind
        for kind in stills.TURNING
        if kind != "AVIS" and stills.DESCRIPTION.encode() not in written[kind, 6]
    ]
    assert without_description == []  # the originals had metadata


def test_every_way_of_writing_a_picture_is_read(derive: DeriveBytes) -> None:
    sizes = {"BMP": (65, 41), "HEIC in tiles": (192, 120), "turned HEIC in tiles": (192, 120)}

    read = {name: summary(derive(make())) for name, make in stills.UPRIGHT.items()}

    expected = {
        name: (*size, [f"{size[0]}x{size[1]} {UPRIGHT}"] * 2)
        for name in stills.UPRIGHT
        if (size := sizes.get(name, (64, 40)))
    }
    assert read == expected


@pytest.mark.parametrize(
    ("width", "height", "frame", "thumbnail"),
    [
        (3000, 1500, (2400, 1200), (400, 200)),
        (1000, 3000, (800, 2400), (133, 400)),
        (2400, 10, (2400, 10), (400, 2)),
        (399, 20, (399, 20), (399, 20)),
        (1, 1, (1, 1), (1, 1)),
        (20_000, 1, (2400, 1), (400, 1)),
        (1, 20_000, (1, 2400), (1, 400)),
    ],
)
def test_a_long_edge_is_shortened_and_never_lengthened(
    derive: DeriveBytes, width: int, height: int, frame: tuple[int, int], thumbnail: tuple[int, int]
) -> None:
    derived = derive(pictures.png(width, height))

    assert (derived.width, derived.height) == (width, height)
    assert opened(derived.frames[0].picture).size == frame
    assert opened(derived.frames[0].thumbnail).size == thumbnail


def test_a_jpeg_that_is_decoded_in_part_has_the_size_of_the_whole(derive: DeriveBytes) -> None:
    # Decoded at a half, the JPEG is 16 pixels wide.
    derived = derive(pictures.turned("JPEG", 6, width=33, height=5009))

    assert (derived.width, derived.height) == (33, 5009)
    assert opened(derived.frames[0].picture).size == (16, 2400)
    assert corners(opened(derived.frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_a_frame_is_a_progressive_jpeg_and_a_thumbnail_webp(derive: DeriveBytes) -> None:
    derived = derive(pictures.jpeg())

    assert opened(derived.frames[0].picture).info.get("progressive")
    assert (derived.frames[0].picture.mime_type, derived.frames[0].thumbnail.mime_type) == (
        "image/jpeg",
        "image/webp",
    )


def test_a_transparent_picture_stays_transparent(derive: DeriveBytes) -> None:
    holed = pictures.with_hole(pictures.scene(640, 480))
    for kind in ("PNG", "WEBP", "TIFF", "AVIF", "HEIC"):
        derived = derive(stills.encoded(holed, kind))

        assert (derived.frames[0].picture.mime_type, derived.frames[0].thumbnail.mime_type) == (
            "image/webp",
            "image/webp",
        )
        for picture in (derived.frames[0].picture, derived.frames[0].thumbnail):
            opacity = opened(picture).getchannel("A")
            assert (
                opacity.getpixel((0, 0)),
                opacity.getpixel((picture.width // 2, picture.height // 2)),
            ) == (255, 0), kind
        assert average(derived.placeholder)[3] == pytest.approx(1 - math.pi / 16, abs=0.05)


def test_an_alpha_channel_with_nothing_transparent_makes_a_jpeg(derive: DeriveBytes) -> None:
    file = BytesIO()
    pictures.quarters(300, 200).convert("RGBA").save(file, "PNG")

    derived = derive(file.getvalue())

    assert derived.frames[0].picture.mime_type == "image/jpeg"
    assert corners(opened(derived.frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_a_colour_profile_is_applied(derive: DeriveBytes) -> None:
    """The profile has red and green exchanged: what is stored red is shown green."""
    files = {
        kind: stills.encoded(pictures.quarters(64, 40), kind, icc_profile=stills.SWAPPED)
        for kind in stills.TURNING
    }

    shown = {kind: " ".join(corners(opened(derive(data).frames[0].picture))) for kind, data in files.items()}

    assert shown == dict.fromkeys(stills.TURNING, "green red blue yellow")


def test_wide_gamuts_stated_in_numbers_are_applied(derive: DeriveBytes) -> None:
    """Display P3 in a HEIC without a profile: its reds are redder than sRGB's."""
    red = Image.new("RGB", (64, 40), (200, 60, 60))

    plain, wide = (
        opened(derive(stills.encoded(red, "HEIC", **options)).frames[0].picture).getpixel((32, 20))
        for options in ({}, {"color_primaries": 12})
    )

    assert isinstance(plain, tuple)
    assert isinstance(wide, tuple)
    assert plain == pytest.approx((200, 60, 60), abs=4)
    assert wide == pytest.approx((217, 46, 54), abs=6)


@pytest.mark.parametrize(("kind", "degrees_lost"), [("AVIF", 3), ("HEIC", 3), ("PNG", 2)])
def test_high_dynamic_range_and_wide_gamuts_look_as_in_a_video(
    derive: DeriveBytes, kind: str, degrees_lost: int
) -> None:
    """Coded by numbers that no decoder applies. A PNG may have a profile as well, for readers that ignore the
    numbers.
    """
    written = {
        "AVIF": charts.avif,
        "HEIC": charts.heic,
        "PNG": lambda *stated: charts.png(*stated, profile=stills.SWAPPED),
    }[kind]
    tones = [(stated, right, 10) for stated, right in charts.SHOWN.items() if stated[2] is None]
    summary = {}

    for (primaries, transfer, _), right, most in [
        *tones,
        *(((stated, charts.SRGB, None), right, 7) for stated, right in charts.SHOWN_OF_SDR.items()),
    ]:
        shown = opened(derive(written(charts.chart(transfer), primaries, transfer)).frames[0].picture)
        levels, degrees = charts.differences(charts.patches(shown), right)
        if levels > most or degrees > degrees_lost:
            summary[primaries, transfer] = levels, degrees

    assert summary == {}


def test_the_brightest_pixel_that_a_still_states_is_used(derive: DeriveBytes) -> None:
    stated = (charts.BT2020, charts.PQ, 400)
    shown = opened(derive(charts.png(charts.chart(charts.PQ), *stated)).frames[0].picture)

    levels, degrees = charts.differences(charts.patches(shown), charts.SHOWN[stated])

    assert (levels <= 4, degrees <= 3) == (True, True)


def test_a_sequence_of_high_dynamic_range_is_shown_in_the_colours_it_names(derive: DeriveBytes) -> None:
    """Eight bits are all that Pillow writes and reads."""
    chart = charts.chart(charts.HLG)
    srgb = b"nclx\0\1\0\x0d"  # sRGB
    whole = stills.encoded(chart, "AVIS", quality=100).replace(
        srgb, srgb[:4] + bytes([0, charts.BT2020, 0, charts.HLG])
    )

    levels, degrees = charts.differences(
        charts.patches(opened(derive(whole).frames[0].picture)), charts.SHOWN[charts.BT2020, charts.HLG, None]
    )

    assert (levels <= 8, degrees <= 5) == (True, True), (levels, degrees)


@pytest.mark.soak
def test_a_large_still_of_high_dynamic_range_is_shrunk_and_keeps_its_opacity(derive: DeriveBytes) -> None:
    chart = charts.chart(charts.HLG)
    large = chart.resize((3000, 600), Image.Resampling.NEAREST)
    large.putalpha(Image.new("L", large.size, 128))

    picture = derive(charts.heic(large, charts.BT2020, charts.HLG)).frames[0].picture

    shown = opened(picture)
    levels, degrees = charts.differences(
        charts.patches(shown.resize(chart.size)), charts.SHOWN[charts.BT2020, charts.HLG, None]
    )
    assert ((picture.width, picture.height), shown.mode, shown.getpixel((100, 100))[3]) == (  # type: ignore[index]
        (2400, 480),
        "RGBA",
        pytest.approx(128, abs=2),
    )
    assert (levels <= 14, degrees <= 5) == (True, True)


def test_a_broken_colour_profile_is_ignored(derive: DeriveBytes) -> None:
    file = BytesIO()
    pictures.quarters(300, 200).save(file, "JPEG", icc_profile=b"not a profile" * 40)

    assert corners(opened(derive(file.getvalue()).frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_sixteen_bits_keep_their_lightness(derive: DeriveBytes) -> None:
    frame = opened(derive(pictures.deep_png(300, 200)).frames[0].picture).convert("L")

    assert [frame.getpixel((x, 100)) for x in (5, 150, 295)] == pytest.approx([4, 128, 251], abs=6)


def test_other_kinds_of_pixels_are_shown(derive: DeriveBytes) -> None:
    modes_of = {
        "PNG": "L 1 P LA I;16",
        "JPEG": "L",
        "TIFF": "L 1 P LA I;16 RGBA",
        "BMP": "L 1 P RGBA",
        "HEIC": "L LA RGBA",
        "AVIF": "L LA RGBA",
    }
    for kind, modes in modes_of.items():
        for mode in modes.split():
            grey = pictures.quarters(64, 40) if mode == "RGBA" else pictures.quarters(64, 40).convert("L")

            derived = derive(stills.encoded(grey.convert(mode), kind))

            assert (derived.width, derived.height) == (64, 40), (kind, mode)
            assert opened(derived.frames[0].picture).mode == "RGB", (kind, mode)


def test_further_channels_beside_colours_and_opacity_are_ignored(derive: DeriveBytes) -> None:
    assert derive(stills.tiff(64, 40, bytes(range(256)) * 50, channels=5)).width == 64


def test_of_an_animation_the_first_picture_is_shown(derive: DeriveBytes) -> None:
    for animated in (pictures.gif(frames=4), pictures.animated_webp()):
        derived = derive(animated)

        assert (derived.width, derived.height, derived.frames[0].picture.mime_type) == (
            320,
            240,
            "image/jpeg",
        )
        assert corners(opened(derived.frames[0].picture)) == ["red"] * 4


def test_of_several_pages_the_first_is_shown(derive: DeriveBytes) -> None:
    frame = opened(derive(stills.two_sized_tiff()).frames[0].picture)

    assert (frame.size, corners(frame)) == ((2400, 96), UPRIGHT.split())


def test_an_animation_has_a_separate_limit(derive: DeriveBytes) -> None:
    sequence = stills.encoded(pictures.scene(64, 40), "AVIS")
    whole = {
        "GIF": pictures.gif(64, 40, frames=30),
        "WebP": pictures.animated_webp(),
        "APNG": stills.apng(2),
        "AVIF": sequence,
    }
    outcomes: dict[str, str] = {}

    for kind, data in whole.items():
        try:
            derive(data, Limits(max_animation_pixels=5000))
        except Undecodable as error:
            outcomes[kind] = error.reason
        derive(data, Limits(max_animation_pixels=300_000))
    with pytest.raises(Undecodable) as endless:
        derive(stills.apng(10**9))

    assert outcomes == {
        "GIF": "The animation has 30 pictures of 0.1 megapixels in all; the limit is 0",
        "WebP": "The animation has 3 pictures of 0.2 megapixels in all; the limit is 0",
        "APNG": "The animation has 2 pictures of 0 megapixels in all; the limit is 0",
        "AVIF": "The animation has 3 pictures of 0 megapixels in all; the limit is 0",
    }
    assert (
        endless.value.reason
        == "The animation has 1000000000 pictures of 2560000 megapixels in all; the limit is 2000"
    )
    assert derive(stills.moving("TIFF"), Limits(max_animation_pixels=1)).width == 64  # pages are no animation


def test_an_interlaced_picture_is_decoded_in_memory(derive: DeriveBytes) -> None:
    derived = derive(pictures.interlaced_png(1900))

    assert (derived.width, derived.height, derived.frames[0].picture.width) == (1900, 1900, 1900)


def test_a_header_that_comes_late_does_not_matter(derive: DeriveBytes) -> None:
    derived = derive(pictures.late_header(kilobytes=300))

    assert (derived.width, derived.height) == (320, 240)


def test_what_follows_a_picture_does_not_matter(derive: DeriveBytes) -> None:
    """More bytes follow than the child may have memory."""
    derive.path.write_bytes(pictures.turned("JPEG", 6))
    with derive.path.open("r+b") as file:
        file.truncate(1_200_000_000)  # sparse

    derived = derive.decoder.derive(derive.path)

    assert corners(opened(derived.frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_a_large_picture_is_decoded_in_strips(decoder: Decoder, tmp_path: Path) -> None:
    """150 MB, in an address space that has no room for the decoded picture, or for the file two times."""
    original = pictures.noise_png(tmp_path / "original", megabytes=150)

    derived = decoder.derive(original, limits=Limits(memory_bytes=400 << 20))

    assert (derived.width, derived.height) == (4000, 12_500)
    assert (derived.frames[0].picture.width, derived.frames[0].picture.height) == (768, 2400)


def test_of_a_polyglot_only_the_picture_is_derived(derive: DeriveBytes) -> None:
    for name, data in stills.polyglots().items():
        derived = derive(data)

        made = derived.frames[0].picture.data + derived.frames[0].thumbnail.data
        assert not [word for word in (b"script", b"PK\5\6", b"%PDF") if word in made], name


CUT, DAMAGED, NO_PICTURE = (
    "The file is cut short",
    "The file is damaged or cut short",
    "The file is not a picture of a type that is taken",
)
WHOLE = {name: make for name, make in stills.SMALL.items() if name != "GIF"} | {
    "GIF": lambda: pictures.gif(64, 40)
}


def many_pixels(megapixels: int) -> str:
    return f"The picture has {megapixels} megapixels; the limit is 120"


def rejected_files() -> Iterator[tuple[str, bytes, str]]:
    """Files that are rejected: name, bytes, and the reason."""
    raw = stills.encoded(pictures.scene(64, 40), "TIFF", compression="raw")
    yield "nothing", b"", "The file is empty"
    yield "a page", b"<html><img></html>", NO_PICTURE
    yield "an SVG", b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", NO_PICTURE
    yield "a PDF", b"%PDF-1.7", NO_PICTURE
    yield "a PDF with a JPEG in it", b"%PDF-1.7\n" + pictures.jpeg(64, 40), NO_PICTURE
    yield "a film", b"\0\0\0\x14ftypisom\0\0\0\0mp42\0\0\0\x08moov", NO_PICTURE
    yield "a TIFF's beginning", b"II*\0\x08\0\0\0", DAMAGED
    yield "a HEIC's beginning", stills.encoded(pictures.quarters(64, 40), "HEIC")[:100], DAMAGED
    yield "a BMP's beginning", stills.bmp(pictures.quarters(64, 40))[:40], DAMAGED
    yield "a JPEG's beginning", pictures.jpeg()[:100], CUT
    yield "a JPEG of nothing", b"\xff\xd8\xff" + bytes(1000), CUT
    yield "nearly all of a JPEG", pictures.truncated(pictures.jpeg(), share=0.99), CUT
    yield "most of a PNG", pictures.truncated(pictures.png(), share=0.9), DAMAGED
    yield "nearly all of a TIFF, its directory first", pictures.truncated(raw, share=0.97), DAMAGED
    for name, make in WHOLE.items():
        yield (
            f"half of a {name}",
            pictures.truncated(make()),
            CUT if name in {"JPEG", "progressive JPEG", "GIF", "AVIF"} else DAMAGED,
        )
    yield "a PNG bomb", pictures.bomb_png(), many_pixels(2500)
    yield "an interlaced PNG bomb", pictures.interlaced_png(rows=10), many_pixels(900)
    yield "a PNG that claims", pictures.claiming_png(), many_pixels(1_000_000)
    yield "a TIFF bomb", stills.tiff_bomb(), many_pixels(3600)
    for kind in ("JPEG", "GIF", "AVIF", "HEIC"):
        yield f"a {kind} that claims", stills.claiming(kind, 65_000), many_pixels(4225)
    for kind in ("AVIF", "HEIC"):
        yield f"a {kind} that claims less", stills.claiming(kind, 9_000), DAMAGED


def test_a_rejected_file_has_a_reason_and_the_next_file_is_decoded(derive: DeriveBytes) -> None:
    derive(pictures.jpeg(40, 30))
    before, outcomes, expected = derive.decoder.pid, dict[str, str](), dict[str, str]()

    for name, data, reason in rejected_files():
        expected[name] = reason
        try:
            derived = derive(data)
        except Undecodable as error:
            outcomes[name] = error.reason
        else:
            outcomes[name] = f"{derived.width}x{derived.height}"

    assert outcomes == expected
    assert derive(pictures.jpeg(40, 30)).width == 40
    assert derive.decoder.pid == before


def test_a_profile_that_expands_without_end_is_ignored(derive: DeriveBytes) -> None:
    assert derive(stills.profile_bomb()).width == 64


def test_the_limit_on_pixels_is_the_last_size_that_passes(derive: DeriveBytes) -> None:
    assert derive(pictures.jpeg(400, 250), Limits(max_pixels=100_000)).width == 400

    with pytest.raises(Undecodable, match=r"^The picture has 0\.1 megapixels; the limit is 0\.1$"):
        derive(pictures.jpeg(401, 250), Limits(max_pixels=100_000))


def test_the_limit_applies_where_the_head_does_not_state_the_size(derive: DeriveBytes) -> None:
    with pytest.raises(Undecodable, match="megapixels"):
        derive(pictures.late_header(), Limits(max_pixels=1000))


@pytest.mark.parametrize(
    "colour",
    [
        pictures.RED,
        pictures.GREEN,
        pictures.BLUE,
        pictures.YELLOW,
        (128, 128, 128),
        (0, 0, 0),
        (255, 255, 255),
    ],
)
def test_a_placeholder_has_the_colour_of_its_picture(derive: DeriveBytes, colour: pictures.Colour) -> None:
    file = BytesIO()
    Image.new("RGB", (300, 200), colour).save(file, "PNG")

    placeholder = derive(file.getvalue()).placeholder

    assert average(placeholder) == pytest.approx((*(value / 255 for value in colour), 1.0), abs=0.04)


def test_a_placeholder_is_turned_with_its_picture(derive: DeriveBytes) -> None:
    upright, turned = (
        derive(pictures.turned("PNG", 1)).placeholder,
        derive(pictures.turned("PNG", 6)).placeholder,
    )

    assert upright == turned


# The results of thumbhash 0.1.2 on PyPI, a port of the reference. It fails on transparency; there, its
# results once the missing brackets were added.
@pytest.mark.parametrize(
    ("width", "height", "opaque", "expected"),
    [
        (7, 5, True, "dd2706458ab55864a6788754d7b6caf70785254f59"),
        (5, 7, True, "a0e805350a15e66e95f4d2ac31e853c670d5a59608"),
        (32, 20, True, "2008020c82f7509bbca7594a7672fb390bda8a"),
        (7, 5, False, "9d47821c8616c065a73876f76c7049f6b368ac378ffc488103"),
        (20, 32, False, "9ff781030007bc777502562250617903bc44f0cc47b0cb"),
    ],
)
def test_hashes_are_those_of_the_reference(width: int, height: int, opaque: bool, expected: str) -> None:
    rgba = bytearray(random.Random(width).randbytes(4 * width * height))
    if opaque:
        rgba[3::4] = b"\xff" * (width * height)

    assert thumbhash(width, height, bytes(rgba)).hex() == expected


@pytest.mark.parametrize("opacity", [0, 1, 25, 254])
@pytest.mark.parametrize(("width", "height"), [(1, 1), (32, 1), (1, 32), (32, 21), (100, 100)])
def test_every_opacity_and_shape_has_a_hash(width: int, height: int, opacity: int) -> None:
    hashed = thumbhash(width, height, bytes([200, 100, 50, opacity]) * (width * height))

    assert 5 < len(hashed) <= 40
    assert average(hashed)[3] == pytest.approx(opacity / 255, abs=0.04)


def test_the_demo_pictures_can_all_be_shown(derive: DeriveBytes) -> None:
    sizes = {picture.filename: derive(picture.data) for picture in demo()}

    assert {
        name: (derived.width, derived.height, derived.frames[0].picture.mime_type)
        for name, derived in sizes.items()
    } == {
        "dawn-over-the-hills.jpg": (3600, 2400, "image/jpeg"),
        "lighthouse.jpg": (1200, 1600, "image/jpeg"),
        "dunes.jpg": (1920, 1280, "image/jpeg"),
        "night.webp": (1600, 1000, "image/jpeg"),
        "badge.png": (800, 800, "image/webp"),
        "tide.gif": (480, 320, "image/jpeg"),
    }
