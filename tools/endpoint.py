"""Writes the handler, the event and the test of a new endpoint and its block in template.yaml, and prints
what remains to be done.

    make endpoint NAME=get_stats ROUTE="GET /api/dataset/{datasetId}/stats"

CONTRIBUTING.md has the steps after it. The new function answers 501 until it calls the library.
"""

from __future__ import annotations

import json
import re
import sys
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

from local.template import read
from tools.routes import ROOT, Route, routes, section_of

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
DIALECTS = {  # section -> the import of its dialect, and the dialect
    "studio": ("from vitrine.dialects.studio import STUDIO", "STUDIO"),
    "v1": ("from vitrine.dialects.v1 import V1", "V1"),
    "accounts": ("from vitrine.accounts import ACCOUNTS", "ACCOUNTS"),
    "uploads": ("from vitrine.dialects.uploads import UPLOADS", "UPLOADS"),
}
AN_ID = "0199a4c2d1e17c4d9b6f718293a4b5c6"
IN_TESTS = {"datasetId": "{tenant.collection_id.hex}", "orgId": "{tenant.id.hex}"}  # variable -> its value


class Wrong(Exception):
    """The name or the route cannot be used, for this reason."""


@dataclass(frozen=True)
class Endpoint:
    """A function to be written and the route that it will answer."""

    name: str  # get_stats
    method: str
    path: str  # /api/dataset/{datasetId}/stats

    @property
    def section(self) -> str:
        return section_of(self.path)

    @property
    def resource(self) -> str:
        return "".join(word.capitalize() for word in self.name.split("_")) + "Function"

    @property
    def variables(self) -> list[str]:
        return re.findall(r"{(\w+)}", self.path)

    @property
    def noun(self) -> str:
        """Stats, for get_stats: the name of the answer's type."""
        return "".join(word.capitalize() for word in self.name.removeprefix("v1_").split("_")[1:])


def parse(name: str, route: str, root: Path) -> Endpoint:
    """Raises Wrong, with a sentence, for a name or a route that is malformed or taken."""
    method, _, path = route.strip().partition(" ")
    found = Endpoint(name, method, path)
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)+", name):
        raise Wrong("NAME is a verb and a noun in small letters, such as get_stats")
    if method not in METHODS or not re.fullmatch(r"(/[a-z0-9.-]+|/{[a-zA-Z]+})+", path):
        raise Wrong('ROUTE is a method and a path, such as "GET /api/dataset/{datasetId}/stats"')
    if found.section not in DIALECTS:
        raise Wrong(f"{path} belongs to no API: a path begins with /api/")
    if name.startswith("v1_") != (found.section == "v1"):
        raise Wrong("The functions of /api/v1/ and no others have names that begin with v1_")
    if (root / "functions" / name).exists():
        raise Wrong(f"functions/{name} exists already")
    if taken := [each.function for each in routes() if each.key == f"{method} {path}"]:
        raise Wrong(f"{method} {path} is the route of {taken[0]}")
    return found


def write(new: Endpoint, root: Path) -> list[Path]:
    """Write the endpoint's handler, event and test below `root`, and its block in template.yaml.

    Returns the three new files and template.yaml.
    """
    files = {
        root / "functions" / new.name / "handler.py": handler(new),
        root / "template.yaml": with_block((root / "template.yaml").read_text(), new),
        root / "events" / f"{new.name}.json": json.dumps(event(new), indent=2) + "\n",
        root / "tests" / new.section / f"test_{new.name}.py": test(new),
    }
    for file, text in files.items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    return list(files)


def handler(new: Endpoint) -> str:
    dialect_import, dialect = DIALECTS[new.section]
    item = item_of(new)
    arguments = ", ".join(
        [dialect, f'operation="{operation_of(new)}"', *([f'item=("{item[0]}", "{item[1]}")'] if item else [])]
    )
    return f'''"""{new.method} {new.path} - TODO: what the endpoint does, in a few words.

Response  TODO: the answer's shape, with units
Errors    401; 403; 404
"""

from __future__ import annotations

from mangum import Mangum
from typing_extensions import TypedDict

{dialect_import}
from vitrine.errors import NotImplementedYet
from vitrine.http.endpoint import Request, endpoint
from vitrine.models.people import Caller


# TODO: move it to the other answers of its noun, with a function that formats it
class {new.noun}(TypedDict):
    pass


@endpoint({arguments}, returns={new.noun})
def app(request: Request, caller: Caller) -> {new.noun}:
    raise NotImplementedYet("TODO: one call into the library")


handler = Mangum(app, lifespan="off")
'''


def item_of(new: Endpoint) -> tuple[str, str] | None:
    """The variable of the path that names an item, and the item's kind, as similar paths have them."""
    for variable in reversed(new.variables):
        prefix = new.path[: new.path.index(f"{{{variable}}}") + len(variable) + 2]
        for route in routes():
            if f"{route.path}/".startswith(f"{prefix}/"):
                source = (ROOT / "functions" / route.function / "handler.py").read_text()
                if found := re.search(rf'item=\("{variable}", "(\w+)"\)', source):
                    return variable, found[1]
    return None


