"""Cases of the tests of tenant isolation: two populated tenants, the request of each route, and the whole
answer of each denial.
"""

from __future__ import annotations

import importlib
import json
import os
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import psycopg
from psycopg.rows import dict_row

from tests.given import pictures
from tests.given.protocol import begin
from tests.given.shapes import A_TIME
from tests.given.tenants import Tenant
from tools.routes import ROOT, Route, routes
from vitrine.accounts import ACCOUNTS, devices
from vitrine.credentials import mint_id
from vitrine.dialects.studio import STUDIO
from vitrine.dialects.uploads import UPLOADS
from vitrine.dialects.v1 import V1
from vitrine.library import ledger, organizations
from vitrine.permissions import PERMISSIONS, ROLES, SCOPES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import httpx

    from tests.given.protocol import Multipart
    from tests.given.tenants import Client
    from vitrine.http.endpoint import Item, Spec
    from vitrine.models.people import Role

ROUTES: list[Route] = routes()
PUBLIC = {  # functions that ask for no credentials
    "follow_link",
    "get_openapi",
    "show_docs",
    "show_page",
    "unrouted",
    "create_device_code",
    "get_device_code",
    "poll_device_code",
    "show_device",
    "sign_up",
    "sign_in",
    "sign_out",
    "get_session",
}
UNKNOWN_KEY = "sk_live_" + "0" * 64
NOWHERE = "01900000-0000-7000-8000-000000000000"  # an id that nothing has


def spec_of(route: Route) -> Spec:
    spec: Spec = importlib.import_module(f"functions.{route.function}.handler").app.spec
    return spec


# Tenants with rows in every table.


@dataclass(frozen=True)
class PopulatedTenant:
    """A tenant with a row in every tenant table, made by the API where it can."""

    tenant: Tenant
    folder: str  # at the root
    photo: str  # ready, in the folder, with a caption, a detection, an embedding and a tag
    link_token: str

    @property
    def id(self) -> UUID:
        return self.tenant.id

    @classmethod
    def make(cls) -> PopulatedTenant:
        tenant = Tenant.create(uuid4().hex)
        home = {"datasetId": tenant.collection_id.hex}
        folder = tenant.studio.post("/api/folder", json={**home, "name": "A folder"}).json()["folder"]
        subfolder = tenant.studio.post(
            "/api/folder", json={**home, "name": "Within it", "path": folder["path"]}
        ).json()["folder"]
        tenant.studio.post(f"/api/organization/{tenant.id.hex}/datasets", json={"name": "Another collection"})
        photo, discarded = (
            tenant.post_file(pictures.jpeg(60, 40, seed=seed), path=folder["path"]) for seed in (1, 2)
        )
        for item in (photo, discarded):
            assert tenant.finished(item)["state"] == "ready"
        assert tenant.studio.delete(f"/api/media/{discarded}").status_code == 200
        upload = begin(tenant, metadata={"path": subfolder["path"]})
        for fold in (ledger.fold_storage, ledger.fold_counts):
            while fold(datetime.now(UTC), None, 1000, dry_run=False).done:
                pass
        with owner() as connection:
            _insert_rows(connection, tenant, photo, UUID(upload.answer["uploadId"]))
            row = connection.execute("select link_token from media where id = %s", [UUID(photo)]).fetchone()
        assert row is not None
        return cls(tenant, folder["id"], photo, row["link_token"])


def owner() -> psycopg.Connection[dict[str, Any]]:
    """A connection of the owner's, which bypasses row-level security."""
    return psycopg.Connection[dict[str, Any]].connect(os.environ["OWNER_DATABASE_URL"], row_factory=dict_row)


