"""Reads template.yaml, which declares routes, queues, schedules, the bucket's rules and the functions'
environment.

    template = read(CLONE / "template.yaml", {"Origin": "http://127.0.0.1:8484", "Bucket": "vitrine"})

The names are the values of parameters and the results of `!Ref` for resources. Other parameters have their
defaults.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

UNITS = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
VISIBILITY = 30  # seconds; SQS' own default
BATCH = 10  # Lambda's own default for SQS
REGION = "us-east-1"
ACCOUNT = "000000000000"
PSEUDO = {
    "AWS::Region": REGION,
    "AWS::AccountId": ACCOUNT,
    "AWS::Partition": "aws",
    "AWS::StackName": "vitrine",
    "AWS::URLSuffix": "amazonaws.com",
}


@dataclass(frozen=True, slots=True)
class Route:
    method: str  # GET ..., or ANY
    path: str  # /api/media/{mediaId}, or $default
    function: str  # the folder's name


@dataclass(frozen=True, slots=True)
class Function:
    name: str  # the folder's, under functions/
    timeout: int  # seconds
    memory: int  # MB


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    visibility: int  # seconds
    dead_letters: str | None  # the queue of messages that were received too often
    max_receives: int | None  # receives before a message moves to the dead letters


@dataclass(frozen=True, slots=True)
class Source:
    """A queue that a function consumes."""

    queue: str
    function: str
    batch_size: int
    reports_failures: bool  # the function returns the messages that failed (ReportBatchItemFailures)


@dataclass(frozen=True, slots=True)
class Schedule:
    function: str
    every: int  # seconds
    input: str | None  # JSON; None: EventBridge's own event


@dataclass(frozen=True, slots=True)
class Notification:
    """A rule that sends events of the bucket to a queue."""

    queue: str
    event: str  # s3:ObjectCreated:Post, or a prefix with * at the end
    prefix: str

    def matches(self, event: str, key: str) -> bool:
        """Whether the rule applies to an event, named as in a record without `s3:`, and a decoded key."""
        pattern = self.event.removeprefix("s3:")
        named = event.startswith(pattern[:-1]) if pattern.endswith("*") else event == pattern
        return named and key.startswith(self.prefix)


@dataclass(frozen=True, slots=True)
class Template:
    functions: tuple[Function, ...]
    routes: tuple[Route, ...]
    queues: tuple[Queue, ...]
    sources: tuple[Source, ...]
    schedules: tuple[Schedule, ...]
    notifications: tuple[Notification, ...]
    cors: Mapping[str, Any]  # the bucket's CorsConfiguration
    environment: Mapping[str, str]  # of all functions; without values that only a deployment knows

    def function(self, name: str) -> Function:
        return next(f for f in self.functions if f.name == name)

    def queue(self, name: str) -> Queue:
        return next(q for q in self.queues if q.name == name)


def arn(queue: str) -> str:
    return f"arn:aws:sqs:{REGION}:{ACCOUNT}:{queue}"


def read(file: Path, names: Mapping[str, str] | None = None) -> Template:
    """Read the template with these names. Raises ValueError for what the laptop does not support: a cron
    schedule, or one environment variable with two values.
    """
    return _Reader(document(file), names or {}).template()


def document(file: Path) -> dict[str, Any]:
    """The template with short tags in their long form: `!Ref x` is {"Ref": "x"}, `!Sub x` is {"Fn::Sub":
    "x"}.
    """
    content: dict[str, Any] = yaml.load(file.read_text(), Loader=_Loader)  # noqa: S506 - _Loader is a SafeLoader
    return content


if TYPE_CHECKING:
    Fastest = yaml.SafeLoader
else:
    # PyYAML's loader in C, where it was built: 8 times as fast
    Fastest = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class _Loader(Fastest):
    """Converts short tags to their long forms."""


def _tagged(loader: yaml.SafeLoader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        value = loader.construct_mapping(node, deep=True) if isinstance(node, yaml.MappingNode) else None
    return {suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _tagged)


class _OnlyInDeploymentError(Exception):
    """A value that exists only after the deployment."""


class _Absent:
    """The value of AWS::NoValue."""


class _Reader:
    def __init__(self, document: dict[str, Any], names: Mapping[str, str]) -> None:
        self.resources: dict[str, dict[str, Any]] = document.get("Resources", {})
        self.globals: dict[str, Any] = document.get("Globals", {}).get("Function", {})
        self.conditions: dict[str, Any] = document.get("Conditions", {})
        self.parameters: dict[str, Any] = document.get("Parameters", {})
        self.names = names
        self.intrinsics: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Fn::Sub": self._sub,
            "Fn::If": lambda v: self.value(v[1] if self._has(v[0]) else v[2]),
            "Fn::Equals": lambda v: self.value(v[0]) == self.value(v[1]),
            "Fn::Not": lambda v: not self.value(v[0]),
            "Fn::And": lambda v: all(self.value(one) for one in v),
            "Fn::Or": lambda v: any(self.value(one) for one in v),
            "Fn::Join": lambda v: str(v[0]).join(str(one) for one in self.value(v[1])),
            "Fn::Split": lambda v: str(self.value(v[1])).split(v[0]),
            "Fn::GetAtt": self._attribute,
            "Condition": self._has,
        }

    def template(self) -> Template:
        return Template(
            functions=tuple(self._function(p) for _, p in self._of("AWS::Serverless::Function")),
            routes=tuple(
                Route(str(e.get("Method", "ANY")).upper(), str(e.get("Path", "$default")), function)
                for function, e in self._events("HttpApi")
            ),
            queues=tuple(self._queue(name, p) for name, p in self._of("AWS::SQS::Queue")),
            sources=tuple(_source(function, e) for function, e in self._events("SQS")),
            schedules=tuple(self._schedules()),
            notifications=tuple(self._notifications()),
            cors=self._cors(),
            environment=self._environment(),
        )

    def _of(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, resource in self.resources.items():
            if resource["Type"] == kind:
                yield name, resource.get("Properties", {})

    def _events(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        for _, p in self._of("AWS::Serverless::Function"):
            for event in p.get("Events", {}).values():
                if event["Type"] == kind:
                    yield _folder(p), event.get("Properties", {})

    def _function(self, p: dict[str, Any]) -> Function:
        timeout, memory = (
            p.get(name, self.globals.get(name, default))
            for name, default in (("Timeout", 3), ("MemorySize", 128))
        )
        return Function(_folder(p), int(timeout), int(memory))

    def _queue(self, name: str, p: dict[str, Any]) -> Queue:
        redrive = p.get("RedrivePolicy")
        dead = _resource(redrive["deadLetterTargetArn"]) if redrive else None
        return Queue(
            name,
            int(p.get("VisibilityTimeout", VISIBILITY)),
            dead,
            int(self.value(redrive["maxReceiveCount"])) if redrive else None,
        )

    def _schedules(self) -> Iterator[Schedule]:
        for kind, field in (("Schedule", "Schedule"), ("ScheduleV2", "ScheduleExpression")):
            for function, e in self._events(kind):
                rate = re.fullmatch(r"rate\((\d+) (second|minute|hour|day)s?\)", str(self.value(e[field])))
                if not rate:
                    raise ValueError(
                        f"{function}: the laptop's scheduler knows rate(...) only, not {e[field]}"
                    )
                yield Schedule(function, int(rate[1]) * UNITS[rate[2]], e.get("Input"))

    def _notifications(self) -> Iterator[Notification]:
        for _, p in self._of("AWS::S3::Bucket"):
            for c in self.value(p.get("NotificationConfiguration", {}).get("QueueConfigurations", [])):
                rules = {
                    r["Name"].lower(): r["Value"]
                    for r in c.get("Filter", {}).get("S3Key", {}).get("Rules", [])
                }
                if rules.keys() - {"prefix"}:
                    raise ValueError(f"the laptop's S3 filters events by prefix only, not {rules}")
                yield Notification(_resource(c["Queue"]), c["Event"], rules.get("prefix", ""))

    def _cors(self) -> dict[str, Any]:
        rules = [
            self.value(p["CorsConfiguration"])
            for _, p in self._of("AWS::S3::Bucket")
            if "CorsConfiguration" in p
        ]
        return next((one for one in rules if not isinstance(one, _Absent)), {"CorsRules": []})

    def _environment(self) -> dict[str, str]:
        """The functions' environment. All share one process here, so a name can have only one value."""
        variables: dict[str, str] = {}
        for scope in (self.globals, *(p for _, p in self._of("AWS::Serverless::Function"))):
            for name, raw in scope.get("Environment", {}).get("Variables", {}).items():
                try:
                    value = self.value(raw)
                except _OnlyInDeploymentError:
                    continue
                text = str(value).lower() if isinstance(value, bool) else str(value)
                if "{{resolve:" in text:
                    continue
                if variables.setdefault(name, text) != text:
                    raise ValueError(
                        f"{name} has two values, {variables[name]!r} and {text!r}; "
                        "on a laptop all functions share one process"
                    )
        return variables

    def value(self, raw: Any) -> Any:
        """Resolve the value's intrinsic functions. Raises _OnlyInDeploymentError when only a deployment
        knows it.
        """
        if isinstance(raw, list):
            return [one for one in map(self.value, raw) if not isinstance(one, _Absent)]
        if not isinstance(raw, dict):
            return raw
        if len(raw) == 1:
            [(name, inner)] = raw.items()
            if name in self.intrinsics:
                return self.intrinsics[name](inner)
            if str(name).startswith("Fn::"):
                raise _OnlyInDeploymentError(name)
        return {
            key: one
            for key, one in ((key, self.value(inner)) for key, inner in raw.items())
            if not isinstance(one, _Absent)
        }

    def _has(self, name: str) -> bool:
        return bool(self.value(self.conditions[name]))

    def _ref(self, name: str) -> Any:
        if name == "AWS::NoValue":
            return _Absent()
        if name in self.names:
            return self.names[name]
        if name in PSEUDO:
            return PSEUDO[name]
        if "Default" in self.parameters.get(name, {}):
            return self.parameters[name]["Default"]
        raise _OnlyInDeploymentError(name)

    def _attribute(self, value: Any) -> str:
        """The ARN of a queue. Raises _OnlyInDeploymentError for every other attribute."""
        name, _, attribute = value.partition(".") if isinstance(value, str) else (value[0], ".", value[1])
        if attribute == "Arn" and self.resources.get(name, {}).get("Type") == "AWS::SQS::Queue":
            return arn(name)
        raise _OnlyInDeploymentError(value)

    def _sub(self, value: Any) -> str:
        text, variables = (value, {}) if isinstance(value, str) else value
        return re.sub(
            r"\$\{(?!!)([^}]+)\}",
            lambda m: str(self.value(variables[m[1]]) if m[1] in variables else self._ref(m[1])),
            text,
        ).replace("${!", "${")


def _folder(function: dict[str, Any]) -> str:
    return Path(str(function["CodeUri"])).name


def _source(function: str, event: dict[str, Any]) -> Source:
    reports_failures = "ReportBatchItemFailures" in event.get("FunctionResponseTypes", [])
    return Source(_resource(event["Queue"]), function, int(event.get("BatchSize", BATCH)), reports_failures)


def _resource(reference: Any) -> str:
    """The name of the resource in a `!Ref`, a `!GetAtt` or an ARN."""
    if isinstance(reference, dict):
        [value] = reference.values()
        return str(value if isinstance(value, str) else value[0]).partition(".")[0]
    return str(reference).rpartition(":")[2]  # an ARN
