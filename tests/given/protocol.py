"""The upload protocol as a client speaks it: create an upload, then sign, put and complete its parts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.given.tenants import http

if TYPE_CHECKING:
    from collections.abc import Iterable

    import httpx

    from tests.given.tenants import Client, Tenant

MIB = 1024 * 1024
PART = 5 * MIB  # the smallest size of a part that is not the last one


@dataclass(frozen=True)
class Multipart:
    """An upload in parts, with the server's response to its creation."""

    client: Client
    answer: dict[str, Any]

    @property
    def path(self) -> str:
        return f"/api/upload/s3/multipart/{self.answer['uploadId']}"

    @property
    def key(self) -> dict[str, str]:
        return {"key": self.answer["key"]}

    @property
    def media(self) -> str:
        media: str = self.answer["mediaId"]
        return media

    def sign(self, number: int, **query: str) -> dict[str, Any]:
        answer = self.client.get(f"{self.path}/{number}", params=self.key | query)
        assert answer.status_code == 200, answer.text
        signed: dict[str, Any] = answer.json()
        return signed

    def sign_all(self, numbers: Iterable[int]) -> dict[int, str]:
        """Return a URL for each of these parts, from one call."""
        answer = self.client.get(
            f"{self.path}/batch", params=self.key | {"partNumbers": ",".join(map(str, numbers))}
        )
        assert answer.status_code == 200, answer.text
        return {int(number): url for number, url in answer.json()["presignedUrls"].items()}

    def put(self, number: int, data: bytes) -> dict[str, Any]:
        """Put a part, and return it as Complete expects it."""
        answer = http().put(self.sign(number)["url"], content=data, timeout=60)
        assert answer.status_code == 200, answer.text
        return {"PartNumber": number, "ETag": answer.headers["etag"]}

    def put_all(self, data: bytes, size: int = PART) -> list[dict[str, Any]]:
        return [
            self.put(number, data[start : start + size])
            for number, start in enumerate(range(0, len(data), size), 1)
        ]

    def complete(self, parts: list[dict[str, Any]] | None = None) -> httpx.Response:
        return self.client.post(f"{self.path}/complete", params=self.key, json={"parts": parts or []})

    def abort(self) -> httpx.Response:
        return self.client.delete(self.path, params=self.key)

    def parts(self) -> httpx.Response:
        return self.client.get(self.path, params=self.key)


def begin(
    tenant: Tenant,
    *,
    client: Client | None = None,
    filename: str = "photo.jpg",
    mime_type: str = "image/jpeg",
    **more: object,
) -> Multipart:
    """Create an upload in parts."""
    client = client or tenant.studio
    answer = client.post("/api/upload/s3/multipart", json={"filename": filename, "type": mime_type, **more})
    assert answer.status_code == 200, answer.text
    return Multipart(client, answer.json())
