"""No workload can raise its own rights."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import grant, grant_in
from policies.control import ACCOUNT, REGION, Control
from policies.iam import IDENTITIES, demanded, grants, may, resources, role_statements
from policies.kit import policy_text
from policies.plan import Plan, Resource, Statement

ROLE = f"arn:aws:iam::{ACCOUNT}:role/x"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:f"

# https://docs.aws.amazon.com/service-authorization/latest/reference/list_awsidentityandaccessmanagementiam.html and the
# pages of the other services: each changes who may do what, runs code under another role, or opens a shell.
RAISING = (
    *("iam:addusertogroup", "iam:attachgrouppolicy", "iam:attachrolepolicy", "iam:attachuserpolicy"),
    *("iam:createaccesskey", "iam:createinstanceprofile", "iam:createloginprofile", "iam:createpolicy"),
    *("iam:createpolicyversion", "iam:createrole", "iam:createservicelinkedrole", "iam:createuser"),
    *("iam:deleterolepermissionsboundary", "iam:deleterolepolicy", "iam:detachrolepolicy"),
    *("iam:putgrouppolicy", "iam:putrolepermissionsboundary", "iam:putrolepolicy", "iam:putuserpolicy"),
    *("iam:setdefaultpolicyversion", "iam:updateassumerolepolicy", "iam:updateloginprofile", "iam:updaterole"),
    *("sts:assumerole", "sts:assumerolewithsaml", "sts:assumerolewithwebidentity", "sts:getfederationtoken"),
    *("organizations:leaveorganization", "account:putalternatecontact", "cloudformation:createstack"),
    *("ec2:runinstances", "ec2-instance-connect:sendsshpublickey", "glue:createdevendpoint", "codebuild:startbuild"),
    *("ecr:setrepositorypolicy", "events:putpermission", "s3:putbucketpolicy", "s3:putbucketacl", "s3:putobjectacl"),
    *("kms:putkeypolicy", "kms:schedulekeydeletion", "kms:disablekey"),
    *(
        "lambda:addlayerversionpermission",
        "lambda:addpermission",
        "lambda:createfunction",
        "lambda:createfunctionurlconfig",
    ),
    *("lambda:updatefunctioncode", "lambda:updatefunctionconfiguration", "states:updatestatemachine"),
    *("sagemaker:createnotebookinstance", "sagemaker:createpresigneddomainurl", "sagemaker:createapp"),
    *("sagemaker:createpresignednotebookinstanceurl", "sagemaker:createnotebookinstancelifecycleconfig"),
    *("secretsmanager:putresourcepolicy", "sns:addpermission", "sqs:addpermission"),
    *("ssm:sendcommand", "ssm:startsession"),
)


# What of it only such a resource can be asked for.
ONLY_ON = {
    "sagemaker:createapp": ":app/",
    "sagemaker:createnotebookinstance": ":notebook-instance/",
    "sagemaker:createnotebookinstancelifecycleconfig": ":notebook-instance-lifecycle-config/",
    "sagemaker:createpresigneddomainurl": ":user-profile/",
    "sagemaker:createpresignednotebookinstanceurl": ":notebook-instance/",
}


def check(policy: Resource, plan: Plan) -> Iterator[str]:
    for statement in role_statements(policy):
        found = [] if "NotAction" in statement else [a for a in may(statement, RAISING) if _reaches(statement, a)]
        services = {action.split(":")[0] for action in found}
        whole = {name for name in services if may(statement, [f"{name}:anything that is still to come"])}
        found = [action for action in found if action.split(":")[0] not in whole]
        if found and not _under_the_boundary(found, statement, plan) and not _at_a_workbench(found, statement, plan):
            yield f"{statement.get('Sid')} allows {', '.join(found)}"


def _reaches(statement: Statement, action: str) -> bool:
    kind = ONLY_ON.get(action, "")
    return any(kind in arn or "*" in arn.split(":", 5)[-1][:2] for arn in resources(statement) or ["*"])


def _under_the_boundary(found: list[str], statement: Statement, plan: Plan) -> bool:
    """Whether all of it makes and changes only roles that carry a boundary of this account."""
    boundaries = demanded(statement, "iam:permissionsboundary")
    own = [b for b in boundaries if b.startswith(f"arn:aws:iam::{plan.account}:policy/") and "*" not in b]
    return bool(own) and own == boundaries and all(action.startswith("iam:") for action in found)


def _at_a_workbench(found: list[str], statement: Statement, plan: Plan) -> bool:
    """Whether all of it opens shells on instances of this plan's own groups, whose role can do no more than a job's.

    A session needs both: the instance, which has to be one of them, and the document that says what is opened there.
    """
    groups = {group.values.get("name") for group in plan.of("aws_autoscaling_group")}
    named = demanded(statement, "ssm:resourcetag/name")
    documents = all(arn.endswith(":document/SSM-SessionManagerRunShell") for arn in resources(statement) or ["*"])
    return found == ["ssm:startsession"] and bool(groups) and (documents or (bool(named) and set(named) <= groups))


CONTROL = Control(
    title="No workload can raise its own rights",
    severity="critical",
    reason="Changing roles, policies, keys or a function's code is a way to any right of the account.",
    remedy="Leave such changes to the deploy role, and there under iam:PermissionsBoundary.",
    types=IDENTITIES,
    sources=("WA-LEAST", "IAM-PASSROLE"),
    applies=grants,
    check=check,
    good=[
        (
            "aws_iam_role_policy",
            {"policy": policy_text({"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::b/x"})},
        )
    ],
    breaks={
        "policy": grant("iam:PutRolePolicy", ROLE),
        "assume": grant("sts:AssumeRole", ROLE),
        "code": grant("lambda:UpdateFunctionCode", FUNCTION),
        "by a pattern": grant("lambda:U*", FUNCTION),
        "in small letters": grant("IAM:putrolepolicy", ROLE),
        "with a question mark": grant("sts:Assume?ole", ROLE),
        "a shell": grant("ssm:StartSession", f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0"),
        "a shell on any instance of that name": grant(
            "ssm:StartSession",
            f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/*",
            Condition={"StringEquals": {"ssm:resourceTag/Name": "somebody-s-server"}},
        ),
        "a command": grant("ssm:SendCommand", f"arn:aws:ec2:{REGION}:{ACCOUNT}:instance/i-0"),
        "in a managed policy": grant_in("aws_iam_policy", "iam:CreateRole", ROLE),
        "inside the role": grant_in("aws_iam_role", "iam:AttachRolePolicy", ROLE),
    },
)
