"""The policies that speak about a request, read from the embedded AWS's backends."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from rehearsal.aws.iam.document import Policy, read_policy
from rehearsal.aws.iam.errors import PolicyEvaluationError
from rehearsal.aws.iam.grants import Grant
from rehearsal.aws.iam.memory import remembered

if TYPE_CHECKING:
    from rehearsal.aws.iam.request import Principal

_PARTITION = "aws"


@remembered
def identity_policies(caller: Principal) -> tuple[tuple[Policy, ...], tuple[Policy, ...] | None]:
    """Return the identity policies and the boundary of a role session or user; others have neither.

    Raises
    ------
    PolicyEvaluationError
        When the role or user no longer exists, or one of its policies is malformed.
    """
    if caller.kind not in ("session", "user"):
        return (), None
    holder, groups = _holder(caller)
    found: list[Policy] = []
    for member in [holder, *groups]:
        inline = member.policies
        pairs = (
            inline.items() if isinstance(inline, dict) else ((p["policy_name"], p["policy_document"]) for p in inline)
        )
        found += [read_policy("identity", str(name), _text(document)) for name, document in pairs]
        found += [read_policy("identity", policy.arn, _default(policy)) for policy in member.managed_policies.values()]
    boundary = getattr(holder, "permissions_boundary_arn", None)
    if not boundary:
        return tuple(found), None
    return tuple(found), (managed_policy("boundary", boundary, caller.account),)


def managed_policy(kind: str, arn: str, account: str) -> Policy:
    """Return the default version of a managed policy.

    Raises
    ------
    PolicyEvaluationError
        When there is no such policy, or it is malformed.
    """
    policy = _iam(account).managed_policies.get(arn)
    if policy is None:
        raise PolicyEvaluationError(f"the managed policy {arn} does not exist: a {kind} policy cannot be read")
    return read_policy(kind, arn, _default(policy))


def resource_policy(arn: str, account: str) -> Policy | None:
    """Return the policy on a bucket, key, table, topic, queue, function, repository or role; None when it has none."""
    if arn == "*":
        return None
    if ":dynamodb:" in arn:  # one policy for a table and its indexes
        return _resource_policy("/".join(arn.split("/", 2)[:2]), account)
    if arn.startswith("arn:aws:s3:::"):  # one policy for all objects
        return _resource_policy(arn.split("/", 1)[0], account)
    return _resource_policy(arn, account)


@remembered
def _resource_policy(arn: str, account: str) -> Policy | None:
    _, _, service, region, _, rest = arn.split(":", 5)
    reader = {
        "dynamodb": _table, "s3": _bucket, "kms": _key, "sns": _topic, "sqs": _queue, "lambda": _function,
        "ecr": _repository, "iam": _role, "logs": _log_group,
    }.get(service)  # fmt: skip
    document = reader(account, region, rest) if reader else None
    if not document:
        return None
    text = _text(document)
    if not json.loads(text).get("Statement"):
        return None
    return read_policy("trust" if service == "iam" else "resource", f"of {arn}", text)


def grants(arn: str, account: str) -> tuple[Grant, ...]:
    """Return the grants on a KMS key."""
    key = _kms_key(account, *arn.split(":", 5)[3:6:2]) if ":kms:" in arn else None
    return tuple(
        Grant(
            arn,
            grant.grantee_principal,
            frozenset(grant.operations or ()),
            (grant.constraints or {}).get("EncryptionContextSubset", {}),
            (grant.constraints or {}).get("EncryptionContextEquals"),
        )
        for grant in (key.grants.values() if key else ())
    )


def user_id(caller: Principal) -> str:
    """Return the unique id of a user."""
    return str(_holder(caller)[0].id)


@remembered
def role_tags(caller: Principal) -> dict[str, str]:
    """Return the tags of a session's role, which its sessions carry as principal tags."""
    holder, _ = _holder(caller)
    tags = getattr(holder, "tags", None) or {}
    pairs = tags.values() if isinstance(tags, dict) else tags
    return {str(tag["Key"]): str(tag["Value"]) for tag in pairs if isinstance(tag, dict)}


def role_named(arn: str) -> Any:
    """Return moto's role of an ARN, or None."""
    return next((role for role in _iam(arn.split(":")[4]).roles.values() if role.arn == arn), None)


