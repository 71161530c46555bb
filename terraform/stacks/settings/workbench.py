"""Settings of a workload's workbench: an instance of EC2 on which people train, none unless this block is there."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from terraform.stacks.settings.base import Strict, matching

Ec2InstanceType = Annotated[
    str,
    matching(
        r"(?!ml\.)[a-z][a-z0-9-]*\.[a-z0-9-]+", "an EC2 instance type such as g4dn.xlarge", "write it without 'ml.'"
    ),
]
AmiId = Annotated[
    str, matching(r"ami-[0-9a-f]{8,17}", "the id of an image (ami-...)", "leave it out for AWS's own Deep Learning AMI")
]


class Workbench(Strict):
    """What the instance is, and when it is switched off from outside."""

    instance_type: Ec2InstanceType
    spot: bool = True
    volume_gb: Annotated[int, Field(ge=30, le=16384)] = 150
    ami_id: AmiId | None = None
    # An alarm looks back seven days at most.
    deadline_hours: Annotated[int, Field(ge=1, le=168)] = 12
    idle_minutes: Annotated[int, Field(ge=15, le=1440)] = 30
