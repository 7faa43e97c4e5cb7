"""The operator's commands, run as an operator runs them, and what the API makes of it."""

from __future__ import annotations

import io
import os
import pty
import re
import secrets
import shutil
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from argon2 import PasswordHasher

from local.__main__ import main
from local.operating import UsageError, quota
from local.places import StartError
from local.stack import Stack
from tests.given.members import AT
from tests.given.stack import cluster, database, reachable_folder
from tests.given.tenants import Client, Tenant
from vitrine.errors import Conflict
from vitrine.library import operators, organizations, sessions

if TYPE_CHECKING:
    from collections.abc import Mapping

ROOT = Path(__file__).parents[2]
PASSWORD = "correct horse battery"
UNAUTHORIZED = {"error": "Missing or invalid authentication", "code": "unauthorized"}


@dataclass(frozen=True)
class Said:
    """What a command said, and how it ended."""

    code: int
    out: str
    err: str


def operate(
    *words: str, stdin: str | bytes = b"", environment: Mapping[str, str] | None = None, cwd: Path = ROOT
) -> Said:
    """A process of its own, as an operator has it."""
    ended = subprocess.run(
        [sys.executable, "-m", "local", *words],
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        input=_bytes(stdin),
        capture_output=True,
        timeout=100,
        check=False,
    )
    return Said(ended.returncode, ended.stdout.decode(), ended.stderr.decode())


def call(*words: str, stdin: str | bytes = b"") -> Said:
    """The same in this process: a new one takes a second to begin."""
    given, out, err = io.TextIOWrapper(io.BytesIO(_bytes(stdin))), io.StringIO(), io.StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        patch.setattr(sys, "stdin", given)
        try:
            code = main(list(words))
        except SystemExit as ended:  # what argparse raises
            code = int(ended.code or 0)
    return Said(code, out.getvalue(), err.getvalue())


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def done(*words: str, stdin: str = "") -> str:
    """What a command that does what it is told says of it."""
    answered = call(*words, stdin=stdin)
    assert (answered.code, answered.err) == (0, "")
    return answered.out


def rejected(sentence: str, *, code: int = 1) -> Said:
    return Said(code, "", f"{sentence}\n")


def a_person() -> str:
    email = f"{uuid4().hex}@example.org"
    organizations.add_person(email=email, name="Somebody")
    return email


def me(client: Client) -> tuple[int, object]:
    answer = client.get("/api/me")
    body = answer.json()
    return answer.status_code, {
        name: body[name] for name in ("error", "code")
    } if answer.status_code >= 400 else body["role"]


def rows(query: str, *values: object) -> list[tuple[object, ...]]:
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        return owner.execute(query.encode(), values).fetchall()


def cells(out: str) -> list[list[str]]:
    """Of a table: its lines, taken apart where two spaces stand."""
    return [re.split(r" {2,}", line) for line in out.splitlines()]


# People.


def test_a_person_is_made_with_a_password_and_listed() -> None:
    email = f"{uuid4().hex}@example.org"

    answered = done(
        "user", "add", f" {email} ", "--name", "An Owner", "--password-stdin", stdin=f"{PASSWORD} ﬁ\n"
    )

    assert answered == f"{email} is An Owner.\n"
    ((hashed,),) = rows("select password_hash from users where email = %s", email)
    assert isinstance(hashed, str)
    assert hashed.startswith("$argon2id$")
    assert PasswordHasher().verify(hashed, f"{PASSWORD} fi")  # in its NFKC form
    heads, *listed = cells(done("user", "list"))
    assert heads == ["EMAIL", "NAME", "PASSWORD", "ORGANIZATIONS", "SINCE"]
    assert [line[:4] for line in listed if line[0] == email] == [[email, "An Owner", "yes", "-"]]


def test_a_person_without_a_terminal_has_no_password_yet() -> None:
    email = f"{uuid4().hex}@example.org"

    answered = done("user", "add", email, "--name", "A Person")

    assert answered == f"{email} is A Person. There is no password yet: `user password {email}` sets one.\n"
    assert rows("select password_hash from users where email = %s", email) == [(None,)]


def test_an_email_is_taken_however_it_is_spelled() -> None:
    email = a_person()

    answered = call("user", "add", email.upper(), "--name", "Another")

    assert answered == rejected(f"There is a person with the e-mail {email.upper()} already.")


