"""The examples of the published documents, sent to this server and compared whole.

One table lists the decided differences, each with its reason.
"""

from __future__ import annotations

import hashlib
import json
from functools import cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from uuid import UUID

import pytest

from functions.v1_list_media.handler import app as v1_list_media
from tests.given import pictures
from tests.given.answers import outcome, unsigned
from tests.given.examples import A_URL, GONE, Difference, Document, Names, at, differences, is_a
from tests.given.isolation_cases import NOWHERE, ROUTES, owner, spec_of
from tests.given.loops import call
from tests.given.shapes import A_TIME, AN_ID, SOME_BASE64, Shape
from tests.given.tenants import Client, http
from tools.openapi import DOCUMENT
from vitrine.credentials import mint_id
from vitrine.dialects import studio, v1
from vitrine.permissions import PERMISSIONS
from vitrine.settings import settings

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from tests.given.tenants import Tenant

CHANGE, MOVE, GET, V1, REFERENCE = (
    Document.read(name)
    for name in (
        "000_update_and_delete_media",
        "001_move_media",
        "002_get_media",
        "003_v1_media",
        "004_api_reference",
    )
)

HERO = pictures.jpeg(2400, 1600, quality=60).ljust(184_320, b"\0")
LOGO = pictures.png(400, 200).ljust(45_230, b"\0")
PHOTO = pictures.jpeg(1920, 1080, quality=60).ljust(250_000, b"\0")
FILES = {  # that the examples send
    "photo.jpg": (PHOTO, "image/jpeg"),
    "photo1.jpg": (pictures.jpeg(40, 30, seed=1), "image/jpeg"),
    "photo2.png": (pictures.png(40, 30, seed=2), "image/png"),
}

ANYTHING: Final = type(
    "Anything", (), {"__eq__": lambda _, __: True, "__hash__": lambda _: 0, "__repr__": lambda _: "anything"}
)()
A_CODE = Shape("a code of its status", r"HTTP_\d{3}")


class Decided(NamedTuple):
    """One decided difference of an answer from its example."""

    number: str  # of a decision (D) or a contradiction (C) of the dialect's contract
    examples: tuple[str, ...]  # with the difference; (): all of the dialect
    path: str  # with everything inside
    actual: object  # the value in the answer, where the example has another or none
    why: str


BEYOND = "a field that the documents do not have"
STUDIO: tuple[Decided, ...] = (
    Decided("D8", ("002 get", "000 rename"), "media.isActive", True, BEYOND),
    Decided("D8", ("002 get", "000 rename"), "media.filename", "hero-shot.jpg", BEYOND),
    Decided("D8", ("002 get", "000 rename"), "media.mimeType", "image/jpeg", BEYOND),
    Decided("D8", ("002 get", "000 rename"), "media.takenAt", None, BEYOND),
    Decided("D8", ("002 get", "000 rename"), "media.placeholder", SOME_BASE64, BEYOND),
    Decided("D8", ("002 get", "000 rename"), "media.colors", ANYTHING, BEYOND),
    Decided("D8", ("002 get", "000 rename"), "media.sha256", hashlib.sha256(HERO).hexdigest(), BEYOND),
    Decided("D8", ("002 get", "000 rename"), "media.processing.state", "ready", BEYOND),
    Decided("D8", ("002 get", "000 rename"), "media.processing.reason", None, BEYOND),
    Decided("D10", ("002 get",), "media.frames[].thumbnailBlob", A_URL, "a later client reads it"),
    Decided("D10", ("002 get",), "media.frames[].objects[].polygon", ANYTHING, "the text promises boxes"),
    Decided("D10", ("002 get",), "media.frames[].objects[].confidence", 0.5, "the text promises boxes"),
    *(
        Decided(
            "C4",
            ("000 rename",),
            f"media.{name}",
            ANYTHING,
            "the example is cut short: clients read the whole item, as GET shows it",
        )
        for name in GET.example("get").answer["media"]
        if name not in CHANGE.example("rename").answer["media"]
    ),
    Decided("D12", ("000 delete", "000 delete an original"), "deletionId", AN_ID, "each deletion has one id"),
)

