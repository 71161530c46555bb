"""Condition keys of a request: from its parameters, its principal and its way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import request_keys
from rehearsal.aws.iam.members import members
from rehearsal.aws.iam.reference import has_key
from rehearsal.aws.iam.request import as_texts

if TYPE_CHECKING:
    from rehearsal.aws.iam.resources import Scope

Context = dict[str, str | list[str]]


def parameter_keys(service: str, operation: str, parameters: dict[str, Any], scope: Scope) -> Context:
    """Return the keys that the parameters of a call fill."""
    context: Context = {}
    for key, paths in request_keys.PARAMETERS.get(service, {}).items():
        values = as_texts(
            [value for path in paths for value in members(parameters, path) if not isinstance(value, dict)]
        )
        if values:
            context[key] = list(dict.fromkeys(values)) if key in request_keys.ARRAYS else _single(values)
    if service == "kms":
        context.update(_encryption_context(parameters, scope))
        if operation.endswith(("Grant", "Grants")):
            context["kms:GrantIsForAWSResource"] = "false"  # a service's own calls come from elsewhere
    if service == "s3":
        context["s3:ResourceAccount"] = scope.account
    if service == "lambda" and operation == "CreateEventSourceMapping":
        context["lambda:FunctionArn"] = (
            f"arn:aws:lambda:{scope.region}:{scope.account}:function:{parameters['FunctionName']}"
        )
    context.update(_tags(parameters.get("Tags") or parameters.get("tags")))
    return context


def of_action(context: Context, action: str) -> Context:
    """Return the keys that AWS fills for an action: a parameter's name alone does not make a condition key."""
    return {key: value for key, value in context.items() if has_key(action, key)}


def _single(values: tuple[str, ...]) -> str | list[str]:
    different = list(dict.fromkeys(values))
    return different[0] if len(different) == 1 else different


def _encryption_context(parameters: dict[str, Any], scope: Scope) -> Context:
    context: Context = {"kms:CallerAccount": scope.account}
    pairs = {
        name: value
        for key in ("EncryptionContext", "SourceEncryptionContext", "DestinationEncryptionContext")
        for name, value in (parameters.get(key) or {}).items()
    }
    context.update({f"kms:EncryptionContext:{name}": str(value) for name, value in pairs.items()})
    if pairs:
        context["kms:EncryptionContextKeys"] = sorted(pairs)
    if "alias/" in str(parameters.get("KeyId", "")):
        context["kms:RequestAlias"] = "alias/" + str(parameters["KeyId"]).split("alias/", 1)[1]
    return context


def _tags(tags: Any) -> Context:
    if not tags or not isinstance(tags, (dict, list)):
        return {}
    if isinstance(tags, dict):
        pairs = {str(name): str(value) for name, value in tags.items()}
    else:
        folded = [{name.lower(): value for name, value in tag.items()} for tag in tags if isinstance(tag, dict)]
        pairs = {
            str(tag.get("key", tag.get("tagkey"))): str(tag.get("value", tag.get("tagvalue", ""))) for tag in folded
        }
    return {**{f"aws:RequestTag/{name}": value for name, value in pairs.items()}, "aws:TagKeys": sorted(pairs)}
