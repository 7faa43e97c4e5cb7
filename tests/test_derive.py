"""What is made of a picture: seen through the decoder, as the library sees it."""

import math
import random
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image, ImageCms

from local.pictures import demo
from tests import pictures
from vitrine_imaging.decoder import Decoder, Derived, Limits, Picture, Undecodable
from vitrine_imaging.thumbhash import thumbhash


@pytest.fixture(scope="module")
def decoder() -> Iterator[Decoder]:
    with Decoder() as one:
        yield one


class Desk:
    """Derives bytes by way of a file."""

    def __init__(self, decoder: Decoder, path: Path) -> None:
        self.decoder, self.path = decoder, path

    def __call__(self, data: bytes, limits: Limits | None = None) -> Derived:
        self.path.write_bytes(data)
        return self.decoder.derive(self.path, limits=limits)


@pytest.fixture
def derive(decoder: Decoder, tmp_path: Path) -> Desk:
    return Desk(decoder, tmp_path / "original")


def opened(picture: Picture) -> Image.Image:
    image = Image.open(BytesIO(picture.data))
    image.load()
    assert image.size == (picture.width, picture.height)
    assert image.get_format_mimetype() == picture.mime_type
    return image


def corners(image: Image.Image) -> list[str]:
    """The nearest of the four flat colours, a tenth in from each corner."""
    names = {"red": pictures.RED, "green": pictures.GREEN, "blue": pictures.BLUE, "yellow": pictures.YELLOW}
    plain, (width, height) = image.convert("RGB"), image.size
    seen = [plain.getpixel((round(x * (width - 1)), round(y * (height - 1)))) for y in (0.1, 0.9) for x in (0.1, 0.9)]
    return [min(names, key=lambda name: math.dist(names[name], colour)) for colour in seen if isinstance(colour, tuple)]


def average(placeholder: bytes) -> tuple[float, float, float, float]:
    """The average colour and opacity, 0 to 1, as ThumbHash's own decoder reads them."""
    head = int.from_bytes(placeholder[:3], "little")
    light, yellow, reddish = (head & 63) / 63, (head >> 6 & 63) / 31.5 - 1, (head >> 12 & 63) / 31.5 - 1
    blue = light - 2 / 3 * yellow
    red = (3 * light - blue + reddish) / 2
    return red, red - reddish, blue, (placeholder[5] & 15) / 15 if head >> 23 else 1.0


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_every_orientation_comes_out_upright(derive: Desk, kind: str, orientation: int) -> None:
    derived = derive(pictures.turned(kind, orientation, width=480, height=300))

    assert (derived.width, derived.height) == (480, 300)
    assert (derived.frames[0].picture.width, derived.frames[0].picture.height) == (480, 300)
    assert (derived.frames[0].thumbnail.width, derived.frames[0].thumbnail.height) == (400, 250)
    assert corners(opened(derived.frames[0].picture)) == ["red", "green", "blue", "yellow"]
    assert corners(opened(derived.frames[0].thumbnail)) == ["red", "green", "blue", "yellow"]


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
    derive: Desk, width: int, height: int, frame: tuple[int, int], thumbnail: tuple[int, int]
) -> None:
    derived = derive(pictures.png(width, height))

    assert (derived.width, derived.height) == (width, height)
    assert opened(derived.frames[0].picture).size == frame
    assert opened(derived.frames[0].thumbnail).size == thumbnail