def _insert_rows(
    connection: psycopg.Connection[dict[str, Any]], tenant: Tenant, photo: str, upload: UUID
) -> None:
    """Insert rows that no function writes yet, and references that no row of a function has."""
    frame = connection.execute("select id from frames where version_id = %s", [UUID(photo)]).fetchone()
    assert frame is not None
    values = {
        "organization": tenant.id,
        "person": tenant.owner.user_id,
        "photo": UUID(photo),
        "frame": frame["id"],
        "upload": upload,
        **{
            name: mint_id()
            for name in (
                "caption",
                "cluster",
                "detection",
                "embedding",
                "tag",
                "hook",
                "entry",
                "message",
                "deletion",
                "collection",
            )
        },
    }
    for statement in (
        """insert into captions (organization_id, id, frame_id, text)
           values (%(organization)s, %(caption)s, %(frame)s, 'A caption')""",
        "insert into clusters (organization_id, id, type) values (%(organization)s, %(cluster)s, 'object')",
        """insert into detections (organization_id, id, frame_id, cluster_id, type, label, score)
           values (%(organization)s, %(detection)s, %(frame)s, %(cluster)s, 'object', 'A thing', 0.5)""",
        """insert into embeddings (organization_id, id, media_id, version_id, frame_id, detection_id, model,
                                   generation, embedding)
           values (%(organization)s, %(embedding)s, %(photo)s, %(photo)s, %(frame)s, %(detection)s,
                   'a model', 1, '[1,2,3]')""",
        """insert into tags (organization_id, id, "group", name)
           values (%(organization)s, %(tag)s, 'a group', 'a tag')""",
        """insert into media_tags (organization_id, media_id, tag_id)
           values (%(organization)s, %(photo)s, %(tag)s)""",
        """insert into invitations (organization_id, id, email, role, token_hash, invited_by, expires_at)
           values (%(organization)s, %(entry)s, 'invited@example.org', 'viewer',
                   sha256(%(entry)s::text::bytea), %(person)s, now())""",
        """insert into webhooks (organization_id, id, url, secret, events, created_by)
           values (%(organization)s, %(hook)s, '-', '-', '{media}', %(person)s)""",
        """insert into audit_log (organization_id, id, actor, operation)
           values (%(organization)s, %(entry)s, %(person)s, 'media.delete')""",
        """insert into outbox (organization_id, id, queue, body, event_key, sent_at)
           values (%(organization)s, %(message)s, '-', '{}', 'an event', now())""",
        """insert into count_ledger (organization_id, collection_id, place_id, type, delta, folded)
           select organization_id, id, id, 'image', 0, true
             from collections
            where organization_id = %(organization)s""",
        """insert into deletions (organization_id, id, kind, root_id, actor, item_count)
           values (%(organization)s, %(deletion)s, 'collection', %(collection)s, %(person)s, 0)""",
        """insert into collections (organization_id, id, name, status, deletion_id, created_by)
           values (%(organization)s, %(collection)s, 'A deleted one', 'deleted', %(deletion)s, %(person)s)""",
        """insert into deletion_roots (organization_id, deletion_id, root_id)
           values (%(organization)s, %(deletion)s, %(collection)s)""",
        """insert into likenesses (organization_id, version_id, earlier_id, collection_id, media_id,
                                   earlier_media_id, distance)
           select organization_id, version_id, lag, collection_id, media_id, lag, 16
             from (select *, lag(version_id) over (order by version_id) from perceptual_hashes
               where organization_id = %(organization)s) as pair
            where lag is not null
               on conflict do nothing""",
        """update uploads set source_media_id = %(photo)s
           where organization_id = %(organization)s and id = %(upload)s""",
    ):
        connection.execute(statement, values)


# How a route's request is filled.


@dataclass(frozen=True, slots=True)
class RequestParts:
    """The parts of a request beside its method, its route and its credentials."""

    path: Mapping[str, str] = field(default_factory=dict[str, str])
    query: Mapping[str, str] = field(default_factory=dict[str, str])
    body: Mapping[str, Any] | None = None  # JSON, or with `files` the fields of a form
    files: Mapping[str, tuple[str, bytes, str]] | None = None

    def naming(self, item: Item, other: str) -> RequestParts:
        """A request like this one, for another item."""
        if item.where == "path":
            return RequestParts({**self.path, item.name: other}, self.query, self.body)
        first, *rest = item.name.split(".")
        if item.where == "query":
            return RequestParts(
                self.path, {**self.query, first + "".join(f"[{name}]" for name in rest): other}, self.body
            )
        body = json.loads(json.dumps(self.body))
        within = body
        for name in (first, *rest)[:-1]:
            within = within[name]
        within[(first, *rest)[-1]] = other
        return RequestParts(self.path, self.query, body, self.files)


