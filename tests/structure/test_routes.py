"""Template, handlers, events, permissions, OpenAPI and README have the same routes."""

from __future__ import annotations

import ast
import json
import re
from base64 import b64decode
from typing import Any
from urllib.parse import parse_qsl

from local.template import read
from tests.structure.source_tree import Function, functions, functions_with_handlers
from tools.routes import ROOT, first_line, in_readme, routes, table, template
from vitrine.permissions import PERMISSIONS

PUBLIC = {  # need no credentials, so no permission
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
OLD = "README.md or openapi.json is older than the template or a handler: run `make docs`"
# The only routes of the API that OpenAPI may leave out.
UNDESCRIBED = {"/api/openapi.json", "/api/docs", "/api/docs/{file}"}


def test_a_route_is_declared_once() -> None:
    keys = [route.key for route in routes()]

    assert sorted(keys) == sorted(set(keys))


def test_requests_that_match_no_route_go_to_unrouted() -> None:
    assert [route.function for route in routes() if route.key == "$default"] == ["unrouted"]


def test_a_fixed_path_beside_a_variable_one_sends_its_other_methods_to_unrouted() -> None:
    declared = read(ROOT / "template.yaml").routes
    paths = {route.path for route in declared if route.path != "$default"}
    # Only where the path with a variable has methods that the fixed path lacks: otherwise no request can be
    # routed to the wrong function.
    methods = {
        path: {route.method for route in declared if route.path == path and route.method != "ANY"}
        for path in paths
    }
    patterns = {path: re.compile(re.sub(r"{\w+}", "[^/]+", path)) for path in paths if "{" in path}
    shadowing = {
        fixed
        for fixed in paths
        if "{" not in fixed
        for path, pattern in patterns.items()
        if pattern.fullmatch(fixed) and methods[path] - methods[fixed]
    }

    assert {route.path for route in declared if route.method == "ANY"} - {"$default"} == shadowing
    assert {route.function for route in declared if route.method == "ANY"} == {"unrouted"}


def test_the_laptop_has_the_same_routes() -> None:
    laptop = [
        (f"{route.method} {route.path}".replace("ANY $default", "$default"), route.function)
        for route in read(ROOT / "template.yaml").routes
        if route.method != "ANY" or route.path == "$default"
    ]

    assert laptop == [(route.key, route.function) for route in routes()]


def test_the_gateway_adds_no_cors_and_no_prefix_of_its_own() -> None:
    api = template()["Resources"]["Api"]["Properties"]

    assert (api["StageName"], "CorsConfiguration" in api) == ("$default", False)


def test_a_handlers_docstring_begins_with_its_routes_and_what_it_does() -> None:
    answered = {
        function.folder: first_line(function.folder).partition(" - ")
        for function in functions_with_handlers()
        if function.routes
    }

    assert {folder: re.split(r", | and ", keys) for folder, (keys, _, _) in answered.items()} == {
        function.folder: [route.key for route in function.routes]
        for function in functions_with_handlers()
        if function.routes
    }
    assert [folder for folder, (_, _, what) in answered.items() if not what] == []


def test_the_docstring_of_a_handler_without_routes_begins_with_its_name() -> None:
    answered = {
        function.folder: re.findall(r"^\w*", first_line(function.folder))
        for function in functions_with_handlers()
        if not function.routes
    }

    assert answered == {folder: [folder] for folder in answered}


def test_an_event_is_a_request_to_its_functions_route() -> None:
    wrong = {
        function.folder: [defect for defect, found in defects(function, example(function)) if found]
        for function in functions()
        if function.routes
    }

    assert {folder: found for folder, found in wrong.items() if found} == {}


def defects(function: Function, event: dict[str, Any]) -> list[tuple[str, bool]]:
    """Possible defects of an event of an HTTP API (payload format 2.0), and whether the event has each."""
    request, filled = event["requestContext"], event.get("pathParameters", {})
    method, _, path = event["routeKey"].partition(" ")
    routed = event["routeKey"] != "$default"
    sent = b64decode(event["body"]) if event.get("isBase64Encoded") else event.get("body", "").encode()
    return [
        ("version", event["version"] != "2.0"),
        (
            "route",
            event["routeKey"] not in [route.key for route in function.routes]
            or request["routeKey"] != event["routeKey"],
        ),
        ("method", routed and request["http"]["method"] != method),
        ("parameters", routed and set(re.findall(r"{(\w+)}", path)) != set(filled)),
        (
            "path",
            routed and re.sub(r"{(\w+)}", lambda name: filled.get(name[1], ""), path) != event["rawPath"],
        ),
        ("path again", request["http"]["path"] != event["rawPath"]),
        (
            "query",
            dict(parse_qsl(event["rawQueryString"], keep_blank_values=True))
            != event.get("queryStringParameters", {}),
        ),
        ("headers", any(name != name.lower() for name in event["headers"])),
        ("length", len(sent) != int(event["headers"].get("content-length", 0))),
    ]


def test_the_stored_event_is_one_that_the_bucket_sends() -> None:
    record = json.loads(
        json.loads((ROOT / "events/on_upload_stored.json").read_text())["Records"][0]["body"]
    )["Records"][0]
    notifications = template()["Resources"]["Bucket"]["Properties"]["NotificationConfiguration"][
        "QueueConfigurations"
    ]

    prefixes = [
        n["Filter"]["S3Key"]["Rules"][0]["Value"]
        for n in notifications
        if n["Event"] == f"s3:{record['eventName']}"
    ]

    assert [record["s3"]["object"]["key"].startswith(prefix) for prefix in prefixes] == [True]


def test_an_example_of_a_scheduled_event_has_the_keys_that_its_schedule_sends() -> None:
    resources = template()["Resources"]
    jobs = [function for function in functions() if function.events == ("ScheduleV2",)]

    sent = {
        job.folder: json.loads(
            resources[job.resource]["Properties"]["Events"]["Schedule"]["Properties"]["Input"]
        ).keys()
        for job in jobs
    }

    assert {job.folder: example(job).keys() for job in jobs} == sent


def example(function: Function) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{function.folder}.json").read_text())
    return event


def test_an_endpoint_has_one_operation_unless_it_is_public() -> None:
    asked = {
        function.folder: len(operations(function))
        for function in functions_with_handlers()
        if function.routes
    }

    assert asked == {folder: int(folder not in PUBLIC) for folder in asked}


def test_the_operations_of_handlers_are_those_of_the_permission_table() -> None:
    assert {
        operation for function in functions_with_handlers() for operation in operations(function)
    } == PERMISSIONS.keys()


def operations(function: Function) -> set[str]:
    """The `operation="..."` of the handler's `endpoint(...)`. One that is no literal is returned as its
    source.
    """
    return {
        str(keyword.value.value) if isinstance(keyword.value, ast.Constant) else ast.unparse(keyword.value)
        for node in ast.walk(ast.parse(function.source.read_text()))
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if keyword.arg == "operation"
        and not (isinstance(keyword.value, ast.Constant) and keyword.value.value is None)
    }


def test_openapi_describes_the_routes_of_the_api() -> None:
    document = json.loads((ROOT / "functions/get_openapi/openapi.json").read_text())
    methods = {"get", "put", "post", "delete", "options", "head", "patch", "trace"}

    described = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method in methods
    }

    assert described - {route.key for route in routes()} == set(), OLD
    assert {
        route.key for route in routes() if route.path.startswith("/api/") and route.path not in UNDESCRIBED
    } - described == set(), OLD


def test_the_readme_has_the_tables_of_routes() -> None:
    assert in_readme((ROOT / "README.md").read_text()) == table(), OLD
