"""The boundary denies every insecure job and model, one key per statement."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, in_document
from policies.control import Control
from policies.kit import policy_text
from policies.plan import Plan, Resource, actions, conditions, listed, role_statements

KEYS = {
    "sagemaker:createtrainingjob": (
        "intercontainertrafficencryption",
        "networkisolation",
        "outputkmskey",
        "volumekmskey",
        "vpcsecuritygroupids",
        "vpcsubnets",
    ),
    "sagemaker:createprocessingjob": (
        "intercontainertrafficencryption",
        "networkisolation",
        "outputkmskey",
        "volumekmskey",
        "vpcsecuritygroupids",
        "vpcsubnets",
    ),
    "sagemaker:createmodel": ("networkisolation", "vpcsecuritygroupids", "vpcsubnets"),
}


def check(policy: Resource, _: Plan) -> Iterator[str]:
    found = {
        (action, key)
        for statement in role_statements(policy, "Deny")
        if len(conditions(statement)) == 1 and "*" in listed(statement.get("Resource"))
        for action in actions(statement)
        for (operator, key), values in conditions(statement).items()
        if (operator, values) in (("null", ["true"]), ("boolifexists", ["false"]))
    }
    for action, keys in KEYS.items():
        for key in keys:
            if (action, f"sagemaker:{key}") not in found:
                yield f"no statement of its own denies {action} without {key}"


CONTROL = Control(
    title="The boundary denies every insecure job and model, one key per statement",
    severity="high",
    reason="Conditions of one statement must all hold for it to deny: two keys in one let a job with either pass.",
    remedy="Keep one Deny per condition key in modules/boundary.",
    types=("aws_iam_policy",),
    sources=("ML-CONDITIONS",),
    applies=lambda policy, _: str(policy.values.get("name")).endswith("boundary"),
    check=check,
    good=[
        (
            "aws_iam_policy",
            {
                "name": "slipway-boundary",
                "policy": policy_text(
                    *[
                        {
                            "Effect": "Deny",
                            "Action": [action for action, keys in KEYS.items() if key in keys],
                            "Resource": "*",
                            "Condition": {"Null": {f"sagemaker:{key}": "true"}},
                        }
                        for key in KEYS["sagemaker:createtrainingjob"]
                    ]
                ),
            },
        )
    ],
    breaks={
        "absent passes": each_statement(
            lambda s: s.update(Condition={"Bool": {"sagemaker:NetworkIsolation": "false"}}),
            lambda s: "networkisolation" in str(s.get("Condition")).lower(),
        ),
        "one gone": in_document("policy", lambda doc: doc["Statement"].pop()),
        "model": each_statement(
            lambda s: s.update(Action="sagemaker:createtrainingjob"), lambda s: "sagemaker" in str(s.get("Condition"))
        ),
        "merged": each_statement(
            lambda s: s["Condition"].update(
                {"Null": {"sagemaker:VpcSubnets": "true", "sagemaker:VolumeKmsKey": "true"}}
            ),
            lambda s: "vpcsubnets" in str(s.get("Condition")).lower(),
        ),
    },
)