def test_a_jpeg_that_is_decoded_in_part_has_the_size_of_the_whole(derive: Desk) -> None:
    derived = derive(pictures.turned("JPEG", 6, width=33, height=5009))     # a half of it is 16 pixels wide

    assert (derived.width, derived.height) == (33, 5009)
    assert opened(derived.frames[0].picture).size == (16, 2400)
    assert corners(opened(derived.frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_a_frame_is_a_progressive_jpeg_and_a_thumbnail_webp(derive: Desk) -> None:
    derived = derive(pictures.jpeg())

    assert opened(derived.frames[0].picture).info.get("progressive")
    assert (derived.frames[0].picture.mime_type, derived.frames[0].thumbnail.mime_type) == ("image/jpeg", "image/webp")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_nothing_but_pixels_is_handed_on(derive: Desk, kind: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description of mine"
    exif.get_ifd(0x8825)[2] = (47.0, 22.0, 11.0)  # where it was taken
    file = BytesIO()
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    pictures.quarters(300, 200).save(file, kind, exif=exif, icc_profile=profile)
    assert b"a description of mine" in file.getvalue()

    derived = derive(file.getvalue())

    for picture in (derived.frames[0].picture, derived.frames[0].thumbnail):
        assert not opened(picture).getexif()
        assert not {"icc_profile", "exif", "xmp", "comment"} & set(opened(picture).info)
        assert b"a description of mine" not in picture.data


@pytest.mark.parametrize("make", [pictures.png, pictures.webp])
def test_a_transparent_picture_keeps_its_holes(derive: Desk, make: type[object]) -> None:
    derived = derive(make(640, 480, alpha=True))  # type: ignore[call-arg, arg-type]

    assert (derived.frames[0].picture.mime_type, derived.frames[0].thumbnail.mime_type) == ("image/webp", "image/webp")
    for picture in (derived.frames[0].picture, derived.frames[0].thumbnail):
        opacity = opened(picture).getchannel("A")
        assert (opacity.getpixel((0, 0)), opacity.getpixel((picture.width // 2, picture.height // 2))) == (255, 0)
    assert average(derived.placeholder)[3] == pytest.approx(1 - math.pi / 16, abs=0.05)


def test_an_alpha_channel_with_nothing_transparent_makes_a_jpeg(derive: Desk) -> None:
    file = BytesIO()
    pictures.quarters(300, 200).convert("RGBA").save(file, "PNG")

    derived = derive(file.getvalue())

    assert derived.frames[0].picture.mime_type == "image/jpeg"
    assert corners(opened(derived.frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_cmyk_comes_out_as_srgb(derive: Desk) -> None:
    file = BytesIO()
    pictures.quarters(300, 200).convert("CMYK").save(file, "JPEG")

    derived = derive(file.getvalue())

    assert opened(derived.frames[0].picture).mode == "RGB"
    assert corners(opened(derived.frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_a_colour_profile_is_applied(derive: Desk) -> None:
    """A profile in which red and green have changed places: what is stored red is shown green."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    swapped = profile.replace(b"rXYZ", b"????").replace(b"gXYZ", b"rXYZ").replace(b"????", b"gXYZ")
    file = BytesIO()
    pictures.quarters(300, 200).save(file, "PNG", icc_profile=swapped)

    assert corners(opened(derive(file.getvalue()).frames[0].picture))[:2] == ["green", "red"]


def test_a_broken_colour_profile_is_left_aside(derive: Desk) -> None:
    file = BytesIO()
    pictures.quarters(300, 200).save(file, "JPEG", icc_profile=b"not a profile" * 40)

    assert corners(opened(derive(file.getvalue()).frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_sixteen_bits_keep_their_lightness(derive: Desk) -> None:
    frame = opened(derive(pictures.deep_png(300, 200)).frames[0].picture).convert("L")

    assert [frame.getpixel((x, 100)) for x in (5, 150, 295)] == pytest.approx([4, 128, 251], abs=6)


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "I;16"])
def test_other_pixels_come_out_too(derive: Desk, mode: str) -> None:
    file = BytesIO()
    pictures.quarters(300, 200).convert("L").convert(mode).save(file, "PNG")

    derived = derive(file.getvalue())

    assert (derived.width, derived.height) == (300, 200)
    assert opened(derived.frames[0].picture).mode == "RGB"


@pytest.mark.parametrize("animated", [pictures.gif(frames=4), pictures.animated_webp()], ids=["gif", "webp"])
def test_of_what_moves_the_first_picture_is_shown(derive: Desk, animated: bytes) -> None:
    derived = derive(animated)

    assert (derived.width, derived.height, derived.frames[0].picture.mime_type) == (320, 240, "image/jpeg")
    assert corners(opened(derived.frames[0].picture)) == ["red"] * 4


def test_an_interlaced_picture_is_held_whole_in_memory(derive: Desk) -> None:
    derived = derive(pictures.interlaced_png(1900))

    assert (derived.width, derived.height, derived.frames[0].picture.width) == (1900, 1900, 1900)


def test_a_header_that_comes_late_does_not_matter(derive: Desk) -> None:
    derived = derive(pictures.late_header(kilobytes=300))

    assert (derived.width, derived.height) == (320, 240)


def test_what_follows_a_picture_does_not_matter(derive: Desk) -> None:
    """More of it than the child may have of memory."""
    derive.path.write_bytes(pictures.turned("JPEG", 6))
    with derive.path.open("r+b") as file:
        file.truncate(1_200_000_000)  # sparse

    derived = derive.decoder.derive(derive.path)

    assert corners(opened(derived.frames[0].picture)) == ["red", "green", "blue", "yellow"]


def test_a_large_picture_is_read_as_it_is_needed(decoder: Decoder, tmp_path: Path) -> None:
    """150 MB within an address space that would not hold it decoded, or twice."""
    original = pictures.noise_png(tmp_path / "original", megabytes=150)

    derived = decoder.derive(original, limits=Limits(memory_bytes=400 << 20))

    assert (derived.width, derived.height) == (4000, 12_500)
    assert (derived.frames[0].picture.width, derived.frames[0].picture.height) == (768, 2400)


def test_a_page_hidden_in_a_picture_stays_behind(derive: Desk) -> None:
    derived = derive(pictures.polyglot())

    assert b"script" not in derived.frames[0].picture.data + derived.frames[0].thumbnail.data


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "The file is empty"),
        (b"<html><img></html>", "The file is not a JPEG, PNG, GIF or WebP picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'/>", "The file is not a JPEG, PNG, GIF or WebP picture"),
        (b"%PDF-1.7", "The file is not a JPEG, PNG, GIF or WebP picture"),
        (b"II*\0\x08\0\0\0", "The file is not a JPEG, PNG, GIF or WebP picture"),
        (pictures.jpeg()[:100], "The file is cut short"),
        (pictures.truncated(pictures.jpeg()), "The file is cut short"),
        (pictures.truncated(pictures.jpeg(), share=0.99), "The file is cut short"),
        (pictures.truncated(pictures.jpeg(progressive=True)), "The file is cut short"),
        (pictures.truncated(pictures.gif()), "The file is cut short"),
        (pictures.truncated(pictures.png()), "The file is damaged or cut short"),
        (pictures.truncated(pictures.png(), share=0.9), "The file is damaged or cut short"),
        (pictures.truncated(pictures.webp()), "The file is damaged or cut short"),
        (b"\xff\xd8\xff" + bytes(1000), "The file is cut short"),
        (pictures.bomb_png(), "The picture has 2500 megapixels; the limit is 120"),
        (pictures.claiming_png(), "The picture has 1000000 megapixels; the limit is 120"),
    ],
)
def test_a_refusal_says_why(derive: Desk, data: bytes, reason: str) -> None:
    derive(pictures.jpeg(40, 30))
    before = derive.decoder.pid

    with pytest.raises(Undecodable) as refused:
        derive(data)

    assert refused.value.reason == reason
    assert derive(pictures.jpeg(40, 30)).width == 40
    assert derive.decoder.pid == before


def test_the_limit_on_pixels_is_the_last_size_that_passes(derive: Desk) -> None:
    assert derive(pictures.jpeg(400, 250), Limits(max_pixels=100_000)).width == 400

    with pytest.raises(Undecodable, match=r"^The picture has 0\.1 megapixels; the limit is 0\.1$"):
        derive(pictures.jpeg(401, 250), Limits(max_pixels=100_000))


def test_a_limit_holds_where_the_head_does_not_tell_the_size(derive: Desk) -> None:
    with pytest.raises(Undecodable, match="megapixels"):
        derive(pictures.late_header(), Limits(max_pixels=1000))


@pytest.mark.parametrize("colour", [pictures.RED, pictures.GREEN, pictures.BLUE, pictures.YELLOW, (128, 128, 128), (0, 0, 0), (255, 255, 255)])
def test_a_placeholder_has_the_colour_of_its_picture(derive: Desk, colour: pictures.Colour) -> None:
    file = BytesIO()
    Image.new("RGB", (300, 200), colour).save(file, "PNG")

    placeholder = derive(file.getvalue()).placeholder

    assert average(placeholder) == pytest.approx((*(value / 255 for value in colour), 1.0), abs=0.04)


def test_a_placeholder_is_turned_with_its_picture(derive: Desk) -> None:
    upright, turned = derive(pictures.turned("PNG", 1)).placeholder, derive(pictures.turned("PNG", 6)).placeholder

    assert upright == turned


# As thumbhash 0.1.2 on PyPI, a port of the reference, has them (where it fails, on transparency: with the missing brackets put in).
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


def test_the_demo_pictures_can_all_be_shown(derive: Desk) -> None:
    sizes = {picture.filename: derive(picture.data) for picture in demo()}

    assert {name: (derived.width, derived.height, derived.frames[0].picture.mime_type) for name, derived in sizes.items()} == {
        "dawn-over-the-hills.jpg": (3600, 2400, "image/jpeg"),
        "lighthouse.jpg": (1200, 1600, "image/jpeg"),
        "dunes.jpg": (1920, 1280, "image/jpeg"),
        "night.webp": (1600, 1000, "image/jpeg"),
        "badge.png": (800, 800, "image/webp"),
        "tide.gif": (480, 320, "image/jpeg"),
    }
