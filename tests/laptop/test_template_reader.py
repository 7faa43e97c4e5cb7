"""The parts of a SAM template that the laptop reads."""

from __future__ import annotations

from pathlib import Path

import pytest

from local import CLONE
from local.template import Function, Notification, Queue, Route, Schedule, Source, read

TEMPLATE = """
Parameters:
  Origin: {Type: String}
  Limit: {Type: Number, Default: 5}
  Others: {Type: String, Default: ''}
Conditions:
  HasOthers: !Not [!Equals [!Ref Others, '']]
Globals:
  Function:
    Timeout: 29
    Environment:
      Variables:
        LIMIT: !Ref Limit
        BUCKET: !Ref Bucket
        ORIGIN: !Sub '${Origin}/x'
        ARN: !GetAtt Bucket.Arn
        PIPELINE: on
Resources:
  Bucket:
    Type: AWS::S3::Bucket
    Properties:
      CorsConfiguration:
        CorsRules:
          - AllowedOrigins: !If [HasOthers, !Split [',', !Sub '${Origin},${Others}'], [!Ref Origin]]
            AllowedMethods: [GET]
      NotificationConfiguration:
        QueueConfigurations:
          - Queue: !GetAtt Stored.Arn
            Event: 's3:ObjectCreated:*'
            Filter: {S3Key: {Rules: [{Name: prefix, Value: in/}]}}
  Stored:
    Type: AWS::SQS::Queue
    Properties:
      VisibilityTimeout: 60
      RedrivePolicy: {deadLetterTargetArn: !GetAtt Dead.Arn, maxReceiveCount: 5}
  Dead: {Type: AWS::SQS::Queue}
  GetFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/get/
      MemorySize: 256
      Environment: {Variables: {DATABASE_URL: !Sub '{{resolve:secretsmanager:${Secret}}}', OWN: yes it is}}
      Events:
        One: {Type: HttpApi, Properties: {Method: get, Path: '/a/{id}'}}
        Rest: {Type: HttpApi}
  TakeFunction:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/take
      Timeout: 60
      Events:
        Stored:
          Type: SQS
          Properties:
            Queue: !GetAtt Stored.Arn
            BatchSize: 3
            FunctionResponseTypes: [ReportBatchItemFailures]
        Often: {Type: Schedule, Properties: {Schedule: rate(5 minutes)}}
        Seldom: {Type: ScheduleV2, Properties: {ScheduleExpression: rate(1 day), Input: '{}'}}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "template.yaml"
    path.write_text(TEMPLATE)
    return path


def test_every_part_of_a_template_is_read(file: Path) -> None:
    template = read(file, {"Origin": "http://o", "Bucket": "b"})

    assert template.functions == (Function("get", 29, 256), Function("take", 60, 128))
    assert template.routes == (Route("GET", "/a/{id}", "get"), Route("ANY", "$default", "get"))
    assert template.queues == (Queue("Stored", 60, "Dead", 5), Queue("Dead", 30, None, None))
    assert template.sources == (Source("Stored", "take", 3, reports_failures=True),)
    assert template.schedules == (Schedule("take", 300, None), Schedule("take", 86400, "{}"))
    assert template.notifications == (Notification("Stored", "s3:ObjectCreated:*", "in/"),)
    assert template.cors == {"CorsRules": [{"AllowedOrigins": ["http://o"], "AllowedMethods": ["GET"]}]}
    assert template.environment == {
        "LIMIT": "5",
        "BUCKET": "b",
        "ORIGIN": "http://o/x",
        "PIPELINE": "true",
        "OWN": "yes it is",
    }


def test_a_condition_selects_a_value(file: Path) -> None:
    template = read(file, {"Origin": "http://o", "Others": "http://p,http://q"})

    assert template.cors["CorsRules"][0]["AllowedOrigins"] == ["http://o", "http://p", "http://q"]


@pytest.mark.parametrize(
    ("change", "to"),
    [("rate(5 minutes)", "cron(0 12)"), ("OWN: yes it is", "LIMIT: 6"), ("Name: prefix", "Name: suffix")],
)
def test_unsupported_parts_of_a_template_are_rejected(file: Path, change: str, to: str) -> None:
    file.write_text(TEMPLATE.replace(change, to))

    with pytest.raises(ValueError, match=r"rate\(|two values|prefix only"):
        read(file, {"Origin": "http://o"})


@pytest.mark.parametrize(
    ("event", "key", "expected"),
    [
        ("ObjectCreated:Put", "in/a", True),
        ("ObjectCreated:Post", "in/a", True),
        ("ObjectRemoved:Delete", "in/a", False),
        ("ObjectCreated:Put", "out/in/a", False),
    ],
)
def test_a_notification_matches_its_event_and_prefix(event: str, key: str, expected: bool) -> None:
    assert Notification("q", "s3:ObjectCreated:*", "in/").matches(event, key) is expected


def test_the_projects_template_is_read() -> None:
    template = read(CLONE / "template.yaml", {"Origin": "http://127.0.0.1:1"})

    functions = {f.name for f in template.functions}
    assert {r.function for r in template.routes} | {s.function for s in template.sources} | {
        s.function for s in template.schedules
    } <= functions
    assert {s.queue for s in template.sources} | {n.queue for n in template.notifications} <= {
        q.name for q in template.queues
    }
    assert template.cors["CorsRules"][0]["AllowedOrigins"] == ["http://127.0.0.1:1"]
