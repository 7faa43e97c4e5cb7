"""The operator's commands: people, their keys and organizations, before there is a page for them.

    python -m local user|key|org --help

They act as the role vitrine_worker, in the database of WORKER_DATABASE_URL; without one in that of the
laptop's stack. What was asked for is on
stdout; an error is one sentence on stderr, with exit code 1 for what cannot be done and 2 for what cannot be
understood. Passwords never come by
an argument, which every process of the machine may read: they are asked for at a terminal, or read from
stdin.
"""

from __future__ import annotations

import argparse
import getpass
import logging
import os
import re
import sys
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg

from local.places import StartError
from vitrine import db
from vitrine.errors import ApiError
from vitrine.library import operators

GROUPS = {"user": "people and their sessions", "key": "API keys", "org": "organizations and their members"}
MOST_SECRET = 4096  # bytes read for a password: far above what is allowed, so that the refusal says why
MOST_DAYS = 3650
UNITS: dict[str, int] = {  # in capitals
    "": 1,
    "B": 1,
    "KB": 10**3,
    "MB": 10**6,
    "GB": 10**9,
    "TB": 10**12,
    "PB": 10**15,
    "KIB": 2**10,
    "MIB": 2**20,
    "GIB": 2**30,
    "TIB": 2**40,
    "PIB": 2**50,
}


class UsageError(Exception):
    """What the words do not mean."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words, what it does to the library, and what it takes beside (as argparse has it)."""

    words: str
    what: str
    deletion: Callable[[argparse.Namespace], None]
    places: tuple[str, ...] = ()
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    password: bool | None = None  # True: needed, False: taken, None: not taken


