"""One normal form of text: texts are stored in NFC and found in either form; opaque texts stay as
they came.
"""

from __future__ import annotations

import json
import time
import unicodedata
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import pytest

from functions.v1_check_duplicates.handler import app as check_duplicates
from tests.given import pictures
from tests.given.isolation_cases import ROUTES, spec_of
from tests.given.names import COMPOSED, DECOMPOSED
from tests.given.people import PASSWORD, SIGN_IN, SIGN_UP, PersonWithPassword
from tests.given.tags import add, given, remove, rename, tags_of
from tests.given.tags import folder as a_folder
from tests.given.tenants import Client
from tests.uploads.test_upload_form import File, home, send
from vitrine.dialects.formats import show_cursor
from vitrine.errors import Invalid
from vitrine.models.pages import Cursor
from vitrine.texts import EXACT, MAX_MARKS, compose, compose_all, fold_email, marked_fields

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.given.tenants import Tenant

PHOTO = pictures.jpeg(40, 30, seed=71)
ESCAPED = json.dumps(DECOMPOSED)  # as clients in ASCII send it
KELVIN = "\u212a"  # its NFC is the letter K
BOTH = [COMPOSED, DECOMPOSED]


def studio_item(tenant: Tenant, item: str) -> dict[str, Any]:
    shown: dict[str, Any] = tenant.studio.get(f"/api/media/{item}").json()["media"]
    return shown


def v1_item(tenant: Tenant, item: str) -> dict[str, Any]:
    shown: dict[str, Any] = tenant.studio.get(f"/api/v1/media/{item}").json()["data"]
    return shown


def create_link(tenant: Tenant, **more: object) -> str:
    body = {
        "url": "https://example.org/a.jpg",
        "filename": "a.jpg",
        "fileSize": 5,
        "mimeType": "image/jpeg",
        **more,
    }
    answer = tenant.studio.post("/api/v1/media", json=body)
    assert answer.status_code == 201, answer.text
    item: str = answer.json()["data"]["id"]
    return item


# Each way in which a text is sent, and where it is read again.


def as_metadata_of_an_item(tenant: Tenant) -> list[object]:
    item = create_link(tenant)
    further = {DECOMPOSED: {"deep": [DECOMPOSED]}}
    answered = {
        "title": DECOMPOSED,
        "alt": DECOMPOSED,
        "caption": DECOMPOSED,
        "tags": {DECOMPOSED: [DECOMPOSED]},
        **further,
    }
    answer = tenant.studio.patch(f"/api/media/{item}", json={"name": DECOMPOSED, "metadata": answered})
    assert answer.status_code == 200, answer.text
    shown = studio_item(tenant, item)
    metadata = shown["metadata"]
    return [
        shown["name"],
        metadata["title"],
        metadata["alt"],
        metadata["caption"],
        *metadata["tags"],
        *metadata["tags"][COMPOSED],
        *metadata[COMPOSED]["deep"],
    ]


def escaped(tenant: Tenant) -> list[object]:
    item = create_link(tenant)
    tenant.studio.patch(
        f"/api/media/{item}",
        content=f'{{"metadata": {{"title": {ESCAPED}}}}}',
        headers={"content-type": "application/json"},
    )
    return [studio_item(tenant, item)["metadata"]["title"]]


def through_v1(tenant: Tenant) -> list[object]:
    item = create_link(tenant, filename=DECOMPOSED, title=DECOMPOSED, alt=DECOMPOSED, caption=DECOMPOSED)
    first = v1_item(tenant, item)
    tenant.studio.patch(
        f"/api/v1/media/{item}", json={"title": f"2 {DECOMPOSED}", "alt": None, "caption": DECOMPOSED}
    )
    second = v1_item(tenant, item)
    return [
        first["filename"],
        first["title"],
        first["alt"],
        first["caption"],
        second["title"][2:],
        second["caption"],
    ]


