"""IAM in people's words: conditions, principals, and names instead of ids."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from policies.plan import Plan, listed

# What a condition key is about. A key that is not here is named as it is.
_KEYS = {
    "aws:principalaccount": "the caller's account",
    "aws:principalarn": "the caller",
    "aws:requestedregion": "the region",
    "aws:resourceaccount": "the account that owns the resource",
    "aws:sourceaccount": "the account for which the service acts",
    "aws:sourcearn": "the resource for which the service acts",
    "aws:sourcevpce": "the VPC endpoint on the way",
    "cloudwatch:namespace": "the metrics' namespace",
    "events:managedby": "the service that manages the rule",
    "iam:awsservicename": "the service whose role it is",
    "iam:passedtoservice": "the service that receives the role",
    "iam:permissionsboundary": "the boundary of the role",
    "kms:calleraccount": "the account that calls the key",
    "kms:viaservice": "the service that calls the key",
    "lambda:sourcefunctionarn": "the code of the function that calls",
    "s3:prefix": "the prefix that is listed",
    "s3:x-amz-server-side-encryption": "the encryption asked for",
    "s3:x-amz-server-side-encryption-aws-kms-key-id": "the key asked for",
    "sagemaker:outputkmskey": "the key of the output",
    "sagemaker:volumekmskey": "the key of the volumes",
    "sagemaker:vpcsecuritygroupids": "a security group",
    "sagemaker:vpcsubnets": "a subnet",
    "token.actions.githubusercontent.com:aud": "the audience of GitHub's token",
    "token.actions.githubusercontent.com:sub": "the job that GitHub's token is for",
}
_YES_OR_NO = {
    "aws:multifactorauthpresent": ("the caller signed in with a second factor", "the caller had no second factor"),
    "aws:principalisawsservice": ("the caller is a service of AWS", "the caller is no service of AWS"),
    "aws:securetransport": ("the call is made with TLS", "the call is made without TLS"),
    "aws:viaawsservice": ("a service of AWS calls for the caller", "no service of AWS calls for the caller"),
    "kms:grantisforawsresource": ("a service of AWS asks for the grant", "no service of AWS asks for the grant"),
    "sagemaker:intercontainertrafficencryption": (
        "the containers' traffic is encrypted",
        "the containers' traffic is not encrypted",
    ),
    "sagemaker:networkisolation": ("the containers have no network", "the containers have a network"),
}
_OPERATORS = {
    "arnequals": "is",
    "arnlike": "is",
    "arnnotequals": "is not",
    "arnnotlike": "is not",
    "ipaddress": "lies in",
    "notipaddress": "lies outside",
    "numericequals": "is",
    "numericgreaterthan": "is above",
    "numericgreaterthanequals": "is at least",
    "numericlessthan": "is below",
    "numericlessthanequals": "is at most",
    "stringequals": "is",
    "stringequalsignorecase": "is",
    "stringlike": "is",
    "stringnotequals": "is not",
    "stringnotlike": "is not",
}
_CONTEXT = "kms:encryptioncontext:"


def conditions(statement: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Each condition of a statement as the end of a sentence that begins with "if"."""
    return [
        _condition(operator, key, [str(value) for value in listed(values)], names)
        for operator, tests in (statement.get("Condition") or {}).items()
        for key, values in tests.items()
    ]


def _condition(operator: str, key: str, values: list[str], names: Mapping[str, str]) -> str:
    subject = _subject(key)
    quantifier, _, plain = operator.rpartition(":")
    plain = plain.lower()
    optional = plain.endswith("ifexists")
    plain = plain.removesuffix("ifexists")
    tail = ", or is not given" if optional else ""
    each = {"forallvalues": "each of ", "foranyvalue": "any of "}.get(quantifier.lower(), "")
    if plain == "null":
        return f"{subject} is {'not given' if values == ['true'] else 'given'}"
    if plain == "bool":
        said = _YES_OR_NO.get(key.lower(), (f"{subject} is true", f"{subject} is not true"))[values != ["true"]]
        return said + (", or nothing is said about it" if optional else "")
    said = _OPERATORS.get(plain, operator)
    return f"{each}{subject} {said} {either(values, names)}{tail}"


def _subject(key: str) -> str:
    folded = key.lower()
    if folded.startswith(_CONTEXT):
        return f"the encryption context's {key[len(_CONTEXT) :]}"
    for kind in ("principaltag", "resourcetag", "requesttag"):
        if folded.startswith(f"aws:{kind}/"):
            return f"the {kind.removesuffix('tag')}'s tag {key.split('/', 1)[1]}"
    return _KEYS.get(folded, key)


def either(values: Iterable[str], names: Mapping[str, str]) -> str:
    """Values with an "or" before the last."""
    shown = [short(value, names) for value in values]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} or {shown[-1]}"


def principals(statement: Mapping[str, Any], names: Mapping[str, str]) -> list[str]:
    """Who a statement of a resource's or a role's own policy speaks about."""
    principal = statement.get("Principal")
    if principal == "*":
        return ["anybody"]
    found = []
    for kind, values in (principal or {}).items():
        for value in map(str, listed(values)):
            if value == "*":
                found.append("anybody")
            elif kind == "Service":
                found.append(f"the service {value}")
            elif kind == "Federated":
                found.append(f"whoever {value.rsplit('/', 1)[-1]} vouches for")
            elif value.endswith(":root"):
                found.append(f"whom account {value.split(':')[4]} grants it")
            else:
                found.append(short(value, names))
    return found


def nouns(plans: Iterable[Plan]) -> dict[str, str]:
    """Names by ARN and by id of what has an id for its name: keys, subnets, security groups, endpoints."""
    found: dict[str, str] = {}
    for plan in plans:
        keys = {r.values.get("key_id"): str(r.values["arn"]) for r in plan.of("aws_kms_key")}
        for alias in plan.of("aws_kms_alias"):
            arn = keys.get(alias.values.get("target_key_id"))
            if arn:
                found[arn] = f"key {str(alias.values['name']).removeprefix('alias/')}"
        for resource in plan.of("aws_subnet", "aws_security_group", "aws_vpc_endpoint", "aws_vpc"):
            tags = resource.values.get("tags_all") or resource.values.get("tags") or {}
            label = tags.get("Name") or resource.values.get("name")
            kind = resource.type.removeprefix("aws_").replace("_", " ")
            if label and resource.values.get("id"):
                found[str(resource.values["id"])] = f"{kind} {label}"
    return found


def short(value: str, names: Mapping[str, str]) -> str:
    """A resource as people name it: an ARN without what every ARN here has in common."""
    if value in names or not value.startswith("arn:"):
        return names.get(value, value)
    _, _, service, _, account, rest = value.split(":", 5)
    tail = rest.rsplit("/", 1)[-1]
    if service == "ec2" and tail in names:
        return names[tail]
    if rest == "root":
        return f"the root user of account {account}"
    if service == "s3":
        return f"s3://{rest}"
    kind, separator, name = re.match(r"([a-zA-Z-]*)([/:]?)(.*)", rest, re.DOTALL).groups()  # type: ignore[union-attr]
    return f"{kind} {name}" if separator and kind and service != "sns" else f"{service} {rest}"
