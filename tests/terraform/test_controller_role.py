"""The role of a cluster's controller, as docs/elsewhere.md shows it, is one that Terraform plans and IAM can hold."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from terraform_harness import MODULES, example_folder, initialised, planned_resources, terraform

from terraform.command import ROOT

CODE = re.compile(r"```hcl\n(?P<code>.+?)```", re.DOTALL)
# What a session policy or a boundary cannot undo once it is granted to a cluster.
NEVER = ("*", "iam:*", "sagemaker:*", "sagemaker:CreateModelPackage", "sagemaker:UpdateModelPackage")


@pytest.mark.slow  # every folder is planned with its tests already
@pytest.mark.provider
def test_the_documented_role_plans_and_is_narrow(provider: dict[str, str]) -> None:
    found = CODE.search((ROOT / "docs" / "elsewhere.md").read_text(encoding="utf-8"))
    assert found
    example = example_folder(MODULES / "controller-role-of-docs", found["code"])
    assert terraform("fmt", "-check", "-diff", folder=example, env=provider).returncode == 0

    planned = {one["address"]: one for one in planned_resources(example, initialised(example, provider))}

    assert set(planned) == {"aws_iam_role.controller", "aws_iam_role_policy.controller"}
    trust = _document(planned, "aws_iam_role.controller", "assume_role_policy")
    subject = trust["Statement"][0]["Condition"]["StringEquals"]
    assert [value for key, value in subject.items() if key.endswith(":sub")] == [
        "system:serviceaccount:ack-system:ack-sagemaker-controller"
    ]
    statements = _document(planned, "aws_iam_role_policy.controller", "policy")["Statement"]
    for statement in statements:
        if statement["Effect"] == "Allow":
            assert not set(NEVER) & set(statement["Action"]), statement["Sid"]
            resources = statement["Resource"]
            assert all("slipway-dev" in arn or "vehicles-dev" in arn for arn in resources), statement["Sid"]
    denied = {next(iter(next(iter(s["Condition"].values())))) for s in statements if s["Effect"] == "Deny"}
    assert len(denied) == 6


def _document(planned: dict[str, Any], address: str, attribute: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(planned[address]["change"]["after"][attribute])
    return document
