"""The formats of the v1 API: JavaScript's numbers, zod's issues, the envelopes."""

from __future__ import annotations

from math import inf, isnan
from typing import Any
from uuid import UUID

import pytest

from vitrine.dialects import MethodNotAllowed
from vitrine.dialects.v1 import V1
from vitrine.dialects.v1.javascript import number
from vitrine.dialects.v1.media import ListQuery
from vitrine.dialects.v1.zod import Mismatch
from vitrine.errors import (
    ApiError,
    Forbidden,
    MissingScope,
    NoOrganization,
    NotAMember,
    NotFound,
    OtherOrganization,
    ServiceUnavailable,
    Unauthorized,
    UnknownOrganization,
)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", 0),
        (" ", 0),
        ("\u00a0\ufeff", 0),
        ("5", 5),
        (" 5 ", 5),
        ("1e1", 10),
        ("0x10", 16),
        ("0B11", 3),
        ("0o17", 15),
        (".5", 0.5),
        ("5.", 5),
        ("+5", 5),
        ("-5", -5),
        ("1E-1", 0.1),
        ("Infinity", inf),
        ("-Infinity", -inf),
        ("1e999", inf),
        ("007", 7),
        ("0x" + "f" * 400, inf),
    ],
)
def test_a_text_is_the_number_that_javascript_makes_of_it(text: str, value: float) -> None:
    assert number(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "NaN",
        "5 5",
        "1_000",
        "infinity",
        "inf",
        "0x",
        "-0x10",
        "0b2",
        "5px",
        ".",
        "e5",
        "1e",
        "٥",
        "1,5",
        "\u001c5",
    ],
)
def test_a_text_that_is_not_a_number_to_javascript_is_nan(text: str) -> None:
    assert isnan(number(text))


LOW = {
    "origin": "number",
    "code": "too_small",
    "minimum": 1,
    "inclusive": True,
    "path": ["limit"],
    "message": "Too small: expected number to be >=1",
}
HIGH = {
    "origin": "number",
    "code": "too_big",
    "maximum": 100,
    "inclusive": True,
    "path": ["limit"],
    "message": "Too big: expected number to be <=100",
}
UNSAFE = {
    "code": "too_big",
    "maximum": 9007199254740991,
    "note": "Integers must be within the safe integer range.",
    "origin": "int",
    "inclusive": True,
    "path": ["limit"],
    "message": "Too big: expected int to be <=9007199254740991",
}


@pytest.mark.parametrize(
    ("query", "issues"),
    [
        ({"limit": ""}, [LOW]),
        ({"limit": "101"}, [HIGH]),
        ({"limit": "1e300"}, [UNSAFE, HIGH]),
        (
            {"limit": "x"},
            [
                {
                    "expected": "number",
                    "code": "invalid_type",
                    "received": "NaN",
                    "path": ["limit"],
                    "message": "Invalid input: expected number, received NaN",
                }
            ],
        ),
        (
            {"limit": "-Infinity"},
            [
                {
                    "expected": "number",
                    "code": "invalid_type",
                    "received": "Infinity",
                    "path": ["limit"],
                    "message": "Invalid input: expected number, received number",
                }
            ],
        ),
        (
            {"limit": "0.5"},
            [
                {
                    "expected": "int",
                    "format": "safeint",
                    "code": "invalid_type",
                    "path": ["limit"],
                    "message": "Invalid input: expected int, received number",
                }
            ],
        ),
        (
            {"orderDir": "DESC", "limit": "0", "orderBy": "", "type": "pdf", "offset": "-1"},
            [
                LOW,
                {
                    "origin": "number",
                    "code": "too_small",
                    "minimum": 0,
                    "inclusive": True,
                    "path": ["offset"],
                    "message": "Too small: expected number to be >=0",
                },
                {
                    "code": "invalid_value",
                    "values": ["createdAt", "filename", "fileSize"],
                    "path": ["orderBy"],
                    "message": 'Invalid option: expected one of "createdAt"|"filename"|"fileSize"',
                },
                {
                    "code": "invalid_value",
                    "values": ["asc", "desc"],
                    "path": ["orderDir"],
                    "message": 'Invalid option: expected one of "asc"|"desc"',
                },
                {
                    "code": "invalid_value",
                    "values": ["image", "video", "all"],
                    "path": ["type"],
                    "message": 'Invalid option: expected one of "image"|"video"|"all"',
                },
            ],
        ),
    ],
)
def test_all_issues_are_reported_in_the_order_and_shape_of_zod(
    query: dict[str, str], issues: list[dict[str, Any]]
) -> None:
    with pytest.raises(Mismatch) as rejected:
        V1.read_query(ListQuery, query)

    assert [list(issue.items()) for issue in rejected.value.zod] == [list(issue.items()) for issue in issues]