ENVELOPE = "the public code has it, and its tests require it; the document leaves it out"
REJECTED = tuple(f"003 {error.status} {error.route}" for error in V1.errors if error.answer is not None)
V1_DECIDED: tuple[Decided, ...] = (
    Decided("C1", ("003 list",), "info.limit", 10, "some clients look for paging there"),
    Decided("C1", ("003 list",), "info.offset", 0, "some clients look for paging there"),
    Decided("C1", ("003 list",), "info.total", 1, "some clients look for paging there"),
    Decided("C2", (), "info.timestamp", A_TIME, ENVELOPE),
    Decided("C3", tuple(name for name in REJECTED if " 403 " not in name), "code", A_CODE, ENVELOPE),
    Decided(
        "C6",
        ("003 403 GET /api/v1/media",),
        "code",
        "INSUFFICIENT_SCOPE",
        "the code's word, beside the document's sentence",
    ),
    Decided(
        "C7",
        ("003 400 GET /api/v1/media",),
        "details.errors[].origin",
        "number",
        "the public code runs zod 4",
    ),
    Decided(
        "C7", ("003 400 GET /api/v1/media",), "details.errors[].inclusive", True, "the public code runs zod 4"
    ),
    Decided(
        "C7",
        ("003 400 GET /api/v1/media",),
        "details.errors[].message",
        "Too big: expected number to be <=100",
        "the public code runs zod 4",
    ),
    Decided("C13", ("003 delete",), "data.success", True, "the public tests want it beside the message"),
    Decided("C13", ("003 delete",), "data.id", ANYTHING, "the public tests want it beside the message"),
    Decided("C17", ("003 upload a file",), "data.storage", "s3", "where the files are"),
    Decided("D2", ("003 list",), "data.data[].processing", ANYTHING, "how far its frames are"),
    Decided(
        "D2",
        ("003 get", "003 update", "003 create a record"),
        "data.processing",
        ANYTHING,
        "how far its frames are",
    ),
    Decided("D2", ("003 upload a file",), "data.media[].processing", ANYTHING, "how far its frames are"),
    Decided(
        "D5",
        ("003 duplicates found",),
        "data.duplicates[].existing[].match",
        "name_and_size",
        "content may match, too",
    ),
    Decided(
        "D5",
        ("003 duplicates found",),
        "data.duplicates[].existing[].status",
        "active",
        "files in the trash may match, too",
    ),
)
# C5: removing a tag edits the item; the document's table has another scope
SCOPES = {"DELETE /api/v1/media/{id}/tags": "media:write"}


class Scene:
    """A tenant, the values of the documents' placeholders in it, and the differences of its answers."""

    def __init__(self, tenant: Tenant, decided: tuple[Decided, ...], names: dict[str, str]) -> None:
        key, session = tenant.studio.key or "", tenant.signed_in().token or ""
        self.tenant, self.decided, self.wrong = tenant, decided, list[tuple[str, object]]()
        self.used, self.asked = set[Decided](), set[str]()
        self.names = Names(
            {
                "YOUR_API_KEY": key,
                "YOUR_TOKEN": session,
                "YOUR_SESSION_TOKEN": session,
                "sk_live_abc123": key,
                **names,
            }
        )

    def ask(self, document: Document, name: str, **names: str) -> httpx.Response:
        """Send the request of this example, compare the answer with the document's, and return it."""
        example = document.example(name)
        known = Names({**self.names, **names})
        path, headers = known.fill(example.path), known.fill(example.headers)
        files = [(field, (file, *FILES[file])) for field, file in example.form]
        sent: dict[str, Any] = (
            {"files": files}
            if files
            else {}
            if example.body is None
            else {"content": json.dumps(known.fill(example.body))}
        )
        answer = http().request(example.method, path, headers=headers, **sent)
        self.compare(
            document,
            f"{document_number(document)} {name}",
            (answer.status_code, answer.json()),
            (example.status, example.answer),
            known,
        )
        self.names.update({symbol: here for symbol, here in known.items() if symbol not in names})
        return answer

    def compare(
        self, document: Document, name: str, answer: tuple[int, Any], example: tuple[int, Any], names: Names
    ) -> None:
        """Compare status and body, and record the differences that are not decided."""
        self.asked.add(name)
        if answer[0] != example[0]:
            self.wrong.append((name, answer))
        differing = differences(document, example[1], answer[1], names) if example[1] is not None else []
        for each in differing:
            reasons = [decided for decided in self.decided if covers(decided, name, each)]
            self.used.update(reasons)
            if not reasons:
                self.wrong.append((name, each))

    @property
    def unneeded(self) -> list[Decided]:
        """Return the decided differences of the compared examples that did not occur."""
        return [
            each
            for each in self.decided
            if each not in self.used and (not each.examples or self.asked & {*each.examples})
        ]


