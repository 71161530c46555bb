"""Every policy document of a plan or of what stands, in one form: ids that AWS makes up give way to addresses."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator

from policies.plan import Plan
from rehearsal.prove.roles import family, resource_policies, roles

# Attributes whose values AWS makes up. An ARN is left as it is where it only repeats a name or an id.
_MADE_UP = {
    "aws_default_security_group": ("id",),
    "aws_kms_key": ("arn", "key_id"),
    "aws_route_table": ("id",),
    "aws_security_group": ("id",),
    "aws_subnet": ("id",),
    "aws_vpc": ("id",),
    "aws_vpc_endpoint": ("id", "prefix_list_id"),
}


def documents(plans: Iterable[Plan]) -> list[str]:
    """A line for each document, in a fixed order."""
    plans = list(plans)
    names = dict(_names(plans))
    by_length = sorted(names, key=len, reverse=True)
    pattern = re.compile("|".join(map(re.escape, by_length))) if names else None
    lines = []
    for kind, name, content in _contents(plans):
        text = json.dumps(content, sort_keys=True)
        lines.append(f"{kind} {name} {pattern.sub(lambda found: names[found[0]], text) if pattern else text}")
    return sorted(lines)


def _contents(plans: list[Plan]) -> Iterator[tuple[str, str, object]]:
    for role in roles(plans).values():
        yield "trust", role.name, role.trust
        yield "boundary", role.name, role.boundary_document
        for name, content in role.documents.items():
            yield f"policy {family(name)} of", role.name, content
    for address, policy in resource_policies(plans).items():
        yield "resource", address, policy
    for plan in plans:
        for endpoint in plan.of("aws_vpc_endpoint"):
            yield (
                "endpoint",
                f"{plan.environment}.{endpoint.address}",
                json.loads(endpoint.values.get("policy") or "{}"),
            )
        for permission in plan.of("aws_lambda_permission"):
            yield "permission", f"{plan.environment}.{permission.address}", permission.values.get("principal")


def _names(plans: list[Plan]) -> Iterator[tuple[str, str]]:
    """What stands for an id, an ARN, and the model that was promoted: a plan has a specimen in its place."""
    for plan in plans:
        for resource in plan.of(*_MADE_UP):
            for attribute in _MADE_UP[resource.type]:
                if resource.values.get(attribute):
                    yield str(resource.values[attribute]), f"<{resource.address} {attribute}>".replace('"', "'")
        for model in plan.of("aws_sagemaker_model"):
            container = model.block("primary_container")
            url, image = str(container.get("model_data_url") or ""), str(container.get("image") or "")
            if url:
                yield url.removeprefix("s3://").partition("/")[2], f"<artefact of {model.address}>"
            if "/" in image:
                yield image.partition("/")[2].partition("@")[0], f"<image of {model.address}>"