def presigned(tenant: Tenant) -> list[object]:
    metadata = {f"metadata[{name}]": DECOMPOSED for name in ("name", "title", "alt", "caption")}
    answer = tenant.studio.get(
        "/api/upload/s3/params", params={"filename": DECOMPOSED, "type": "image/jpeg", **metadata}
    )
    return [tenant.studio.get(f"/api/upload/{answer.json()['mediaId']}").json()["name"]]


def uploaded_in_a_post(tenant: Tenant) -> list[object]:
    item = tenant.ready(
        PHOTO,
        DECOMPOSED,
        title=DECOMPOSED,
        alt=DECOMPOSED,
        caption=DECOMPOSED,
        relativePath=f"{DECOMPOSED}/{DECOMPOSED}",
    )
    shown = studio_item(tenant, item)
    answered = shown["metadata"]
    place = tenant.studio.get(f"/api/dataset/{tenant.collection_id.hex}/media").json()["media"]
    return [
        shown["name"],
        shown["filename"],
        answered["title"],
        answered["alt"],
        answered["caption"],
        *(each["name"] for each in place),
    ]


def in_parts(tenant: Tenant) -> list[object]:
    body = {"filename": DECOMPOSED, "type": "image/jpeg", "metadata": {"size": 9}}
    made = tenant.studio.post("/api/upload/s3/multipart", json=body).json()
    return [tenant.studio.get(f"/api/upload/{made['mediaId']}").json()["name"]]


def in_a_form(tenant: Tenant) -> list[object]:
    first, second = (
        send(tenant.studio, home(tenant), *parts)
        for parts in ([File(filename=DECOMPOSED)], [("name", DECOMPOSED), File()])
    )
    shown = studio_item(tenant, first.json()["mediaId"])
    return [shown["name"], shown["filename"], studio_item(tenant, second.json()["mediaId"])["name"]]


def in_a_form_of_v1(tenant: Tenant) -> list[object]:
    answer = tenant.studio.post("/api/v1/media/upload", files=[("files", (DECOMPOSED, PHOTO, "image/jpeg"))])
    return [answer.json()["data"]["media"][0]["filename"]]


def of_places(tenant: Tenant) -> list[object]:
    made = tenant.studio.post(
        f"/api/organization/{tenant.id.hex}/datasets", json={"name": DECOMPOSED, "icon": DECOMPOSED}
    ).json()["dataset"]
    changed = tenant.studio.patch(
        f"/api/dataset/{tenant.collection_id.hex}", json={"name": DECOMPOSED, "icon": DECOMPOSED}
    ).json()["dataset"]
    where = {"datasetId": made["id"], "name": DECOMPOSED}
    one, two = (tenant.studio.post("/api/folder", json=where).json()["folder"] for _ in range(2))
    renamed = tenant.studio.patch(f"/api/folder/{two['id']}", json={"name": f"2 {DECOMPOSED}"}).json()[
        "folder"
    ]
    return [made["name"], made["icon"], changed["name"], changed["icon"], one["name"], renamed["name"][2:]]


def of_keys_and_organizations(tenant: Tenant) -> list[object]:
    session = tenant.signed_in()
    key = session.post("/api/auth/api-keys", json={"name": DECOMPOSED, "scopes": ["media:read"]}).json()
    mine = session.post(
        "/api/auth/organization/update", json={"organizationId": tenant.id.hex, "data": {"name": DECOMPOSED}}
    )
    new = session.post("/api/auth/organization/create", json={"name": DECOMPOSED})
    v1 = session.post("/api/v1/api-keys", json={"name": DECOMPOSED, "scopes": ["media:read"]})
    assert {answer.status_code for answer in (mine, new, v1)} <= {200, 201}, (mine.text, new.text, v1.text)
    return [
        key.get("name") or key["apiKey"]["name"],
        mine.json()["name"],
        new.json()["name"],
        v1.json()["data"]["name"],
    ]


def of_people(_: Tenant) -> list[object]:
    answer = Client(None).post(
        SIGN_UP, json={"name": DECOMPOSED, "email": f"{uuid4().hex}@example.org", "password": PASSWORD}
    )
    return [answer.json()["user"]["name"]]


