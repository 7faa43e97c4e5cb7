"""POST /api/media/{mediaId}/tags"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE
from tests.given.items import folder, photo, read_item_with_etag
from tests.given.names import COMPOSED, DECOMPOSED, INVALID_BODIES
from tests.given.shapes import AN_ETAG, hyphened
from tests.given.tags import add, given, hide, put_many, remove, slugs, tags_of

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

THERE = (409, {"error": "This item has this tag already", "code": "already_tagged"})
STALE = (412, {"error": "It has changed since it was read; read it again", "code": "stale"})
HIDDEN = (409, {"error": "This tag is hidden in the organization and cannot be given", "code": "tag_hidden"})
MISSING = (404, {"error": "Media not found", "code": "not_found"})


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_adding_a_tag_returns_the_whole_item(tenant: Tenant, kind: str) -> None:
    item = photo(tenant) if kind == "file" else folder(tenant)["id"]
    before, etag = read_item_with_etag(tenant, item)

    answer = add(tenant, item, "color", "red")

    media = answer.json()["media"]
    changing = {
        "updatedAt": media["updatedAt"],
        "updatedById": tenant.owner.user_id.hex,
        "frames": media["frames"],
    }
    assert outcome(answer) == (
        200,
        {"media": {**before, **changing, "metadata": {**before["metadata"], "tags": {"color": ["red"]}}}},
    )
    assert media["updatedAt"] > before["updatedAt"]
    assert [frame["id"] for frame in media["frames"]] == [frame["id"] for frame in before["frames"]]
    assert answer.headers["etag"] == AN_ETAG
    assert answer.headers["etag"] != etag
    assert answer.headers["etag"] == read_item_with_etag(tenant, item)[1]
    assert tags_of(tenant, item) == {"color": ["red"]}
    assert tenant.inconsistencies() == []


def test_groups_and_values_are_sorted_by_code_point(tenant: Tenant) -> None:
    item = folder(tenant)["id"]

    given(tenant, item, {"season": ["spring"], "color": ["red", "blue", "Red"], "Zoo": ["é", "z"]})

    tags = tags_of(tenant, item)
    assert (list(tags), tags) == (
        ["Zoo", "color", "season"],
        {"Zoo": ["z", "é"], "color": ["Red", "blue", "red"], "season": ["spring"]},
    )


def test_a_value_that_the_item_has_is_rejected_and_nothing_changes(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, {"color": ["red"]})
    before = read_item_with_etag(tenant, item)

    assert outcome(add(tenant, item, "color", "red")) == THERE
    assert outcome(add(tenant, item, " color\n", "\tred ")) == THERE
    assert read_item_with_etag(tenant, item) == before


def test_the_same_value_may_be_in_another_group_and_on_another_item(tenant: Tenant) -> None:
    one, other = folder(tenant)["id"], folder(tenant)["id"]

    given(tenant, one, {"color": ["red"], "mood": ["red"]})
    given(tenant, other, {"color": ["red"]})

    assert (tags_of(tenant, one), tags_of(tenant, other)) == (
        {"color": ["red"], "mood": ["red"]},
        {"color": ["red"]},
    )


def test_label_and_value_are_trimmed_and_composed(tenant: Tenant) -> None:
    item = folder(tenant)["id"]

    assert add(tenant, item, f" {DECOMPOSED}", f"{DECOMPOSED}\n").json()["media"]["metadata"]["tags"] == {
        COMPOSED: [COMPOSED]
    }
    assert outcome(add(tenant, item, COMPOSED, COMPOSED)) == THERE


@pytest.mark.parametrize(
    "name",
    [
        "a/b",
        """it's "so" `called`""",
        "\N{CAMERA}" * 100,
        "תמונות",
        "x",
        "<b>'; drop table tags; --",
        "a\nb",
        "__proto__",
    ],
)
def test_label_and_value_may_be_any_text(tenant: Tenant, name: str) -> None:
    item = folder(tenant)["id"]

    assert add(tenant, item, name, name).json()["media"]["metadata"]["tags"] == {name: [name]}


