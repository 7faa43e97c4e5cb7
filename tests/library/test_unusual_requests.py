"""Requests that none of our clients sends and others may: valid ones are accepted, all others are rejected
with a sentence.
"""

from __future__ import annotations

import json
import os
import urllib.error
import urllib.request
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from tests.given.isolation_cases import NOWHERE
from tests.given.shapes import A_TIME, hyphened
from tests.given.tenants import Client, http

if TYPE_CHECKING:
    import httpx

    from tests.given.tenants import Tenant

JSON = {"content-type": "application/json"}
NOT_JSON = "The body is not valid JSON"
NO_OBJECT = "body: Must be an object"
A_NUMBER = "limit: Must be a whole number"


def test_a_number_in_a_query_is_digits_and_of_a_repeated_parameter_the_last_counts(tenant: Tenant) -> None:
    create_folder(tenant)
    pages: dict[str, int | str] = {  # query -> the limit that counts, or the error
        "": 10,
        "limit=": 10,
        "limit=5": 5,
        "limit=05": 5,
        "limit=5.0": 5,
        "limit=%2B5": 5,
        "limit=%205": 5,
        "%6Cimit=5": 5,
        "limit=5&limit=7": 7,
        "limit=7&unknown=x&LIMIT=0&limit[]=0": 7,
        "type=image&type=folder&limit=3": 3,
        "path=&type=&cursor=&q=&recursive=false": 10,
        **dict.fromkeys(
            (
                "limit=1_0",
                "limit=1_0.0",
                "limit=1e1",
                "limit=0x10",
                "limit=NaN",
                "limit=null",
                "limit=%D9%A5",
                "limit=5.5",
            ),
            A_NUMBER,
        ),
        **dict.fromkeys(("limit=5;offset=2", "limit=%zz", "limit=true"), A_NUMBER),
        "limit=0": "limit: Must be 1 or more",
        "limit=1001": "limit: Must be 1000 or less",
        "limit=9999999999999999999999": "limit: Must be 1000 or less",
        "offset=1_0": "offset: Must be a whole number",
        "offset=9007199254740992": "offset: Must be 9007199254740991 or less",
        "limit=5%00": "A text holds a character that cannot be stored",
        "x=%00": "A text holds a character that cannot be stored",
        "sortDirection=ASC": "sortDirection: Must be one of asc, desc",
        "type=IMAGE": "type: Must be one of image, video, folder, all",
    }

    answers: dict[str, int | str] = {}
    for query in pages:
        answer = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media?{query}")
        answered = answer.json()
        answers[query] = answered["pagination"]["limit"] if answer.status_code == 200 else answered["error"]
        assert answer.status_code == (200 if isinstance(pages[query], int) else 400), query

    assert answers == pages


def test_which_bodies_are_accepted(tenant: Tenant) -> None:
    folder = create_folder(tenant)
    deep = b"[" * 300 + b"]" * 300
    names: dict[bytes, str] = {  # body -> the name that is stored, or the error
        b'{"name":"a","name":"b"}': "b",
        b'{"name":"\\ud83d\\ude00"}': "\U0001f600",
        b'{"name":"e\\u0301"}': "\u00e9",
        b' {"name" : "a/b"}\r\n': "a/b",
        b'{"name":"x","unknown":[1],"id":5}': "x",
        b'{"name":"y","metadata":{"n":5.0,"big":123456789012345678901234567890}}': "y",
        b'{"name":"\xf0\x9f\x98\x80"}': "\U0001f600",
        **dict.fromkeys((b"", b" \n", b"{}", b'{"unknown":1}'), "Neither name nor metadata was provided"),
        **dict.fromkeys((b"null", b"[]", b'"x"', b"5", b"true"), NO_OBJECT),
        **dict.fromkeys(
            (
                b"{",
                b'{"name":"x",}',
                b"{'name':'x'}",
                b"name=x",
                b'{"name":"\\ud800"}',
                b'{"name":"\\udc00\\ud83d"}',
            ),
            NOT_JSON,
        ),
        **dict.fromkeys(
            (
                b'{"name":"\xff"}',
                b'{"metadata":{"n":NaN}}',
                b'{"metadata":' + deep + b"}",
                b'{"metadata":{"\\ud800":1}}',
            ),
            NOT_JSON,
        ),
        b'{"metadata":{"n":1e400}}': "A number is too large to be kept",
        b'{"name":"a\\u0000"}': "A text holds a character that cannot be stored",
        b'{"name":5}': "name: Must be a string",
        b'{"name":null}': "name: Must be a string",
        b'{"metadata":null}': "metadata: Must be an object",
        b'{"name":""}': "name must have 1 to 255 characters",
        b'{"name":"' + b"a" * 256 + b'"}': "name must have 1 to 255 characters",
    }

    answers: dict[bytes, str] = {}
    for body in names:
        answer = tenant.studio.patch(f"/api/media/{folder}", content=body, headers=JSON)
        answers[body] = (
            answer.json()["media"]["name"] if answer.status_code == 200 else answer.json()["error"]
        )
        assert answer.status_code in (200, 400), body
    typed = {
        kind: tenant.studio.patch(
            f"/api/media/{folder}", content=b'{"name":"z"}', headers={"content-type": kind}
        ).status_code
        for kind in ("application/json; charset=utf-8", "text/plain", "application/x-www-form-urlencoded", "")
    }

    assert answers == names
    assert set(typed.values()) == {200}, "the body is JSON, whatever its content-type"
    stored = tenant.studio.get(f"/api/media/{folder}", headers=JSON).json()["media"]["metadata"]
    assert (stored["n"], stored["big"]) == (5.0, 123456789012345678901234567890)