def of_tags_in_v1(tenant: Tenant) -> list[object]:
    tag = tenant.studio.post("/api/v1/media-tags", json={"name": DECOMPOSED}).json()["data"]
    more = tenant.studio.patch(
        f"/api/v1/media-tags/{tag['id']}",
        json={"icon": DECOMPOSED, "color": DECOMPOSED, "description": DECOMPOSED},
    )
    return [tag["name"], *(more.json()["data"][name] for name in ("name", "icon", "color", "description"))]


WAYS: list[Callable[[Tenant], list[object]]] = [
    as_metadata_of_an_item,
    escaped,
    through_v1,
    presigned,
    uploaded_in_a_post,
    in_parts,
    in_a_form,
    in_a_form_of_v1,
    of_places,
    of_keys_and_organizations,
    of_people,
    of_tags_in_v1,
]


@pytest.mark.parametrize("texts", WAYS, ids=lambda texts: texts.__name__)
@pytest.mark.sampled(3)
def test_a_text_is_stored_in_nfc_in_whichever_way_it_is_sent(
    texts: Callable[[Tenant], list[object]], tenant: Tenant
) -> None:
    stored = texts(tenant)

    assert stored == [COMPOSED] * len(stored)


# A search in one form finds texts that were sent in the other.


@pytest.mark.parametrize("form", ["nfc", "nfd"])
def test_a_duplicate_is_found_in_either_form_and_named_as_it_was_sent(form: str, tenant: Tenant) -> None:
    stored, asked = BOTH if form == "nfd" else BOTH[::-1]
    item = create_link(tenant, filename=stored)

    duplicates = tenant.studio.post(
        "/api/v1/media/check-duplicates", json={"files": [{"filename": asked, "fileSize": 5}]}
    ).json()["data"]["duplicates"]

    assert [(each["filename"], [one["id"] for one in each["existing"]]) for each in duplicates] == [
        (asked, [item])
    ]
    assert exact_fields_of(check_duplicates) == {"files"}


@pytest.mark.parametrize("field", ["filename", "title", "alt", "caption"])
def test_a_search_finds_a_text_in_either_form(field: str, tenant: Tenant) -> None:
    items = {create_link(tenant, **{field: f"before {text} after.jpg"}) for text in BOTH}

    for asked in (COMPOSED, DECOMPOSED, DECOMPOSED.upper(), "Cafe\u0301", "rich"):
        answer = tenant.studio.get("/api/v1/media", params={"search": asked})  # percent-encoded
        assert {each["id"] for each in answer.json()["data"]["data"]} == items, asked


def test_a_tag_is_the_same_in_either_form(tenant: Tenant) -> None:
    item = a_folder(tenant)
    given(tenant, item, {COMPOSED: [COMPOSED], "other": ["x"]})

    assert add(tenant, item, DECOMPOSED, DECOMPOSED).json()["code"] == "already_tagged"
    assert remove(tenant, item, label=DECOMPOSED, value=DECOMPOSED).status_code == 200
    assert tags_of(tenant, item) == {"other": ["x"]}
    assert rename(tenant, item, "other", DECOMPOSED).status_code == 200
    assert tags_of(tenant, item) == {COMPOSED: ["x"]}
    answer = tenant.studio.post(
        "/api/media/bulk", json={"action": "untag", "ids": [item], "label": DECOMPOSED}
    )
    assert (answer.status_code, tags_of(tenant, item)) == (200, {})


def test_a_folder_is_found_by_its_name_in_either_form(tenant: Tenant) -> None:
    first, second = (tenant.ready(PHOTO, relativePath=f"{text}/photo.jpg") for text in BOTH)

    assert (
        studio_item(tenant, first)["path"].split(".")[:-1]
        == studio_item(tenant, second)["path"].split(".")[:-1]
    )