def test_a_person_is_found_in_either_form_of_the_address() -> None:
    composed = f"j\u00f6rg-{uuid4().hex}@example.org"
    decomposed = unicodedata.normalize("NFD", composed).replace("j", "J", 1)

    answered = done("user", "add", decomposed, "--name", "Jo\u0308rg")

    assert answered.startswith(f"{composed} is J\u00f6rg.")
    assert rows("select email, name from users where email = %s", composed) == [(composed, "J\u00f6rg")]
    assert call("user", "add", composed, "--name", "Another").code == 1
    for spelled in (composed, decomposed, f" {composed.replace('example', 'EXAMPLE')} "):
        assert call("user", "sessions", spelled).code == 0
    assert done("user", "remove", decomposed) == f"{composed} is removed.\n"


@pytest.mark.parametrize(
    ("email", "name", "password", "sentence", "code"),
    [
        ("ada", "A Person", PASSWORD, "ada is not an e-mail address of up to 320 characters.", 1),
        (
            "a da@example.org",
            "A Person",
            PASSWORD,
            "a da@example.org is not an e-mail address of up to 320 characters.",
            1,
        ),
        (
            "a\x1b@example.org",
            "A Person",
            PASSWORD,
            "a\\x1b@example.org is not an e-mail address of up to 320 characters.",
            1,
        ),
        (
            "a" * 309 + "@example.org",
            "A Person",
            PASSWORD,
            "a" * 309 + "@example.org is not an e-mail address of up to 320 characters.",
            1,
        ),
        ("", "A Person", PASSWORD, "Nothing is not an e-mail address of up to 320 characters.", 1),
        ("new@example.org", " ", PASSWORD, "name must have 1 to 255 characters.", 1),
        ("new@example.org", "A Person", "seven77", "Password too short.", 1),
        ("new@example.org", "A Person", "é" * 129, "Password too long.", 1),
        ("new@example.org", "A Person", "", "Password too short.", 1),
        (
            "new@example.org",
            "A Person",
            f"{PASSWORD}\n{PASSWORD}",
            "The password on stdin is more than one line.",
            2,
        ),
        ("new@example.org", "A Person", PASSWORD.encode("utf-16"), "The password on stdin is not UTF-8.", 2),
    ],
)
def test_what_a_person_cannot_be_made_of(
    email: str, name: str, password: str | bytes, sentence: str, code: int
) -> None:
    answered = call("user", "add", email, "--name", name, "--password-stdin", stdin=password)

    assert answered == rejected(sentence, code=code)


def test_a_password_ends_the_sessions_and_no_key(tenant: Tenant) -> None:
    phone, laptop = tenant.signed_in(), tenant.signed_in()
    assert [me(client) for client in (phone, laptop, tenant.studio)] == [(200, "owner")] * 3

    answered = done("user", "password", tenant.owner.email, "--password-stdin", stdin=PASSWORD)

    assert answered == f"The password of {tenant.owner.email} is set; 2 sessions ended.\n"
    assert [me(client) for client in (phone, laptop, tenant.studio)] == [
        (401, UNAUTHORIZED),
        (401, UNAUTHORIZED),
        (200, "owner"),
    ]


def test_a_password_needs_somewhere_to_come_from() -> None:
    answered = call("user", "password", a_person())

    assert answered == rejected(
        "There is no terminal to ask at: give --password-stdin, and the password on stdin.", code=2
    )


@pytest.mark.parametrize(
    ("typed", "code", "sentence"),
    [
        ((PASSWORD, PASSWORD), 0, "The password of {} is set; 0 sessions ended."),
        ((PASSWORD, "another"), 2, "The two are not the same; nothing was done."),
    ],
)
def test_a_password_is_asked_for_twice_at_a_terminal_and_not_shown(
    typed: tuple[str, str], code: int, sentence: str
) -> None:
    email = a_person()
    terminal, end = pty.openpty()
    words = [sys.executable, "-m", "local", "user", "password", email]

    with subprocess.Popen(
        words, cwd=ROOT, stdin=end, stdout=end, stderr=end, start_new_session=True
    ) as running:
        os.close(end)
        seen = ""
        for prompt, answer in zip(("Password: ", "The same again: "), typed, strict=True):
            while not seen.endswith(prompt):
                seen += os.read(terminal, 1000).decode()
            os.write(terminal, f"{answer}\n".encode())
        while sentence.format(email) not in seen:
            seen += os.read(terminal, 1000).decode()
    os.close(terminal)

    assert running.returncode == code
    assert not any(word in seen for word in typed)
    assert (rows("select password_hash from users where email = %s", email) == [(None,)]) == (code != 0)