def test_a_client_that_sends_its_whole_body_first_reads_why_it_is_too_large(tenant: Tenant) -> None:
    headers = {**JSON, "x-api-key": str(tenant.studio.key)}  # and `Connection: close`, as urllib has it
    request = urllib.request.Request(os.environ["API_URL"] + "/api/v1/media-tags", b"x" * 8_000_000, headers)

    with pytest.raises(urllib.error.HTTPError) as rejected:
        urllib.request.urlopen(request, timeout=30)

    with rejected.value:
        assert (rejected.value.code, json.load(rejected.value)["error"]) == (
            413,
            (
                "The body of a request may hold 4194304 bytes; "
                "larger files go through the upload protocol at /api/upload"
            ),
        )


def test_which_paths_name_an_item(tenant: Tenant) -> None:
    folder = create_folder(tenant)
    equal = [folder, folder.upper(), hyphened(folder), f"%{ord(folder[0]):02x}{folder[1:]}"]
    unknown = [
        f"{folder}%00",
        f"%7B{folder}%7D",
        f"{folder};x=1",
        f"{folder}%20",
        "%F0%9F%98%80",
        "%ff",
        "a" * 5000,
        f"{folder}.json",
        NOWHERE,
    ]
    nowhere = [f"{folder}/", f"{folder}//", "", f"..%2F{folder}", f"{folder}/x/y"]

    answers = {name: tenant.studio.get(f"/api/media/{name}") for name in (*equal, *unknown, *nowhere)}

    assert [answers[name].json()["media"]["id"] for name in equal] == [folder] * len(equal)
    assert [outcome(answers[name]) for name in unknown] == [
        (404, {"error": "Media not found", "code": "not_found"})
    ] * len(unknown)
    assert [outcome(answers[name]) for name in nowhere] == [
        (404, {"error": "There is nothing at this address", "code": "not_found"})
    ] * len(nowhere)


def test_the_order_of_errors_in_studio(tenant: Tenant, stranger: Tenant) -> None:
    folder, foreign = create_folder(tenant), create_folder(stranger)
    unscoped, viewer, stale = (
        tenant.client(scopes=["media:read"]),
        tenant.client("viewer"),
        {"if-match": '"another"'},
    )
    codes: dict[tuple[str, str], str] = {}
    for who, client in (
        ("no credential", Client(None)),
        ("a key without the scope", unscoped),
        ("a viewer", viewer),
        ("the owner", tenant.studio),
    ):
        for what, item in (
            ("foreign", foreign),
            ("unknown", NOWHERE),
            ("malformed", "x"),
            ("visible", folder),
        ):
            codes[who, what] = client.patch(f"/api/media/{item}", content=b"{", headers=JSON | stale).json()[
                "code"
            ]
    codes["the owner", "stale"] = tenant.studio.patch(
        f"/api/media/{folder}", json={"name": "x"}, headers=stale
    ).json()["code"]

    expected = {"foreign": "other_organization", "unknown": "not_found", "malformed": "not_found"}
    assert codes == {
        **{("no credential", what): "unauthorized" for what in (*expected, "visible")},
        **{
            (who, what): code
            for who in ("a key without the scope", "a viewer", "the owner")
            for what, code in expected.items()
        },
        ("a key without the scope", "visible"): "insufficient_scope",
        ("a viewer", "visible"): "insufficient_role",
        ("the owner", "visible"): "invalid",
        ("the owner", "stale"): "stale",
    }


