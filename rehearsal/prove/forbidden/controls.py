"""For every family a call beside it that must succeed: a gate that refused everything would prove nothing."""

from __future__ import annotations

from collections.abc import Iterator

from rehearsal.prove.forbidden.attempt import OWNER, Attempt
from rehearsal.prove.forbidden.envelope import model
from rehearsal.prove.forbidden.objects import DELETE, READ, WRITE
from rehearsal.prove.forbidden.world import World


def identities(world: World) -> Iterator[Attempt]:
    """Every role's session is a good one."""
    for role in world.roles:
        yield Attempt("identity", role, "sts", "GetCallerIdentity")


def controls(world: World) -> Iterator[Attempt]:
    """What the same roles, or the account's owner, may do; made in this order, each leaves nothing behind."""
    operator, deploy = world.of("operator")[0], world.of("deploy")[0]
    own = {"Bucket": world.buckets["data"], "Key": f"{world.workload}/dataset/forbidden.txt"}
    theirs = {"Bucket": world.neighbour.bucket, "Key": "object"}
    name = world.functions[0]
    yield Attempt("other prefix", operator, "s3", WRITE, {**own, "Body": b"allowed"})
    yield Attempt("without TLS", operator, "s3", READ, own)
    for role in world.of("training"):
        if role == f"{world.group}-training":  # a companion's reads its own data alone
            yield Attempt("past the VPC endpoint", role, "s3", READ, own)
    yield Attempt("other prefix", operator, "s3", DELETE, own)
    yield Attempt("other bucket", OWNER, "s3", READ, theirs)
    yield Attempt("other key", OWNER, "kms", "GenerateDataKey", {"KeyId": world.neighbour.key, "KeySpec": "AES_256"})
    yield Attempt("own key directly", deploy, "kms", "DescribeKey", {"KeyId": world.keys["data"]})
    yield Attempt("key administration", deploy, "kms", "EnableKeyRotation", {"KeyId": world.keys["data"]})
    yield Attempt("other role", deploy, "iam", "GetRole", {"RoleName": operator})
    described = {"RoleName": operator, "Description": world.roles[operator].description}
    yield Attempt("escalation", deploy, "iam", "UpdateRole", described)
    model_name = {"ModelName": f"{world.group}-forbidden-control"}
    yield Attempt("handed-over role", deploy, "sagemaker", "CreateModel", model(world, "forbidden-control"))
    yield Attempt("envelope", deploy, "sagemaker", "DeleteModel", model_name)
    yield Attempt("others' jobs", deploy, "sagemaker", "DescribeEndpoint", {"EndpointName": world.endpoint})
    yield Attempt("covered tracks", deploy, "logs", "PutRetentionPolicy", _retention(world))
    yield Attempt("destruction", deploy, "lambda", "GetFunctionConfiguration", {"FunctionName": name})
    yield Attempt("road out", deploy, "ec2", "DescribeVpcs", {"VpcIds": [world.vpc]})
    yield Attempt("other account", operator, "stepfunctions", "ListExecutions", {"stateMachineArn": world.machines[0]})
    approver = world.of("approver")[0]
    package = world.arn("sagemaker", f"model-package/{world.group}/1")
    yield Attempt("other duty", approver, "sagemaker", "DescribeModelPackage", {"ModelPackageName": package})


def _retention(world: World) -> dict[str, str | int]:
    return {"logGroupName": world.log_groups[0], "retentionInDays": 365}