def test_the_sessions_of_a_person_are_listed_and_ended(tenant: Tenant) -> None:
    browser = Client(
        None, token=sessions.start(tenant.owner.user_id, address="192.0.2.7", user_agent="\x1b[31mred").token
    )
    assert me(browser) == (200, "owner")

    heads, *listed = cells(done("user", "sessions", tenant.owner.email))
    answered = done("user", "sign-out", tenant.owner.email)

    assert heads == ["SINCE", "UNTIL", "ADDRESS", "CLIENT"]
    assert [line[2:] for line in listed] == [["192.0.2.7", r"\x1b[31mred"]]  # and no terminal turns red
    assert answered == f"1 session of {tenant.owner.email} ended.\n"
    assert me(browser) == (401, UNAUTHORIZED)
    assert call("user", "sessions", tenant.owner.email) == Said(
        0, "", f"{tenant.owner.email} is signed in nowhere.\n"
    )


def test_signing_out_forgets_a_device_that_was_approved_and_has_not_come_yet(tenant: Tenant) -> None:
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        owner.execute(
            """
            insert into device_codes (id, device_code_hash, user_code, client_id, status, user_id, expires_at)
            values (gen_random_uuid(), %s, %s, 'cli', 'approved', %s, now() + interval '10 minutes')
            """,
            [secrets.token_bytes(32), secrets.token_hex(4), tenant.owner.user_id],
        )

    done("user", "sign-out", tenant.owner.email)

    assert rows("select from device_codes where user_id = %s", tenant.owner.user_id) == []


def test_a_person_is_removed_but_not_while_an_organization_has_no_other_owner(tenant: Tenant) -> None:
    key, session, other = tenant.studio, tenant.signed_in(), a_person()
    media = key.post("/api/folder", json={"datasetId": tenant.collection_id.hex, "name": "Kept"}).json()[
        "folder"
    ]["id"]

    before = call("user", "remove", tenant.owner.email)

    assert before == rejected(
        f"{tenant.owner.email} is the last owner of {tenant.name}: make somebody else an owner first."
    )
    assert me(key) == (200, "owner")
    done("org", "set-role", tenant.name, other, "owner")
    assert done("user", "remove", tenant.owner.email) == f"{tenant.owner.email} is removed.\n"
    assert [me(client) for client in (key, session)] == [(401, UNAUTHORIZED)] * 2
    assert call("user", "remove", tenant.owner.email) == rejected(
        f"There is no person with the e-mail {tenant.owner.email}."
    )
    assert [line[:3] for line in cells(done("org", "members", tenant.name))[1:]] == [
        [other, "Somebody", "owner"]
    ]
    assert rows("select name from media where id = %s", UUID(media)) == [("Kept",)]


def test_all_organizations_that_keep_a_person_are_named(tenant: Tenant) -> None:
    done("org", "add", "Another", "--owner", tenant.owner.email, "--slug", f"z-{tenant.name}")

    answered = call("user", "remove", tenant.owner.email)

    assert answered == rejected(
        f"{tenant.owner.email} is the last owner of {tenant.name}, z-{tenant.name}: make somebody else an owner first."
    )


# Keys.


def test_a_key_opens_the_api_until_it_is_revoked(tenant: Tenant) -> None:
    answered = call(
        "key",
        "add",
        tenant.owner.email,
        "--name",
        "CI",
        "--scope",
        "media:read",
        "media:write",
        "--scope",
        "media:delete",
    )

    assert (answered.code, answered.err) == (0, f"A key of {tenant.owner.email}. It is shown this once:\n")
    assert re.fullmatch(r"sk_live_[0-9a-f]{64}\n", answered.out)
    key = answered.out.strip()
    assert me(Client(key)) == (200, "owner")
    heads, listed = cells(done("key", "list", tenant.owner.email))
    assert heads == ["ID", "KEY", "NAME", "SCOPES", "STATUS", "UNTIL", "LAST USED", "SINCE"]
    assert listed[1:6] == [f"{key[:16]}...", "CI", "media:delete media:read media:write", "active", "-"]
    assert listed[6] != "-"
    for _ in range(2):
        assert (
            done("key", "revoke", listed[0])
            == f"The key {key[:16]}... (CI) of {tenant.owner.email} is revoked.\n"
        )
        assert me(Client(key)) == (401, UNAUTHORIZED)
    assert cells(done("key", "list", tenant.owner.email))[1][4] == "revoked"