class Targets:
    """The ids, keys and tokens of a populated tenant that requests name. A method `spare_...` creates an item
    for one request, which may delete it.
    """

    def __init__(self, populated: PopulatedTenant) -> None:
        self.populated = populated
        self.tenant = populated.tenant
        self._clients: dict[tuple[Role, tuple[str, ...]], Client] = {}
        self._signed_in: dict[Role, Client] = {}

    def client(
        self, role: Role = "owner", scopes: tuple[str, ...] = ("*",), *, session: bool = False
    ) -> Client:
        """A client of a person in this role, with a key of these scopes or in a session, which has all."""
        if session:
            if role not in self._signed_in:
                self._signed_in[role] = self.tenant.signed_in(role)
            return self._signed_in[role]
        if (role, scopes) not in self._clients:
            self._clients[role, scopes] = self.tenant.client(role, scopes)
        return self._clients[role, scopes]

    @cached_property
    def _standing(self) -> Multipart:
        return begin(self.tenant, client=self.client())

    def upload(self, of: Client | None) -> Multipart:
        """An upload of this client's, or the owner's where the client may not begin one."""
        return begin(self.tenant, client=of) if of is not None else self._standing

    def user_code(self) -> str:
        """The code of a login at a device, which anybody may begin."""
        new_id: str = (
            self.client().post("/api/auth/device/code", json={"client_id": "tests"}).json()["user_code"]
        )
        return new_id

    def spare_folder(self) -> str:
        answer = self.client().post(
            "/api/folder", json={"datasetId": self.tenant.collection_id.hex, "name": "Spare"}
        )
        new_id: str = answer.json()["folder"]["id"]
        return new_id

    def spare_key(self, of: Client | None) -> str:
        """A key of this client's person, or the owner's where the client may not create one."""
        answer = (of or self.client()).post(
            "/api/auth/api-keys", json={"name": "Spare", "scopes": ["admin:api-keys"]}
        )
        new_id: str = answer.json()["apiKey"]["id"]
        return new_id

    def deleted_folder(self) -> str:
        return self.deleted(self.spare_folder())

    def deleted_photo(self) -> str:
        return self.deleted(self.spare_photo())

    def deleted(self, item: str) -> str:
        assert self.client().delete(f"/api/media/{item}").status_code == 200
        return item

    def spare_photo(self) -> str:
        return self.tenant.ready(pictures.jpeg(40, 30, seed=3))

    def spare_version(self) -> str:
        return self.tenant.ready(pictures.jpeg(40, 30, seed=5), sourceMediaId=self.populated.photo)

    # v1's tags.

    @property
    def tag(self) -> str:
        """A tag of the tenant, created again where a request has deleted or renamed it."""
        return self.spare_tag("A tag")

    def spare_tag(self, name: str = "Spare") -> str:
        new_id: str = self.client().post("/api/v1/media-tags", json={"name": name}).json()["data"]["id"]
        return new_id

    # One collection.

    def spare_collection(self) -> str:
        answer = self.client().post(
            f"/api/organization/{self.tenant.id.hex}/datasets", json={"name": "Spare"}
        )
        new_id: str = answer.json()["id"]
        return new_id

    def deleted_collection(self) -> str:
        spare = self.spare_collection()
        assert self.client().delete(f"/api/dataset/{spare}").status_code == 200
        return spare

    # Organizations and their members.

    def person(self, *, member: bool) -> tuple[str, str]:
        """Id and e-mail address of a new person: a viewer of this organization, or in none."""
        email = f"{uuid4().hex}@example.org"
        person = organizations.add_person(email=email, name="Spare")
        if member:
            organizations.add_member(self.tenant.id, person, "viewer")
        return person.hex, email

    def invitation(self) -> str:
        invited = {**self.named, "email": self.person(member=False)[1], "role": "viewer"}
        answer = self.client().post("/api/auth/organization/invite-member", json=invited)
        new_id: str = answer.json()["id"]
        return new_id

    @property
    def named(self) -> dict[str, str]:
        return {"organizationId": self.tenant.id.hex}

    def elsewhere(self, of: Client | None) -> Tenant:
        """Another organization, in which this client's person is a viewer."""
        if of is None:
            return self.tenant
        tenant = Tenant.create(uuid4().hex)
        organizations.add_member(tenant.id, UUID(of.get("/api/me").json()["userId"]), "viewer")
        return tenant

    def token(self, of: Client | None) -> str:
        """The token of an invitation of this client's person into another organization."""
        if of is None:
            return "nonsense"
        invited = {"email": of.get("/api/me").json()["email"], "role": "viewer"}
        new_id: str = (
            Tenant.create(uuid4().hex)
            .studio.post("/api/auth/organization/invite-member", json=invited)
            .json()["token"]
        )
        return new_id