def main(words: Sequence[str], database: Callable[[], AbstractContextManager[None]]) -> int:
    """Does what the words say and returns the exit code. `database` sees to WORKER_DATABASE_URL for as
    long as it is needed.
    """
    try:
        asked = parser().parse_args([readable(word) for word in words])
        # before anything is started: somebody may take a while to think of one
        if asked.command.password is not None:
            asked.password = read_password(asked)
        with database():
            check_database(os.environ["WORKER_DATABASE_URL"])
            try:
                asked.command.deletion(asked)
            except ApiError as rejection:
                return failed(rejection.sentence)
            finally:
                db.close()
    except UsageError as error:
        return failed(str(error), code=2)
    except StartError as error:
        return failed(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m local", allow_abbrev=False)
    groups = whole.add_subparsers(required=True, metavar="|".join(GROUPS))
    for group, about in GROUPS.items():
        commands = groups.add_parser(
            group, help=about, description=about.capitalize(), allow_abbrev=False
        ).add_subparsers(required=True, metavar="command")
        for command in COMMANDS:
            if command.words.startswith(f"{group} "):
                what = command.what[0].upper() + command.what[1:]
                one = commands.add_parser(
                    command.words.partition(" ")[2], help=command.what, description=what, allow_abbrev=False
                )
                one.set_defaults(command=command)
                for place in command.places:
                    one.add_argument(place, metavar=place.upper())
                for option, meaning in command.options.items():
                    one.add_argument(option, **meaning)
                if command.password is not None:
                    one.add_argument(
                        "--password-stdin", action="store_true", help="the password is the one line on stdin"
                    )
    return whole


def readable(word: str) -> str:
    """Raises UsageError for bytes that are no text."""
    if any("\ud800" <= character <= "\udfff" for character in word):
        raise UsageError("An argument is not UTF-8.")
    return word


def read_password(asked: argparse.Namespace) -> str | None:
    """From stdin, or twice from the terminal; None where the command goes without one."""
    if asked.password_stdin:
        given = sys.stdin.buffer.read(MOST_SECRET)
        try:
            line = given.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise UsageError("The password on stdin is not UTF-8.") from None
        if "\n" in line or "\0" in line:
            raise UsageError("The password on stdin is more than one line.")
        return line
    if sys.stdin.isatty():
        first = readable(
            getpass.getpass("Password: " if asked.command.password else "Password (none: empty): ")
        )
        if not first and not asked.command.password:
            return None
        if getpass.getpass("The same again: ") != first:
            raise UsageError("The two are not the same; nothing was done.")
        return first
    if asked.command.password:
        raise UsageError("There is no terminal to ask at: give --password-stdin, and the password on stdin.")
    return None


def check_database(url: str) -> None:
    """Raises StartError, saying what is wrong, when the commands' functions are not to be had there.
    Nothing secret is said.
    """
    # what it would say of a database that goes away is said by us
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    try:
        with psycopg.connect(url, connect_timeout=10, autocommit=True) as connection:
            found = connection.execute(
                "select current_user, (select has_function_privilege(oid, 'execute') from pg_proc where proname = 'operator_people')"
            ).fetchone()
    except psycopg.OperationalError as error:
        raise StartError(
            f"The database of WORKER_DATABASE_URL does not answer: {' '.join(str(error).split())}"
        ) from None
    except psycopg.Error:  # its words would show the URL, and the password in it
        raise StartError("WORKER_DATABASE_URL is not the URL of a database.") from None
    if found is None or found[1] is None:
        raise StartError("The migrations have not been applied to this database, or not all of them.")
    if not found[1]:
        raise StartError(
            f"WORKER_DATABASE_URL must be that of the role vitrine_worker; {found[0]} may not do this."
        )


def failed(sentence: str, *, code: int = 1) -> int:
    print(plain(sentence if sentence.endswith(".") else f"{sentence}."), file=sys.stderr, flush=True)
    return code


# The commands.


def add_user(asked: argparse.Namespace) -> None:
    person = operators.add_person(asked.email, asked.name, asked.password)
    say(
        f"{person.email} is {person.name}."
        + ("" if asked.password else f" There is no password yet: `user password {person.email}` sets one.")
    )


def list_users(_: argparse.Namespace) -> None:
    table(
        ("EMAIL", "NAME", "PASSWORD", "ORGANIZATIONS", "SINCE"),
        (
            (
                each.email,
                each.name,
                "yes" if each.has_password else "no",
                " ".join(each.organizations) or "-",
                moment(each.created_at),
            )
            for each in operators.list_people()
        ),
        none="There is nobody yet.",
    )


def set_password(asked: argparse.Namespace) -> None:
    say(
        f"The password of {asked.email} is set; {sessions(operators.set_password(asked.email, asked.password))} ended."
    )


def list_sessions(asked: argparse.Namespace) -> None:
    table(
        ("SINCE", "UNTIL", "ADDRESS", "CLIENT"),
        (
            (moment(each.created_at), moment(each.expires_at), each.ip_address or "-", each.user_agent or "-")
            for each in operators.list_sessions(asked.email)
        ),
        none=f"{asked.email} is signed in nowhere.",
    )


def sign_out(asked: argparse.Namespace) -> None:
    say(f"{sessions(operators.sign_out(asked.email))} of {asked.email} ended.")


def remove_user(asked: argparse.Namespace) -> None:
    say(f"{operators.remove_person(asked.email).email} is removed.")


def add_key(asked: argparse.Namespace) -> None:
    days: int | None = asked.days
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise UsageError(f"--days must be 1 to {MOST_DAYS}.")
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    person, key = operators.add_key(asked.email, asked.name, asked.scope, expires_at)
    until = f", until {moment(expires_at)}" if expires_at else ""
    print(plain(f"A key of {person.email}{until}. It is shown this once:"), file=sys.stderr, flush=True)
    print(key, flush=True)


def list_keys(asked: argparse.Namespace) -> None:
    table(
        ("ID", "KEY", "NAME", "SCOPES", "STATUS", "UNTIL", "LAST USED", "SINCE"),
        (
            (
                each.id.hex,
                f"{each.prefix}...",
                each.name,
                " ".join(each.scopes),
                each.status,
                moment(each.ends_at),
                moment(each.last_used_at),
                moment(each.created_at),
            )
            for each in operators.list_keys(asked.email)
        ),
        none=f"{asked.email} has no keys.",
    )


def revoke_key(asked: argparse.Namespace) -> None:
    revoked = operators.revoke_key(asked.id)
    say(f"The key {revoked.prefix}... ({revoked.name}) of {revoked.email} is revoked.")


def add_organization(asked: argparse.Namespace) -> None:
    founded = operators.create_organization(
        asked.name, owner=asked.owner, slug=asked.slug, quota=quota(asked.quota)
    )
    say(f"{founded.slug} is {founded.name}, owned by {asked.owner}.")


def list_organizations(_: argparse.Namespace) -> None:
    table(
        ("SLUG", "NAME", "MEMBERS", "STORED", "QUOTA", "SINCE"),
        (
            (
                each.slug,
                each.name,
                str(each.members),
                str(each.stored_bytes),
                "none" if each.quota_bytes is None else str(each.quota_bytes),
                moment(each.created_at),
            )
            for each in operators.list_organizations()
        ),
        none="There are no organizations yet.",
    )


def list_members(asked: argparse.Namespace) -> None:
    table(
        ("EMAIL", "NAME", "ROLE", "SINCE"),
        (
            (each.email, each.name, each.role, moment(each.joined_at))
            for each in operators.list_members(asked.slug)
        ),
        none=f"{asked.slug} has no members.",
    )


def set_role(asked: argparse.Namespace) -> None:
    operators.set_role(asked.slug, asked.email, asked.role)
    say(f"{asked.email} is {asked.role} of {asked.slug}.")


def remove_member(asked: argparse.Namespace) -> None:
    operators.remove_member(asked.slug, asked.email)
    say(f"{asked.email} is not a member of {asked.slug} any more.")


def set_quota(asked: argparse.Namespace) -> None:
    wanted = quota(asked.quota)
    operators.set_quota(asked.slug, wanted)
    say(f"{asked.slug} may store {'as much as it likes' if wanted is None else f'{wanted} bytes'}.")


REQUIRED = {"required": True}
COMMANDS = (
    Command("user add", "a new person", add_user, ("email",), {"--name": REQUIRED}, password=False),
    Command("user list", "everybody, by e-mail", list_users),
    Command(
        "user password",
        "another password; all sessions end, API keys stay",
        set_password,
        ("email",),
        password=True,
    ),
    Command("user sessions", "where a person is signed in", list_sessions, ("email",)),
    Command("user sign-out", "all sessions of a person end, API keys stay", sign_out, ("email",)),
    Command(
        "user remove",
        "a person goes, with memberships, keys and sessions; uploads stay",
        remove_user,
        ("email",),
    ),
    Command(
        "key add",
        "a new key, shown this once",
        add_key,
        ("email",),
        {
            "--name": REQUIRED,
            "--scope": {
                "required": True,
                "nargs": "+",
                "action": "extend",
                "metavar": "S",
                "help": "media:read, ...; '*' for all",
            },
            "--days": {"type": int, "metavar": "D", "help": "until it expires; unless given it does not"},
        },
    ),
    Command("key list", "the keys of a person, ended ones too", list_keys, ("email",)),
    Command("key revoke", "a key is refused from now on", revoke_key, ("id",)),
    Command(
        "org add",
        "a new organization, with a default collection",
        add_organization,
        ("name",),
        {
            "--owner": {"required": True, "metavar": "EMAIL"},
            "--slug": {"help": "made from the name unless given"},
            "--quota": {
                "default": "none",
                "metavar": "BYTES|none",
                "help": "10GB, 512MiB, ...; none unless given",
            },
        },
    ),
    Command("org list", "all of them, by slug", list_organizations),
    Command("org members", "who is in it, owners first", list_members, ("slug",)),
    Command("org set-role", "a person is in it, in this role", set_role, ("slug", "email", "role")),
    Command("org remove-member", "a person is not in it any more", remove_member, ("slug", "email")),
    Command(
        "org quota", "what it may store: bytes, 10GB, 512MiB, ..., or none", set_quota, ("slug", "quota")
    ),
)


# Words in and out.


def quota(text: str) -> int | None:
    """Bytes: `10GB` is 10 000 000 000 of them, `10GiB` 10 737 418 240. None: no limit."""
    if text == "none":
        return None
    found = re.fullmatch(r"(\d{1,19})\s?([A-Za-z]{0,3})", text, re.ASCII)
    if not found or found[2].upper() not in UNITS:
        raise UsageError(f"{text} is no size: a number of bytes, 10GB, 512MiB, ..., or none.")
    return int(found[1]) * UNITS[found[2].upper()]


def table(heads: tuple[str, ...], rows: Generator[tuple[str, ...]], *, none: str) -> None:
    """Columns on stdout; where there are no rows, a sentence on stderr instead."""
    lines = [tuple(plain(cell) for cell in row) for row in rows]
    if not lines:
        print(plain(none), file=sys.stderr, flush=True)
        return
    widths = [max(len(line[column]) for line in (heads, *lines)) for column in range(len(heads))]
    for line in (heads, *lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    sys.stdout.flush()


def plain(text: str) -> str:
    """Without what would command a terminal: names and clients are what strangers say they are."""
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def say(sentence: str) -> None:
    print(plain(sentence), flush=True)


def moment(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ") if at else "-"


def sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"