def test_a_key_reaches_no_further_than_its_scopes(tenant: Tenant) -> None:
    key = call("key", "add", tenant.owner.email, "--name", "reader", "--scope", "media:read").out.strip()

    answer = Client(key).post("/api/folder", json={"datasetId": tenant.collection_id.hex, "name": "F"})

    assert (answer.status_code, answer.json()["code"]) == (403, "insufficient_scope")


def test_a_key_expires_when_it_was_told_to(tenant: Tenant) -> None:
    answered = call("key", "add", tenant.owner.email, "--name", "short", "--scope", "*", "--days", "2")

    assert rows(
        "select extract(epoch from expires_at - created_at)::integer / 3600 from api_keys where user_id = %s",
        tenant.owner.user_id,
    ) in ([(47,)], [(48,)])
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        owner.execute("update api_keys set expires_at = now() where user_id = %s", [tenant.owner.user_id])
    assert me(Client(answered.out.strip())) == (401, UNAUTHORIZED)
    assert cells(done("key", "list", tenant.owner.email))[1][4] == "expired"


def test_a_rotated_key_that_is_revoked_ends_now_and_not_when_it_would_have(tenant: Tenant) -> None:
    key = call("key", "add", tenant.owner.email, "--name", "old", "--scope", "*").out.strip()
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as owner:
        owner.execute(
            "update api_keys set revoked_at = now() + interval '1 day' where user_id = %s",
            [tenant.owner.user_id],
        )
    assert me(Client(key)) == (200, "owner")

    done("key", "revoke", cells(done("key", "list", tenant.owner.email))[1][0])

    assert me(Client(key)) == (401, UNAUTHORIZED)


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (
            ("add", "{}", "--name", "x", "--scope", "media:read", "everything"),
            "There is no scope everything; there are media:read, media:write, media:delete, admin:api-keys, admin:users, *.",
            1,
        ),
        (
            ("add", "nobody@example.org", "--name", "x", "--scope", "*"),
            "There is no person with the e-mail nobody@example.org.",
            1,
        ),
        (("add", "{}", "--name", "x" * 101, "--scope", "*"), "The name of a key has 1 to 100 characters.", 1),
        (("add", "{}", "--name", "x", "--scope", "*", "--days", "0"), "--days must be 1 to 3650.", 2),
        (("list", "nobody@example.org"), "There is no person with the e-mail nobody@example.org.", 1),
        (("revoke", "sk_live"), "sk_live is not the id of a key.", 1),
        (("revoke", "0" * 32), f"There is no key with the id {'0' * 32}.", 1),
    ],
)
def test_what_keys_are_refused(words: tuple[str, ...], sentence: str, code: int) -> None:
    email = a_person()

    answered = call("key", *(word.format(email) for word in words))

    assert answered == rejected(sentence, code=code)
    assert call("key", "list", email) == Said(0, "", f"{email} has no keys.\n")


# Organizations.


def test_an_organization_is_founded_whole() -> None:
    owner, name = a_person(), f"Société {uuid4().hex}"
    slug = f"societe-{name[8:]}"

    answered = done("org", "add", name, "--owner", owner, "--quota", "10GB")

    assert answered == f"{slug} is {name}, owned by {owner}.\n"
    client = Client(call("key", "add", owner, "--name", "first", "--scope", "*").out.strip())
    found = client.get("/api/me").json()["organizationId"]
    assert [each["name"] for each in client.get(f"/api/organization/{found}/datasets").json()] == ["Default"]
    heads, *listed = cells(done("org", "list"))
    assert heads == ["SLUG", "NAME", "MEMBERS", "STORED", "QUOTA", "SINCE"]
    assert [line[1:5] for line in listed if line[0] == slug] == [[name, "1", "0", "10000000000"]]
    assert call("org", "add", name, "--owner", owner) == rejected(
        f"The slug {slug} is taken; give another one."
    )


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("X", "--owner", "nobody@example.org"), "There is no person with the e-mail nobody@example.org."),
        (
            ("X", "--owner", "{}", "--slug", "Not--One"),
            "Not--One cannot be a slug: up to 100 small letters and digits, with single dashes between.",
        ),
        (
            ("東京", "--owner", "{}"),
            "No slug can be made from 東京; give one: up to 100 small letters and digits, with single dashes between.",
        ),
        (("x" * 101, "--owner", "{}"), "The name of an organization has 1 to 100 characters."),
        ((" ", "--owner", "{}"), "name must have 1 to 255 characters."),
        (("X", "--owner", "{}", "--quota", str(2**63)), f"A quota has 0 to {2**63 - 1} bytes."),
    ],
)
def test_what_an_organization_cannot_be_founded_of(words: tuple[str, ...], sentence: str) -> None:
    owner = a_person()

    answered = call("org", "add", *(word.format(owner) for word in words))

    assert answered == rejected(sentence)


