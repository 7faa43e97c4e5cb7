"""POST policies: the conditions that the signer sets on a form.

https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-HTTPPOSTConstructPolicy.html
"""

import base64
import binascii
import json
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError

from local.s3.errors import S3Error

# Fields that need no condition, besides x-ignore-*.
_EXEMPT = frozenset({"x-amz-signature", "policy", "file"})


@dataclass(frozen=True)
class SizeRange:
    """The permitted sizes of the file in bytes, both ends included."""

    minimum: int = 0
    maximum: int = 5 << 30  # the limit of one POST

    def check(self, size: int) -> None:
        """Check the size of the whole file. Raises S3Error: EntityTooSmall, EntityTooLarge."""
        if size < self.minimum:
            raise S3Error("EntityTooSmall", ProposedSize=size, MinSizeAllowed=self.minimum)
        self.check_growing(size)

    def check_growing(self, size: int) -> None:
        """Check the bytes received so far. Raises S3Error EntityTooLarge when they exceed the maximum."""
        if size > self.maximum:
            raise S3Error("EntityTooLarge", ProposedSize=size, MaxSizeAllowed=self.maximum)


def check_policy(fields: Mapping[str, str], *, bucket: str, now: float) -> SizeRange:
    """Check the form's fields (names in lower case) against its policy, and return the permitted sizes of the
    file.

    Raises S3Error for a policy that is malformed or expired, a condition that is not met, or a field without
    one.
    """
    policy = _read(fields["policy"])
    if now > policy.expiration.timestamp():
        raise _denied("Policy expired.")

    values = {**fields, "bucket": bucket}
    covered: set[str] = set()
    sizes = SizeRange()
    for condition in policy.conditions:
        match condition:
            case ["content-length-range", int() as minimum, int() as maximum]:
                sizes = SizeRange(max(minimum, sizes.minimum), min(maximum, sizes.maximum))
            case ["eq" | "starts-with" as operator, str() as name, str() as value] if name.startswith("$"):
                _check_condition(values, name[1:].lower(), operator, value)
                covered.add(name[1:].lower())
            case dict():
                for name, value in condition.items():
                    _check_condition(values, name.lower(), "eq", value)
                    covered.add(name.lower())
            case _:
                raise S3Error("InvalidPolicyDocument", "Invalid Policy: Invalid Condition")

    extra = sorted(
        name for name in fields if name not in covered | _EXEMPT and not name.startswith("x-ignore-")
    )
    if extra:
        raise _denied(f"Extra input fields: {', '.join(extra)}")
    return sizes


def _check_condition(fields: Mapping[str, str], name: str, operator: str, expected: str) -> None:
    value = fields.get(name)
    if value is None or not (value == expected if operator == "eq" else value.startswith(expected)):
        raise _denied(f"Policy Condition failed: {json.dumps([operator, f'${name}', expected])}")


def _denied(reason: str) -> S3Error:
    return S3Error("AccessDenied", f"Invalid according to Policy: {reason}")


def _read(text: str) -> "_Policy":
    try:
        return _Policy.model_validate_json(base64.b64decode(text, validate=True))
    except (binascii.Error, ValueError, ValidationError):
        raise S3Error("InvalidPolicyDocument") from None


class _Policy(BaseModel):
    model_config = ConfigDict(extra="forbid")

    expiration: AwareDatetime
    conditions: list[dict[str, str] | list[str | int]]
