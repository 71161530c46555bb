"""The base of every settings model, and the types of text that AWS and this project accept."""

from __future__ import annotations

import re
import zoneinfo
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from terraform.stacks.settings.errors import RefusedValueError


class Strict(BaseModel):
    """A model without surprises: no unknown key, no silent conversion, no change after reading."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, str_strip_whitespace=True)


def matching(pattern: str, expected: str, remedy: str) -> AfterValidator:
    """Build a validator that demands a full match and says, in words, what is allowed."""
    compiled = re.compile(pattern)

    def check(value: str) -> str:
        if not compiled.fullmatch(value):
            raise RefusedValueError(expected, remedy)
        return value

    return AfterValidator(check)


AccountId = Annotated[
    str, matching(r"\d{12}", "the 12 digits of an AWS account", "take it from 'aws sts get-caller-identity'")
]
Region = Annotated[
    str,
    matching(
        r"[a-z]{2}(-gov|-iso[a-z]?)?-[a-z]+-\d", "an AWS region such as eu-west-1", "write the region's code name"
    ),
]
Zone = Annotated[
    str,
    matching(
        r"[a-z]{2}(-[a-z]+)+-\d[a-z]", "an availability zone such as eu-west-1a", "write the region's name and a letter"
    ),
]
RoleArn = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+",
        "the ARN of an IAM role",
        "write arn:aws:iam::<account>:role/<name>, not a user, a group or a wildcard",
    ),
]
# A user stands for a person in the rehearsal alone: the checks see to that.
PersonArn = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:iam::\d{12}:(role|user)/[\w+=,.@/-]+",
        "the ARN of an IAM role",
        "write the role that the person signs in with (arn:aws:iam::<account>:role/<name>), without wildcards",
    ),
]
PolicyArn = Annotated[
    str,
    matching(
        r"arn:aws[a-z-]*:iam::\d{12}:policy/[\w+=,.@/-]+",
        "the ARN of an IAM policy",
        "write arn:aws:iam::<account>:policy/<name>",
    ),
]
Email = Annotated[str, matching(r"[^@\s]+@[^@\s]+\.[^@\s]+", "an e-mail address", "write one address per list entry")]
BucketName = Annotated[
    str,
    matching(
        r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]",
        "an S3 bucket name: 3 to 63 lower-case letters, digits, dots and dashes",
        "write the name without s3://",
    ),
]
Name = Annotated[
    str,
    matching(
        r"[a-z][a-z0-9]*(-[a-z0-9]+)*",
        "lower-case letters, digits and single dashes, beginning with a letter",
        "rename it: AWS resource names are derived from it",
    ),
]
InstanceType = Annotated[
    str,
    matching(r"ml\.[a-z0-9-]+\.[a-z0-9-]+", "a SageMaker instance type such as ml.c7i.large", "write it with 'ml.'"),
]


def _known_zone(value: str) -> str:
    # Empty on a machine without the database: there, AWS is the first to see a mistake.
    known = zoneinfo.available_timezones()
    if known and value not in known:
        raise RefusedValueError("a time zone such as Europe/Dublin or UTC", "write its name in the IANA database")
    return value


Timezone = Annotated[str, AfterValidator(_known_zone)]
# A reason is read by the next person and by an auditor; one word explains nothing to either.
Reason = Annotated[
    str,
    matching(r"(?s).{20,}", "a reason of at least 20 characters", "say why this is needed and why it is acceptable"),
]
Percent = Annotated[int, Field(ge=0, le=100)]
Share = Annotated[float, Field(gt=0, le=1)]