def _part(targets: Targets, of: Client | None, **more: str) -> RequestParts:
    upload = targets.upload(of)
    named = {
        "uploadId": upload.answer["uploadId"],
        **({"partNumber": more.pop("partNumber")} if "partNumber" in more else {}),
    }
    return RequestParts(named, {**upload.key, **more})


def _organization(targets: Targets, _: Client | None) -> RequestParts:
    return RequestParts({"orgId": targets.tenant.id.hex})


def _decision(targets: Targets, of: Client | None) -> RequestParts:
    return RequestParts(body={"userCode": targets.user_code() if of is not None else "ABCD2345"})


def _asset(function: str) -> str:
    return next(
        iter(sorted(file.name for file in (ROOT / "functions" / function / "assets").glob("*.js"))),
        "missing.js",
    )


# By function, and by path where it has several. `of` is the client for whom the request will succeed; None:
# it will be rejected before.
FILL: dict[str, Callable[[Targets, Client | None], RequestParts]] = {
    "get_me": lambda _, __: RequestParts(),
    "list_collections": _organization,
    "create_collection": lambda targets, _: RequestParts(
        {"orgId": targets.tenant.id.hex}, body={"name": "New"}
    ),
    "get_usage": _organization,
    "create_folder": lambda targets, _: RequestParts(
        body={"datasetId": targets.tenant.collection_id.hex, "name": "New"}
    ),
    "browse_media": lambda targets, _: RequestParts({"datasetId": targets.tenant.collection_id.hex}),
    "get_media": lambda targets, _: RequestParts({"mediaId": targets.populated.photo}),
    "delete_media": lambda targets, of: RequestParts(
        {"mediaId": targets.spare_folder() if of else targets.populated.photo}
    ),
    "restore_media": lambda targets, of: RequestParts(
        {"mediaId": targets.deleted_folder() if of else targets.populated.photo}
    ),
    "list_trash": _organization,
    "v1_restore_media": lambda targets, of: RequestParts(
        {"id": targets.deleted_photo() if of else targets.populated.photo}
    ),
    # Places
    "update_media": lambda targets, _: RequestParts(
        {"mediaId": targets.populated.folder}, body={"name": "Renamed"}
    ),
    "move_media": lambda targets, _: RequestParts(
        {"mediaId": targets.populated.folder}, body={"destinationPath": targets.tenant.collection_id.hex}
    ),
    "get_folder": lambda targets, _: RequestParts({"folderId": targets.populated.folder}),
    "update_folder": lambda targets, _: RequestParts(
        {"folderId": targets.populated.folder}, body={"name": "Renamed"}
    ),
    "delete_folder": lambda targets, of: RequestParts(
        {"folderId": targets.spare_folder() if of else targets.populated.folder}
    ),
    # Versions
    "list_versions": lambda targets, _: RequestParts({"mediaId": targets.populated.photo}),
    "select_version": lambda targets, _: RequestParts({"mediaId": targets.populated.photo}),
    "delete_version": lambda targets, of: RequestParts(
        {"mediaId": targets.populated.photo}, {"versionId": targets.spare_version() if of else NOWHERE}
    ),
    # Tags
    "add_tag": lambda targets, _: RequestParts(
        {"mediaId": targets.populated.photo}, body={"label": "color", "value": uuid4().hex}
    ),
    "remove_tag": lambda targets, _: RequestParts(
        {"mediaId": targets.populated.photo}, body={"label": "color"}
    ),
    "rename_tag_group": lambda targets, _: RequestParts(
        {"mediaId": targets.populated.photo}, body={"oldLabel": "a group", "newLabel": "a group"}
    ),
    "list_tags": lambda targets, _: RequestParts({"datasetId": targets.tenant.collection_id.hex}),
    # Reprocessing
    "reprocess_media": lambda targets, _: RequestParts({"mediaId": targets.populated.photo}),
    "reprocess_collection": lambda targets, _: RequestParts(
        {"datasetId": targets.spare_collection()}, body={}
    ),
    "list_duplicates": lambda targets, _: RequestParts({"datasetId": targets.tenant.collection_id.hex}),
    # Many items at once
    "bulk_media": lambda targets, _: RequestParts(
        body={"action": "untag", "ids": [targets.populated.photo], "label": "color"}
    ),
    "follow_link": lambda targets, _: RequestParts(
        {"mediaId": targets.populated.photo, "token": targets.populated.link_token}
    ),
    "sign_post": lambda targets, _: RequestParts(
        query={
            "filename": "a.jpg",
            "type": "image/jpeg",
            "metadata[datasetId]": targets.tenant.collection_id.hex,
        }
    ),
    "create_upload": lambda targets, _: RequestParts(
        body={
            "filename": "a.jpg",
            "type": "image/jpeg",
            "metadata": {"datasetId": targets.tenant.collection_id.hex},
        }
    ),
    "list_parts": _part,
    "sign_part": lambda targets, of: _part(targets, of, partNumber="1"),
    "sign_parts": lambda targets, of: _part(targets, of, partNumbers="1,2"),
    "complete_upload": lambda targets, of: RequestParts(
        (sent := _part(targets, of)).path, sent.query, {"parts": []}
    ),
    "abort_upload": _part,
    "get_upload": lambda targets, of: RequestParts({"mediaId": targets.upload(of).media}),
    "find_upload": lambda targets, of: RequestParts(query=targets.upload(of).key),
    # Form uploads.
    "upload_form": lambda targets, _: RequestParts(
        body={"datasetId": targets.tenant.collection_id.hex},
        files={"file": ("a.jpg", pictures.jpeg(40, 30, seed=4), "image/jpeg")},
    ),
    # v1: form uploads, URLs.
    "v1_upload_media": lambda _, __: RequestParts(
        body={}, files={"files": ("a.jpg", pictures.jpeg(40, 30, seed=4), "image/jpeg")}
    ),
    "v1_get_upload_limits": lambda _, __: RequestParts(),
    "v1_create_media": lambda _, __: RequestParts(
        body={
            "url": "https://nobody.invalid/a.jpg",
            "filename": "a.jpg",
            "fileSize": 1,
            "mimeType": "image/jpeg",
        }
    ),
    # One collection.
    "get_collection": lambda targets, _: RequestParts({"datasetId": targets.tenant.collection_id.hex}),
    "update_collection": lambda targets, _: RequestParts(
        {"datasetId": targets.tenant.collection_id.hex}, body={"name": "Default"}
    ),
    "delete_collection": lambda targets, of: RequestParts(
        {"datasetId": targets.spare_collection() if of else targets.tenant.collection_id.hex}
    ),
    "restore_collection": lambda targets, of: RequestParts(
        {"datasetId": targets.deleted_collection() if of else targets.tenant.collection_id.hex}
    ),
    # Organizations and their members.
    "list_organizations": lambda _, __: RequestParts(),
    "create_organization": lambda _, __: RequestParts(body={"name": "New"}),
    "update_organization": lambda targets, _: RequestParts(
        body={**targets.named, "data": {"name": targets.tenant.owner.organization_name}}
    ),
    "set_active_organization": lambda targets, _: RequestParts(body=targets.named),
    "list_members": lambda targets, _: RequestParts(query=targets.named),
    "add_member": lambda targets, _: RequestParts(
        body={**targets.named, "email": targets.person(member=False)[1], "role": "viewer"}
    ),
    "update_member_role": lambda targets, _: RequestParts(
        body={**targets.named, "memberId": targets.person(member=True)[0], "role": "editor"}
    ),
    "remove_member": lambda targets, _: RequestParts(
        body={**targets.named, "memberIdOrEmail": targets.person(member=True)[1]}
    ),
    "leave_organization": lambda targets, of: RequestParts(
        body={"organizationId": targets.elsewhere(of).id.hex}
    ),
    "invite_member": lambda targets, _: RequestParts(
        body={**targets.named, "email": targets.person(member=False)[1], "role": "viewer"}
    ),
    "list_invitations": lambda targets, _: RequestParts(query=targets.named),
    "cancel_invitation": lambda targets, _: RequestParts(
        body={**targets.named, "invitationId": targets.invitation()}
    ),
    "accept_invitation": lambda targets, of: RequestParts(body={"token": targets.token(of)}),
    "v1_list_teams": lambda _, __: RequestParts(),
    "v1_switch_team": lambda targets, _: RequestParts(body={"teamId": targets.tenant.id.hex}),
    "v1_list_media": lambda _, __: RequestParts(),
    "v1_check_duplicates": lambda _, __: RequestParts(
        body={"files": [{"filename": "photo.jpg", "fileSize": 1000}]}
    ),
    "v1_get_media": lambda targets, _: RequestParts({"id": targets.populated.photo}),
    "v1_delete_media": lambda targets, of: RequestParts(
        {"id": targets.spare_photo() if of else targets.populated.photo}
    ),
    # v1: a file's texts, and tags.
    "v1_update_media": lambda targets, _: RequestParts(
        {"id": targets.populated.photo}, body={"title": "A title"}
    ),
    "v1_list_media_tags": lambda targets, _: RequestParts({"id": targets.populated.photo}),
    "v1_add_media_tag": lambda targets, _: RequestParts(
        {"id": targets.populated.photo}, body={"tagId": targets.tag}
    ),
    "v1_set_media_tags": lambda targets, _: RequestParts(
        {"id": targets.populated.photo}, body={"tagIds": [targets.tag]}
    ),
    "v1_remove_media_tag": lambda targets, _: RequestParts(
        {"id": targets.populated.photo}, {"tagId": targets.tag}
    ),
    "v1_list_tags": lambda _, __: RequestParts(),
    "v1_create_tag": lambda _, __: RequestParts(body={"name": "A tag"}),
    "v1_update_tag": lambda targets, _: RequestParts(
        {"id": targets.tag}, body={"color": "red", "isActive": True}
    ),
    "v1_delete_tag": lambda targets, of: RequestParts({"id": targets.spare_tag() if of else targets.tag}),
    # Keys.
    "list_keys": lambda _, __: RequestParts(),
    "create_key": lambda _, __: RequestParts(body={"name": "New", "scopes": ["admin:api-keys"]}),
    "update_key": lambda targets, of: RequestParts({"id": targets.spare_key(of)}, body={"name": "Renamed"}),
    "revoke_key": lambda targets, of: RequestParts({"id": targets.spare_key(of)}),
    "rotate_key": lambda targets, of: RequestParts({"id": targets.spare_key(of)}, body={}),
    "v1_list_keys": lambda _, __: RequestParts(),
    "v1_create_key": lambda _, __: RequestParts(body={"name": "New", "scopes": ["admin:api-keys"]}),
    "v1_revoke_key": lambda targets, of: RequestParts({"id": targets.spare_key(of)}),
    # People
    "sign_up": lambda _, __: RequestParts(
        body={"name": "Somebody", "email": f"{uuid4().hex}@example.org", "password": "a long password"}
    ),
    "sign_in": lambda _, __: RequestParts(
        body={"email": f"{uuid4().hex}@example.org", "password": "a long password"}
    ),
    "sign_out": lambda _, __: RequestParts(),
    "get_session": lambda _, __: RequestParts(),
    "change_password": lambda _, __: RequestParts(
        body={"currentPassword": "a long password", "newPassword": "another password"}
    ),
    "get_openapi": lambda _, __: RequestParts(),
    "show_docs": lambda _, __: RequestParts({"file": _asset("show_docs")}),
    "show_page": lambda _, __: RequestParts({"file": _asset("show_page")}),
    "unrouted": lambda _, __: RequestParts(),
    # Logins at devices
    "create_device_code": lambda _, __: RequestParts(body={"client_id": "tests"}),
    "poll_device_code": lambda _, __: RequestParts(
        body={"client_id": "tests", "device_code": "0" * 40, "grant_type": devices.GRANT}
    ),
    "get_device_code": lambda targets, _: RequestParts(query={"user_code": targets.user_code()}),
    "approve_device_code": _decision,
    "deny_device_code": _decision,
    "show_device": lambda _, __: RequestParts({"file": _asset("show_device")}),
}

