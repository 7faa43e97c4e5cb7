"""PATCH /api/media/{mediaId}/tags"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE
from tests.given.items import folder, photo, read_item_with_etag
from tests.given.names import COMPOSED, DECOMPOSED
from tests.given.shapes import AN_ETAG
from tests.given.tags import given, hide, put_many, rename, slugs, tags_of

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

STALE = (412, {"error": "It has changed since it was read; read it again", "code": "stale"})
UNKNOWN = (404, {"error": "This item has no tags under this label", "code": "not_found"})
TAGS = {"color": ["blue", "red"], "season": ["spring"]}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_renaming_a_group_returns_the_whole_item(tenant: Tenant, kind: str) -> None:
    item = photo(tenant) if kind == "file" else folder(tenant)["id"]
    given(tenant, item, TAGS)
    before, etag = read_item_with_etag(tenant, item)

    answer = rename(tenant, item, "color", "hue")

    media = answer.json()["media"]
    renamed = {**before["metadata"], "tags": {"hue": ["blue", "red"], "season": ["spring"]}}
    assert outcome(answer) == (
        200,
        {
            "media": {
                **before,
                "updatedAt": media["updatedAt"],
                "frames": media["frames"],
                "metadata": renamed,
            }
        },
    )
    assert media["updatedAt"] > before["updatedAt"]
    assert answer.headers["etag"] == AN_ETAG
    assert answer.headers["etag"] != etag
    assert answer.headers["etag"] == read_item_with_etag(tenant, item)[1]
    assert tenant.inconsistencies() == []


def test_other_items_keep_the_group(tenant: Tenant) -> None:
    item, other = folder(tenant)["id"], folder(tenant)["id"]
    for each in (item, other):
        given(tenant, each, TAGS)
    before = read_item_with_etag(tenant, other)

    assert rename(tenant, item, "color", "hue").status_code == 200

    assert read_item_with_etag(tenant, other) == before


def test_merged_groups_have_each_value_once(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, {"color": ["blue", "red"], "hue": ["Red", "green", "red"]})

    assert rename(tenant, item, "color", "hue").json()["media"]["metadata"]["tags"] == {
        "hue": ["Red", "blue", "green", "red"]
    }


@pytest.mark.parametrize("new", ["color", " color ", "color\n"])
def test_the_same_label_changes_nothing(tenant: Tenant, new: str) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)
    before, etag = read_item_with_etag(tenant, item)

    answer = rename(tenant, item, "color", new)

    assert (outcome(answer), answer.headers["etag"]) == ((200, {"media": before}), etag)


def test_labels_are_trimmed_composed_and_case_sensitive(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, {COMPOSED: ["x"]})

    assert rename(tenant, item, f" {DECOMPOSED}", " Color ").json()["media"]["metadata"]["tags"] == {
        "Color": ["x"]
    }
    assert outcome(rename(tenant, item, "color", "x")) == UNKNOWN
    assert rename(tenant, item, "Color", "color").json()["media"]["metadata"]["tags"] == {"color": ["x"]}


@pytest.mark.parametrize("new", ["another", "unknown"])
def test_a_label_that_the_item_lacks_is_not_found(tenant: Tenant, new: str) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)
    given(tenant, folder(tenant)["id"], {"unknown": ["x"]})
    before = read_item_with_etag(tenant, item)

    assert outcome(rename(tenant, item, "unknown", new)) == UNKNOWN
    assert read_item_with_etag(tenant, item) == before


@pytest.mark.parametrize("where", ["nowhere", "malformed", "deleted"])
def test_a_missing_item_is_not_found(tenant: Tenant, where: str) -> None:
    gone = folder(tenant)["id"]
    given(tenant, gone, TAGS)
    tenant.studio.delete(f"/api/media/{gone}")

    answer = rename(
        tenant, {"nowhere": NOWHERE, "malformed": "nonsense", "deleted": gone}[where], "color", "hue"
    )

    assert outcome(answer) == (404, {"error": "Media not found", "code": "not_found"})


@pytest.mark.parametrize(
    ("old", "new", "rejection"),
    [
        ("", "hue", {"error": "oldLabel must have 1 to 255 characters", "code": "invalid"}),
        ("color", " ", {"error": "newLabel must have 1 to 100 characters", "code": "invalid"}),
        ("color", "x" * 101, {"error": "newLabel must have 1 to 100 characters", "code": "invalid"}),
        ("color", "a\0b", {"error": "A text holds a character that cannot be stored", "code": "invalid"}),
        (
            "color",
            None,
            {
                "error": "newLabel: Must be a string",
                "code": "invalid",
                "details": [{"path": ["newLabel"], "message": "Must be a string"}],
            },
        ),
    ],
)
def test_an_invalid_label_is_rejected(
    tenant: Tenant, old: object, new: object, rejection: dict[str, object]
) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)

    assert outcome(rename(tenant, item, old, new)) == (400, rejection)
    assert tags_of(tenant, item) == TAGS


def test_both_labels_are_required(tenant: Tenant) -> None:
    assert outcome(tenant.studio.patch(f"/api/media/{folder(tenant)['id']}/tags", json={})) == (
        400,
        {
            "error": "oldLabel: Required",
            "code": "invalid",
            "details": [
                {"path": ["oldLabel"], "message": "Required"},
                {"path": ["newLabel"], "message": "Required"},
            ],
        },
    )


def test_if_match_is_honoured(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    first = read_item_with_etag(tenant, item)[1]
    given(tenant, item, TAGS)
    second = read_item_with_etag(tenant, item)[1]

    assert outcome(rename(tenant, item, "color", "hue", **{"if-match": first})) == STALE
    assert outcome(rename(tenant, item, "color", "color", **{"if-match": first})) == STALE
    # 404 is checked before 412
    assert outcome(rename(tenant, item, "unknown", "hue", **{"if-match": first})) == UNKNOWN
    assert tags_of(tenant, item) == TAGS
    assert rename(tenant, item, "color", "hue", **{"if-match": second}).status_code == 200


def test_hidden_tags_stay_and_no_tag_is_renamed_to_a_hidden_one(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)
    hide(tenant, "color", "red")
    given(tenant, folder(tenant)["id"], {"hue": ["blue"]})
    hide(tenant, "hue", "blue")
    hidden = {"error": "This tag is hidden in the organization and cannot be given", "code": "tag_hidden"}

    assert outcome(rename(tenant, item, "color", "hue")) == (409, hidden)
    assert tags_of(tenant, item) == {"color": ["blue"], "season": ["spring"]}
    assert rename(tenant, item, "color", "shade").json()["media"]["metadata"]["tags"] == {
        "season": ["spring"],
        "shade": ["blue"],
    }

    hide(tenant, "color", "red", hidden=False)
    assert tags_of(tenant, item) == {"color": ["red"], "season": ["spring"], "shade": ["blue"]}


def test_tags_renamed_into_the_v1_group_get_slugs(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, folder(tenant)["id"], {"tags": ["a b"]})
    given(tenant, item, {"color": ["A B", "Blue", "a-b", "blue", "日本"]})

    assert rename(tenant, item, "color", "tags").json()["media"]["metadata"]["tags"] == {
        "tags": ["A B", "Blue", "a-b", "blue", "日本"]
    }

    given(tenant, folder(tenant)["id"], {"tags": ["blue"]})
    made = slugs(tenant)
    assert (len(made), len(set(made.values())), made["a b"], made["Blue"]) == (6, 6, "a-b", "blue")
    assert set(slugs(tenant, "color").values()) == {None}


def test_500_tags_are_renamed_in_one_request(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    put_many(tenant, item, "many", 500)

    assert rename(tenant, item, "many", "tags").json()["media"]["metadata"]["tags"] == {
        "tags": [f"value {n:05}" for n in range(1, 501)]
    }
    assert tenant.inconsistencies() == []


def test_of_twenty_concurrent_renames_one_succeeds(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)

    with ThreadPoolExecutor(20) as threads:
        answers = [
            outcome(answer)
            for answer in threads.map(lambda n: rename(tenant, item, "color", f"hue {n}"), range(20))
        ]

    assert (sum(status == 200 for status, _ in answers), answers.count(UNKNOWN)) == (1, 19)
    assert sorted(map(len, tags_of(tenant, item).values())) == [1, 2]


def test_twenty_items_renamed_concurrently_share_the_new_tags(tenant: Tenant) -> None:
    items = [folder(tenant)["id"] for _ in range(20)]
    names = ["A B", "C D", "a b", "a-b", "c d"]

    with ThreadPoolExecutor(20) as threads:
        list(threads.map(lambda item: given(tenant, item, {"color": names}), items))
        answers = list(threads.map(lambda item: rename(tenant, item, "color", "tags"), items))

    assert [answer.status_code for answer in answers] == [200] * 20
    assert [tags_of(tenant, item) for item in items] == [{"tags": names}] * 20
    made = slugs(tenant)
    assert (sorted(made), len(set(made.values()))) == (sorted(names), 5)
