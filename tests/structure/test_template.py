"""What must be true of template.yaml, and that AWS's own tools accept it."""

from __future__ import annotations

import json
import re
import tomllib
from dataclasses import fields
from typing import Any

import pytest

from tests.structure.source_tree import functions
from tools.routes import ROOT, section_of, sections, template
from vitrine.settings import Settings

TEXT = (ROOT / "template.yaml").read_text()
# Actions on a bucket, which cannot be narrowed to a prefix.
BUCKET_WIDE = {"s3:ListBucket", "s3:ListBucketMultipartUploads"}
QUEUES = ("UploadStored", "VideoStored", "ImportRequested")
URLS = {"DATABASE_URL", "WORKER_DATABASE_URL", "OWNER_DATABASE_URL"}
SECTIONS = ["shared", "studio", "v1", "accounts", "uploads", "workers", "console"]


def test_the_sections_stand_in_this_order() -> None:
    assert list(dict.fromkeys(sections().values())) == SECTIONS
    assert sections().keys() == template()["Resources"].keys()


def test_a_function_stands_in_the_section_of_its_routes() -> None:
    belongs = {
        function.folder: section_of(function.routes[0].path) if function.routes else "workers"
        for function in functions()
    }

    assert {function.folder: sections()[function.resource] for function in functions()} == belongs


def test_v1_functions_have_the_prefix_of_their_api() -> None:
    assert {function.folder for function in functions() if sections()[function.resource] == "v1"} == {
        function.folder for function in functions() if function.folder.startswith("v1_")
    }


def bucket() -> dict[str, Any]:
    properties: dict[str, Any] = template()["Resources"]["Bucket"]["Properties"]
    return properties


def test_what_functions_write_sends_no_event() -> None:
    prefixes = [
        n["Filter"]["S3Key"]["Rules"][0]["Value"]
        for n in bucket()["NotificationConfiguration"]["QueueConfigurations"]
    ]

    assert [
        prefix for prefix in prefixes if prefix.startswith("derived/") or "derived/".startswith(prefix)
    ] == []


def test_the_bucket_notifies_of_what_clients_upload_and_nothing_else() -> None:
    queue = {"Fn::GetAtt": "UploadStoredQueue.Arn"}

    def notification(event: str, prefix: str) -> dict[str, Any]:
        return {
            "Queue": queue,
            "Event": event,
            "Filter": {"S3Key": {"Rules": [{"Name": "prefix", "Value": prefix}]}},
        }

    assert bucket()["NotificationConfiguration"] == {
        "QueueConfigurations": [
            notification("s3:ObjectCreated:Post", "incoming/"),
            notification("s3:ObjectCreated:CompleteMultipartUpload", "originals/"),
            notification("s3:ObjectCreated:Put", "originals/"),
        ]
    }


def test_the_one_lifecycle_rule_touches_no_object() -> None:
    [rule] = bucket()["LifecycleConfiguration"]["Rules"]

    assert rule == {
        "Id": "AbandonedParts",
        "Status": "Enabled",
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 7},
    }
    assert Settings().upload_deadline < 7 * 24 * 3600


