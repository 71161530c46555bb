"""What every workload of an environment stands on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from terraform.stacks.modules import Module
from terraform.stacks.names import Names
from terraform.stacks.settings import Settings


@dataclass(frozen=True)
class Base:
    """What every workload of an environment stands on."""

    names: Names
    settings: Settings
    boundary_arn: str
    keys: Module
    network: Module
    alerts: Module
    buckets: Mapping[str, Module]

    def key_arns(self, *purposes: str) -> dict[str, str]:
        """Refer to the keys of these purposes, in the shape modules take them."""
        return {purpose: self.keys.output("arns", purpose) for purpose in purposes}

    def place_of(self, group: str) -> dict[str, str]:
        """Refer to the subnets and to the security group of one kind of client."""
        return {
            "subnet_ids": self.network.output("subnet_ids"),
            "security_group_id": self.network.output("client_security_group_ids", group),
        }

    def bucket(self, purpose: str) -> dict[str, str]:
        """Refer to a bucket, in the shape modules take it."""
        return {"name": self.buckets[purpose].output("name"), "arn": self.buckets[purpose].output("arn")}

    @property
    def alarms(self) -> dict[str, Any]:
        """Where alarms go."""
        return {"topic_arn": self.alerts.output("topic_arn")}
