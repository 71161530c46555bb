"""What there is to be tried: the names of everything in a rehearsed account, read from its Terraform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from functions import build
from policies.plan import Plan
from rehearsal.prove.roles import Role, roles

STRANGER = "999999999999"
"""An account that has nothing to do with this one."""

FUNCTIONS = tuple(name.replace("_", "-") for name in build.names())
PEOPLE = ("operator", "approver")
PIPELINE = ("deploy", "plan")
WORKFLOWS = ("assess", "classify")
KINDS = sorted((*FUNCTIONS, *PEOPLE, *PIPELINE, *WORKFLOWS, "endpoint", "flow-logs", "retrain", "training", "uploads"))
KINDS.sort(key=len, reverse=True)
"""Kinds of roles by the end of their names, the longest first."""


@dataclass(frozen=True)
class Neighbour:
    """Somebody else's things in the same account: nothing of ours may touch them.

    ``ciphertext`` was encrypted under their key.
    """

    bucket: str = "neighbour-bucket"
    key: str = "arn:aws:kms:eu-west-1:123456789012:key/00000000-0000-0000-0000-000000000000"
    role: str = "arn:aws:iam::123456789012:role/neighbour"
    ciphertext: bytes = b"ciphertext"


@dataclass(frozen=True)
class World:
    """Names and ARNs; buckets and keys by what they are for."""

    account: str
    region: str
    workload: str
    roles: Mapping[str, Role]
    buckets: Mapping[str, str]
    keys: Mapping[str, str]
    functions: tuple[str, ...]
    machines: tuple[str, ...]
    endpoint: str
    topics: tuple[str, ...]
    queues: tuple[str, ...]
    repositories: tuple[str, ...]
    log_groups: tuple[str, ...]
    alarms: tuple[str, ...]
    group: str
    image: str
    subnets: tuple[str, ...]
    security_group: str
    vpc: str
    route_table: str
    vpc_endpoint: str
    boundary: str
    neighbour: Neighbour = Neighbour()

    def kind(self, role: str) -> str:
        """What a role is for; its own name where no kind fits, so that it is tried with everything."""
        return next((kind for kind in KINDS if role.endswith(f"-{kind}")), role)

    def of(self, *kinds: str) -> list[str]:
        """The roles of these kinds."""
        return [name for name in self.roles if self.kind(name) in kinds]

    def but(self, *kinds: str) -> list[str]:
        """The roles of all other kinds."""
        return [name for name in self.roles if self.kind(name) not in kinds]

    def arn(self, service: str, rest: str, account: str = "") -> str:
        """An ARN in this region, of this account or another."""
        return f"arn:aws:{service}:{self.region}:{account or self.account}:{rest}"

    def role_arn(self, kind: str) -> str:
        """The ARN of a role of this kind: the workload's own, where several have one."""
        names = self.of(kind)
        own = [name for name in names if name.endswith(f"-{self.workload}-{kind}")]
        return self.roles[(own or names)[0]].arn


def world(plans: Iterable[Plan], workload: str, neighbour: Neighbour | None = None) -> World:
    """Read the world from what stands, or would stand, in an account: its environment first."""
    plans = list(plans)
    plan = plans[0]

    def values(kind: str, attribute: str) -> tuple[str, ...]:
        return tuple(str(r.values[attribute]) for p in plans for r in p.of(kind) if r.values.get(attribute))

    buckets = {name.rsplit("-", 1)[-1]: name for name in sorted(values("aws_s3_bucket", "bucket"), reverse=True)}
    aliases = {
        str(r.values["name"]).rsplit("-", 1)[-1]: r.values.get("target_key_id")
        for p in plans
        for r in p.of("aws_kms_alias")
    }
    arns = {r.values.get("key_id"): str(r.values["arn"]) for p in plans for r in p.of("aws_kms_key")}
    own = f"slipway-{plan.environment}-{workload}"
    repositories = values("aws_ecr_repository", "name")
    image = next((name for name in repositories if name.startswith(f"{own}/")), repositories[0])
    endpoints = [r for r in plan.of("aws_vpc_endpoint") if r.values.get("vpc_endpoint_type") == "Interface"]
    groups = [r for r in plan.of("aws_security_group") if str(r.values.get("name")).endswith("-training")]
    return World(
        account=plan.account,
        region=plan.region,
        workload=workload,
        roles=roles(plans),
        buckets=buckets,
        keys={purpose: arns[key] for purpose, key in sorted(aliases.items()) if key in arns},
        functions=values("aws_lambda_function", "function_name"),
        machines=values("aws_sfn_state_machine", "arn"),
        endpoint=own,
        topics=values("aws_sns_topic", "arn"),
        queues=values("aws_sqs_queue", "name"),
        repositories=repositories,
        log_groups=values("aws_cloudwatch_log_group", "name"),
        alarms=values("aws_cloudwatch_metric_alarm", "alarm_name"),
        group=own,
        image=f"{plan.account}.dkr.ecr.{plan.region}.amazonaws.com/{image}",
        subnets=values("aws_subnet", "id"),
        security_group=str(groups[0].values["id"]),
        vpc=values("aws_vpc", "id")[0],
        route_table=values("aws_route_table", "id")[0],
        vpc_endpoint=str(endpoints[0].values["id"]),
        boundary=next(role.boundary for role in roles(plans).values() if role.boundary),
        neighbour=neighbour or Neighbour(),
    )