# The status of a route's answer to an authorized request, where it is not that of its endpoint.
STATUSES = {
    "complete_upload": 400,  # an upload without parts
    "unrouted": 404,
    "poll_device_code": 400,  # an unknown code
    "sign_in": 401,  # the person does not exist
    "change_password": 400,  # of a person without a password
}


def ask(client: Client, route: Route, sent: RequestParts, **headers: str) -> httpx.Response:
    method, _, path = route.key.partition(" ")
    if route.key == "$default":
        method, path = "GET", "/api/nowhere"
    answered: dict[str, Any] = (
        {"json": sent.body} if sent.files is None else {"data": sent.body, "files": sent.files}
    )
    return client.request(
        method,
        path.format(**sent.path),
        params=dict(sent.query),
        headers=headers,
        follow_redirects=False,
        **answered,
    )


# The answers of denials.

Answer = tuple[int, dict[str, object]]

_MISSING = {
    "organization": "Organization not found",
    "collection": "Collection not found",
    "media": "Media not found",
    "folder": "Folder not found",
    "upload": "Upload not found",
    "upload_version": "Upload not found",
    "upload_key": "Upload not found",
}


def _plain(spec: Spec, status: int, code: str, sentence: str) -> Answer:
    if spec.dialect is devices.DEVICES:
        return status, {"error": code, "error_description": sentence, "message": sentence}
    return status, {
        "error": sentence,
        "code": code,
        **({"message": sentence} if spec.dialect is ACCOUNTS else {}),
    }