def test_a_role_is_given_changed_and_taken(tenant: Tenant) -> None:
    email = a_person()
    client = Client(call("key", "add", email, "--name", "k", "--scope", "*").out.strip())

    assert done("org", "set-role", tenant.name, email, "editor") == f"{email} is editor of {tenant.name}.\n"
    assert me(client) == (200, "editor")
    done("org", "set-role", tenant.name, email, "viewer")
    assert me(client) == (200, "viewer")
    members = cells(done("org", "members", tenant.name))
    assert (
        done("org", "remove-member", tenant.name, email)
        == f"{email} is not a member of {tenant.name} any more.\n"
    )

    assert members[0] == ["EMAIL", "NAME", "ROLE", "SINCE"]
    assert [line[:3] for line in members[1:]] == [
        [tenant.owner.email, "An Owner", "owner"],
        [email, "Somebody", "viewer"],
    ]
    assert me(client) == (
        400,
        {"error": client.get("/api/me").json()["error"], "code": "organization_required"},
    )
    assert call("org", "remove-member", tenant.name, email) == rejected(
        f"{email} is not a member of {tenant.name}."
    )
    audited = rows(
        "select operation, details, actor from audit_log where organization_id = %s order by at, id",
        tenant.id,
    )
    assert audited == [
        ("member.add", {"role": "editor", "before": None}, UUID(int=0)),
        ("member.update", {"role": "viewer", "before": "editor"}, UUID(int=0)),
        ("member.remove", {"email": email, "before": "viewer"}, UUID(int=0)),
    ]


@pytest.mark.parametrize("words", [("org", "remove-member"), ("org", "set-role"), ("user", "remove")])
def test_invitations_that_a_person_may_no_longer_make_are_withdrawn(
    tenant: Tenant, words: tuple[str, str]
) -> None:
    email, invited = a_person(), a_person()
    done("org", "set-role", tenant.name, email, "admin")
    admin = Client(call("key", "add", email, "--name", "k", "--scope", "*").out.strip())
    joining = Client(call("key", "add", invited, "--name", "k", "--scope", "*").out.strip())
    token = admin.post(f"{AT}/invite-member", json={"email": invited, "role": "viewer"}).json()["token"]

    if words == ("user", "remove"):
        done(*words, email)
    else:
        done(*words, tenant.name, email, *(["viewer"] if words[1] == "set-role" else []))
        done("org", "set-role", tenant.name, email, "admin")  # what was withdrawn stays so

    assert joining.post(f"{AT}/accept-invitation", json={"token": token}).status_code == 404
    assert rows("select status from invitations where organization_id = %s", tenant.id) == [("canceled",)]


def test_a_person_removed_by_an_operator_cannot_return_by_an_old_invitation(tenant: Tenant) -> None:
    email = a_person()
    client = Client(call("key", "add", email, "--name", "k", "--scope", "*").out.strip())
    token = tenant.studio.post(f"{AT}/invite-member", json={"email": email, "role": "admin"}).json()["token"]
    done("org", "set-role", tenant.name, email, "viewer")
    done("org", "remove-member", tenant.name, email)

    assert client.post(f"{AT}/accept-invitation", json={"token": token}).status_code == 404


@pytest.mark.parametrize("words", [("set-role", "admin"), ("remove-member",)])
def test_the_last_owner_stays(tenant: Tenant, words: tuple[str, ...]) -> None:
    tenant.caller("admin")

    answered = call("org", words[0], tenant.name, tenant.owner.email, *words[1:])

    assert answered == rejected(
        f"{tenant.owner.email} is the last owner of {tenant.name}: make somebody else an owner first."
    )
    assert me(tenant.studio) == (200, "owner")


