"""Random histories of a tree, compared with a naive model: items are created, renamed, moved and deleted in
any order.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.given.library import NOON, Organization
from vitrine.db import read_all
from vitrine.errors import ApiError, Invalid, NotFound
from vitrine.library import folders, ledger, media
from vitrine.models.people import Worker
from vitrine.models.places import MAX_FOLDER_DEPTH, Folder, FolderPath
from vitrine.queries import invariants

pytest_plugins = ["tests.given.library_fixtures"]

CHECKED = (  # the rules that a wrong place would break
    "kept counts are the numbers of active, verified items in each place",
    "a collection's kept counts are the sums over its places",
    "a folder's path is its parent's and its own id",
    "an item's parent is a folder, and an active item's parent is active",
    "the ledger of a version has the version's state",
    "a deleted item belongs to a deletion in the trash or being purged",
)
CHAIN = MAX_FOLDER_DEPTH - 3  # nested folders at the beginning, so that the limit is near

Change = Literal["folder", "file", "rename", "move", "delete", "fold"]
changes = st.tuples(
    st.sampled_from(["folder", "file", "rename", "move", "move", "move", "delete", "fold"]),
    st.integers(0, 60),
    st.integers(0, 60),
)


@dataclass
class Item:
    """An item of the naive model."""

    id: UUID
    parent: Item | None  # None: the root itself
    is_folder: bool
    name: str = "x"
    alive: bool = True
    children: list[Item] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """The number of folders on the path, itself included; 0 for the root."""
        return 0 if self.parent is None else self.parent.depth + 1

    def all_below(self) -> list[Item]:
        return [each for child in self.children for each in (child, *child.all_below())]

    def path(self) -> str:
        return self.id.hex if self.parent is None else f"{self.parent.path()}.{self.id.hex}"


class Model:
    """A tree of items that know their parents; everything else is derived."""

    def __init__(self, organization: Organization) -> None:
        self.organization = organization
        self.root = Item(organization.collection_id, None, is_folder=True)
        self.items = [self.root]
        for _ in range(CHAIN):
            self.folder(self.items[-1])

    def folder(self, parent: Item) -> None:
        place = FolderPath(self.organization.collection_id, () if parent.parent is None else (parent.id,))
        if not (parent.alive and parent.is_folder):
            self.rejected(NotFound if not parent.alive else Invalid, lambda: self._create(place))
        elif parent.depth >= MAX_FOLDER_DEPTH:
            self.rejected(Invalid, lambda: self._create(place))
        else:
            self._add(self._create(place), parent, is_folder=True)

    def _create(self, place: FolderPath) -> UUID:
        return folders.create(
            self.organization.caller, self.organization.collection_id, "x", path=place, reuse=False
        ).id

    def file(self, parent: Item) -> None:
        if parent.alive and parent.is_folder:
            home, user = self.organization.collection_id, self.organization.caller.user_id
            place = (
                None
                if parent is self.root
                else Folder(parent.id, home, FolderPath(home, (parent.id,)), "x", "active", NOON, user)
            )
            number = len(self.items)
            made = self.organization.file(
                place, name="x", verified=number % 4 > 0, type="video" if number % 3 == 0 else "image"
            )
            self._add(made, parent, is_folder=False)

    def _add(self, made: UUID, parent: Item, *, is_folder: bool) -> None:
        self.items.append(Item(made, parent, is_folder))
        parent.children.append(self.items[-1])

    def rename(self, item: Item) -> None:
        if not item.alive or item is self.root:
            self.rejected(NotFound, lambda: media.update(self.organization.caller, item.id, name="y"))
        else:
            item.name = f"{item.name}y"[-200:]
            assert media.update(self.organization.caller, item.id, name=item.name).name == item.name

    def move(self, item: Item, to: Item) -> None:
        place = FolderPath(self.organization.collection_id, () if to is self.root else (to.id,))

        def change() -> object:
            return media.move(self.organization.caller, item.id, to=place)

        if item is self.root or not item.alive or not to.alive:
            self.rejected(NotFound, change)
        elif (
            not to.is_folder
            or to in (item, *item.all_below())
            or (to is not item.parent and to.depth + self._height(item) > MAX_FOLDER_DEPTH)
        ):
            self.rejected(Invalid, change)
        else:
            change()
            assert item.parent is not None
            item.parent.children.remove(item)
            item.parent = to
            to.children.append(item)

    def _height(self, item: Item) -> int:
        """The number of folders from this one down to the deepest, itself included; 0 for a file."""
        return max(
            (each.depth - item.depth + 1 for each in (item, *item.all_below()) if each.is_folder), default=0
        )

    def delete(self, item: Item) -> None:
        if item is self.root or not item.alive:
            self.rejected(NotFound, lambda: media.delete(self.organization.caller, item.id))
        else:
            gone = [each for each in (item, *item.all_below()) if each.alive]
            assert media.delete(self.organization.caller, item.id).count == sum(
                not each.is_folder for each in gone
            )
            for each in gone:
                each.alive = False

    def rejected(self, kind: type[ApiError], change: Callable[[], object]) -> None:
        with pytest.raises(ApiError) as raised:
            change()
        assert raised.type is kind

    def compare_with(self) -> None:
        """Compare the library with the model: place and name of every item, and the counts."""
        rows = self.organization.rows(
            "select id, name, status = 'active', place_id from media where organization_id = %s",
            self.organization.id,
        )
        assert set(rows) == {
            (each.id, each.name, each.alive, each.parent.id)
            for each in self.items[1:]
            if each.parent is not None
        }
        for each in self.items[1:]:
            if each.alive:
                shown = media.get(self.organization.caller, each.id)
                assert str(shown.path) == each.path()
                if each.is_folder:
                    assert shown.folder is not None
                    assert shown.folder.items == self._inside(each)
        for rule, found in zip(
            CHECKED,
            read_all(Worker(), *(invariants.broken(rule, self.organization.id) for rule in CHECKED)),
            strict=True,
        ):
            assert (rule, found) == (rule, [])

    def _inside(self, folder: Item) -> int:
        files = [each.id for each in folder.all_below() if each.alive and not each.is_folder]
        counted = self.organization.rows(
            "select count(*) from media where id = any(%s) and verified_at is not null", files
        )
        return int(str(counted[0][0]))


LIVES = st.lists(changes, min_size=20, max_size=50)
AS_LONG_AS_IT_TAKES = settings(
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    print_blob=True,
)


@settings(AS_LONG_AS_IT_TAKES, max_examples=2)
@given(LIVES)
def test_a_tree_agrees_with_a_naive_model(
    make_organization: Callable[[], Organization], life: list[tuple[Change, int, int]]
) -> None:
    live(Model(make_organization()), life)


@pytest.mark.soak
@settings(AS_LONG_AS_IT_TAKES, max_examples=100)
@given(LIVES)
def test_many_trees_agree_with_naive_models(
    make_organization: Callable[[], Organization], life: list[tuple[Change, int, int]]
) -> None:
    live(Model(make_organization()), life)


def live(model: Model, life: list[tuple[Change, int, int]]) -> None:
    for change, one, two in life:
        # Mostly one of the newest items, so that the tree grows deep; else any.
        item, other = (model.items[-1 - index % len(model.items)] for index in (one, two))
        if change == "folder":
            model.folder(item)
        elif change == "file":
            model.file(item)
        elif change == "rename":
            model.rename(item)
        elif change == "move":
            model.move(item, other)
        elif change == "delete":
            model.delete(item)
        else:
            ledger.fold_counts(NOON, None, 5, dry_run=False)

    model.compare_with()
