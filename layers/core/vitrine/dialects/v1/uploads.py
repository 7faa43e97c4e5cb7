"""Form uploads, and their limits."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NotRequired

from typing_extensions import TypedDict

from vitrine import content
from vitrine.dialects.formats import Link, SentFile
from vitrine.dialects.v1.envelope import Info, info
from vitrine.dialects.v1.errors import NoFileAccepted
from vitrine.dialects.v1.media import Media, show_media
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import ApiError, Invalid, ServiceUnavailable, TooLarge, UnsupportedType
from vitrine.settings import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine import models
    from vitrine.delivery import Links
    from vitrine.library.form_uploads import FileOutcome


class UploadFiles(Schema):
    """POST /api/v1/media/upload: the parts named `files`.

    The answer reports files in other parts as errors.
    """

    files: list[SentFile] | None = None


class RejectedFile(TypedDict):
    filename: str
    error: str


class Uploads(TypedDict):
    message: str
    urls: list[Link]
    media: list[Media]
    count: int
    storage: Literal["s3"]
    errors: NotRequired[list[RejectedFile]]  # where files were rejected


class UploadedFiles(TypedDict):
    success: Literal[True]
    data: Uploads
    info: Info


class Direct(TypedDict):
    endpoint: Link  # of the upload protocol, for larger files


class Limits(TypedDict):
    message: str
    storage: Literal["S3"]
    uploadPath: str
    supportedTypes: list[str]
    maxFileSize: str  # "10MB"
    maxImageSize: NotRequired[str]  # where it differs from maxFileSize
    maxVideoSize: NotRequired[str]
    maxRequestSize: str  # of a form with all its files
    direct: Direct


class UploadLimits(TypedDict):
    success: Literal[True]
    data: Limits
    info: Info


def require_files(form: UploadFiles) -> Sequence[models.uploads.SentFile]:
    """Return the files of the form.

    Raises Invalid where it has no part named `files`, not even an empty one.
    """
    if form.files is None:
        raise Invalid("No files uploaded")
    return form.files


def show_uploaded(
    results: Sequence[FileOutcome], skipped: Sequence[tuple[str, str]], links: Links
) -> UploadedFiles:
    """Report each file as accepted, rejected or skipped.

    `skipped` are the files in parts that are not named `files`: (the part's name, the file's name). Raises
    NoFileAccepted where no file was accepted and one of them is not empty.
    """
    shown = [show_media(each.media, links) for each in results if each.media is not None]
    rejected = [(each, each.error) for each in results if each.error is not None]
    if rejected and not shown:
        raise NoFileAccepted(*_describe(*rejected[0]))
    if skipped and not shown:
        raise NoFileAccepted(400, _misnamed_part(skipped[0][0]), None)
    data: Uploads = {
        "message": "Files uploaded successfully",
        "urls": [media["url"] for media in shown],
        "media": shown,
        "count": len(shown),
        "storage": "s3",
    }
    if rejected or skipped:
        data["errors"] = [
            *(
                RejectedFile(filename=each.file.filename, error=_describe(each, why)[1])
                for each, why in rejected
            ),
            *(RejectedFile(filename=filename, error=_misnamed_part(part)) for part, filename in skipped),
        ]
    return {"success": True, "data": data, "info": info()}


def show_limits(any_kind: int, image: int, video: int, form: int, links: Links) -> UploadLimits:
    """Serialize the limits, in bytes, of one file of any kind, of an image, of a video, and of a form."""
    data: Limits = {
        "message": "Media upload endpoint is active",
        "storage": "S3",
        "uploadPath": "originals/",
        "supportedTypes": content.declarable_types(),
        "maxFileSize": f"{_megabytes(any_kind)}MB",
        "maxRequestSize": f"{_megabytes(form)}MB",
        "direct": {"endpoint": f"{links.origin}/api/upload"},
    }
    if image != any_kind:
        data["maxImageSize"] = f"{_megabytes(image)}MB"
    if video != any_kind:
        data["maxVideoSize"] = f"{_megabytes(video)}MB"
    return {"success": True, "data": data, "info": info()}


def _misnamed_part(part: str) -> str:
    return f"The file is in a part named {part[:100]}; only parts named files are read"


def _describe(result: FileOutcome, why: ApiError) -> tuple[int, str, dict[str, Any] | None]:
    """Return status, sentence and details of a rejected file, as the contract has them."""
    name = result.file.filename
    if isinstance(why, UnsupportedType):
        # A file may claim an accepted type and be of another: its real type is not known then.
        kind = "unknown" if result.mime_type in ("", *content.accepted_types()) else result.mime_type
        details = {"allowedTypes": content.declarable_types()}
        return 400, f"File type {kind} not allowed. Only images and videos are supported.", details
    if isinstance(why, TooLarge) and why.code == "too_large":
        most = f"{_megabytes(result.limit)}MB"
        return (
            400,
            f"File {name} is too large. Maximum size is {most}.",
            {"maxSize": most, "fileSize": f"{result.file.size / MIB:.2f}MB"},
        )
    if isinstance(why, ServiceUnavailable):
        return 500, f"Failed to upload file {name}", {"fileName": name, "error": why.sentence}
    return 400, why.sentence, None


def _megabytes(size: int) -> str:
    return f"{size / MIB:.2f}".rstrip("0").rstrip(".")
