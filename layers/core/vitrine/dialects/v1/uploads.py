"""What v1's form uploads take and answer."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal, NotRequired

from typing_extensions import TypedDict

from vitrine import content
from vitrine.dialects.studio import Link, SentFile, show_time
from vitrine.dialects.v1.show import Info, Media, show_media
from vitrine.dialects.v1.zod import Schema
from vitrine.errors import ApiError, Invalid, ServiceUnavailable, TooLarge, UnsupportedType
from vitrine.settings import MIB

if TYPE_CHECKING:
    from collections.abc import Sequence

    from vitrine import models
    from vitrine.delivery import Links
    from vitrine.library.form_uploads import FileOutcome


class UploadFiles(Schema):
    """POST /api/v1/media/upload: parts of the name `files`; the answer names files in other parts."""

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
    errors: NotRequired[list[RejectedFile]]  # where some were refused


class UploadedFiles(TypedDict):
    success: Literal[True]
    data: Uploads
    info: Info


class Direct(TypedDict):
    endpoint: Link  # of the protocol that puts larger files straight into the store


class Limits(TypedDict):
    message: str
    storage: Literal["S3"]
    uploadPath: str
    supportedTypes: list[str]
    maxFileSize: str  # "10MB"
    maxImageSize: NotRequired[str]  # where it is another
    maxVideoSize: NotRequired[str]
    maxRequestSize: str  # of a form with all its files
    direct: Direct


class UploadLimits(TypedDict):
    success: Literal[True]
    data: Limits
    info: Info


class NothingTaken(ApiError):
    """Of the files of a form none was taken; what is said is why the first was not."""

    def __init__(self, status: int, sentence: str, details: dict[str, Any] | None) -> None:
        super().__init__(sentence)
        self.status, self.details = status, details


def files_of(form: UploadFiles) -> Sequence[models.uploads.SentFile]:
    """Raises Invalid where there is none, not even an empty one."""
    if form.files is None:
        raise Invalid("No files uploaded")
    return form.files


def show_uploaded(
    judged: Sequence[FileOutcome], skipped: Sequence[tuple[str, str]], links: Links
) -> UploadedFiles:
    """Report each file: taken, rejected, or skipped because its part has another name than `files`
    (`skipped`: the part's name, the file's).

    Raises NothingTaken where no file was taken and one of them is not empty.
    """
    shown = [show_media(each.media, links) for each in judged if each.media is not None]
    error = [(each, each.error) for each in judged if each.error is not None]
    if error and not shown:
        raise NothingTaken(*_said(*error[0]))
    if skipped and not shown:
        raise NothingTaken(400, _elsewhere(skipped[0][0]), None)
    data: Uploads = {
        "message": "Files uploaded successfully",
        "urls": [media["url"] for media in shown],
        "media": shown,
        "count": len(shown),
        "storage": "s3",
    }
    if error or skipped:
        data["errors"] = [
            *(RejectedFile(filename=each.file.filename, error=_said(each, why)[1]) for each, why in error),
            *(RejectedFile(filename=filename, error=_elsewhere(part)) for part, filename in skipped),
        ]
    return {"success": True, "data": data, "info": {"timestamp": show_time(datetime.now(UTC))}}


def show_limits(any_kind: int, image: int, video: int, form: int, links: Links) -> UploadLimits:
    """The limits of one file, and of a form as a whole, in bytes."""
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
    return {"success": True, "data": data, "info": {"timestamp": show_time(datetime.now(UTC))}}


def _elsewhere(part: str) -> str:
    return f"The file is in a part named {part[:100]}; only parts named files are read"


def _said(judged: FileOutcome, why: ApiError) -> tuple[int, str, dict[str, Any] | None]:
    """Status, sentence and details, as they are documented."""
    name = judged.file.filename
    if isinstance(why, UnsupportedType):
        # it claims to be one that is taken, and is not
        kind = "unknown" if judged.mime_type in ("", *content.accepted_types()) else judged.mime_type
        details = {"allowedTypes": content.declarable_types()}
        return 400, f"File type {kind} not allowed. Only images and videos are supported.", details
    if isinstance(why, TooLarge) and why.code == "too_large":
        most = f"{_megabytes(judged.limit)}MB"
        return (
            400,
            f"File {name} is too large. Maximum size is {most}.",
            {"maxSize": most, "fileSize": f"{judged.file.size / MIB:.2f}MB"},
        )
    if isinstance(why, ServiceUnavailable):
        return 500, f"Failed to upload file {name}", {"fileName": name, "error": why.sentence}
    return 400, why.sentence, None


def _megabytes(size: int) -> str:
    return f"{size / MIB:.2f}".rstrip("0").rstrip(".")
