"""Which module may import which. Read from the source, so that imports within functions count too."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.structure.source_tree import (
    LAYERS,
    Function,
    Import,
    functions_with_handlers,
    imported_transitively,
    imports,
    module_of,
    modules,
    where,
)
from tools.routes import ROOT

# Of the library: a module imports only from those before it. A subpackage counts by its first name.
ORDER = (
    "records",
    "process",
    "errors",
    "models",
    "texts",
    "urls",
    "settings",
    "permissions",
    "credentials",
    "aws",
    "db",
    "media_types",
    "containers",
    "tiff",
    "heif",
    "colours",
    "dimensions",
    "camera_raw",
    "content",
    "storage",
    "queues",
    "fetch",
    "analysis",
    "internal_errors",
    "queries",
    "delivery",
    "library",
    "dialects",
    "accounts",
    "auth",
    "idempotency",
    "http",
    "static_files",
    "jobs",
    "consumers",
)
# Modules outside the order, with what each may import. Only functions import them.
UNORDERED = {"migrations": {"errors", "settings", "db"}}

HTTP = {"starlette", "mangum", "uvicorn", "httpx"}
HANDLERS_MAY = {
    "vitrine",
    "vitrine_imaging",
    "vitrine_video",
    "mangum",
    "pydantic",
    "starlette",
    "typing_extensions",
    "aws_lambda_powertools",
}
RUNTIME = {"boto3", "botocore"}  # Lambda brings them
# Import name -> distribution, where they differ by more than a dash.
DISTRIBUTIONS = {"PIL": "pillow", "argon2": "argon2-cffi"}

PACKAGES_OF = {
    "ImagingLayer": {"vitrine_imaging", "pyvips", "PIL", "pillow_heif"},
    "VideoLayer": {"vitrine_video", "av"},
}


def test_every_module_of_the_library_has_its_place_in_the_order() -> None:
    assert {name.split(".")[1] for name in modules() if name.startswith("vitrine.")} - {
        *ORDER,
        *UNORDERED,
    } == set()


def test_a_module_imports_only_from_those_above_it() -> None:
    allowed = {name: {*ORDER[: place + 1]} for place, name in enumerate(ORDER)} | {
        name: {name, *may} for name, may in UNORDERED.items()
    }

    wrong = [
        f"{where(file, found.line)} imports {found.name}"
        for module, file in library()
        for found in imports(file)
        if found.name.startswith("vitrine.") and found.name.split(".")[1] not in allowed[place_of(module)]
    ]

    assert wrong == []


def place_of(module: str) -> str:
    return module.split(".")[1]


def library() -> list[tuple[str, Path]]:
    return [(module, file) for module, file in modules().items() if module.startswith("vitrine.")]


def test_nothing_is_imported_under_another_name() -> None:
    """`import x as x` is allowed: a type checker reads it as an export."""
    renamed = [
        f"{where(file, node.lineno)}: {alias.name} as {alias.asname}"
        for file in modules().values()
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
        for alias in node.names
        if alias.asname not in (None, alias.name)
    ]

    assert renamed == []


def test_importing_the_package_itself_imports_nothing_else() -> None:
    assert imports(modules()["vitrine"]) == ()


def test_a_layer_imports_only_from_layers_beneath_it() -> None:
    beneath = {
        "vitrine": {"vitrine"},
        "vitrine_imaging": {"vitrine", "vitrine_imaging"},
        "vitrine_video": set(LAYERS),
    }

    wrong = [
        f"{where(file, found.line)} imports {found.name}"
        for module, file in modules().items()
        for found in imports(file)
        if root(found) in {*LAYERS, "functions", "local", "tests", "bench", "docs"}
        and root(found) not in beneath[module.split(".")[0]]
    ]

    assert wrong == []


def test_nothing_is_imported_relatively() -> None:
    assert [
        where(file, found.line) for file in sources() for found in imports(file) if found.name.startswith(".")
    ] == []


def sources() -> list[Path]:
    return [*modules().values(), *sorted(ROOT.glob("functions/*/*.py"))]


def root(found: Import) -> str:
    return found.name.split(".")[0]


@pytest.mark.parametrize(
    ("name", "who"),
    [
        ("boto3", {"vitrine.aws"}),
        ("botocore.signers", {"vitrine.aws", "vitrine.storage"}),
        ("botocore.auth", {"vitrine.aws", "vitrine.storage"}),
        ("botocore.awsrequest", {"vitrine.aws", "vitrine.storage"}),
        ("botocore.credentials", {"vitrine.aws", "vitrine.storage"}),
        ("vitrine.aws.s3", {"vitrine.storage"}),
    ],
)
def test_only_these_modules_import(name: str, who: set[str]) -> None:
    importing = {
        module: where(file, found.line)
        for module, file in [
            *modules().items(),
            *((str(file.relative_to(ROOT)), file) for file in ROOT.glob("functions/*/*.py")),
        ]
        for found in imports(file)
        if found.runs and f"{found.name}.".startswith(f"{name}.")
    }

    assert {module: line for module, line in importing.items() if module not in who} == {}


def test_only_the_library_calls_queries() -> None:
    # Besides the library: authentication, idempotency keys and the leases of jobs have their own statements.
    may = {"queries", "library", "auth", "idempotency", "jobs"}

    wrong = [
        f"{where(file, found.line)} imports {found.name}"
        for module, file in modules().items()
        for found in imports(file)
        if f"{found.name}.".startswith("vitrine.queries.")
        and (not module.startswith("vitrine.") or place_of(module) not in may)
    ]

    assert wrong == []


def test_boto3_is_never_imported_before_it_is_needed() -> None:
    assert [
        where(file, found.line)
        for file in sources()
        for found in imports(file)
        if root(found) == "boto3" and found.at_import
    ] == []


def test_modules_up_to_the_library_do_not_import_http() -> None:
    below = {*ORDER[: ORDER.index("library") + 1], *UNORDERED}

    wrong = [
        f"{where(file, found.line)} imports {found.name}"
        for module, file in library()
        for found in imports(file)
        if place_of(module) in below and root(found) in HTTP
    ]

    assert wrong == []


def test_the_environment_is_read_in_the_settings_and_credentials_where_they_sign() -> None:
    reading = {
        module
        for module, file in library()
        for node in ast.walk(ast.parse(file.read_text()))
        if reads_environment(node)
    }

    # storage reads the signing credentials as every AWS SDK finds them.
    assert reading - {"vitrine.settings", "vitrine.storage"} == set()


def reads_environment(node: ast.AST) -> bool:
    return (isinstance(node, ast.Attribute) and node.attr in ("environ", "getenv")) or (
        isinstance(node, ast.ImportFrom)
        and node.module == "os"
        and any(alias.name in ("environ", "getenv") for alias in node.names)
    )


def test_a_handler_imports_only_from_layers() -> None:
    wrong = [
        f"{where(function.source, found.line)} imports {found.name}"
        for function in functions_with_handlers()
        for found in imports(function.source)
        if root(found) not in HANDLERS_MAY
        and (root(found) not in sys.stdlib_module_names or root(found) == "os")
    ]

    assert wrong == []


def test_a_handler_imports_modules_that_exist() -> None:
    wrong = [
        f"{where(function.source, found.line)} imports {found.name}"
        for function in functions_with_handlers()
        for found in imports(function.source)
        if root(found) in LAYERS and module_of(found.name) in (None, *LAYERS)
    ]

    assert wrong == []


def test_a_handler_has_no_try() -> None:
    tries = [
        where(function.source, node.lineno)
        for function in functions_with_handlers()
        for node in ast.walk(ast.parse(function.source.read_text()))
        if isinstance(node, ast.Try | ast.TryStar)
    ]

    assert tries == []


def test_a_handler_fits_on_a_page() -> None:
    lines = {
        function.folder: len(function.source.read_text().splitlines())
        for function in functions_with_handlers()
    }

    assert {folder: count for folder, count in lines.items() if count >= 60} == {}


def test_a_function_has_the_layers_that_its_imports_reach() -> None:
    needed = {
        function.folder: {
            "CoreLayer",
            *(layer for layer, roots in PACKAGES_OF.items() if roots & reaches(function)),
        }
        for function in functions_with_handlers()
    }

    assert {
        function.folder: set(function.layers) - {"MigrationsLayer"} for function in functions_with_handlers()
    } == needed


def reaches(function: Function) -> set[str]:
    return {name.split(".")[0] for name in imported_transitively(function.source)}


def test_a_layer_requires_the_packages_that_it_imports() -> None:
    core = {*required("core"), *RUNTIME}
    available = {
        "vitrine": core,
        "vitrine_imaging": {*core, *required("imaging")},
        "vitrine_video": {*core, *required("imaging"), *required("video")},
    }

    missing = [
        f"{where(file, found.line)} imports {found.name}"
        for module, file in modules().items()
        for found in imports(file)
        if found.runs
        and root(found) not in {*LAYERS, *sys.stdlib_module_names}
        and DISTRIBUTIONS.get(root(found), root(found).replace("_", "-"))
        not in available[module.split(".")[0]]
    ]

    assert missing == []


def required(layer: str) -> set[str]:
    return {name for name, _ in pins(requirements(layer))}


def requirements(layer: str) -> Path:
    return ROOT / "layers" / layer / "requirements.txt"


def pins(file: Path) -> Iterator[tuple[str, str]]:
    """Yield name and version of each requirement; an unpinned one has the empty version."""
    for line in file.read_text().splitlines():
        if line and line[0] not in "# \t":
            name, _, rest = line.partition("==")
            yield name.partition("[")[0].strip(), (rest.split() or [""])[0]


NOT_FOR_ALL = (  # modules that the leanest endpoint does not use, and would pay for at each cold start
    "aws_lambda_powertools",
    "boto3",
    "botocore",
    "argon2",
    "vitrine.http.forms",
    "vitrine.fetch",
    "vitrine.content",
    "vitrine.library.duplicates",
    "vitrine.queries.media",
    "vitrine.dialects.v1",
    "vitrine.process",
    "vitrine_imaging",
)


def test_the_leanest_endpoint_imports_nothing_that_it_does_not_use() -> None:
    code = "import sys, functions.get_me.handler; print(*sys.modules)"
    environment = {
        "PYTHONPATH": os.pathsep.join(map(str, (ROOT, ROOT / "layers/core"))),
        "PYTHONDONTWRITEBYTECODE": "1",
    }

    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    ).stdout.split()

    assert [name for name in NOT_FOR_ALL if name in loaded] == []