def covers(decided: Decided, name: str, difference: Difference) -> bool:
    within = difference.path == decided.path or (
        decided.actual is ANYTHING and difference.path.startswith((f"{decided.path}.", f"{decided.path}["))
    )
    return (
        (not decided.examples or name in decided.examples)
        and within
        and difference.actual is not GONE
        and decided.actual == difference.actual
    )


def document_number(document: Document) -> str:
    return {
        CHANGE.document: "000",
        MOVE.document: "001",
        GET.document: "002",
        V1.document: "003",
        REFERENCE.document: "004",
    }[document.document]


# The Studio API.


def test_the_studio_documents_examples_are_answered_so(tenant: Tenant) -> None:
    collection = tenant.studio.post(
        f"/api/organization/{tenant.id.hex}/datasets", json={"name": "Product Photos"}
    ).json()["id"]
    folder, archive = (made_folder(tenant, collection, name) for name in ("Shoes", "Archive"))
    item = tenant.ready(HERO, "hero-shot.jpg", datasetId=collection, path=f"{collection}.{folder}")
    scene = Scene(
        tenant,
        STUDIO,
        {
            "MEDIA_ID": item,
            "abc123def456": item,
            "COLLECTION_ID": collection,
            "collectionId": collection,
            "folderId": folder,
            "archiveFolderId": archive,
            "userId123": tenant.owner.user_id.hex,
            "orgId333": tenant.id.hex,
        },
    )
    analyzed(tenant, item, scene.names)

    shown = scene.ask(GET, "get")
    scene.ask(MOVE, "move")
    listed = [scene.ask(REFERENCE, name) for name in ("with a key", "with a session's token")]
    renamed = scene.ask(CHANGE, "rename")
    afterwards = tenant.studio.get(f"/api/media/{item}")
    for seed in range(2):
        tenant.ready(pictures.jpeg(40, 30, seed=seed), sourceMediaId=item)
    scene.ask(CHANGE, "delete")

    assert scene.wrong == []
    assert scene.unneeded == []
    assert [
        (table["at"], name)
        for table in GET.objects
        for thing in at(shown.json(), table["at"])
        for name, kinds in table["fields"].items()
        if not is_a(thing[name], kinds)
    ] == []
    assert json.loads(unsigned(renamed.text)) == json.loads(unsigned(afterwards.text))
    assert [sorted(each["id"] for each in answer.json()["media"]) for answer in listed] == [
        sorted([folder, archive])
    ] * 2
    assert tenant.inconsistencies() == []


def made_folder(tenant: Tenant, collection: str, name: str) -> str:
    found: str = tenant.studio.post("/api/folder", json={"datasetId": collection, "name": name}).json()[
        "folder"
    ]["id"]
    return found


def analyzed(tenant: Tenant, item: str, names: Names) -> None:
    """Give the item the example's caption, object, tags and moderation."""
    frame = UUID(tenant.studio.get(f"/api/media/{item}").json()["media"]["frames"][0]["id"])
    made = {"captionId111": mint_id(), "objectId222": mint_id()}
    with owner() as connection:
        connection.execute(
            """insert into captions (organization_id, id, frame_id, text)
               values (%s, %s, %s, 'A red shoe on a white background.')""",
            [tenant.id, made["captionId111"], frame],
        )
        connection.execute(
            """insert into detections (organization_id, id, frame_id, type, label, score, polygon, crop_key)
               select organization_id, %s, id, 'object', 'shoe', 0.5,
                      '[{"x": 1, "y": 2}, {"x": 3, "y": 4}]', key
                 from frames
                where id = %s""",
            [made["objectId222"], frame],
        )
        for group, value in (("color", "red"), ("category", "product")):
            tag = mint_id()
            connection.execute(
                'insert into tags (organization_id, id, "group", name) values (%s, %s, %s, %s)',
                [tenant.id, tag, group, value],
            )
            connection.execute(
                "insert into media_tags (organization_id, media_id, tag_id) values (%s, %s, %s)",
                [tenant.id, UUID(item), tag],
            )
        moderation = json.dumps(GET.example("get").answer["media"]["metadata"]["moderation"])
        connection.execute("update media set moderation = %s where id = %s", [moderation, UUID(item)])
        connection.execute("update versions set moderation = %s where id = %s", [moderation, UUID(item)])
    names.update({"frameId789": frame.hex, **{symbol: each.hex for symbol, each in made.items()}})


