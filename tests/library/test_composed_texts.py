"""The migration that composes stored texts: all are in NFC afterwards, and nothing is lost where two become
equal.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from tests.given.names import COMPOSED, DECOMPOSED
from tests.given.unreleased import unpack, unreleased_database
from tools.routes import ROOT
from vitrine import migrations
from vitrine.library.tags import name_key

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MIGRATIONS = ROOT / "migrations"
THIS = "0025_texts.sql"
GROWS = "\u0958" * 255  # twice as long in NFC

FILE = """
    with version as (
      insert into versions (organization_id, id, media_id, number, key, filename, mime_type,
                            size_bytes, stored_bytes, exif, created_by)
      values (%(organization)s, %(id)s, %(id)s, 1, %(id)s::text, %(text)s, 'image/jpeg',
              1, 1, %(metadata)s, %(id)s)
    )
    insert into media (organization_id, id, collection_id, type, name, title, alt, caption, filename,
                       description, metadata, link_token, active_version_id, processing, verified_at,
                       created_by)
    values (%(organization)s, %(id)s, %(collection)s, 'image', %(text)s, %(title)s, %(text)s, %(text)s,
            %(text)s, %(text)s, %(metadata)s, repeat('t', 22), %(id)s, 'pending', now(), %(id)s)
"""
UPLOAD = """
    insert into uploads (organization_id, id, user_id, collection_id, media_id, version_id, method, key,
                         name, filename, mime_type, title, alt, caption, reserved_bytes, expires_at, deadline)
    values (%(organization)s, %(id)s, %(id)s, %(collection)s, %(id)s, %(id)s, 'post', %(id)s::text,
            %(text)s, %(text)s, 'image/jpeg', %(text)s, %(text)s, %(text)s, 0, now(), now())
"""


@pytest.fixture
def before(tmp_path: Path) -> Iterator[str]:
    """The owner's URL of a database as it was before."""
    with unreleased_database(tmp_path / "before", before=THIS) as url:
        yield url


class Before:
    """The rows of a tenant before this migration."""

    def __init__(self, owner: psycopg.Connection[Any]) -> None:
        self.owner, self.organization, self.collection = owner, uuid4(), uuid4()
        owner.execute(
            "insert into organizations (id, name, slug) values (%s, %s, %s)",
            [self.organization, DECOMPOSED, self.organization.hex],
        )
        owner.execute(
            "insert into collections (organization_id, id, name, icon, created_by) "
            "values (%s, %s, %s, %s, %s)",
            [self.organization, self.collection, DECOMPOSED, DECOMPOSED, uuid4()],
        )

    def add(self, statement: str, **values: object) -> UUID:
        item = uuid4()
        self.owner.execute(
            statement.encode(),
            {"organization": self.organization, "collection": self.collection, "id": item, **values},
        )
        return item

    def tag(
        self, group: str, name: str, *, slug: str | None = None, on: UUID | None = None, **more: object
    ) -> UUID:
        tag = self.add(
            """insert into tags (organization_id, id, "group", name, slug, color, is_active)
               values (%(organization)s, %(id)s, %(group)s, %(name)s, %(slug)s, %(color)s, %(is_active)s)""",
            group=group,
            name=name,
            slug=slug,
            **{"color": None, "is_active": True, **more},
        )
        if on is not None:
            self.owner.execute(
                "insert into media_tags (organization_id, media_id, tag_id) values (%s, %s, %s)",
                [self.organization, on, tag],
            )
        return tag

    def person(self, email: str, at: str = "2026-01-01") -> UUID:
        return self.add(
            "insert into users (id, email, name, created_at) values (%(id)s, %(email)s, %(name)s, %(at)s)",
            email=email,
            name=DECOMPOSED,
            at=at,
        )

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        return self.owner.execute(query.encode(), {"organization": self.organization}).fetchall()


