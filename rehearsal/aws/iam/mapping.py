"""What an API call needs: the actions, resources and condition keys that AWS judges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import kms, tables
from rehearsal.aws.iam.context_keys import Context, of_action, parameter_keys
from rehearsal.aws.iam.errors import UnmappedCallError
from rehearsal.aws.iam.key_uses import SERVICE_KEYS
from rehearsal.aws.iam.members import members
from rehearsal.aws.iam.passing import passed_roles
from rehearsal.aws.iam.reference import find_action
from rehearsal.aws.iam.resources import Scope, resources

if TYPE_CHECKING:
    from collections.abc import Callable

_GRANTED: dict[str, Context] = {"kms:CreateGrant": {"kms:GrantIsForAWSResource": "true"}}
"""Condition keys of what a service does with a key, besides those of every such call."""


@dataclass(frozen=True)
class Check:
    """One thing the caller has to be allowed.

    Parameters
    ----------
    why
        ``call``, ``tags``, ``added``, ``source`` (of a copy), ``passed role`` or ``key of <service>``.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    why: str = "call"


def checks(
    service: str,
    operation: str,
    parameters: dict[str, Any],
    scope: Scope,
    key_of: Callable[[str, str, dict[str, Any], Scope], tuple[str, Context] | None] = lambda *_: None,
) -> list[Check]:
    """Return everything a call needs; [] for the one that needs nothing (GetCallerIdentity).

    Parameters
    ----------
    service
        botocore's name of the service model.
    key_of
        Of (service, operation, parameters, scope): ARN of the KMS key that the touched resource is encrypted with,
        and the encryption context the service uses; None when it has no key of its own.

    Raises
    ------
    UnmappedCallError
        When any action or resource is unknown.
    """
    context = parameter_keys(service, operation, parameters, scope)
    named = _completed(service, operation, _of_tables(parameters))
    found: list[Check] = []
    for action in actions(service, operation, parameters):
        arns = resources(service, operation, action, named, scope)
        found += [Check(action, arn, of_action(context, action)) for arn in arns]
        for extra, why in _added(service, operation, parameters):
            on = resources(service, operation, extra, named, scope) if service == "logs" else arns
            found += [Check(extra, arn, of_action(context, extra), why) for arn in on]
    if service == "ec2":
        found += _tags_of_new(operation, parameters, scope)
    if service == "s3" and operation in ("CopyObject", "UploadPartCopy"):
        source = _copied(parameters["CopySource"])
        found.append(source)
        bucket, _, name = source.resource.removeprefix("arn:aws:s3:::").partition("/")
        found += _key_uses(service, "GetObject", {"Bucket": bucket, "Key": name}, scope, key_of)
    for role, receiver in passed_roles(service, operation, parameters, scope.account):
        found.append(Check("iam:PassRole", role, {"iam:PassedToService": receiver}, "passed role"))
    found += _key_uses(service, operation, parameters, scope, key_of)
    return list({(check.action, check.resource, check.why): check for check in found}.values())


def _key_uses(
    service: str,
    operation: str,
    parameters: dict[str, Any],
    scope: Scope,
    key_of: Callable[[str, str, dict[str, Any], Scope], tuple[str, Context] | None],
) -> list[Check]:
    """What a service does for the caller with the key of the touched resource."""
    wanted = SERVICE_KEYS.get((service, operation), ())
    key = key_of(service, operation, parameters, scope) if wanted else None
    if key is None:
        return []
    via: Context = {**kms.through(service, scope.account, scope.region), **key[1]}
    return [Check(action, key[0], via | _GRANTED.get(action, {}), f"key of {service}") for action in wanted]