class Rejected(NamedTuple):
    """A request that leads to a documented error, and the whole body of the answer."""

    when: str
    who: Client
    path: str
    body: dict[str, str] | None
    expected: dict[str, Any]


def test_the_studio_documents_errors_are_answered_so(tenant: Tenant, stranger: Tenant) -> None:
    home, theirs = tenant.collection_id.hex, stranger.collection_id.hex
    outer = made_folder(tenant, home, "Outer")
    inner = tenant.studio.post(
        "/api/folder", json={"datasetId": home, "name": "Inner", "path": f"{home}.{outer}"}
    ).json()["folder"]["id"]
    elsewhere = tenant.studio.post(
        f"/api/organization/{tenant.id.hex}/datasets", json={"name": "Elsewhere"}
    ).json()["id"]
    foreign = made_folder(stranger, theirs, "Foreign")
    me, nobody, viewer, to = tenant.studio, Client(None), tenant.client("viewer"), {"destinationPath": home}
    unauthorized = {"error": "Missing or invalid authentication", "code": "unauthorized"}
    not_found = {"error": "Media not found", "code": "not_found"}
    no_access = {"error": "No access to this item's organization", "code": "other_organization"}
    provoked: dict[tuple[str, int], list[Rejected]] = {
        ("PATCH /api/media/{mediaId}", 400): [
            Rejected(
                "Neither name nor metadata was provided",
                me,
                outer,
                {},
                {"error": "Neither name nor metadata was provided", "code": "invalid"},
            ),
        ],
        ("PATCH /api/media/{mediaId}", 401): [
            Rejected("Missing or invalid authentication", nobody, outer, {"name": "x"}, unauthorized)
        ],
        ("PATCH /api/media/{mediaId}", 404): [
            Rejected("Media not found", me, NOWHERE, {"name": "x"}, not_found)
        ],
        ("DELETE /api/media/{mediaId}", 401): [
            Rejected("Missing or invalid authentication", nobody, outer, None, unauthorized)
        ],
        ("DELETE /api/media/{mediaId}", 404): [Rejected("Media not found", me, NOWHERE, None, not_found)],
        ("PATCH /api/media/{mediaId}/move", 400): [
            Rejected(
                "destinationPath missing",
                me,
                outer,
                {},
                {
                    "error": "destinationPath: Required",
                    "code": "invalid",
                    "details": [{"path": ["destinationPath"], "message": "Required"}],
                },
            ),
            Rejected(
                "destination is a descendant of source",
                me,
                outer,
                {"destinationPath": f"{home}.{outer}.{inner}"},
                {
                    "error": "A folder cannot be moved into itself or into a folder below it",
                    "code": "invalid",
                },
            ),
            Rejected(
                "destination is in a different collection",
                me,
                outer,
                {"destinationPath": elsewhere},
                {
                    "error": "destinationPath is in another collection; items move within their own",
                    "code": "invalid",
                },
            ),
        ],
        ("PATCH /api/media/{mediaId}/move", 401): [
            Rejected("Missing or invalid authentication", nobody, outer, to, unauthorized)
        ],
        ("PATCH /api/media/{mediaId}/move", 403): [
            Rejected("No organization access", me, foreign, to, no_access),
            Rejected(
                "insufficient role",
                viewer,
                outer,
                to,
                {
                    "error": "This takes the role owner, admin or editor; yours is viewer",
                    "code": "insufficient_role",
                },
            ),
        ],
        ("PATCH /api/media/{mediaId}/move", 404): [Rejected("Item not found", me, NOWHERE, to, not_found)],
        ("GET /api/media/{mediaId}", 401): [
            Rejected("Missing or invalid authentication", nobody, outer, None, unauthorized)
        ],
        ("GET /api/media/{mediaId}", 403): [
            Rejected("No access to this media item's organization", me, foreign, None, no_access)
        ],
        ("GET /api/media/{mediaId}", 404): [Rejected("Media not found", me, NOWHERE, None, not_found)],
    }
    internal = studio.STUDIO.internal_error("an id", "media.read")

    answered = [
        (route, each.when, (answer.status_code, answer.json()), (status, each.expected))
        for (route, status), rejected in provoked.items()
        for each in rejected
        for answer in [send(each, route)]
    ]

    assert [
        (route, when, answer, expected) for route, when, answer, expected in answered if answer != expected
    ] == []
    documented = {
        (each.route, each.status, each.when) for document in (CHANGE, MOVE, GET) for each in document.errors
    }
    assert documented == {
        *((*key, each.when) for key, rejected in provoked.items() for each in rejected),
        ("GET /api/media/{mediaId}", 500, "Internal server error"),
    }
    assert (internal.status, internal.body) == (
        500,
        {"error": "Internal server error", "code": "internal_error", "requestId": "an id"},
    )