def _enveloped(status: int, sentence: str, code: str | None = None) -> Answer:
    return status, {
        "success": False,
        "error": sentence,
        "code": code or f"HTTP_{status}",
        "info": {"timestamp": A_TIME},
    }


def unauthorized(spec: Spec) -> Answer:
    return (
        _enveloped(401, "Unauthorized")
        if spec.dialect is V1
        else _plain(spec, 401, "unauthorized", "Missing or invalid authentication")
    )


def other_tenant(spec: Spec) -> Answer:
    """The answer about an item of another tenant; of a route without item, about the organization that is
    named.
    """
    if spec.dialect is V1:
        if spec.item is None:
            return 403, {
                "success": False,
                "error": "Access denied: You are not a member of this team",
                "code": "NOT_A_MEMBER",
            }
        return _enveloped(404, _MISSING[spec.item.kind])
    if spec.item is None:
        return _plain(spec, 403, "not_a_member", "You are not a member of this organization")
    if spec.dialect is UPLOADS:
        return _plain(spec, 404, "not_found", _MISSING[spec.item.kind])
    assert spec.dialect in (STUDIO, ACCOUNTS)
    return _plain(spec, 403, "other_organization", "No access to this item's organization")


def not_there(spec: Spec) -> Answer:
    assert spec.item is not None
    sentence = _MISSING[spec.item.kind]
    return _enveloped(404, sentence) if spec.dialect is V1 else _plain(spec, 404, "not_found", sentence)


def lacks_scope(spec: Spec) -> Answer:
    scope = PERMISSIONS[str(spec.operation)].scope
    if spec.dialect is V1:
        return _enveloped(403, f"Insufficient permissions - {scope} scope required", "INSUFFICIENT_SCOPE")
    return _plain(spec, 403, "insufficient_scope", f"This API key does not have the scope {scope}")


def lacks_session(spec: Spec) -> Answer:
    sentence = "This takes a signed-in person; an API key cannot do it"
    return (
        _enveloped(403, sentence) if spec.dialect is V1 else _plain(spec, 403, "session_required", sentence)
    )


def lacks_role(spec: Spec, role: Role) -> Answer:
    if spec.dialect is V1:
        return _enveloped(403, "Permission denied", "PERMISSION_DENIED")
    *but_last, last = [each for each in ROLES if each in (PERMISSIONS[str(spec.operation)].roles or ())]
    return _plain(
        spec,
        403,
        "insufficient_role",
        f"This takes the role {', '.join(but_last)} or {last}; yours is {role}",
    )


def scopes_without(*scopes: str) -> tuple[str, ...]:
    return tuple(each for each in SCOPES if each not in (*scopes, "*"))