def test_a_request_in_another_form_is_equal_for_its_idempotency_key(tenant: Tenant) -> None:
    where = {"datasetId": tenant.collection_id.hex}
    bodies = [
        json.dumps({**where, "name": text}, ensure_ascii=ascii, indent=indent).encode()
        for text in BOTH
        for ascii in (True, False)  # noqa: A001 - json.dumps has no other name for it
        for indent in (None, 1)
    ]

    headers = {"idempotency-key": "k", "content-type": "application/json"}
    answers = [tenant.studio.post("/api/folder", content=body, headers=headers) for body in bodies]

    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["folder"]["id"] for answer in answers}) == 1
    assert (
        tenant.studio.post(
            "/api/folder", json={**where, "name": "x"}, headers={"idempotency-key": "k"}
        ).status_code
        == 422
    )


# Limits.


def test_a_limit_counts_the_composed_text(tenant: Tenant) -> None:
    item = create_link(tenant)
    longest = {"title": 255, "alt": 500, "caption": 1000}

    for field, limit in longest.items():
        assert (
            tenant.studio.patch(f"/api/v1/media/{item}", json={field: "e\u0301" * limit}).status_code == 200
        )
        assert (
            tenant.studio.patch(f"/api/v1/media/{item}", json={field: "e\u0301" * (limit + 1)}).status_code
            == 400
        )
        assert (
            tenant.studio.patch(
                f"/api/media/{item}", json={"metadata": {field: "e\u0301" * limit}}
            ).status_code
            == 200
        )
        # two letters in NFC
        assert (
            tenant.studio.patch(
                f"/api/media/{item}", json={"metadata": {field: "\u0958" * limit}}
            ).status_code
            == 400
        )