def send(rejected: Rejected, route: str) -> httpx.Response:
    method, _, path = route.partition(" ")
    return rejected.who.request(
        method,
        path.replace("{mediaId}", rejected.path),
        **({} if rejected.body is None else {"json": rejected.body}),
    )


# The v1 API.


def test_the_v1_documents_examples_are_answered_so(tenant: Tenant) -> None:
    logo = str(
        UUID(
            tenant.ready(
                LOGO, "company-logo.png", "image/png", title="Company Logo", alt="ACME Corp logo in blue"
            )
        )
    )
    item = "550e8400-e29b-41d4-a716-446655440000"
    scene = Scene(
        tenant, V1_DECIDED, {item: logo, "user-123": str(tenant.owner.user_id), "team-456": str(tenant.id)}
    )

    scene.ask(V1, "no duplicates")
    scene.ask(V1, "list")
    scene.ask(V1, "get")
    uploaded = scene.ask(V1, "upload a file")
    scene.ask(V1, "duplicates found", **{item: uploaded.json()["data"]["media"][0]["id"]})
    scene.ask(V1, "create a record")
    scene.ask(V1, "update")
    scene.ask(V1, "create a tag")
    coloured(tenant, scene.names)
    scene.ask(V1, "add a tag")
    scene.ask(V1, "tags of an item")
    replaced = scene.ask(V1, "replace all tags")
    scene.ask(V1, "remove a tag")
    left = tenant.studio.get(f"/api/v1/media/{logo}/tags").json()["data"]
    scene.ask(V1, "list tags")
    several = scene.ask(V1, "upload files")
    scene.ask(V1, "delete")

    assert scene.wrong == []
    assert scene.unneeded == []
    assert scene.asked == {f"003 {each.name}" for each in V1.examples}
    assert [tag["slug"] for tag in replaced.json()["data"]] == ["brand", "product-photos"]
    assert [tag["slug"] for tag in left] == ["product-photos"]
    assert (
        [each["filename"] for each in several.json()["data"]["media"]],
        several.json()["data"]["count"],
    ) == (["photo1.jpg", "photo2.png"], 2)
    assert tenant.inconsistencies() == []


def coloured(tenant: Tenant, names: Names) -> None:
    """Give the team the document's two tags, with their colours."""
    tags = (
        ("tag-001", "Brand", "brand", "#3b82f6", 0),
        ("tag-002", "Product Photos", "product-photos", "#10b981", 1),
    )
    with owner() as connection:
        for symbol, name, slug, colour, order in tags:
            made = connection.execute(
                """insert into tags (organization_id, id, "group", name, slug, color, "order") values (%s, %s,
                'tags', %s, %s, %s, %s) on conflict (organization_id, "group", name) do update set color =
                excluded.color, "order" = excluded."order" returning id""",
                [tenant.id, mint_id(), name, slug, colour, order],
            ).fetchone()
            assert made is not None
            names[symbol] = str(made["id"])