def test_which_of_several_credentials_counts(tenant: Tenant) -> None:
    key, token, wrong = tenant.studio.key or "", tenant.signed_in().token or "", "sk_live_" + "0" * 64
    sent: list[tuple[dict[str, str], int, int]] = [  # headers, status in Studio, status in v1
        ({}, 401, 401),
        ({"x-api-key": ""}, 401, 401),
        ({"x-api-key": "", "authorization": f"Bearer {token}"}, 200, 200),
        ({"x-api-key": "", "cookie": f"better-auth.session_token={token}"}, 200, 200),
        ({"authorization": f"Bearer {key}"}, 200, 200),
        ({"authorization": f"Basic {key}"}, 401, 401),
        ({"authorization": "Bearer"}, 401, 401),
        ({"x-api-key": key.upper()}, 401, 401),
        ({"x-api-key": "a" * 9000}, 401, 401),
        # each dialect reads one of the two
        ({"x-api-key": wrong, "authorization": f"Bearer {key}"}, 401, 200),
        ({"x-api-key": key, "authorization": f"Bearer {wrong}"}, 200, 401),
        # beside an unknown key the session counts
        ({"x-api-key": wrong, "cookie": f"better-auth.session_token={token}"}, 200, 200),
    ]

    statuses = [
        (
            headers,
            *(
                http().get(path, headers={**headers, "sec-fetch-site": "same-origin"}).status_code
                for path in ("/api/me", "/api/v1/media")
            ),
        )
        for headers, _, _ in sent
    ]

    assert statuses == sent


def test_unusual_requests_to_v1(tenant: Tenant, stranger: Tenant) -> None:
    # body of a switch of teams -> the error, then path and message of its issues
    bodies: dict[bytes, tuple[str, list[Any]]] = {
        b"": ("Validation failed", [["teamId"], "Invalid input: expected string, received undefined"]),
        b"null": ("Validation failed", [[], "Invalid input: expected object, received null"]),
        b"[]": ("Validation failed", [[], "Invalid input: expected object, received array"]),
        b'{"teamId":5.0}': (
            "Validation failed",
            [["teamId"], "Invalid input: expected string, received number"],
        ),
        b'{"teamId":""}': (
            "Validation failed",
            [["teamId"], "Too small: expected string to have >=1 characters"],
        ),
        b"{": (NOT_JSON, []),
        b'{"teamId":"\\ud800"}': (NOT_JSON, []),
        b'{"teamId":"\\u0000"}': ("A text holds a character that cannot be stored", []),
        b'{"teamId":"x"}': ("Team not found", []),
    }
    teams = {
        "": 200,
        "x": 403,
        NOWHERE: 403,
        str(stranger.id): 403,
        tenant.id.hex: 200,
        str(tenant.id).upper(): 200,
    }
    limits = {
        "%205%20": 5,
        "1e1": 10,
        "0x10": 16,
        "5.0": 5,
        "5&limit=7": 7,
        "1_0": None,
        "%D9%A5": None,
        "": None,
        "5.5": None,
        "1e400": None,
    }

    switched = {}
    for body in bodies:
        answer = tenant.studio.post("/api/v1/teams/switch", content=body, headers=JSON).json()
        issues = answer.get("details", {"errors": []})["errors"]
        switched[body] = (
            answer["error"],
            [part for issue in issues for part in (issue["path"], issue["message"])],
        )
    asked = {
        team: tenant.studio.get("/api/v1/media", headers={"x-team-id": team}).status_code for team in teams
    }
    counted = {
        limit: tenant.studio.get(f"/api/v1/media?limit={limit}").json().get("data", {}).get("limit")
        for limit in limits
    }
    blank = tenant.studio.get("/api/v1/media/%20")

    assert switched == bodies
    assert asked == teams
    assert counted == limits
    assert outcome(blank) == (
        404,
        {"success": False, "error": "Media not found", "code": "HTTP_404", "info": {"timestamp": A_TIME}},
    )


def test_an_items_organization_has_precedence_over_the_one_in_the_header(
    tenant: Tenant, stranger: Tenant
) -> None:
    folder = create_folder(tenant)

    answers = [
        tenant.studio.get(f"/api/media/{folder}", headers={"x-team-id": team})
        for team in (stranger.id.hex, NOWHERE, "x", tenant.id.hex)
    ]

    assert [answer.status_code for answer in answers] == [200] * 4


def create_folder(tenant: Tenant) -> str:
    folder: str = tenant.studio.post(
        "/api/folder", json={"datasetId": tenant.collection_id.hex, "name": "A folder"}
    ).json()["folder"]["id"]
    return UUID(folder).hex


def outcome(answer: httpx.Response) -> tuple[int, Any]:
    return answer.status_code, json.loads(answer.text)