def test_the_last_owner_may_be_told_to_be_the_owner(tenant: Tenant) -> None:
    assert (
        done("org", "set-role", tenant.name, tenant.owner.email, "owner")
        == f"{tenant.owner.email} is owner of {tenant.name}.\n"
    )


@pytest.mark.parametrize(
    ("words", "sentence", "code"),
    [
        (
            ("set-role", "{slug}", "{email}", "king"),
            "There is no role king; there are owner, admin, editor, member, viewer.",
            1,
        ),
        (
            ("set-role", "{slug}", "nobody@example.org", "viewer"),
            "There is no person with the e-mail nobody@example.org.",
            1,
        ),
        (("set-role", "no-such", "{email}", "viewer"), "There is no organization with the slug no-such.", 1),
        (("members", "no-such"), "There is no organization with the slug no-such.", 1),
        (("quota", "no-such", "none"), "There is no organization with the slug no-such.", 1),
        (("quota", "{slug}", "much"), "much is no size: a number of bytes, 10GB, 512MiB, ..., or none.", 2),
    ],
)
def test_what_organizations_are_refused(
    tenant: Tenant, words: tuple[str, ...], sentence: str, code: int
) -> None:
    answered = call("org", *(word.format(slug=tenant.name, email=tenant.owner.email) for word in words))

    assert answered == rejected(sentence, code=code)


def test_a_quota_is_kept_and_lifted(tenant: Tenant) -> None:
    def limit() -> object:
        return tenant.studio.get(f"/api/organization/{tenant.id.hex}/usage").json()["limit"]

    assert done("org", "quota", tenant.name, "1KiB") == f"{tenant.name} may store 1024 bytes.\n"
    assert limit() == 1024
    assert done("org", "quota", tenant.name, "none") == f"{tenant.name} may store as much as it likes.\n"
    assert limit() is None


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("none", None),
        ("0", 0),
        ("10", 10),
        ("10B", 10),
        ("10kB", 10_000),
        ("10 MB", 10_000_000),
        ("10gb", 10**10),
        ("3TB", 3 * 10**12),
        ("2KiB", 2048),
        ("5MiB", 5 * 2**20),
        ("1GiB", 2**30),
        ("1tib", 2**40),
    ],
)
def test_a_size_is_read(text: str, size: int | None) -> None:
    assert quota(text) == size


@pytest.mark.parametrize("text", ["", "-1", "1.5GB", "1e9", "GB", "10XB", "10iB", "١٠", "None", "1" * 20])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(UsageError):
        quota(text)


# Races: an organization keeps an owner, whichever commands meet.

GOINGS: dict[str, Callable[[str, str], object]] = {
    "demoted": lambda slug, email: operators.set_role(slug, email, "viewer"),
    "taken out": operators.remove_member,
    "removed": lambda _, email: operators.remove_person(email),
}


@pytest.mark.parametrize("going", GOINGS)
def test_two_owners_who_go_at_once_leave_one(new_tenant: Callable[[], Tenant], going: str) -> None:
    for _ in range(8):
        tenant, other = new_tenant(), a_person()
        operators.set_role(tenant.name, other, "owner")

        outcomes = at_once(
            *(partial(GOINGS[going], tenant.name, email) for email in (tenant.owner.email, other))
        )

        assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [Conflict]
        assert [each.role for each in operators.members(tenant.name)].count("owner") == 1


def test_one_who_is_founding_an_organization_at_that_moment_stays() -> None:
    email, slug = a_person(), uuid4().hex
    ((person,),) = rows("select id from users where email = %s", email)
    with psycopg.connect(os.environ["OWNER_DATABASE_URL"]) as founding, ThreadPoolExecutor() as threads:
        founding.execute(
            "select add_organization(%s, 'X', %s, %s, %s, 'Default')", [uuid4(), slug, person, uuid4()]
        )

        going = threads.submit(operators.remove_person, email)
        while not rows(
            "select from pg_stat_activity where %s = any (pg_blocking_pids(pid))", founding.info.backend_pid
        ):
            assert not going.done()
        founding.commit()

        with pytest.raises(
            Conflict, match=f"^{email} is the last owner of {slug}: make somebody else an owner first$"
        ):
            going.result()


