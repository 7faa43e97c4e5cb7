"""v1's list with search, tag filters, orders and totals, compared with the rule in plain SQL without an
index.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any
from uuid import UUID, uuid4

import pytest

from tests.given import names
from tests.given.library import NOON, Organization
from vitrine.library import folders, media
from vitrine.queries.files import Order

pytest_plugins = ["tests.given.library_fixtures"]

# Typical texts, and texts that a parser of words, a pattern or a key could misread.
PIECES = (
    "zebra",
    "Zebras",
    "crossing",
    "crossings",
    "the",
    "of",
    "files",
    "file 4",
    "hero-banner.jpg",
    "hero",
    "banner",
    "IMG_0042",
    "100%",
    "50% off",
    "_",
    "\\",
    "'",
    "''",
    "a & b",
    "!(x | y)",
    ":*",
    "<->",
    "Ärger",
    "ärger",
    "STRASSE",
    "straße",
    "東京",
    "東京タワー",
    "😀",
    "👩‍👩‍👧",
    "x",
    "é",
    "e\u0301",
    "\u202e",
    "www.example.org/a/b.html",
    "someone@example.org",
    "-5",
    "3.14",
    "\t",
    "running",
    "ran",
    "İstanbul",
    "x" * 300,
    "word" * 60,
)


@dataclass(frozen=True)
class Shelf:
    """Files with their texts, by filename."""

    of: Organization
    files: dict[str, UUID] = field(default_factory=dict[str, UUID])

    def put(
        self,
        filename: str,
        *,
        title: str | None = None,
        alt: str | None = None,
        caption: str | None = None,
        **more: Any,
    ) -> UUID:
        self.files[filename] = item = self.of.file(name=filename, **more)
        if title or alt or caption:
            self.of.rows(
                "update media set title = %s, alt = %s, caption = %s where id = %s returning id",
                title,
                alt,
                caption,
                item,
            )
        return item

    def search(self, search: str, **more: Any) -> list[str]:
        page = media.list_files(
            self.of.caller, search=search, limit=100, order_by="filename", descending=False, **more
        )
        assert page.total == len(page.items)
        return [str(item.version.filename) for item in page.items]

    def tag(self, name: str, *filenames: str, group: str = "tags", active: bool = True) -> UUID:
        tag = uuid4()
        self.of.rows(
            """
            insert into tags (organization_id, id, "group", name, slug, is_active) values (%s, %s, %s, %s, %s,
                              %s) returning id
            """,
            self.of.id,
            tag,
            group,
            name,
            name.lower() if group == "tags" else None,
            active,
        )
        for filename in filenames:
            self.of.rows(
                "insert into media_tags (organization_id, media_id, tag_id) "
                "values (%s, %s, %s) returning tag_id",
                self.of.id,
                self.files[filename],
                tag,
            )
        return tag


@pytest.fixture
def shelf(organization: Organization) -> Shelf:
    return Shelf(organization)


def test_a_search_finds_what_the_contract_promises_and_nothing_else(
    shelf: Shelf, make_organization: Callable[[], Organization]
) -> None:
    shelf.put("DSC_1.jpg", alt="Zebra crossing")
    shelf.put("hero-banner.jpg")
    shelf.put("d.png", title="This is file 4", caption="100% _cotton_")
    shelf.put("Ä.jpg", caption="back\\slash and 'quote'")
    shelf.put("e.jpg", title="crossing", caption="the zebras")
    Shelf(make_organization()).put("theirs.jpg", alt="Zebra crossing")
    shelf.put("pending.jpg", alt="Zebra crossing", verified=False)
    deleted = shelf.put("deleted.jpg", alt="Zebra crossing")
    folders.create(shelf.of.caller, shelf.of.collection_id, "Zebra crossing", path=None, reuse=False)
    media.delete(shelf.of.caller, deleted)
    expected = {
        "crossings zebras": ["DSC_1.jpg", "e.jpg"],
        "the zebra": ["DSC_1.jpg", "e.jpg"],
        "ZEBRA CROSSING": ["DSC_1.jpg", "e.jpg"],
        "ebra cros": ["DSC_1.jpg"],
        "zebra giraffe": [],
        "hero banner": [],
        "hero": ["hero-banner.jpg"],
        "hero-banner": ["hero-banner.jpg"],
        "HERO-BANNER.JPG": ["hero-banner.jpg"],
        "o-b": ["hero-banner.jpg"],
        "files": ["d.png"],
        "the": ["e.jpg"],
        "%": ["d.png"],
        "_": ["DSC_1.jpg", "d.png"],
        "_c": ["d.png"],
        "0%": ["d.png"],
        "\\": ["Ä.jpg"],
        "k\\s": ["Ä.jpg"],
        "'": ["Ä.jpg"],
        "ä": ["Ä.jpg"],
        ".jpg": ["DSC_1.jpg", "e.jpg", "hero-banner.jpg", "Ä.jpg"],
        "jpgx": [],
        "g": ["DSC_1.jpg", "d.png", "e.jpg", "hero-banner.jpg", "Ä.jpg"],
        "crossing zebra": ["DSC_1.jpg", "e.jpg"],
        "sing the": [],
        " ": ["DSC_1.jpg", "Ä.jpg", "d.png", "e.jpg"],
        "e.jpg": ["e.jpg"],
    }

    results = {search: shelf.search(search) for search in expected}

    assert {
        search: (each, expected[search])
        for search, each in results.items()
        if sorted(each) != sorted(expected[search])
    } == {}


def test_a_change_of_any_of_the_four_texts_changes_its_searches(shelf: Shelf) -> None:
    item = shelf.put("first.jpg", title="second", alt="third", caption="fourth")
    before = [shelf.search(word) for word in ("first", "second", "third", "fourth")]

    # The item takes over the filename of a new active version.
    shelf.of.rows(
        "update media set filename = 'fifth.jpg', title = 'sixth', alt = null, caption = 'eighth' "
        "where id = %s returning id",
        item,
    )

    assert before == [["first.jpg"]] * 4
    assert [shelf.search(word) for word in ("first", "second", "third", "fourth")] == [[]] * 4
    assert [shelf.search(word) for word in ("fifth", "sixth", "eighth")] == [["fifth.jpg"]] * 3


def test_a_search_agrees_with_the_rule(shelf: Shelf) -> None:
    agree(shelf, files=12, searches=40, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_many_searches_agree_with_the_rule(shelf: Shelf) -> None:
    agree(shelf, files=400, searches=10_000, seed=random.SystemRandom().randrange(2**32))


def agree(shelf: Shelf, *, files: int, searches: int, seed: int) -> None:
    chance = random.Random(seed)

    def text(most: int, length: int) -> str:
        return " ".join(
            chance.choice((*PIECES, *names.VALID_NAMES.values())) for _ in range(chance.randint(1, most))
        )[:length]

    for number in range(files):
        described = {
            name: text(4, length)
            for name, length in (("title", 255), ("alt", 500), ("caption", 1000))
            if chance.random() < 0.5
        }
        shelf.put(f"{number} {text(2, 200)}", **described)

    wrong: list[tuple[str, object, object]] = []
    with shelf.of.sql() as owner:
        for _ in range(searches):
            search = text(2, 200)
            if chance.random() < 0.5:  # a part of it
                start = chance.randrange(len(search))
                search = search[start : start + chance.randint(1, 8)]
            page = media.list_files(shelf.of.caller, search=search, limit=files)
            expected = {
                row[0] for row in owner.execute(RULE, {"organization": shelf.of.id, "search": search})
            }
            if {item.id for item in page.items} != expected or page.total != len(expected):
                wrong.append((search, page.total, len(expected)))

    assert (wrong, f"seed {seed}") == ([], f"seed {seed}")


RULE = r"""
    select id
      from media
     where organization_id = %(organization)s
       and status = 'active'
       and type <> 'folder'
       and verified_at is not null
       and (to_tsvector('english', coalesce(title, '') || ' ' || filename || ' ' || coalesce(alt, '') || ' '
                                   || coalesce(caption, ''))
            @@ plainto_tsquery('english', %(search)s)
            or exists (select from unnest(array[title, filename, alt, caption]) as content
                        where lower(content) like
                              '%%' || regexp_replace(lower(%(search)s), '([\\%%_])', '\\\1', 'g') || '%%'))
