"""DELETE /api/media/{mediaId}/tags"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tests.given.answers import outcome
from tests.given.isolation_cases import NOWHERE, owner
from tests.given.items import folder, photo, read_item_with_etag
from tests.given.names import COMPOSED, DECOMPOSED
from tests.given.shapes import AN_ETAG
from tests.given.tags import add, given, hide, remove, tags_of

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

STALE = (412, {"error": "It has changed since it was read; read it again", "code": "stale"})
TAGS = {"color": ["blue", "red"], "season": ["spring"]}


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_removing_a_tag_returns_the_whole_item(tenant: Tenant, kind: str) -> None:
    item = photo(tenant) if kind == "file" else folder(tenant)["id"]
    given(tenant, item, TAGS)
    before, etag = read_item_with_etag(tenant, item)

    answer = remove(tenant, item, label="color", value="red")

    media = answer.json()["media"]
    left = {**before["metadata"], "tags": {"color": ["blue"], "season": ["spring"]}}
    assert outcome(answer) == (
        200,
        {"media": {**before, "updatedAt": media["updatedAt"], "frames": media["frames"], "metadata": left}},
    )
    assert media["updatedAt"] > before["updatedAt"]
    assert answer.headers["etag"] == AN_ETAG
    assert answer.headers["etag"] != etag
    assert answer.headers["etag"] == read_item_with_etag(tenant, item)[1]
    assert tags_of(tenant, item) == {"color": ["blue"], "season": ["spring"]}
    assert tenant.inconsistencies() == []


def test_a_group_disappears_with_its_last_value(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)

    assert remove(tenant, item, label="season", value="spring").json()["media"]["metadata"]["tags"] == {
        "color": ["blue", "red"]
    }


def test_without_a_value_the_whole_group_is_removed(tenant: Tenant) -> None:
    item, other = folder(tenant)["id"], folder(tenant)["id"]
    for each in (item, other):
        given(tenant, each, TAGS)

    assert remove(tenant, item, label="color").json()["media"]["metadata"]["tags"] == {"season": ["spring"]}
    assert tags_of(tenant, other) == TAGS


@pytest.mark.parametrize(
    "body",
    [
        {"label": "color", "value": "green"},
        {"label": "color", "value": "Red"},
        {"label": "Color"},
        {"label": "red"},
        {"label": "x" * 255},
    ],
)
def test_removing_a_missing_tag_changes_nothing(tenant: Tenant, body: dict[str, str]) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)
    before, etag = read_item_with_etag(tenant, item)

    answer = remove(tenant, item, **body)

    assert (outcome(answer), answer.headers["etag"]) == ((200, {"media": before}), etag)


def test_label_and_value_are_trimmed_and_composed(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, {COMPOSED: [COMPOSED]})

    assert (
        remove(tenant, item, label=f" {DECOMPOSED}", value=f"{DECOMPOSED}\t").json()["media"]["metadata"][
            "tags"
        ]
        == {}
    )


@pytest.mark.parametrize(
    ("body", "rejection"),
    [
        (
            {},
            {
                "error": "label: Required",
                "code": "invalid",
                "details": [{"path": ["label"], "message": "Required"}],
            },
        ),
        (
            {"label": "color", "value": None},
            {
                "error": "value: Must be a string",
                "code": "invalid",
                "details": [{"path": ["value"], "message": "Must be a string"}],
            },
        ),
        (
            {"label": "color", "value": ""},
            {"error": "value must have 1 to 255 characters", "code": "invalid"},
        ),
        (
            {"label": "color", "value": "  "},
            {"error": "value must have 1 to 255 characters", "code": "invalid"},
        ),
        ({"label": ""}, {"error": "label must have 1 to 255 characters", "code": "invalid"}),
        ({"label": "x" * 256}, {"error": "label must have 1 to 255 characters", "code": "invalid"}),
        ({"label": "a\0b"}, {"error": "A text holds a character that cannot be stored", "code": "invalid"}),
    ],
)
def test_an_invalid_label_or_value_removes_nothing(
    tenant: Tenant, body: dict[str, object], rejection: dict[str, object]
) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)

    assert outcome(remove(tenant, item, **body)) == (400, rejection)
    assert tags_of(tenant, item) == TAGS


def test_an_empty_body_removes_nothing(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)

    answer = tenant.studio.delete(f"/api/media/{item}/tags", headers={"content-type": "application/json"})

    assert outcome(answer) == (
        400,
        {
            "error": "label: Required",
            "code": "invalid",
            "details": [{"path": ["label"], "message": "Required"}],
        },
    )
    assert tags_of(tenant, item) == TAGS


@pytest.mark.parametrize("where", ["nowhere", "malformed", "deleted"])
def test_a_missing_item_is_not_found(tenant: Tenant, where: str) -> None:
    gone = folder(tenant)["id"]
    tenant.studio.delete(f"/api/media/{gone}")

    answer = remove(
        tenant, {"nowhere": NOWHERE, "malformed": "nonsense", "deleted": gone}[where], label="color"
    )

    assert outcome(answer) == (404, {"error": "Media not found", "code": "not_found"})


def test_if_match_is_honoured_even_when_there_is_nothing_to_remove(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    first = read_item_with_etag(tenant, item)[1]
    given(tenant, item, TAGS)
    second = read_item_with_etag(tenant, item)[1]

    assert outcome(remove(tenant, item, label="color", headers={"if-match": first})) == STALE
    assert outcome(remove(tenant, item, label="nothing", headers={"if-match": first})) == STALE
    assert tags_of(tenant, item) == TAGS
    assert remove(tenant, item, label="color", headers={"if-match": second}).status_code == 200


def test_a_hidden_tag_stays_and_is_shown_when_it_is_visible_again(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)
    hide(tenant, "color", "red")

    assert remove(tenant, item, label="color", value="red").json()["media"]["metadata"]["tags"] == {
        "color": ["blue"],
        "season": ["spring"],
    }
    assert remove(tenant, item, label="color").json()["media"]["metadata"]["tags"] == {"season": ["spring"]}

    hide(tenant, "color", "red", hidden=False)
    assert tags_of(tenant, item) == {"color": ["red"], "season": ["spring"]}


def test_of_twenty_concurrent_removals_one_changes_the_item(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, TAGS)
    etag = read_item_with_etag(tenant, item)[1]

    with ThreadPoolExecutor(20) as threads:
        answers = list(threads.map(lambda _: remove(tenant, item, label="color", value="red"), range(20)))

    assert [answer.status_code for answer in answers] == [200] * 20
    changed = {answer.headers["etag"] for answer in answers}
    assert (len(changed), etag in changed) == (1, False)
    with owner() as connection:  # created, three tags added, one removed
        assert connection.execute("select row_version from media where id = %s::uuid", [item]).fetchone() == {
            "row_version": 5
        }


def test_concurrent_adding_and_removing_leaves_what_was_answered(tenant: Tenant) -> None:
    item = folder(tenant)["id"]
    given(tenant, item, {"n": [f"{n:02}" for n in range(0, 20, 2)]})

    def turn(n: int) -> int:
        return (
            add(tenant, item, "n", f"{n:02}") if n % 2 else remove(tenant, item, label="n", value=f"{n:02}")
        ).status_code

    with ThreadPoolExecutor(20) as threads:
        statuses = list(threads.map(turn, range(20)))

    assert statuses == [200] * 20
    assert tags_of(tenant, item) == {"n": [f"{n:02}" for n in range(1, 20, 2)]}