def test_coerced_texts_are_accepted() -> None:
    given = {
        "limit": " 1e1 ",
        "offset": "",
        "orderBy": "fileSize",
        "orderDir": "asc",
        "type": "image",
        "status": "deleted",
    }

    asked = V1.read_query(ListQuery, given)

    assert asked == ListQuery(limit=10, offset=0, orderBy="fileSize", orderDir="asc", type="image")


def test_tags_are_separated_by_commas_and_not_trimmed() -> None:
    some = UUID("01900000-0000-7000-8000-000000000000")
    cases = {
        "": None,
        ",": None,
        ",,,": None,
        "x": [],
        f"{some}": [some],
        f",{some.hex},,x,": [some],
        f" {some}": [],
        f"{some},{some}": [some, some],
    }

    read = {text: V1.read_query(ListQuery, {"tagIds": text}).tag_ids() for text in cases}
    slugs = {
        text: V1.read_query(ListQuery, {"tagSlugs": text}).tag_slugs() for text in ("", ",,", "a", ",a, b,")
    }

    assert read == cases
    assert slugs == {"": None, ",,": None, "a": ["a"], ",a, b,": ["a", " b"]}


@pytest.mark.parametrize(
    ("rejected", "status", "body"),
    [
        (Unauthorized(), 401, {"success": False, "error": "Unauthorized", "code": "HTTP_401", "info": ...}),
        (
            MissingScope("media:read"),
            403,
            {
                "success": False,
                "error": "Insufficient permissions - media:read scope required",
                "code": "INSUFFICIENT_SCOPE",
                "info": ...,
            },
        ),
        (
            Forbidden("no"),
            403,
            {"success": False, "error": "Permission denied", "code": "PERMISSION_DENIED", "info": ...},
        ),
        (
            UnknownOrganization("no"),
            403,
            {"success": False, "error": "Team not found", "code": "TEAM_NOT_FOUND"},
        ),
        (
            NotAMember("no"),
            403,
            {
                "success": False,
                "error": "Access denied: You are not a member of this team",
                "code": "NOT_A_MEMBER",
            },
        ),
        (
            NoOrganization("no"),
            400,
            {"success": False, "error": "Team context required. Include x-team-id header."},
        ),
        (
            NotFound("Media not found"),
            404,
            {"success": False, "error": "Media not found", "code": "HTTP_404", "info": ...},
        ),
        (
            OtherOrganization("Media not found"),
            404,
            {"success": False, "error": "Media not found", "code": "HTTP_404", "info": ...},
        ),
        (
            ServiceUnavailable("Later"),
            503,
            {"success": False, "error": "Later", "code": "HTTP_503", "info": ...},
        ),
        (MethodNotAllowed("PUT", "GET"), 405, None),
        (
            Mismatch([LOW]),
            400,
            {
                "success": False,
                "error": "Invalid query parameters",
                "code": "HTTP_400",
                "details": {"errors": [LOW]},
                "info": ...,
            },
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, ApiError) else "",
)
def test_an_error_has_the_contracts_body(
    rejected: ApiError, status: int, body: dict[str, Any] | None
) -> None:
    answer = V1.error_answer(rejected, "media.list")

    answered = (
        {name: ... if name == "info" else value for name, value in answer.body.items()}
        if isinstance(answer.body, dict)
        else None
    )
    assert (answer.status, answered) == (status, body)
    assert list(answered or {}) == list(body or {})


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("media.list", "Failed to list media"),
        ("media.read", "Failed to fetch media"),
        ("media.delete", "Failed to delete media"),
        ("media.update", "Failed to update media"),
        ("media.list_tags", "Failed to get media tags"),
        ("media.add_tag", "Failed to add tag"),
        ("media.set_tags", "Failed to set tags"),
        ("media.remove_tag", "Failed to remove tag"),
        ("tag.list", "Failed to list media tags"),
        ("tag.create", "Failed to create media tag"),
        ("tag.update", "Failed to update media tag"),
        ("tag.delete", "Failed to delete media tag"),
    ],
)
def test_each_operation_has_its_own_sentence_for_an_internal_error(operation: str, message: str) -> None:
    answer = V1.internal_error("id", operation)

    assert isinstance(answer.body, dict)
    assert answer.body | {"info": ...} == {
        "success": False,
        "error": message,
        "code": "HTTP_500",
        "info": ...,
    }
