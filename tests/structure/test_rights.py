"""Each function has exactly the AWS permissions that its code can need.

The laptop enforces no IAM policy: a missing permission would show in the cloud only, and a surplus one never.

The code is followed from name to name through the layers, without running it. Whatever a function, class or
table mentions counts as called.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from tests.structure.source_tree import Function, functions_with_handlers, module_of, modules

NEEDS = {  # the actions that a call to S3 or SQS needs
    "vitrine.storage.sign_get": {"s3:GetObject"},  # S3 checks a presigned URL against its signer's rights
    "vitrine.storage.sign_part": {"s3:PutObject"},
    "vitrine.storage.sign_post": {"s3:PutObject"},
    "vitrine.storage.create_multipart": {"s3:PutObject"},
    "vitrine.storage.put_part": {"s3:PutObject"},
    "vitrine.storage.list_parts": {"s3:ListMultipartUploadParts"},
    "vitrine.storage.complete": {"s3:PutObject"},
    "vitrine.storage.abort": {"s3:AbortMultipartUpload"},
    "vitrine.storage.landed_keys": set(),  # only parses a message
    "vitrine.storage.origin": set(),  # only makes an address
    "vitrine.storage.head": {"s3:GetObject", "s3:ListBucket"},
    "vitrine.storage.copy": {"s3:GetObject", "s3:PutObject"},
    "vitrine.storage.put_original": {"s3:PutObject"},
    "vitrine.storage.put": {"s3:PutObject"},
    "vitrine.storage.delete": {"s3:DeleteObject", "s3:GetObject"},
    "vitrine.storage.read_head": {"s3:GetObject"},
    "vitrine.storage.read_range": {"s3:GetObject"},
    "vitrine.storage.read_chunks": {"s3:GetObject"},
    "vitrine.storage.list_objects": {"s3:ListBucket"},
    "vitrine.storage.list_multiparts": {"s3:ListBucketMultipartUploads"},
    "vitrine.queues.send_batch": {"sqs:SendMessage"},
}


def test_the_needed_actions_of_every_call_are_known() -> None:
    calls = {
        f"{module}.{node.name}"
        for module in ("vitrine.storage", "vitrine.queues")
        for node in ast.parse(modules()[module].read_text()).body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }

    assert NEEDS.keys() == calls


NOT_FOLLOWED = {
    # It signs again what the function itself signed the first time, so it needs no further right.
    "vitrine.idempotency._with_urls",
}
NEVER = {  # (function, action): the code mentions the call, and the function never makes it
    *(
        (each, "s3:GetObject")
        for each in (  # their ETags are made of keys, and nothing is signed
            "move_media",
            "get_folder",
            "update_folder",
            "delete_media",
            "delete_folder",
            "delete_version",
            "reprocess_media",
        )
    ),
    # Finalizing copies only what was posted, and a posted form has no parts to list.
    ("list_parts", "s3:PutObject"),
}


def test_a_function_has_the_permissions_that_its_code_needs_and_no_others() -> None:
    needed = {
        function.folder: {
            action
            for name in called(function)
            for action in NEEDS.get(name, ())
            if (function.folder, action) not in NEVER
        }
        for function in functions_with_handlers()
    }

    assert {
        function.folder: {str(statement["Action"]) for statement in function.statements}
        for function in functions_with_handlers()
    } == needed


@dataclass(frozen=True, slots=True)
class Mentions:
    """What a piece of code mentions: names of the layers as `module.name`, and names of attributes."""

    names: frozenset[str]
    attributes: frozenset[str]


def called(function: Function) -> set[str]:
    """Every `module.name` that the handler mentions, directly or through other code.

    A method counts once its class and its name are both mentioned.
    """
    seen: set[str] = set()
    attributes: set[str] = set()
    todo = set(mentions(function.source))
    pieces = {(function.source, own) for own in todo}
    while pieces:
        for file, own in pieces:
            mentioned_there = mentions(file).get(own, Mentions(frozenset(), frozenset()))
            todo |= mentioned_there.names
            attributes |= mentioned_there.attributes
        fresh = {name for name in todo if module_of(name)} - seen - NOT_FOLLOWED
        fresh |= {
            method
            for name in seen | fresh
            for method in methods(name)
            if method.rpartition(".")[2] in attributes
        } - seen
        seen |= fresh
        pieces = {
            (modules()[module], name[len(module) + 1 :]) for name in fresh if (module := module_of(name))
        }
    return seen


@cache
def methods(name: str) -> list[str]:
    module = module_of(name) or ""
    return [
        f"{module}.{own}"
        for own in mentions(modules()[module])
        if own.startswith(f"{name[len(module) + 1 :]}.")
    ]


@cache
def mentions(file: Path) -> dict[str, Mentions]:
    """Top-level name or `Class.method` of a file -> what that piece mentions.

    Statements that bind no name have the key "".
    """
    tree = ast.parse(file.read_text())
    here = next((module for module, place in modules().items() if place == file), "")
    bound = {name: f"{here}.{name}" for node in tree.body for name in binds(node)} if here else {}
    bound |= {name: dotted for node in ast.walk(tree) for name, dotted in bindings(node)}
    found: dict[str, Mentions] = {}
    for own, node in pieces_of(tree):
        before = found.get(own, Mentions(frozenset(), frozenset()))
        found[own] = Mentions(
            before.names | frozenset(mentioned(node, bound)),
            before.attributes
            | frozenset(part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)),
        )
    return found


def pieces_of(tree: ast.Module) -> Iterator[tuple[str, ast.stmt]]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef):
            for part in node.body:
                if isinstance(part, ast.FunctionDef | ast.AsyncFunctionDef) and not part.name.startswith(
                    "__"
                ):
                    yield f"{node.name}.{part.name}", part
                else:
                    yield node.name, part
        else:
            yield from ((name, node) for name in binds(node) or [""])


def binds(node: ast.stmt) -> list[str]:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
        return [node.name]
    targets = (
        node.targets
        if isinstance(node, ast.Assign)
        else [node.target]
        if isinstance(node, ast.AnnAssign)
        else []
    )
    return [target.id for target in targets if isinstance(target, ast.Name)]


def bindings(node: ast.AST) -> Iterator[tuple[str, str]]:
    if isinstance(node, ast.ImportFrom):
        yield from ((alias.asname or alias.name, f"{node.module}.{alias.name}") for alias in node.names)
    elif isinstance(node, ast.Import):
        yield from (
            (
                alias.asname or alias.name.split(".")[0],
                alias.name if alias.asname else alias.name.split(".")[0],
            )
            for alias in node.names
        )


def mentioned(node: ast.AST, bound: dict[str, str]) -> Iterator[str]:
    parts = list(ast.walk(node))
    # A parameter hides a name of the file.
    own = {part.arg for part in parts if isinstance(part, ast.arg)}
    if not isinstance(node, ast.Assign | ast.AnnAssign):
        own |= {part.id for part in parts if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store)}
    for part in parts:
        if isinstance(part, ast.Name | ast.Attribute):
            first, _, rest = ast.unparse(part).partition(".")
            if first in bound and first not in own:
                dotted = f"{bound[first]}.{rest}".rstrip(".")
                module = module_of(dotted)
                if module and module != dotted:
                    yield f"{module}.{dotted[len(module) + 1 :].split('.')[0]}"