def test_too_many_marks_are_rejected_quickly(tenant: Tenant) -> None:
    item = create_link(tenant)
    for marks in ("\u0301\u0323" * 500_000, "\u0f73" * 1_000_000):
        began = time.perf_counter()

        answer = tenant.studio.patch(f"/api/media/{item}", json={"metadata": {"x": f"a{marks}"}})

        assert (answer.status_code, answer.json()["error"]) == (
            400,
            "A text has more than 255 combining marks in a row",
        )
        assert time.perf_counter() - began < 5
    longest = "a" + "\u0301\u0323" * (MAX_MARKS // 2)
    assert tenant.studio.patch(f"/api/media/{item}", json={"metadata": {"x": [longest]}}).status_code == 200
    assert studio_item(tenant, item)["metadata"]["x"] == [unicodedata.normalize("NFC", longest)]


def test_two_names_that_become_equal_are_rejected(tenant: Tenant) -> None:
    item = create_link(tenant)

    answer = tenant.studio.patch(
        f"/api/media/{item}", json={"metadata": {"tags": {group: ["x"] for group in BOTH}}}
    )

    assert (answer.status_code, answer.json()) == (
        400,
        {"error": "Two names of one object are the same text", "code": "invalid"},
    )


# Opaque texts.


def exact_fields_of(app: Any) -> set[str]:
    return {name for name, kind in marked_fields(app.spec.body).items() if kind is EXACT}


def test_exactly_the_opaque_fields_are_not_composed() -> None:
    exact: set[str] = set()

    def walk(model: Any) -> None:
        for name, kind in marked_fields(model).items():
            if kind is EXACT:
                exact.add(name)
            else:
                walk(kind)

    for route in ROUTES:
        spec = spec_of(route)
        for model in filter(None, (spec.body, spec.query)):
            walk(model)

    assert exact == {
        "password",
        "currentPassword",
        "newPassword",  # secrets, which have a normal form of their own
        "token",
        "device_code",
        "userCode",
        "user_code",
        "key",
        "cursor",  # tokens that we have minted
        "ETag",
        "checksum",
        "value",
        "url",
        "files",  # of check-duplicates: the answer repeats them unchanged
    }


def test_every_other_text_of_a_request_is_composed() -> None:
    for route in ROUTES:
        for model in filter(None, (spec_of(route).body, spec_of(route).query)):
            names = [field.alias or name for name, field in model.model_fields.items()]
            read = compose_all({name: [KELVIN, {KELVIN: KELVIN}] for name in names}, model)
            opaque = {name for name, kind in marked_fields(model).items() if kind is EXACT}

            assert {name for name, value in read.items() if value == [KELVIN, {KELVIN: KELVIN}]} == opaque
            assert {name for name, value in read.items() if value == ["K", {"K": "K"}]} == {*names} - opaque


def test_a_password_is_normalized_to_nfkc() -> None:
    someone = PersonWithPassword.signed_up(f"{KELVIN}{DECOMPOSED} \ufb01 1234")

    assert someone.sign_in(f"K{COMPOSED} fi 1234").status_code == 200


def test_a_cursor_is_not_composed(tenant: Tenant) -> None:
    listing = f"/api/dataset/{tenant.collection_id.hex}/media"
    cursor = show_cursor(Cursor("2026-01-01T00:00:00+00:00", UUID(int=0)))

    assert tenant.studio.get(listing, params={"cursor": cursor}).status_code == 200
    answer = tenant.studio.get(listing, params={"cursor": f"{cursor[:-2]}{KELVIN}{KELVIN}"})
    assert (answer.status_code, answer.json()["error"]) == (400, "The cursor is not one of this listing")


# E-mail addresses.


def test_an_address_is_stored_in_one_form(tenant: Tenant) -> None:
    mixed = f"Jo\u0308rg-{tenant.name}@Example.org"
    folded = f"j\u00f6rg-{tenant.name}@example.org"
    offer = tenant.studio.post(
        "/api/auth/organization/invite-member", json={"email": mixed, "role": "editor"}
    )
    again = tenant.studio.post(
        "/api/auth/organization/invite-member", json={"email": folded, "role": "editor"}
    )

    assert (offer.status_code, again.status_code) == (200, 200), (offer.text, again.text)
    invitations = tenant.studio.get("/api/auth/organization/list-invitations").json()
    pending = invitations if isinstance(invitations, list) else invitations["invitations"]
    assert [each["email"] for each in pending] == [folded]


@pytest.mark.parametrize(
    ("address", "folded"),
    [
        (" Ada@Example.ORG\n", "ada@example.org"),
        ("JO\u0308RG@x.y", "j\u00d6rg@x.y"),
        ("v\u0130eb@x.y", "v\u0130eb@x.y"),
        (f"{KELVIN}@x.y", "k@x.y"),
        ("stra\u00dfe@x.y", "stra\u00dfe@x.y"),
        ("\u03a3@x.y", "\u03a3@x.y"),
    ],
)
def test_only_ascii_letters_are_folded(address: str, folded: str) -> None:
    assert fold_email(address) == folded
    assert fold_email(folded) == folded


def test_an_address_that_only_looks_alike_signs_nobody_in(tenant: Tenant) -> None:
    someone = PersonWithPassword.new()
    dotted = f"i{tenant.name}@example.org"
    person = Client(None).post(SIGN_UP, json={"name": "A", "email": dotted, "password": PASSWORD})

    assert person.status_code == 200
    for other in (
        f"\u0130{tenant.name}@example.org",
        f"\u0131{tenant.name}@example.org",
        someone.email.replace("@", "\uff20"),
    ):
        assert Client(None).post(SIGN_IN, json={"email": other, "password": PASSWORD}).status_code == 401, (
            other
        )
        assert tenant.studio.post(
            "/api/auth/organization/add-member", json={"email": other, "role": "viewer"}
        ).status_code in (400, 404)
    assert Client(None).post(SIGN_IN, json={"email": dotted.upper(), "password": PASSWORD}).status_code == 200


def test_compose_returns_nfc_and_rejects_too_many_marks() -> None:
    assert [compose(text) for text in ("", "ascii", COMPOSED, DECOMPOSED, KELVIN)] == [
        "",
        "ascii",
        COMPOSED,
        COMPOSED,
        "K",
    ]
    with pytest.raises(Invalid):
        compose("a" + "\u0301" * (MAX_MARKS + 1))
