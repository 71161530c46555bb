"""The permissions boundary that an environment's roles carry: the bootstrap makes it, the environments only name it."""

from __future__ import annotations

import json
from typing import Any

from policies.plan import Plan, Resource, UnreadableError
from policies.roots import Root, bootstrap_root

ADDRESS = "bootstrap.module.boundary.aws_iam_policy.this"
ACCOUNT = "000000000000"  # stands for any: the bootstrap names the account in ARNs and conditions only
REGION = "eu-west-1"


def account_root() -> Root:
    """The bootstrap of an account with a production environment."""
    return bootstrap_root(ACCOUNT, REGION, ["prod"])


def with_boundary(plan: Plan, bootstrap: dict[str, Any]) -> Plan:
    """``plan`` and, beside its resources, the boundary that the resolved ``bootstrap`` makes in its account."""
    for change in bootstrap["resource_changes"]:
        if change["address"] == "module.boundary.aws_iam_policy.this":
            text = json.dumps(change["change"]["after"]).replace(ACCOUNT, plan.account).replace(REGION, plan.region)
            plan.resources.append(Resource(ADDRESS, "aws_iam_policy", json.loads(text)))
            return plan
    raise UnreadableError("the bootstrap plans no module.boundary.aws_iam_policy.this")