def test_one_who_goes_while_being_made_the_owner_elsewhere_leaves_no_organization_without_one(
    new_tenant: Callable[[], Tenant],
) -> None:
    for _ in range(8):
        tenant, other = new_tenant(), a_person()

        def hand_over(slug: str = tenant.name, former: str = tenant.owner.email, new: str = other) -> None:
            operators.set_role(slug, new, "owner")
            operators.remove_member(slug, former)

        at_once(hand_over, partial(operators.remove_person, other))

        assert [each.role for each in operators.members(tenant.name)].count("owner") == 1


def at_once(*deletions: Callable[[], object]) -> list[object]:
    """What came of each, an error included."""
    barrier, outcomes = threading.Barrier(len(deletions)), list[object]()

    def run(deletion: Callable[[], object]) -> None:
        barrier.wait()
        try:
            outcomes.append(deletion())
        except Exception as error:
            outcomes.append(error)

    threads = [threading.Thread(target=run, args=[deletion]) for deletion in deletions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    return outcomes


# The database.


def test_a_stack_that_is_only_starting_is_waited_for_by_the_operator_and_not_by_the_command() -> None:
    with (
        reachable_folder() as folder,
        pytest.raises(StartError, match=r"^Vitrine is still starting; try again in a moment\.$"),
    ):
        Stack(folder).attach()


def test_the_application_may_not_operate() -> None:
    answered = operate("user", "list", environment={"WORKER_DATABASE_URL": os.environ["DATABASE_URL"]})

    assert answered == rejected(
        "WORKER_DATABASE_URL must be that of the role vitrine_worker; vitrine_app may not do this."
    )


def test_a_database_that_was_not_migrated_is_named_so() -> None:
    with cluster() as server, database(server) as empty:
        answered = operate("org", "list", environment={"WORKER_DATABASE_URL": empty})

    assert answered == rejected("The migrations have not been applied to this database, or not all of them.")


@pytest.mark.parametrize("url", ["postgresql://vitrine_worker:hunter22@127.0.0.1:1/vitrine", "hunter22"])
def test_a_database_that_does_not_answer_is_one_sentence_without_a_password(url: str) -> None:
    answered = operate("user", "list", environment={"WORKER_DATABASE_URL": url})

    assert (answered.code, answered.out, answered.err.count("\n")) == (1, "", 1)
    assert answered.err.startswith(
        (
            "The database of WORKER_DATABASE_URL does not answer: ",
            "WORKER_DATABASE_URL is not the URL of a database.",
        )
    )
    assert "hunter22" not in answered.err


@pytest.mark.soak
def test_without_a_database_named_the_laptops_own_is_used_running_or_not() -> None:
    email = f"{uuid4().hex}@example.org"
    with cluster() as server, database(server) as mine, reachable_folder() as folder:
        clone = folder / "clone"
        for part in ("local", "layers", "functions", "migrations"):
            shutil.copytree(ROOT / part, clone / part, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "template.yaml", clone)
        # for root it would be a link to a folder that outlives the test
        (clone / ".vitrine").mkdir(mode=0o711)
        environment = {"DATABASE_URL": mine, "WORKER_DATABASE_URL": "", "PYTHONPATH": ""}

        # starts it, and ends it
        assert (
            operate("user", "add", email, "--name", "A Person", environment=environment, cwd=clone).code == 0
        )

        words = [sys.executable, "-m", "local", "run"]
        with subprocess.Popen(
            words, cwd=clone, env={**os.environ, **environment}, stdout=subprocess.PIPE, text=True
        ) as running:
            assert running.stdout is not None
            origin = ""
            while not (found := re.search(r"The page: +(http://[^/]+)/", origin)):
                origin = running.stdout.readline()
                assert origin
            answered = operate(
                "key",
                "add",
                "demo@localhost",
                "--name",
                "k",
                "--scope",
                "*",
                environment=environment,
                cwd=clone,
            )
            answer = httpx.get(f"{found[1]}/api/me", headers={"x-api-key": answered.out.strip()})
            listed = operate("user", "list", environment=environment, cwd=clone)
            running.terminate()

    assert (answer.status_code, answer.json()["email"]) == (200, "demo@localhost")
    assert {line[0] for line in cells(listed.out)[1:]} == {email, "demo@localhost"}