def test_what_was_written_is_composed_and_nothing_is_lost(before: str, tmp_path: Path) -> None:
    with psycopg.connect(before, autocommit=True) as owner:
        was = Before(owner)
        metadata = {
            DECOMPOSED: [DECOMPOSED, {"n": 1.5, DECOMPOSED: None}],
            COMPOSED: "kept",
            "url": "https://example.org/a",
        }
        item = was.add(FILE, text=DECOMPOSED, title=DECOMPOSED, metadata=Jsonb(metadata))
        grown = was.add(FILE, text="a", title=GROWS, metadata=Jsonb({}))
        plain = was.add(FILE, text=COMPOSED, title=None, metadata=Jsonb({"a": {}}))
        was.add(UPLOAD, text=DECOMPOSED)
        first = was.tag("tags", COMPOSED, slug="one", on=item)
        was.tag("tags", DECOMPOSED, slug="two", on=item, color="red")
        was.tag("tags", DECOMPOSED + "!", slug="three", on=plain)
        group = was.tag(DECOMPOSED, DECOMPOSED, on=plain)
        was.tag("tags", "  Hero _- Shot", slug="hero-shot")
        ada, same = was.person("Ada@Example.org"), was.person(f"{DECOMPOSED.split()[0]}@x.y")
        other = was.person(f"{COMPOSED.split()[0]}@x.y", "2025-01-01")
        for days, email in ((2, "Jo\u0308RG@x.y"), (1, "J\u00f6RG@x.y"), (1, "Other@x.y")):
            was.add(
                """insert into invitations (organization_id, id, email, role,
                                            token_hash, invited_by, created_at, expires_at)
                   values (%(organization)s, %(id)s, %(email)s, 'viewer',
                           decode(repeat(md5(%(id)s::text), 2), 'hex'), %(id)s,
                           now() - make_interval(days => %(days)s), now())""",
                email=email,
                days=days,
            )

        assert migrations.apply(before, unpack(tmp_path / "all"))[0] == THIS
        migrations.apply(before, MIGRATIONS)

        texts = was.rows(
            "select name, title, alt, caption, filename, description, row_version "
            f"from media where id = '{item}'"
        )
        assert texts == [(*([COMPOSED] * 6), 2)]
        [(kept, exif)] = was.rows(
            f"select media.metadata, exif from media join versions using (id) where id = '{item}'"
        )
        assert kept == exif
        [doubled] = {*kept} - {COMPOSED, "url"}
        assert doubled.startswith(f"{COMPOSED} ")
        assert kept == {
            COMPOSED: "kept",
            doubled: [COMPOSED, {"n": 1.5, COMPOSED: None}],
            "url": "https://example.org/a",
        }
        assert was.rows(f"select title, row_version from media where id = '{grown}'") == [(GROWS, 2)]
        assert was.rows(f"select name, metadata, row_version from media where id = '{plain}'") == [
            (COMPOSED, {"a": {}}, 1)
        ]
        assert was.rows("select name, filename, title, alt, caption from uploads") == [(COMPOSED,) * 5]
        assert was.rows('select filename from versions order by filename collate "C"') == [
            (COMPOSED,),
            (COMPOSED,),
            ("a",),
        ]
        assert was.rows("select c.name, icon, o.name, c.row_version from collections c, organizations o") == [
            (COMPOSED, COMPOSED, COMPOSED, 2)
        ]

        assert {*was.rows('select id, "group", name, slug, color, name_key from tags')} >= {
            (first, "tags", COMPOSED, "one", "red", None),
            (group, COMPOSED, COMPOSED, None, None, None),
        }
        assert was.rows("select name, name_key from tags where slug = 'hero-shot'") == [
            ("  Hero _- Shot", name_key("Hero - Shot"))
        ]
        assert {*was.rows("select media_id, name from media_tags join tags on tags.id = tag_id")} == {
            (item, COMPOSED),
            (plain, f"{COMPOSED}!"),
            (plain, COMPOSED),
        }

        cafe = COMPOSED.split()[0].lower()
        assert {*was.rows("select id, email, name from users")} == {
            (ada, "ada@example.org", COMPOSED),
            (other, f"{cafe}@x.y", COMPOSED),
            (same, f"{cafe}+{same.hex[-12:]}@x.y", COMPOSED),
        }
        assert {*was.rows("select email, status from invitations")} == {
            ("j\u00f6rg@x.y", "canceled"),
            ("j\u00f6rg@x.y", "pending"),
            ("other@x.y", "pending"),
        }

        search_keys = was.rows(
            "select search_keys(organization_id, title, filename, alt, caption)::text from media"
        )
        assert [unicodedata.is_normalized("NFC", keys.replace(GROWS, "")) for (keys,) in search_keys].count(
            True
        ) >= 2
        with pytest.raises(psycopg.errors.CheckViolation):
            was.person("Upper@x.y")
