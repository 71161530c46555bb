"""Every role of a plan with what it may do: its documents, its boundary, and who may take it on."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from policies.plan import Plan, Resource, UnreadableError, document
from rehearsal.aws.iam.document import Policy, read_policy

OF_MODELS = "model-"
"""What an endpoint's role may do for one model stands in a policy that comes and goes with it; its name begins so."""


@dataclass(frozen=True)
class Role:
    """One role.

    Parameters
    ----------
    origin, address
        The plan it comes from, an environment or ``bootstrap``, and where in it.
    documents
        Policy documents by name: the inline policy's own, a managed policy's ARN.
    boundary
        ARN of its permissions boundary, "" when it has none.
    boundary_document
        What the boundary says; {} when it has none.
    """

    name: str
    arn: str
    origin: str
    address: str
    description: str
    trust: Mapping[str, Any]
    documents: Mapping[str, Mapping[str, Any]]
    boundary: str
    boundary_document: Mapping[str, Any]

    def policies(self) -> list[Policy]:
        """The documents, read strictly. Raises PolicyEvaluationError for a malformed one."""
        return [read_policy("identity", name, json.dumps(content)) for name, content in self.documents.items()]


@dataclass(frozen=True, order=True)
class Grant:
    """One action pattern that a statement of a role allows."""

    role: str
    policy: str
    statement: str
    action: str
    resources: tuple[str, ...] = ()

    @property
    def key(self) -> tuple[str, str, str, str]:
        """What tells it from every other grant."""
        return self.role, self.policy, self.statement, self.action


def roles(plans: Iterable[Plan]) -> dict[str, Role]:
    """Every role by name. UnreadableError for a policy or boundary that no plan holds: nobody could say what it allows.

    A role that two plans hold (an account's own in several environments) counts once.
    """
    plans = list(plans)
    managed = {r.values["arn"]: r for plan in plans for r in plan.of("aws_iam_policy") if r.values.get("arn")}
    by_name = {r.values["name"]: r for plan in plans for r in plan.of("aws_iam_policy")}
    found: dict[str, Role] = {}
    for plan in plans:
        for resource in plan.of("aws_iam_role"):
            found[resource.values["name"]] = _role(resource, plan, managed, by_name)
    return dict(sorted(found.items()))


def family(policy: str) -> str:
    """The name of an inline policy, without what tells the policy of one promoted model from that of the next one."""
    return f"{OF_MODELS}*" if policy.startswith(OF_MODELS) else policy


def grants(role: Role) -> list[Grant]:
    """Everything that the statements of a role allow, an action pattern each.

    UnreadableError for an Allow with NotAction: what it grants has no end.
    """
    found = []
    for policy in role.policies():
        for statement in policy.statements:
            if statement.effect != "Allow":
                continue
            if statement.not_actions or statement.not_resources:
                raise UnreadableError(f"{role.name}, statement {statement.sid}: an Allow with NotAction or NotResource")
            found += [
                Grant(role.name, policy.name, statement.sid, action, tuple(statement.resources or ()))
                for action in statement.actions
            ]
    return found


def _role(resource: Resource, plan: Plan, managed: Mapping[str, Resource], by_name: Mapping[str, Resource]) -> Role:
    values = resource.values
    name = values["name"]
    documents = {r.values["name"]: document(r.values["policy"]) for r in plan.where("aws_iam_role_policy", role=name)}
    for attached in plan.where("aws_iam_role_policy_attachment", role=name):
        arn = attached.values["policy_arn"]
        documents[arn] = document(_policy(arn, name, managed, by_name).values["policy"])
    boundary = values.get("permissions_boundary") or ""
    ceiling = document(_policy(boundary, name, managed, by_name).values["policy"]) if boundary else {}
    return Role(
        name,
        values["arn"],
        plan.environment,
        resource.address,
        values.get("description") or "",
        document(values["assume_role_policy"]),
        documents,
        boundary,
        ceiling,
    )


def _policy(arn: str, role: str, managed: Mapping[str, Resource], by_name: Mapping[str, Resource]) -> Resource:
    found = managed.get(arn) or by_name.get(arn.rsplit("/", 1)[-1])
    if found is None:
        raise UnreadableError(f"{role}: the policy {arn} stands in no plan, so nobody can say what it allows")
    return found


def resource_policies(plans: Iterable[Plan]) -> dict[str, Mapping[str, Any]]:
    """Documents that stand on resources, by the address of what carries them."""
    carriers = {
        "aws_s3_bucket_policy": "policy",
        "aws_kms_key": "policy",
        "aws_sns_topic_policy": "policy",
        "aws_sqs_queue": "policy",
        "aws_sqs_queue_policy": "policy",
        "aws_ecr_repository_policy": "policy",
        "aws_sagemaker_model_package_group_policy": "resource_policy",
    }
    return {
        f"{plan.environment}.{resource.address}": document(resource.values[attribute])
        for plan in plans
        for kind, attribute in carriers.items()
        for resource in plan.of(kind)
        if resource.values.get(attribute)
    }