def actions(service: str, operation: str, parameters: dict[str, Any]) -> tuple[str, ...]:
    """Return the IAM actions of an operation, as AWS writes them.

    Raises
    ------
    UnmappedCallError
        When neither an action of that name nor a row exists.
    """
    if parameters.get("VersionId") and (service, operation) in tables.VERSIONED:
        return (tables.VERSIONED[service, operation],)
    row = tables.ACTIONS.get(service, {}).get(operation)
    if row is not None:
        return (row,) if isinstance(row, str) else row
    known = find_action(f"{tables.PREFIXES.get(service, service)}:{operation}")
    if known is None:
        raise UnmappedCallError(
            f"{service}:{operation}: no IAM action has that name; add a row to ACTIONS in rehearsal/aws/iam/tables.py"
        )
    return (known[0],)


def _added(service: str, operation: str, parameters: dict[str, Any]) -> list[tuple[str, str]]:
    found = [
        (action, "added")
        for (of, name, parameter), action in tables.ADDED.items()
        if (of, name) == (service, operation) and _given(operation, members(parameters, parameter))
    ]
    tags = parameters.get("Tags") or parameters.get("tags")
    if tags and operation.startswith(("Create", "Put", "Register", "Run")) and service in tables.TAGGED:
        found.append((tables.TAGGED[service], "tags"))
    return found


def _given(operation: str, values: list[Any]) -> bool:
    """Whether a parameter asks for something: false does not, and a bucket is private anyway."""
    return any(value and not (operation == "CreateBucket" and value == "private") for value in values)


def _tags_of_new(operation: str, parameters: dict[str, Any], scope: Scope) -> list[Check]:
    """EC2's own permission for tags that come with what is made.

    Source: https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/supported-iam-actions-tagging.html
    """
    kinds = {str(part.get("ResourceType")) for part in parameters.get("TagSpecifications") or [] if part.get("Tags")}
    made = f"arn:aws:ec2:{scope.region}:{scope.account}:"
    context: Context = {"ec2:CreateAction": operation}
    return [Check("ec2:CreateTags", f"{made}{kind}/*", context, "tags") for kind in sorted(kinds)]


def _completed(service: str, operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    """Parameters with what the services take for granted: qualifiers, the default bus and group, bare key ids."""
    if service == "lambda":
        return _function(operation, parameters)
    if service == "events":
        return _on_bus(operation, parameters)
    if operation == "CreateServiceLinkedRole":  # the role's own name is the service's to choose
        return {**parameters, "RoleName": f"aws-service-role/{parameters['AWSServiceName']}/*"}
    group = parameters.get("ModelPackageGroupName")
    if operation == "CreateModelPackage" and group:  # SageMaker numbers the version that is made
        return {**parameters, "ModelPackageName": f"{group.rsplit('/', 1)[-1]}/*"}
    if service == "scheduler" and operation.endswith("Schedule"):
        return {"GroupName": "default", **parameters}
    return parameters


def _of_tables(parameters: dict[str, Any]) -> dict[str, Any]:
    """A batch on several DynamoDB tables has their names for keys."""
    batch = parameters.get("RequestItems")
    return {**parameters, "TableName": sorted(batch)} if isinstance(batch, dict) else parameters


def _on_bus(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    if operation == "PutEvents":
        entries = parameters.get("Entries", [])
        return {**parameters, "Entries": [{"EventBusName": "default", **entry} for entry in entries]}
    return {"EventBusName": "default", **parameters} if "Rule" in operation or "Target" in operation else parameters


def _function(operation: str, parameters: dict[str, Any]) -> dict[str, Any]:
    name, qualifier = str(parameters.get("FunctionName", "")), parameters.get("Qualifier")
    if not name.startswith("arn:") and ":function:" in name:  # 123456789012:function:name
        name = name.split(":function:", 1)[1]
    if qualifier and name.count(":") in (0, 6):
        name = f"{name}:{qualifier}"
    return {**parameters, **({"FunctionName": name} if name else {})}


def _copied(source: Any) -> Check:
    if isinstance(source, dict):
        source = f"{source['Bucket']}/{source['Key']}"
    path, _, version = str(source).lstrip("/").partition("?versionId=")
    return Check("s3:GetObjectVersion" if version else "s3:GetObject", f"arn:aws:s3:::{path}", {}, "source")
