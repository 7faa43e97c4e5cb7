"""Sizes that no column can store and no picture has: the item has failed with a reason, by every way of
upload.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.given import stills
from vitrine.content import MOST_EDGE, sniff

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

MOST = 2**31 - 1
# The size that is written into a file, and the one that is read from it: a format may have smaller numbers,
# or a sign.
WIDE = ("PNG", "TIFF", "HEIC", "AVIF")
CASES: dict[str, tuple[bytes, int, int]] = {
    **{
        f"{kind} {side}": (stills.sized(kind, side, side), side, side)
        for kind in WIDE
        for side in (MOST, MOST + 1, 2**32 - 1)
    },
    "a narrow PNG": (stills.sized("PNG", 2**32 - 1, 1), 2**32 - 1, 1),
    "a narrow TIFF": (stills.sized("TIFF", 1, 2**31), 1, 2**31),
    "BigTIFF": (stills.sized("BigTIFF", 2**63, 2**40), 2**63, 2**40),
    "BMP from below": (stills.sized("BMP", MOST, MOST), MOST, MOST),
    "BMP of the largest height from the top": (stills.sized("BMP", MOST, -(2**31)), MOST, 2**31),
    "BMP of a negative width": (stills.sized("BMP", -1, -5), 2**32 - 1, 5),
    "GIF": (stills.sized("GIF", 65535, 65535), 65535, 65535),
    "JPEG": (stills.sized("JPEG", 65535, 65535), 65535, 65535),
    "WebP": (stills.sized("WEBP", 2**24, 2**24), 2**24, 2**24),
}


def expected(width: int, height: int) -> tuple[str, str, int | None, int | None]:
    megapixels = f"{width * height / 1e6:.1f}".removesuffix(".0")
    shown = [edge if edge <= MOST else None for edge in (width, height)]
    return "failed", f"The picture has {megapixels} megapixels; the limit is 120", shown[0], shown[1]


def processed(tenant: Tenant, media: str) -> tuple[str, str, int | None, int | None]:
    upload = tenant.finished(media)
    item: dict[str, Any] = tenant.studio.get(f"/api/media/{media}").json()["media"]
    assert item["processing"] == {"state": upload["state"], "reason": upload["reason"]}
    return upload["state"], upload["reason"], item["width"], item["height"]


@pytest.mark.parametrize(
    "way", ["form", *(pytest.param(way, marks=pytest.mark.soak) for way in ("v1 form", "presigned POST"))]
)
def test_a_file_with_an_absurd_size_has_failed_with_a_reason(tenant: Tenant, way: str) -> None:
    items = dict[str, str]()
    for name, (data, _, _) in CASES.items():
        if way == "form":
            answer = tenant.studio.post(
                "/api/upload/multipart",
                files={"file": (name, data)},
                data={"datasetId": tenant.collection_id.hex},
            )
            assert answer.status_code == 200, (name, answer.text)
            items[name] = answer.json()["mediaId"]
        elif way == "presigned POST":
            items[name] = tenant.post_file(data, name, "")
    if way == "v1 form":
        answer = tenant.studio.post(
            "/api/v1/media/upload", files=[("files", (name, data)) for name, (data, _, _) in CASES.items()]
        )
        assert answer.status_code == 200, answer.text
        items = dict(zip(CASES, (each["id"] for each in answer.json()["data"]["media"]), strict=True))

    assert {name: processed(tenant, media) for name, media in items.items()} == {
        name: expected(*size) for name, (_, *size) in CASES.items()
    }
    assert tenant.inconsistencies(finished=True) == []


def test_the_largest_recorded_size_is_the_largest_of_the_column() -> None:
    content = sniff(stills.sized("PNG", MOST + 1, MOST))

    assert content is not None
    assert (content.width, content.width_shown, content.height_shown, MOST_EDGE) == (
        MOST + 1,
        None,
        MOST,
        MOST,
    )
