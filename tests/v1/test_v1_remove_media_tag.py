"""DELETE /api/v1/media/{id}/tags"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.given.answers import outcome
from tests.given.tags import folder, given, hide, photo, shown, tags_of
from tests.given.team_tags import NO_MEDIA, UNKNOWN, done, make, of, rejected

if TYPE_CHECKING:
    from tests.given.tenants import Tenant

REMOVED = done({"success": True})
WHICH = rejected(400, "tagId query parameter is required")


def test_removing_a_tag_is_idempotent_and_removes_no_other(tenant: Tenant, stranger: Tenant) -> None:
    item, other = photo(tenant, 1), photo(tenant, 2)
    given(tenant, item, {"tags": ["Brand", "Hero", "Hidden"], "color": ["red"]})
    given(tenant, other, {"tags": ["Hero"]})
    hero, hidden = make(tenant, "Hero"), make(tenant, "Hidden")
    hide(tenant, "tags", "Hidden")
    etag = shown(tenant, item)[1]

    assert outcome(tenant.studio.delete(f"{of(item)}?tagId={hero}")) == REMOVED
    changed = shown(tenant, item)[1]
    again = [
        outcome(tenant.studio.delete(of(item), params={"tagId": name}))
        for name in (hero, hidden, UNKNOWN, "nonsense", make(stranger, "Hero"))
    ]

    assert again == [REMOVED] * 5
    assert etag != changed == shown(tenant, item)[1]  # the further requests changed nothing
    assert (tags_of(tenant, item), tags_of(tenant, other)) == (
        {"color": ["red"], "tags": ["Brand"]},
        {"tags": ["Hero"]},
    )
    hide(tenant, "tags", "Hidden", hidden=False)
    assert tags_of(tenant, item) == {"color": ["red"], "tags": ["Brand", "Hidden"]}
    assert tenant.inconsistencies() == []


def test_the_tag_must_be_named_where_the_file_exists(tenant: Tenant) -> None:
    item = photo(tenant)

    assert [outcome(tenant.studio.delete(of(item) + query)) for query in ("", "?tagId=", "?tagid=x")] == [
        WHICH
    ] * 3
    assert outcome(tenant.studio.delete(f"/api/v1/media/{UNKNOWN}/tags")) == NO_MEDIA
    assert outcome(tenant.studio.delete(f"{of(folder(tenant))}?tagId={UNKNOWN}")) == NO_MEDIA


def test_a_key_that_may_write_or_delete_may_remove_a_tag(tenant: Tenant) -> None:
    url = f"{of(photo(tenant))}?tagId={UNKNOWN}"

    answers = {
        scope: outcome(tenant.client(scopes=[scope]).delete(url))
        for scope in ("media:write", "media:delete", "media:read")
    }

    assert answers == {
        "media:write": REMOVED,
        "media:delete": REMOVED,
        "media:read": (
            403,
            {
                **rejected(403, "Insufficient permissions - media:write scope required")[1],
                "code": "INSUFFICIENT_SCOPE",
            },
        ),
    }