def test_the_v1_documents_errors_are_answered_so(
    tenant: Tenant, another_environment: pytest.MonkeyPatch
) -> None:
    me, poor, nobody = tenant.studio, tenant.client(scopes=["media:write", "media:delete"]), Client(None)
    scene = Scene(tenant, V1_DECIDED, {})
    requests: dict[tuple[str, int], Callable[[], httpx.Response]] = {
        ("GET /api/v1/media", 400): lambda: me.get("/api/v1/media?limit=101"),
        ("GET /api/v1/media", 401): lambda: nobody.get("/api/v1/media"),
        ("GET /api/v1/media", 403): lambda: poor.get("/api/v1/media"),
        ("GET /api/v1/media/{id}", 404): lambda: me.get(f"/api/v1/media/{NOWHERE}"),
        ("DELETE /api/v1/media/{id}", 404): lambda: me.delete(f"/api/v1/media/{NOWHERE}"),
        ("GET /api/v1/media", 429): over_the_limit(tenant, another_environment),
    }
    internal = v1.V1.internal_error("an id", "media.list")

    for error in V1.errors:
        key = (error.route, error.status)
        answer = (
            (internal.status or 0, json.loads(json.dumps(internal.body)))
            if error.status == 500
            else outcome(requests.pop(key)())
        )
        scene.compare(
            V1, f"003 {error.status} {error.route}", answer, (error.status, error.answer), scene.names
        )

    assert requests == {}
    assert scene.wrong == []
    assert scene.unneeded == []


def over_the_limit(tenant: Tenant, environment: pytest.MonkeyPatch) -> Callable[[], httpx.Response]:
    """Return a request that is over its rate limit."""

    def ask() -> httpx.Response:
        environment.setenv("V1_READ_LIMIT", "0")
        settings.cache_clear()
        return call(v1_list_media, "GET", "/api/v1/media", headers={"x-api-key": tenant.studio.key or ""})

    return ask


# Both APIs.


def test_every_endpoint_of_the_documents_exists_with_its_scope_and_the_fields_of_its_requests() -> None:
    served = {unnamed(route.key): route for route in ROUTES}
    wanted = [route for document in (REFERENCE, V1) for route in document.endpoints]
    assert [route for route in wanted if unnamed(route) not in served] == []

    scopes = {route: SCOPES.get(route, scope) for route, scope in V1.scopes.items()}
    operations = {route: spec_of(served[unnamed(route)]).operation or "" for route in scopes}
    assert {route: PERMISSIONS[operation].scope for route, operation in operations.items()} == scopes

    tables = [table for document in (CHANGE, MOVE, V1) for table in document.requests]
    assert [
        (table["route"], name, field, taken)
        for table in tables
        for name, field in table["fields"].items()
        for taken in [parameter(served[unnamed(table["route"])].key, table["in"], name)]
        if not agrees(field, taken)
    ] == []


def unnamed(route: str) -> str:
    """Return the route without the names of its variables."""
    return "/".join("{}" if part.startswith("{") else part for part in route.split("/"))


@cache
def description() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(DOCUMENT.read_text())
    return document


def parameter(route: str, where: str, name: str) -> dict[str, Any] | None:
    """Return the schema of a field of query or body from our OpenAPI, with `required`.

    None: no such field.
    """
    method, _, path = route.partition(" ")
    operation = description()["paths"][path][method.lower()]
    if where == "query":
        return next(
            (
                {**each["schema"], "required": each["required"]}
                for each in operation["parameters"]
                if each["name"] == name
            ),
            None,
        )
    schema = operation["requestBody"]["content"]["application/json"]["schema"]
    schema = (
        description()["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
        if "$ref" in schema
        else schema
    )
    return (
        {**schema["properties"][name], "required": name in schema.get("required", [])}
        if name in schema["properties"]
        else None
    )


def agrees(field: dict[str, Any], served: dict[str, Any] | None) -> bool:
    """Whether the field of our OpenAPI is as in the document's table."""
    if served is None or served["required"] != field.get("required", False):
        return False
    inner = next((each for each in served.get("anyOf", []) if each.get("type") != "null"), served)
    names = {"max": "maxLength" if field["type"].startswith("string") else "maximum", "min": "minimum"}
    limits = all(inner.get(word) == field[name] for name, word in names.items() if name in field)
    words = field["type"].split("|") == inner["enum"] if "enum" in inner else True
    return limits and words and ("default" not in field or served.get("default") == field["default"])
