"""The boundary denies every insecure job and model, one key per statement."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import each_statement, in_document
from policies.control import Control
from policies.iam import may, role_statements
from policies.kit import policy_text
from policies.plan import Plan, Resource, conditions, listed

SWITCHES = ("intercontainertrafficencryption", "networkisolation")  # Null alone would let "false" pass
JOB = (*SWITCHES, "outputkmskey", "volumekmskey", "vpcsecuritygroupids", "vpcsubnets")
KEYS = {
    "sagemaker:createhyperparametertuningjob": JOB,
    "sagemaker:createmodel": ("networkisolation", "vpcsecuritygroupids", "vpcsubnets"),
    "sagemaker:createprocessingjob": JOB,
    "sagemaker:createtrainingjob": JOB,
    "sagemaker:createtransformjob": ("outputkmskey", "volumekmskey"),
}
WANTED = {f"sagemaker:{key}": ("boolifexists", ["false"]) if key in SWITCHES else ("null", ["true"]) for key in JOB}


def check(policy: Resource, _: Plan) -> Iterator[str]:
    found = {
        (action, key)
        for statement in role_statements(policy, "Deny")
        if len(conditions(statement)) == 1 and "*" in listed(statement.get("Resource"))
        for action in may(statement, KEYS)
        for (operator, key), values in conditions(statement).items()
        if (operator, values) == WANTED.get(key)
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
                            "Condition": {
                                WANTED[f"sagemaker:{key}"][0]: {f"sagemaker:{key}": WANTED[f"sagemaker:{key}"][1]}
                            },
                        }
                        for key in JOB
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
        "false passes": each_statement(
            lambda s: s.update(Condition={"Null": {"sagemaker:NetworkIsolation": "true"}}),
            lambda s: "networkisolation" in str(s.get("Condition")).lower(),
        ),
        "some jobs only": each_statement(
            lambda s: s.update(Resource="arn:aws:sagemaker:*:*:training-job/other-*"),
            lambda s: "volumekmskey" in str(s.get("Condition")).lower(),
        ),
        "tuning left out": each_statement(
            lambda s: s.update(Action=[a for a in s["Action"] if "hyperparameter" not in a.lower()]),
            lambda s: "vpcsubnets" in str(s.get("Condition")).lower(),
        ),
        "merged": each_statement(
            lambda s: s["Condition"].update(
                {"Null": {"sagemaker:VpcSubnets": "true", "sagemaker:VolumeKmsKey": "true"}}
            ),
            lambda s: "vpcsubnets" in str(s.get("Condition")).lower(),
        ),
    },
)