@pytest.mark.parametrize("field", ["label", "value"])
@pytest.mark.parametrize(
    ("sent", "sentence"),
    [
        ("", "{} must have 1 to 100 characters"),
        (" \t", "{} must have 1 to 100 characters"),
        ("x" * 101, "{} must have 1 to 100 characters"),
        ("a\0b", "A text holds a character that cannot be stored"),
    ],
)
def test_an_invalid_label_or_value_is_rejected(tenant: Tenant, field: str, sent: str, sentence: str) -> None:
    item = folder(tenant)["id"]
    before = read_item_with_etag(tenant, item)

    answer = tenant.studio.post(f"/api/media/{item}/tags", json={"label": "a", "value": "b", field: sent})

    assert outcome(answer) == (400, {"error": sentence.format(field), "code": "invalid"})
    assert read_item_with_etag(tenant, item) == before


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ({}, {"label": "Required", "value": "Required"}),
        ({"label": "a"}, {"value": "Required"}),
        ({"value": "b"}, {"label": "Required"}),
        ({"label": 1, "value": None}, {"label": "Must be a string", "value": "Must be a string"}),
        ({"label": "a", "value": ["b"]}, {"value": "Must be a string"}),
    ],
)
def test_label_and_value_are_required(tenant: Tenant, body: dict[str, object], wrong: dict[str, str]) -> None:
    field, message = next(iter(wrong.items()))

    assert outcome(tenant.studio.post(f"/api/media/{folder(tenant)['id']}/tags", json=body)) == (
        400,
        {
            "error": f"{field}: {message}",
            "code": "invalid",
            "details": [{"path": [name], "message": each} for name, each in wrong.items()],
        },
    )


@pytest.mark.parametrize("body", [body for body, _ in INVALID_BODIES.values()], ids=INVALID_BODIES)
def test_an_invalid_body_is_rejected(tenant: Tenant, body: bytes) -> None:
    answer = tenant.studio.post(f"/api/media/{folder(tenant)['id']}/tags", content=body)

    assert (answer.status_code, answer.json()["code"]) == (400, "invalid")


def test_an_id_may_have_hyphens(tenant: Tenant) -> None:
    item = folder(tenant)["id"]

    assert add(tenant, hyphened(item), "color", "red").json()["media"]["id"] == item


@pytest.mark.parametrize("where", ["nowhere", "malformed", "deleted", "below a deleted folder"])
def test_a_missing_item_is_not_found(tenant: Tenant, where: str) -> None:
    outer = folder(tenant)["id"]
    inner = folder(tenant, path=read_item_with_etag(tenant, outer)[0]["path"])["id"]
    item = {"nowhere": NOWHERE, "malformed": "nonsense", "deleted": outer, "below a deleted folder": inner}[
        where
    ]
    tenant.studio.delete(f"/api/media/{outer}")

    assert outcome(add(tenant, item, "color", "red")) == MISSING


def test_an_item_can_have_500_tags_and_no_more(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    put_many(tenant, item, "many", 499)
    given(tenant, item, {"color": ["red"]})

    assert outcome(add(tenant, item, "color", "blue")) == (
        409,
        {"error": "An item can have 500 tags, and no more", "code": "too_many_tags"},
    )
    assert outcome(add(tenant, item, "color", "red")) == THERE
    assert sum(map(len, tags_of(tenant, item).values())) == 500
    assert remove(tenant, item, label="color").status_code == 200
    assert add(tenant, item, "color", "blue").status_code == 200


def test_if_match_is_honoured(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    first = read_item_with_etag(tenant, item)[1]
    second = add(tenant, item, "color", "red", **{"if-match": first}).headers["etag"]

    assert outcome(add(tenant, item, "color", "blue", **{"if-match": first})) == STALE
    # a weak ETag never matches
    assert outcome(add(tenant, item, "color", "blue", **{"if-match": f"W/{second}"})) == STALE
    # 409 is checked before 412.
    assert outcome(add(tenant, item, "color", "red", **{"if-match": first})) == THERE
    assert (tags_of(tenant, item), read_item_with_etag(tenant, item)[1]) == ({"color": ["red"]}, second)
    assert add(tenant, item, "color", "blue", **{"if-match": f"{first}, {second}"}).status_code == 200
    assert add(tenant, item, "color", "green", **{"if-match": "*"}).status_code == 200


def test_a_hidden_tag_cannot_be_attached(tenant: Tenant) -> None:
    with_it, without = folder(tenant)["id"], folder(tenant)["id"]
    given(tenant, with_it, {"color": ["red"]})
    hide(tenant, "color", "red")

    assert [outcome(add(tenant, item, "color", "red")) for item in (with_it, without)] == [HIDDEN] * 2
    assert [tags_of(tenant, item) for item in (with_it, without)] == [{}, {}]


def test_only_tags_of_the_v1_group_have_slugs(tenant: Tenant) -> None:
    item = folder(tenant)["id"]

    given(tenant, item, {"tags": [" Hero  Shot! ", "(42)", "Café 7"], "color": ["red"], "Tags": ["blue"]})

    assert slugs(tenant) == {"Hero  Shot!": "hero-shot", "(42)": "42", "Café 7": "caf-7"}
    assert (slugs(tenant, "color"), slugs(tenant, "Tags")) == ({"red": None}, {"blue": None})


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("A", "a-[0-9a-f]{12}"),
        ("日本", "tag-[0-9a-f]{12}"),
        ("!", "tag-[0-9a-f]{12}"),
        ("hero shot", "hero-shot-[0-9a-f]{12}"),
        ("HERO SHOT", "hero-shot-[0-9a-f]{12}"),
        ("x" * 100, "x{87}-[0-9a-f]{12}"),
    ],
)
def test_a_name_without_a_slug_or_with_a_used_one_gets_a_suffix(
    tenant: Tenant, name: str, pattern: str
) -> None:
    given(tenant, folder(tenant)["id"], {"tags": ["Hero Shot", "X" * 100]})

    given(tenant, folder(tenant)["id"], {"tags": [name]})

    assert re.fullmatch(pattern, slugs(tenant)[name] or "")