def operation_of(new: Endpoint) -> str:
    """A first guess: reading an item is an operation that exists, anything else needs a row of its own."""
    item = item_of(new)
    if new.method == "GET" and item:
        return f"{item[1]}.read"
    verb, _, noun = new.name.removeprefix("v1_").partition("_")
    return f"{noun}.{verb}"


def with_block(template: str, new: Endpoint) -> str:
    """The template with the function's block, behind the function of its section whose path is most alike."""
    nearest = max(
        (route for route in routes() if route.section == new.section), key=lambda route: alike(route, new)
    )
    head, mark, rest = template.partition(f"      CodeUri: functions/{nearest.function}/\n")
    block, gap, after = rest.partition("\n\n")
    added = f"""  {new.resource}:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/{new.name}/
      Events:
        Route: {{Type: HttpApi, Properties: {{ApiId: !Ref Api, Method: {new.method}, Path: '{new.path}'}}}}"""
    return f"{head}{mark}{block}{gap}{added}\n\n{after}"


def alike(route: Route, new: Endpoint) -> tuple[int, int, int]:
    """Sort key: how many parts the paths share at their beginning; then the shortest path, the last one."""
    parts, own = route.path.split("/"), new.path.split("/")
    shared = len([*takewhile(lambda pair: pair[0] == pair[1], zip(parts, own, strict=False))])
    return shared, -len(parts), routes().index(route)


def event(new: Endpoint) -> dict[str, object]:
    """An event of an HTTP API (payload format 2.0) that asks for the route."""
    route = f"{new.method} {new.path}"
    path = re.sub(r"{\w+}", AN_ID, new.path)
    body = "" if new.method in ("GET", "DELETE") else "{}"
    return {
        "version": "2.0",
        "routeKey": route,
        "rawPath": path,
        "rawQueryString": "",
        "headers": {
            "accept": "*/*",
            **({"content-length": str(len(body)), "content-type": "application/json"} if body else {}),
            "host": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "user-agent": "curl/8.15.0",
            "x-amzn-trace-id": "Root=1-691fa2c4-3d5e6f708192a3b4c5d6e7f8",
            "x-api-key": "sk_live_" + 64 * "0",
            "x-forwarded-for": "203.0.113.7",
            "x-forwarded-port": "443",
            "x-forwarded-proto": "https",
        },
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "a1b2c3d4e5",
            "domainName": "a1b2c3d4e5.execute-api.eu-central-1.amazonaws.com",
            "domainPrefix": "a1b2c3d4e5",
            "http": {
                "method": new.method,
                "path": path,
                "protocol": "HTTP/1.1",
                "sourceIp": "203.0.113.7",
                "userAgent": "curl/8.15.0",
            },
            "requestId": "Qk3XvgGdliAEPqA=",
            "routeKey": route,
            "stage": "$default",
            "time": "20/Nov/2026:23:22:12 +0000",
            "timeEpoch": 1795216932417,
        },
        **({"pathParameters": dict.fromkeys(new.variables, AN_ID)} if new.variables else {}),
        **({"body": body} if body else {}),
        "isBase64Encoded": False,
    }


def test(new: Endpoint) -> str:
    client = "v1" if new.section == "v1" else "studio"
    path = re.sub(r"{(\w+)}", lambda name: IN_TESTS.get(name[1], AN_ID), new.path)
    body = "" if new.method in ("GET", "DELETE") else ", json={}"
    prefix = "f" if "{" in path else ""
    return f'''"""{new.method} {new.path}"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.given.tenants import Tenant


def test_TODO_a_fact_about_the_answer(tenant: Tenant) -> None:
    answer = tenant.{client}.{new.method.lower()}({prefix}"{path}"{body})

    assert (answer.status_code, answer.json()) == (200, {{}})
'''


def remaining(new: Endpoint) -> str:
    """What the author has to do, in the order in which it is done."""
    return f"""What remains (CONTRIBUTING.md has an example of each step):
  1. layers/core/vitrine/queries/      the SQL: one statement per function
     tests/library/test_library_plans.py   an entry in LISTED for each of them
  2. layers/core/vitrine/library/      one function that the handler calls
  3. layers/core/vitrine/dialects/ or accounts/   the answer's type {new.noun}, and a function that formats it
  4. functions/{new.name}/handler.py   the contract, the call; a body or query with body=, query=
     The operation is "{operation_of(new)}"; layers/core/vitrine/permissions.py has the others.
  5. template.yaml                     a policy with its reason where the function uses S3 or SQS
  6. tests/given/isolation_cases.py    "{new.name}" in FILL: how a request of it is made
  7. make docs                         before the tests: README's table, the API's description
  8. tests/{new.section}/test_{new.name}.py    what the endpoint does, and each error
  9. a line in CHANGELOG.md, then make test, make lint"""


def main(words: list[str]) -> int:
    try:
        name, route = words
        new = parse(name, route, ROOT)
    except ValueError:
        sys.stderr.write('make endpoint NAME=get_stats ROUTE="GET /api/dataset/{datasetId}/stats"\n')
        return 2
    except Wrong as reason:
        sys.stderr.write(f"{reason}\n")
        return 1
    for file in write(new, ROOT):
        sys.stdout.write(f"{file.relative_to(ROOT)}\n")
    read(ROOT / "template.yaml")  # raises where the laptop could not read it
    sys.stdout.write(f"\n{remaining(new)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
