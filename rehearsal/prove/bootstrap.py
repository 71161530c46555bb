"""The account around an environment: ``terraform/bootstrap`` with given values of its variables, resolved."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from policies.plan import BOOTSTRAP, Plan, read_plan
from policies.resolve import resolve
from policies.roots import Root, bootstrap_root

_PREFIX = "account-"


def root(inputs: Mapping[str, Any]) -> Root:
    """What Terraform plans with these values."""
    checksum = hashlib.sha256(json.dumps(dict(inputs), sort_keys=True).encode()).hexdigest()[:8]
    account, region = inputs["account_id"], inputs["region"]
    return replace(bootstrap_root(account, region, inputs["environments"]), name=f"{_PREFIX}{checksum}", inputs=inputs)


def plan_of(made: Root, documents: Mapping[str, dict[str, Any]]) -> Plan:
    """The plan among resolved documents."""
    name = BOOTSTRAP if made.name.startswith(_PREFIX) else made.name
    return read_plan(documents[made.name], name, made.account, made.region)


def bootstrap_plan(inputs: Mapping[str, Any]) -> Plan:
    """What the bootstrap makes; ResolveError or TerraformError with the diagnostics."""
    made = root(inputs)
    return plan_of(made, resolve([made]))