"""


def test_tags_of_one_list_are_alternatives_and_two_lists_must_both_match(
    shelf: Shelf, neighbour: Organization
) -> None:
    for name in ("a.jpg", "b.jpg", "c.jpg", "d.jpg"):
        shelf.put(name, title="tagged" if name < "c" else None)
    x, y, hidden = (
        shelf.tag("Xx", "a.jpg", "b.jpg"),
        shelf.tag("Yy", "b.jpg", "c.jpg"),
        shelf.tag("Hidden", "d.jpg", active=False),
    )
    other_group, nowhere = shelf.tag("red", "a.jpg", group="color"), uuid4()
    theirs = Shelf(neighbour)
    theirs.put("theirs.jpg")
    foreign = theirs.tag("Theirs", "theirs.jpg")
    everything = ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    cases: list[tuple[list[UUID] | None, list[str] | None, str, list[str]]] = [
        (None, None, "", everything),
        ([x], None, "", ["a.jpg", "b.jpg"]),
        ([x, y], None, "", ["a.jpg", "b.jpg", "c.jpg"]),
        ([x, x, nowhere], None, "", ["a.jpg", "b.jpg"]),
        ([nowhere], None, "", []),
        ([], None, "", []),
        (None, [], "", []),
        (None, ["xx", "yy"], "", ["a.jpg", "b.jpg", "c.jpg"]),
        (None, ["XX"], "", []),
        (None, [" xx"], "", []),
        ([x], ["yy"], "", ["b.jpg"]),
        ([x], ["nothing"], "", []),
        ([hidden], None, "", ["d.jpg"]),
        (None, ["hidden"], "", ["d.jpg"]),
        ([other_group], None, "", []),
        (None, ["red"], "", []),
        ([foreign], None, "", []),
        (None, ["theirs"], "", []),
        ([y], None, "tagged", ["b.jpg"]),
        ([x], ["yy"], "jpg", ["b.jpg"]),
        ([x], None, "nothing", []),
    ]

    results = [(case, shelf.search(case[2], tag_ids=case[0], tag_slugs=case[1])) for case in cases]

    assert [each for each in results if each[1] != each[0][3]] == []


def test_every_filter_in_every_order_gives_the_same_order_page_by_page(shelf: Shelf) -> None:
    for number, name in enumerate(["b.jpg", "B.jpg", "a.jpg", "ä.jpg", "a.jpg", "_.jpg", "Z.jpg"]):
        shelf.put(
            name,
            stored=1000 + number % 3,
            type="video" if number == 3 else "image",
            at=NOON if number % 2 else None,
        )
        shelf.files[str(number)] = shelf.files[name]
    shelf.tag("All", *(str(number) for number in range(7)))
    rows = {item.id: item for item in media.list_files(shelf.of.caller, limit=100).items}
    keys: dict[Order, Callable[[UUID], Any]] = {
        "createdAt": lambda item: (rows[item].created_at, item),
        "fileSize": lambda item: (rows[item].version.size_bytes, item),
        "filename": lambda item: ((rows[item].version.filename or "").encode(), item),
    }
    filters: Sequence[dict[str, Any]] = (
        {},
        {"search": "jpg"},
        {"tag_slugs": ["all"]},
        {"search": ".", "tag_slugs": ["all"], "type": "image"},
        {"type": "video"},
    )
    wrong: list[object] = []

    for order_by, descending, chosen in product(keys, (True, False), filters):
        expected = sorted(
            (item for item in rows if chosen.get("type") in (None, rows[item].type)),
            key=keys[order_by],
            reverse=descending,
        )
        pages = [
            media.list_files(
                shelf.of.caller, order_by=order_by, descending=descending, limit=3, offset=offset, **chosen
            )
            for offset in (0, 3, 6, 9, 2**40)
        ]
        if [item.id for page in pages for item in page.items] != expected or {
            page.total for page in pages
        } != {len(expected)}:
            wrong.append((order_by, descending, chosen))

    assert len(rows) == 7
    assert wrong == []