def test_another_organization_may_have_the_same_slug(tenant: Tenant, stranger: Tenant) -> None:
    for each in (tenant, stranger):
        given(each, folder(each)["id"], {"tags": ["Hero"]})

    assert slugs(tenant) == slugs(stranger) == {"Hero": "hero"}


def test_of_twenty_concurrent_requests_for_one_tag_one_succeeds(tenant: Tenant) -> None:
    item = folder(tenant)["id"]

    with ThreadPoolExecutor(20) as threads:
        answers = [
            outcome(answer) for answer in threads.map(lambda _: add(tenant, item, "color", "red"), range(20))
        ]

    assert (sum(status == 200 for status, _ in answers), answers.count(THERE)) == (1, 19)
    assert tags_of(tenant, item) == {"color": ["red"]}


def test_twenty_concurrent_requests_for_different_tags_succeed(tenant: Tenant) -> None:
    item = folder(tenant)["id"]

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda n: add(tenant, item, f"group {n % 4}", f"value {n:02}"), range(20)))

    assert [answer.status_code for answer in answers] == [200] * 20
    assert len({answer.headers["etag"] for answer in answers}) == 20
    assert tags_of(tenant, item) == {
        f"group {group}": [f"value {n:02}" for n in range(group, 20, 4)] for group in range(4)
    }


def test_of_twenty_requests_with_the_same_etag_one_succeeds(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    etag = read_item_with_etag(tenant, item)[1]

    with ThreadPoolExecutor(20) as threads:
        answers = [
            outcome(answer)
            for answer in threads.map(
                lambda n: add(tenant, item, "n", str(n), **{"if-match": etag}), range(20)
            )
        ]

    assert (sum(status == 200 for status, _ in answers), answers.count(STALE)) == (1, 19)
    assert len(tags_of(tenant, item)["n"]) == 1


def test_twenty_items_that_get_a_new_tag_concurrently_share_it(tenant: Tenant) -> None:
    items = [folder(tenant)["id"] for _ in range(20)]
    names = ["Hero", "hero", "HERO", "he ro"]  # three of them have the same slug

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda n: add(tenant, items[n], "tags", names[n % 4]), range(20)))

    assert [answer.json()["media"]["metadata"]["tags"] for answer in answers] == [
        {"tags": [names[n % 4]]} for n in range(20)
    ]
    made = slugs(tenant)
    assert (sorted(made), len(set(made.values())), "hero" in made.values()) == (sorted(names), 4, True)


def test_concurrent_deleting_and_tagging_leaves_no_inconsistency(tenant: Tenant) -> None:
    outer = folder(tenant)["id"]
    items = [folder(tenant, path=read_item_with_etag(tenant, outer)[0]["path"])["id"] for _ in range(4)]

    def turn(number: int) -> int:
        if number % 5 == 4:
            return tenant.studio.request(
                *(("DELETE", f"/api/media/{outer}"), ("POST", f"/api/media/{outer}/restore"))[number // 5 % 2]
            ).status_code
        return add(tenant, items[number % 4], "n", str(number)).status_code

    with ThreadPoolExecutor(8) as threads:
        statuses = set(threads.map(turn, range(60)))

    assert statuses <= {200, 404, 409}
    assert tenant.inconsistencies() == []
