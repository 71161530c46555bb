"""KMS behind other services: the key of a bucket, object, table, topic or queue, and which key a request means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.iam import kms

if TYPE_CHECKING:
    from rehearsal.aws.iam.context_keys import Context
    from rehearsal.aws.iam.resources import Scope

_KEY_PARAMETERS = ("KeyId", "SourceKeyId", "DestinationKeyId", "TargetKeyId")
_READS = ("GetObject", "HeadObject", "SelectObjectContent")


def key_of(service: str, operation: str, parameters: dict[str, Any], scope: Scope) -> tuple[str, Context] | None:
    """Return the key that a touched resource is encrypted with and the encryption context its service uses."""
    if service == "dynamodb":
        return _dynamodb(parameters, scope)
    if service == "s3":
        name, arn = _s3(operation, parameters, scope)
        label = "aws:s3:arn"
    elif service == "sns":
        from moto.sns.models import sns_backends

        arn, label = str(parameters.get("TopicArn") or parameters.get("TargetArn")), "aws:sns:topicArn"
        topic = sns_backends[scope.account][scope.region].topics.get(arn)
        name = topic.kms_master_key_id if topic is not None else None
    elif service == "sqs":
        from moto.sqs.models import sqs_backends

        queue_name, label = str(parameters.get("QueueUrl")).rsplit("/", 1)[-1], "aws:sqs:arn"
        arn = f"arn:aws:sqs:{scope.region}:{scope.account}:{queue_name}"
        queue = sqs_backends[scope.account][scope.region].queues.get(queue_name)
        name = queue.kms_master_key_id if queue is not None else None
    else:
        return None
    key = kms.key_arn(str(name), scope.account, scope.region) if name else None
    return (key, {f"kms:EncryptionContext:{label}": arn, "kms:EncryptionContextKeys": [label]}) if key else None


def _dynamodb(parameters: dict[str, Any], scope: Scope) -> tuple[str, Context] | None:
    """Return the key of a table that is used, or of one that is about to be made.

    Of several tables in one request the first that has a key stands for all: there is one key for data here.
    """
    from moto.dynamodb.models import dynamodb_backends

    tables = dynamodb_backends[scope.account][scope.region].tables
    named = parameters.get("RequestItems") or [str(parameters.get("TableName") or parameters.get("TableArn"))]
    for name in (str(given).rsplit("/", 1)[-1] for given in named):
        chosen = parameters.get("SSESpecification") or getattr(tables.get(name), "sse_specification", None) or {}
        key = kms.key_arn(str(chosen["KMSMasterKeyId"]), scope.account, scope.region) if _own(chosen) else None
        if key:
            pairs = {"aws:dynamodb:subscriberId": scope.account, "aws:dynamodb:tableName": name}
            context: Context = {f"kms:EncryptionContext:{label}": value for label, value in pairs.items()}
            return key, {**context, "kms:EncryptionContextKeys": list(pairs)}
    return None


def _own(specification: dict[str, Any]) -> bool:
    return bool(specification.get("Enabled") and specification.get("KMSMasterKeyId"))


def settled(service: str, operation: str, parameters: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """Return parameters with what only the backends know.

    For KMS, keys in place of their aliases, and the key that a ciphertext names; for IAM, the boundary of the role or
    user that is changed.
    """
    if service == "iam":
        return _with_boundary(parameters, scope)
    if service != "kms":
        return parameters
    from moto.kms.models import kms_backends
    from moto.kms.utils import _deserialize_ciphertext_blob

    backend = kms_backends[scope.account][scope.region]
    found = dict(parameters)
    for name in _KEY_PARAMETERS:
        if "alias/" in str(found.get(name, "")):
            found[name] = backend.get_key_id_from_alias(backend.get_alias_name(found[name])) or found[name]
    blob = found.get("CiphertextBlob")
    if operation in ("Decrypt", "ReEncrypt") and blob and not found.get("KeyId"):
        found["KeyId"] = _deserialize_ciphertext_blob(blob).key_id
    return found


def _with_boundary(parameters: dict[str, Any], scope: Scope) -> dict[str, Any]:
    from moto.iam.models import iam_backends

    iam = iam_backends[scope.account]["aws"]
    holders = [role for role in list(iam.roles.values()) if role.name == parameters.get("RoleName")]
    holders += [user for user in list(iam.users.values()) if user.name == parameters.get("UserName")]
    boundary = next((getattr(holder, "permissions_boundary_arn", None) for holder in holders), None)
    return {"PermissionsBoundary": boundary, **parameters} if boundary else parameters


def _s3(operation: str, parameters: dict[str, Any], scope: Scope) -> tuple[str | None, str]:
    """Return the key and the encryption context: the bucket where it has a bucket key, else the object.

    Source: https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingKMSEncryption.html#encryption-context
    """
    from moto.s3.models import s3_backends

    bucket = s3_backends[scope.account]["aws"].buckets.get(parameters.get("Bucket"))
    whole = f"arn:aws:s3:::{parameters.get('Bucket')}"
    if bucket is None:
        return None, whole
    one = f"{whole}/{parameters.get('Key')}"
    if operation in _READS:
        stored = _stored(bucket, parameters)
        if getattr(stored, "encryption", None) != "aws:kms":  # nothing is there, or the mark that it was deleted
            return None, whole
        return stored.kms_key_id, whole if _true(stored.bucket_key_enabled) else one
    rule = (bucket.encryption or {}).get("Rule", {})
    rule = rule[0] if isinstance(rule, list) else rule
    default = rule.get("ApplyServerSideEncryptionByDefault", {})
    algorithm = parameters.get("ServerSideEncryption") or default.get("SSEAlgorithm")
    if algorithm != "aws:kms":
        return None, whole
    shared = _true(parameters.get("BucketKeyEnabled", rule.get("BucketKeyEnabled")))
    return parameters.get("SSEKMSKeyId") or default.get("KMSMasterKeyID"), whole if shared else one


def _stored(bucket: Any, parameters: dict[str, Any]) -> Any:
    name, version = parameters.get("Key"), parameters.get("VersionId")
    if version is None:
        return bucket.keys.get(name)
    return next((key for key in bucket.keys.getlist(name, []) if str(key.version_id) == version), None)


def _true(value: Any) -> bool:
    return str(value).lower() == "true"