def provider(account: str, issuer: str) -> Any:
    """Return moto's OpenID Connect provider of an issuer's URL without its scheme, or None."""
    return next((p for p in _iam(account).open_id_providers.values() if p.url == issuer), None)


def _iam(account: str) -> Any:
    from moto.iam.models import iam_backends

    return iam_backends[account][_PARTITION]


def _holder(caller: Principal) -> tuple[Any, list[Any]]:
    iam = _iam(caller.account)
    if caller.kind == "user":
        name = caller.arn.rsplit("/", 1)[-1]
        if name in iam.users:
            return iam.users[name], [group for group in iam.groups.values() if iam.users[name] in group.users]
    else:
        role = next((role for role in iam.roles.values() if role.arn == caller.role_arn), None)
        if role is not None:
            return role, []
    raise PolicyEvaluationError(f"{caller.role_arn or caller.arn} does not exist any more: its session decides nothing")


def _default(policy: Any) -> str:
    return _text(next(version.document for version in policy.versions if version.is_default))


def _text(document: Any) -> str:
    if isinstance(document, bytes):
        document = document.decode()
    if isinstance(document, str):
        return unquote(document) if document.lstrip().startswith("%") else document
    return json.dumps(document)


def _bucket(account: str, _region: str, rest: str) -> Any:
    from moto.s3.models import s3_backends

    bucket = s3_backends[account][_PARTITION].buckets.get(rest.split("/", 1)[0])
    return bucket.policy if bucket is not None else None


def _table(account: str, region: str, rest: str) -> Any:
    from moto.dynamodb.models import dynamodb_backends

    policy = dynamodb_backends[account][region].resource_policies.get(f"arn:aws:dynamodb:{region}:{account}:{rest}")
    return policy.policy_doc if policy is not None else None


def _kms_key(account: str, region: str, rest: str) -> Any:
    from moto.kms.models import kms_backends

    return kms_backends[account][region].keys.get(rest.removeprefix("key/"))


def _key(account: str, region: str, rest: str) -> Any:
    key = _kms_key(account, region, rest)
    return key.policy if key is not None else None


def _topic(account: str, region: str, rest: str) -> Any:
    from moto.sns.models import sns_backends

    topic = sns_backends[account][region].topics.get(f"arn:aws:sns:{region}:{account}:{rest}")
    return topic.policy if topic is not None else None


def _queue(account: str, region: str, rest: str) -> Any:
    from moto.sqs.models import sqs_backends

    queue = sqs_backends[account][region].queues.get(rest)
    return queue.policy if queue is not None else None


def _function(account: str, region: str, rest: str) -> Any:
    """All statements of a function: each names the version or alias it stands on as its resource."""
    from moto.awslambda.models import lambda_backends

    functions = lambda_backends[account][region]._lambdas._functions
    entry = functions.get(rest.split(":")[1]) if ":" in rest else None
    if entry is None:
        return None
    copies = [entry["latest"], *entry["versions"]] if entry["latest"] else entry["versions"]
    statements = [statement for function in copies if function.policy for statement in function.policy.statements]
    # Aliases may use the same Sid, which one document may not.
    found = {f"{item.get('Sid')} on {item.get('Resource')}": item for item in statements}
    return {"Version": "2012-10-17", "Statement": [{**item, "Sid": sid} for sid, item in found.items()]}


def _repository(account: str, region: str, rest: str) -> Any:
    from moto.ecr.models import ecr_backends

    repository = ecr_backends[account][region].repositories.get(rest.removeprefix("repository/"))
    return repository.policy if repository is not None else None


def _log_group(account: str, region: str, _rest: str) -> Any:
    """All resource policies of a region's logs, as one: each names the groups it is about."""
    from moto.logs.models import logs_backends

    found: list[Any] = []
    for policy in logs_backends[account][region].resource_policies.values():
        statements = json.loads(_text(policy.policy_document)).get("Statement", [])
        found += statements if isinstance(statements, list) else [statements]
    named = [{**item, "Sid": f"{item.get('Sid', 'statement')} ({number})"} for number, item in enumerate(found, 1)]
    return {"Version": "2012-10-17", "Statement": named} if named else None


def _role(account: str, _region: str, rest: str) -> Any:
    role = next((r for r in _iam(account).roles.values() if str(r.arn).endswith(f":{rest}")), None)
    return role.assume_role_policy_document if role is not None else None