def test_the_bucket_is_private_encrypted_and_not_versioned() -> None:
    assert "VersioningConfiguration" not in bucket()
    assert set(bucket()["PublicAccessBlockConfiguration"].values()) == {True}
    assert len(bucket()["PublicAccessBlockConfiguration"]) == 4
    assert bucket()["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    assert "BucketEncryption" in bucket()


def test_the_bucket_denies_a_deletion_without_if_match_and_every_request_in_clear_text() -> None:
    denied = [
        (s["Effect"], s["Principal"], s["Action"], s["Condition"])
        for s in template()["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]["Statement"]
    ]

    assert denied == [
        ("Deny", "*", "s3:DeleteObject", {"Null": {"s3:if-match": "true"}}),
        ("Deny", "*", "s3:*", {"Bool": {"aws:SecureTransport": "false"}}),
    ]


def test_a_message_stays_hidden_while_its_function_may_still_run() -> None:
    resources = template()["Resources"]

    for name in QUEUES:
        assert (
            resources[f"{name}Queue"]["Properties"]["VisibilityTimeout"]
            >= 6 * resources[f"On{name}Function"]["Properties"]["Timeout"]
        )


def test_every_statement_has_a_comment_with_its_reason() -> None:
    lines = [line.strip() for line in TEXT.splitlines() if "Effect:" in line]
    of_resources = [
        statement
        for resource in template()["Resources"].values()
        for statement in resource["Properties"].get("PolicyDocument", {}).get("Statement", [])
    ]
    of_functions = [statement for function in functions() for statement in function.statements]

    assert [line for line in lines if not re.fullmatch(r"- \{Effect: .*\}  # \S.*", line)] == []
    # One line each, so that the first assertion sees the comment of every statement.
    assert len(lines) == len(of_resources) + len(of_functions)


def test_a_statement_lets_a_function_do_one_thing_in_one_place() -> None:
    assert {
        function.folder: [s for s in function.statements if not narrow(s)] for function in functions()
    } == {f.folder: [] for f in functions()}


def narrow(statement: dict[str, Any]) -> bool:
    action, resource = statement["Action"], statement["Resource"]
    if action in BUCKET_WIDE:
        return bool(resource == {"Fn::GetAtt": "Bucket.Arn"})
    if str(action).startswith("s3:"):
        return resource in [
            {"Fn::Sub": f"${{Bucket.Arn}}/{prefix}/*"} for prefix in ("incoming", "originals", "derived")
        ]
    return bool(
        action == "sqs:SendMessage" and resource in [{"Fn::GetAtt": f"{name}Queue.Arn"} for name in QUEUES]
    )


def test_a_function_that_deletes_may_also_read_there() -> None:
    """S3 needs GetObject for a DeleteObject with If-Match."""
    may = {
        (function.folder, s["Action"], json.dumps(s["Resource"]))
        for function in functions()
        for s in function.statements
    }

    assert [
        (who, place)
        for who, action, place in may
        if action == "s3:DeleteObject" and (who, "s3:GetObject", place) not in may
    ] == []


def test_a_function_has_the_database_url_of_one_role_at_most() -> None:
    role = {
        "ScheduleV2": "WORKER_DATABASE_URL",
        "HttpApi": "DATABASE_URL",
        "SQS": "DATABASE_URL",
        "": "OWNER_DATABASE_URL",
    }

    wrong = {
        function.folder: function.environment & URLS - {role["".join(sorted({*function.events}))]}
        for function in functions()
    }

    assert {folder: urls for folder, urls in wrong.items() if urls} == {}


def test_every_function_has_a_database_url_but_those_of_the_console() -> None:
    without = {function.folder for function in functions() if not function.environment & URLS}

    assert without == {f.folder for f in functions() if sections()[f.resource] == "console"}


def test_every_variable_is_one_that_settings_or_powertools_read() -> None:
    known = {field.name.upper() for field in fields(Settings)}

    unread = {
        name
        for function in functions()
        for name in function.environment - known
        if not name.startswith("POWERTOOLS_")
    }

    assert unread == set()


def test_a_function_answers_before_the_gateway_gives_up() -> None:
    whole = template()
    usual = whole["Globals"]["Function"]["Timeout"]
    seconds = {
        f.folder: whole["Resources"][f.resource]["Properties"].get("Timeout", usual)
        for f in functions()
        if f.routes
    }

    # Complete goes on under its lease after the gateway has answered.
    assert {folder: timeout for folder, timeout in seconds.items() if timeout >= 30} == {
        "complete_upload": 300
    }


@pytest.mark.soak
def test_sam_accepts_it_and_the_stack_stays_well_below_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    from samtranslator.parser.parser import Parser  # takes 2 s to import
    from samtranslator.translator.translator import Translator
    from samtranslator.yaml_helper import yaml_parse

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    written: dict[str, Any] = yaml_parse(TEXT)
    for resource in written["Resources"].values():  # as `sam package` does
        for uri in {"CodeUri", "ContentUri"} & resource["Properties"].keys():
            resource["Properties"][uri] = "s3://built/it"

    resources = Translator({}, Parser()).translate(written, {})["Resources"]

    assert len(resources) < 400  # of 500
    assert sum(resource["Type"] == "AWS::Lambda::Function" for resource in resources.values()) == len(
        functions()
    )


def test_sam_deploys_without_a_question() -> None:
    configuration = tomllib.loads((ROOT / "samconfig.toml").read_text())
    parameters = template()["Parameters"]

    deploy = configuration["default"]["deploy"]["parameters"]
    given = dict(each.split("=", 1) for each in deploy["parameter_overrides"])

    assert configuration["version"] == 0.1
    assert configuration["default"]["global"]["parameters"] == {"stack_name": "vitrine"}
    assert (deploy["resolve_s3"], deploy["confirm_changeset"], deploy["capabilities"]) == (
        True,
        False,
        "CAPABILITY_IAM",
    )
    assert set(given) <= set(parameters)
    assert {name for name, parameter in parameters.items() if "Default" not in parameter} <= set(given)
    # BucketName is a placeholder that CloudFormation rejects until a name has been chosen.
    assert not re.fullmatch(parameters["BucketName"]["AllowedPattern"], given["BucketName"])
    assert "RoleName" not in TEXT  # a named role would need CAPABILITY_NAMED_IAM
