"""The operator's commands: people, their keys and organizations, before there is a page for them.

    python -m local user|key|org --help

They connect as the role vitrine_worker to the database of WORKER_DATABASE_URL, or without it to the database
of the laptop's stack. Results are printed to stdout. An error is one sentence on stderr, with exit code 1
when the command failed and 2 when its arguments are invalid. Passwords are never arguments, which every
process of the machine may read: they are typed at a terminal or read from stdin.
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
MAX_SECRET = 4096  # bytes read for a password: far above the limit, so that the error can name the limit
MAX_DAYS = 3650
UNITS: dict[str, int] = {  # suffixes in upper case -> bytes
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
    """Invalid arguments or input; exit code 2."""


@dataclass(frozen=True, slots=True)
class Command:
    """One command: its words, its function, and its arguments in the form of argparse."""

    words: str
    description: str
    run: Callable[[argparse.Namespace], None]
    arguments: tuple[str, ...] = ()  # positional
    options: Mapping[str, Mapping[str, Any]] = field(default_factory=dict[str, Mapping[str, Any]])
    password: bool | None = None  # True: required, False: optional, None: not read


def main(words: Sequence[str], database: Callable[[], AbstractContextManager[None]]) -> int:
    """Run the command and return its exit code. Within `database()` WORKER_DATABASE_URL is set and usable."""
    try:
        asked = parser().parse_args([check_utf8(word) for word in words])
        # before the database is started, because typing a password may last
        if asked.command.password is not None:
            asked.password = read_password(asked)
        with database():
            check_database(os.environ["WORKER_DATABASE_URL"])
            try:
                asked.command.run(asked)
            except ApiError as rejection:
                return print_error(rejection.sentence)
            finally:
                db.close()
    except UsageError as error:
        return print_error(str(error), code=2)
    except StartError as error:
        return print_error(str(error))
    except KeyboardInterrupt:
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    whole = argparse.ArgumentParser(prog="python -m local", allow_abbrev=False)
    groups = whole.add_subparsers(required=True, metavar="|".join(GROUPS))
    for group, description in GROUPS.items():
        commands = groups.add_parser(
            group, help=description, description=description.capitalize(), allow_abbrev=False
        ).add_subparsers(required=True, metavar="command")
        for command in COMMANDS:
            if command.words.startswith(f"{group} "):
                sentence = command.description[0].upper() + command.description[1:]
                one = commands.add_parser(
                    command.words.partition(" ")[2],
                    help=command.description,
                    description=sentence,
                    allow_abbrev=False,
                )
                one.set_defaults(command=command)
                for argument in command.arguments:
                    one.add_argument(argument, metavar=argument.upper())
                for option, settings in command.options.items():
                    one.add_argument(option, **settings)
                if command.password is not None:
                    one.add_argument(
                        "--password-stdin", action="store_true", help="the password is the one line on stdin"
                    )
    return whole


def check_utf8(word: str) -> str:
    """Return the word. Raises UsageError for bytes that are not UTF-8."""
    if any("\ud800" <= character <= "\udfff" for character in word):
        raise UsageError("An argument is not UTF-8.")
    return word


def read_password(asked: argparse.Namespace) -> str | None:
    """Read a password from stdin, or two times from the terminal; None: an optional one was left out.

    Raises UsageError when it cannot be read, or when the two are different.
    """
    if asked.password_stdin:
        content = sys.stdin.buffer.read(MAX_SECRET)
        try:
            line = content.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise UsageError("The password on stdin is not UTF-8.") from None
        if "\n" in line or "\0" in line:
            raise UsageError("The password on stdin is more than one line.")
        return line
    if sys.stdin.isatty():
        first = check_utf8(
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
    """Check that the commands can call their SQL functions in the database at this URL.

    Raises StartError, without secrets in its sentence, when the database does not answer, the URL is invalid,
    or migrations are missing.
    """
    # the pool would log its own errors of an unreachable database beside the command's sentence
    logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)
    try:
        with psycopg.connect(url, connect_timeout=10, autocommit=True) as connection:
            row = connection.execute(
                """
                select current_user,
                       (select has_function_privilege(oid, 'execute')
                          from pg_proc
                         where proname = 'operator_people')
                """
            ).fetchone()
    except psycopg.OperationalError as error:
        raise StartError(
            f"The database of WORKER_DATABASE_URL does not answer: {' '.join(str(error).split())}"
        ) from None
    except psycopg.Error:  # its message would show the URL with the password
        raise StartError("WORKER_DATABASE_URL is not the URL of a database.") from None
    if row is None or row[1] is None:
        raise StartError("The migrations have not been applied to this database, or not all of them.")
    if not row[1]:
        raise StartError(
            f"WORKER_DATABASE_URL must be that of the role vitrine_worker; {row[0]} may not do this."
        )


def print_error(sentence: str, *, code: int = 1) -> int:
    """Print the sentence to stderr and return the exit code."""
    print(escape(sentence if sentence.endswith(".") else f"{sentence}."), file=sys.stderr, flush=True)
    return code


# The commands.


def add_user(asked: argparse.Namespace) -> None:
    person = operators.add_person(asked.email, asked.name, asked.password)
    print_line(
        f"{person.email} is {person.name}."
        + ("" if asked.password else f" There is no password yet: `user password {person.email}` sets one.")
    )


def list_users(_: argparse.Namespace) -> None:
    print_table(
        ("EMAIL", "NAME", "PASSWORD", "ORGANIZATIONS", "SINCE"),
        (
            (
                each.email,
                each.name,
                "yes" if each.has_password else "no",
                " ".join(each.organizations) or "-",
                format_time(each.created_at),
            )
            for each in operators.list_people()
        ),
        none="There is nobody yet.",
    )


def set_password(asked: argparse.Namespace) -> None:
    ended = count_of_sessions(operators.set_password(asked.email, asked.password))
    print_line(f"The password of {asked.email} is set; {ended} ended.")


def list_sessions(asked: argparse.Namespace) -> None:
    print_table(
        ("SINCE", "UNTIL", "ADDRESS", "CLIENT"),
        (
            (
                format_time(each.created_at),
                format_time(each.expires_at),
                each.ip_address or "-",
                each.user_agent or "-",
            )
            for each in operators.list_sessions(asked.email)
        ),
        none=f"{asked.email} is signed in nowhere.",
    )


def sign_out(asked: argparse.Namespace) -> None:
    print_line(f"{count_of_sessions(operators.sign_out(asked.email))} of {asked.email} ended.")


def remove_user(asked: argparse.Namespace) -> None:
    print_line(f"{operators.remove_person(asked.email).email} is removed.")


def add_key(asked: argparse.Namespace) -> None:
    days: int | None = asked.days
    if days is not None and not 1 <= days <= MAX_DAYS:
        raise UsageError(f"--days must be 1 to {MAX_DAYS}.")
    expires_at = None if days is None else datetime.now(UTC) + timedelta(days=days)
    person, key = operators.add_key(asked.email, asked.name, asked.scope, expires_at)
    until = f", until {format_time(expires_at)}" if expires_at else ""
    print(escape(f"A key of {person.email}{until}. It is shown this once:"), file=sys.stderr, flush=True)
    print(key, flush=True)


def list_keys(asked: argparse.Namespace) -> None:
    print_table(
        ("ID", "KEY", "NAME", "SCOPES", "STATUS", "UNTIL", "LAST USED", "SINCE"),
        (
            (
                each.id.hex,
                f"{each.prefix}...",
                each.name,
                " ".join(each.scopes),
                each.status,
                format_time(each.ends_at),
                format_time(each.last_used_at),
                format_time(each.created_at),
            )
            for each in operators.list_keys(asked.email)
        ),
        none=f"{asked.email} has no keys.",
    )


def revoke_key(asked: argparse.Namespace) -> None:
    revoked = operators.revoke_key(asked.id)
    print_line(f"The key {revoked.prefix}... ({revoked.name}) of {revoked.email} is revoked.")


def add_organization(asked: argparse.Namespace) -> None:
    created = operators.create_organization(
        asked.name, owner=asked.owner, slug=asked.slug, quota=parse_size(asked.quota)
    )
    print_line(f"{created.slug} is {created.name}, owned by {asked.owner}.")


def list_organizations(_: argparse.Namespace) -> None:
    print_table(
        ("SLUG", "NAME", "MEMBERS", "STORED", "QUOTA", "SINCE"),
        (
            (
                each.slug,
                each.name,
                str(each.members),
                str(each.stored_bytes),
                "none" if each.quota_bytes is None else str(each.quota_bytes),
                format_time(each.created_at),
            )
            for each in operators.list_organizations()
        ),
        none="There are no organizations yet.",
    )


def list_members(asked: argparse.Namespace) -> None:
    print_table(
        ("EMAIL", "NAME", "ROLE", "SINCE"),
        (
            (each.email, each.name, each.role, format_time(each.joined_at))
            for each in operators.list_members(asked.slug)
        ),
        none=f"{asked.slug} has no members.",
    )


def set_role(asked: argparse.Namespace) -> None:
    operators.set_role(asked.slug, asked.email, asked.role)
    print_line(f"{asked.email} is {asked.role} of {asked.slug}.")


def remove_member(asked: argparse.Namespace) -> None:
    operators.remove_member(asked.slug, asked.email)
    print_line(f"{asked.email} is not a member of {asked.slug} any more.")


def set_quota(asked: argparse.Namespace) -> None:
    wanted = parse_size(asked.quota)
    operators.set_quota(asked.slug, wanted)
    print_line(f"{asked.slug} may store {'as much as it likes' if wanted is None else f'{wanted} bytes'}.")


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
    Command("key revoke", "a key is rejected from now on", revoke_key, ("id",)),
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


# Input and output.


def parse_size(text: str) -> int | None:
    """Parse a size into bytes: `10GB` is 10 000 000 000, `10GiB` 10 737 418 240. None: no limit (`none`).

    Raises UsageError.
    """
    if text == "none":
        return None
    size = re.fullmatch(r"(\d{1,19})\s?([A-Za-z]{0,3})", text, re.ASCII)
    if not size or size[2].upper() not in UNITS:
        raise UsageError(f"{text} is no size: a number of bytes, 10GB, 512MiB, ..., or none.")
    return int(size[1]) * UNITS[size[2].upper()]


def print_table(heads: tuple[str, ...], rows: Generator[tuple[str, ...]], *, none: str) -> None:
    """Print the rows as columns to stdout; without rows the sentence `none` to stderr."""
    lines = [tuple(escape(cell) for cell in row) for row in rows]
    if not lines:
        print(escape(none), file=sys.stderr, flush=True)
        return
    widths = [max(len(line[column]) for line in (heads, *lines)) for column in range(len(heads))]
    for line in (heads, *lines):
        print("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip())
    sys.stdout.flush()


def escape(text: str) -> str:
    """The text with unprintable characters escaped: names and user agents come from strangers, and must not
    send escape sequences to the terminal.
    """
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)


def print_line(sentence: str) -> None:
    print(escape(sentence), flush=True)


def format_time(at: datetime | None) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ") if at else "-"


def count_of_sessions(count: int) -> str:
    return "1 session" if count == 1 else f"{count} sessions"
