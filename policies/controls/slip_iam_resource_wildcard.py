"""An action that knows resources names them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from policies.breaks import grant, grant_in
from policies.control import ACCOUNT, REGION, Control
from policies.iam import IDENTITIES, demanded, grants, is_wild, matches, resources, role_statements
from policies.kit import NO_RESOURCE, policy_text
from policies.plan import Plan, Resource, actions, condition_keys

# AWS gives these ids, so that nobody can name them beforehand; instances can be told by a tag.
UNNAMED = re.compile(r"arn:aws:(ec2:[^:]+:\d{12}:network-interface/\*|logs:[^:]+:\d{12}:log-group:\*)")
TAGGED = re.compile(r"arn:aws:ec2:[^:]+:\d{12}:instance/\*")


def check(policy: Resource, _: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        told = demanded(statement, "ssm:resourcetag/name")
        tagged = bool(told) and not any("*" in name for name in told)
        wild = [arn for arn in resources(statement) if is_wild(arn) and not UNNAMED.fullmatch(arn)]
        wild = [arn for arn in wild if not (tagged and TAGGED.fullmatch(arn))]
        found = [action for action in actions(statement) if wild and not _told_elsewhere(policy, action)]
        if found:
            yield f"{statement.get('Sid')} allows on {', '.join(wild)}: {', '.join(found)}"


def _told_elsewhere(policy: Resource, action: str) -> bool:
    """Whether AWS knows no resource for the action, or the controls of wildcards, keys and PassRole tell of it."""
    service, _colon, verb = action.partition(":")
    whole = "*" in service or not re.sub(r"[*?]", "", verb)
    others = whole or service == "kms" or matches(action, "iam:passrole")
    return others or bool(NO_RESOURCE.fullmatch(action)) or (service == "ec2" and _only_for_the_service(policy, action))


def _only_for_the_service(policy: Resource, action: str) -> bool:
    """Whether the same policy denies the action to the function's own code, so that only Lambda itself may do it."""
    return any(
        action in actions(statement) and "lambda:sourcefunctionarn" in condition_keys(statement)
        for statement in role_statements(policy, "Deny")
    )


CONTROL = Control(
    title="An action that knows resources names them",
    severity="high",
    reason="On * a role reaches what belongs to other workloads.",
    remedy="Name the ARNs; for an action without resources add it to NO_RESOURCE in policies/kit.py.",
    types=IDENTITIES,
    sources=("WA-LEAST",),
    applies=grants,
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": ["xray:PutTraceSegments"], "Resource": "*"})},
        )
    ],
    breaks={
        "read": grant("s3:GetObject"),
        "invoke": grant("sagemaker:InvokeEndpoint"),
        "publish": grant(["sns:Publish"]),
        "a family of actions": grant("s3:Get*"),
        "every bucket": grant("s3:GetObject", "arn:aws:s3:::*"),
        "every bucket's objects": grant("s3:GetObject", "arn:aws:s3:::*/*"),
        "every endpoint": grant("sagemaker:InvokeEndpoint", f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/*"),
        "in a managed policy": grant_in("aws_iam_policy", "s3:GetObject", "*"),
        "every instance": grant("ssm:UpdateInstanceInformation", f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*"),
        "every name of instances": grant(
            "ssm:UpdateInstanceInformation",
            f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*",
            Condition={"StringLike": {"ssm:resourceTag/Name": "slipway-*"}},
        ),
    },
)
