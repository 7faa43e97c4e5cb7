"""Perceptual hashes and dominant colours, of pictures made by code."""

import random
from collections.abc import Iterator
from io import BytesIO
from itertools import combinations

import pytest
import pyvips
from PIL import Image, ImageDraw, ImageEnhance

from tests.given import pictures
from vitrine_imaging.perceptual import MOST_COLORS, dominant_colors, perceptual_hash


def test_copies_of_a_picture_are_near_it() -> None:
    far: list[tuple[int, str, int | None]] = []
    for seed in range(4):
        scene = _scene(seed)
        original = perceptual_hash(_decoded(_encoded(scene, quality=90)))

        for name, copy in _copies(scene):
            found = perceptual_hash(_decoded(copy))
            distance = None if found is None or original is None else (found ^ original).bit_count()
            if distance is None or distance > 10:
                far.append((seed, name, distance))

    assert far == []


def test_different_pictures_are_far_from_one_another() -> None:
    hashes = [perceptual_hash(_decoded(_encoded(_scene(seed)))) for seed in range(12)]

    near = [
        (one, other)
        for (one, a), (other, b) in combinations(enumerate(hashes), 2)
        if a is None or b is None or (a ^ b).bit_count() <= 16
    ]
    assert near == []


def test_a_picture_without_structure_has_no_hash() -> None:
    page = Image.new("RGB", (320, 240), "white")
    ImageDraw.Draw(page).ellipse((100, 100, 104, 104), fill="black")
    plain = {
        "one colour": Image.new("RGB", (320, 240), pictures.RED),
        "a gradient": Image.linear_gradient("L").resize((320, 240)),
        "a soft light": Image.radial_gradient("L").resize((320, 240)),
        "noise": Image.frombytes("RGB", (320, 240), random.Random(1).randbytes(3 * 320 * 240)),
        "a dot": page,
        "a pixel": Image.new("RGB", (1, 1), "white"),
        "nothing": Image.new("RGBA", (320, 240), (1, 2, 3, 0)),
    }

    assert {
        name: perceptual_hash(_decoded(_encoded(picture, "PNG"))) for name, picture in plain.items()
    } == dict.fromkeys(plain)


def test_white_on_a_transparent_ground_has_a_hash() -> None:
    white = Image.new("RGBA", (320, 240), "white")
    white.putalpha(_scene(1).convert("L"))

    assert perceptual_hash(_decoded(_encoded(white, "PNG"))) is not None


def test_colours_are_those_of_the_picture_the_most_common_first() -> None:
    picture = Image.new("RGB", (320, 200), pictures.YELLOW)
    draw = ImageDraw.Draw(picture)
    draw.rectangle((0, 0, 120, 200), fill=pictures.BLUE)
    draw.rectangle((280, 0, 320, 200), fill=pictures.RED)

    found = dominant_colors(_decoded(_encoded(picture, quality=90)))

    assert [
        _near(color, wanted)
        for color, wanted in zip(found, (pictures.YELLOW, pictures.BLUE, pictures.RED), strict=True)
    ] == [True] * 3


def test_transparent_pixels_count_for_no_colour() -> None:
    half = Image.new("RGBA", (64, 40), (*pictures.RED, 0))
    half.paste((*pictures.GREEN, 255), (0, 0, 10, 40))

    assert [_near(color, pictures.GREEN) for color in dominant_colors(_decoded(_encoded(half, "PNG")))] == [
        True
    ]
    assert dominant_colors(_decoded(_encoded(Image.new("RGBA", (64, 40), (*pictures.RED, 0)), "PNG"))) == ()


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA"])
def test_any_picture_has_at_most_so_many_colours(mode: str) -> None:
    colors = dominant_colors(_decoded(_encoded(_scene(0).convert(mode), "PNG")))

    assert 1 <= len(colors) <= MOST_COLORS
    assert all(len(color) == 7 and int(color[1:], 16) >= 0 for color in colors)


def _copies(picture: Image.Image) -> Iterator[tuple[str, bytes]]:
    width, height = picture.size
    yield "encoded anew", _encoded(picture, quality=30)
    yield "as WebP", _encoded(picture, "WEBP", quality=60, method=0)
    yield "smaller", _encoded(picture.resize((width // 4, height // 4)))
    yield "squeezed", _encoded(picture.resize((width * 97 // 100, height)))
    yield "brighter", _encoded(ImageEnhance.Brightness(picture).enhance(1.2))
    yield "darker", _encoded(ImageEnhance.Brightness(picture).enhance(0.8))
    yield "grey", _encoded(picture.convert("L"))
    yield (
        "cropped",
        _encoded(picture.crop((width // 100, height // 100, width - width // 100, height - height // 100))),
    )


def _scene(seed: int) -> Image.Image:
    """Clouds of colour with some shapes over them."""
    dice = random.Random(seed)
    picture = Image.frombytes("RGB", (8, 6), dice.randbytes(3 * 8 * 6)).resize(
        (320, 240), Image.Resampling.BICUBIC
    )
    draw = ImageDraw.Draw(picture)
    for _ in range(6):
        x, y, size = dice.randrange(320), dice.randrange(240), dice.randrange(10, 80)
        draw.ellipse(
            (x - size, y - size, x + size, y + size),
            fill=(dice.randrange(256), dice.randrange(256), dice.randrange(256)),
        )
    return picture


def _encoded(picture: Image.Image, kind: str = "JPEG", **options: object) -> bytes:
    file = BytesIO()
    picture.save(file, kind, **options)
    return file.getvalue()


def _decoded(encoded: bytes) -> pyvips.Image:
    return (
        pyvips.Image.new_from_buffer(encoded, "").thumbnail_image(400, height=400, size="down").copy_memory()
    )


def _near(color: str, wanted: pictures.Colour) -> bool:
    return all(
        abs(int(color[at : at + 2], 16) - level) <= 16 for at, level in zip((1, 3, 5), wanted, strict=True)
    )
