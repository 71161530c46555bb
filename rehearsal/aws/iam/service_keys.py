"""KMS behind other services: the key of a bucket, object, topic or queue, and which key a request means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.aws.iam.context_keys import Context
    from rehearsal.aws.iam.resources import Scope

_KEY_PARAMETERS = ("KeyId", "SourceKeyId", "DestinationKeyId", "TargetKeyId")
_READS = ("GetObject", "HeadObject", "SelectObjectContent")


def key_of(service: str, operation: str, parameters: dict[str, Any], scope: Scope) -> tuple[str, Context] | None:
    """Return the key that a touched resource is encrypted with and the encryption context its service uses."""
    if service == "s3":
        name, arn = _s3(operation, parameters, scope), f"arn:aws:s3:::{parameters.get('Bucket')}"
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
    key = _key_arn(str(name), scope) if name else None
    return (key, {f"kms:EncryptionContext:{label}": arn, "kms:EncryptionContextKeys": [label]}) if key else None


def settled(service: str, operation: str, parameters: dict[str, Any], scope: Scope) -> dict[str, Any]:
    """Return KMS parameters with aliases as key ids, and the key that a ciphertext names."""
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


def _s3(operation: str, parameters: dict[str, Any], scope: Scope) -> str | None:
    from moto.s3.models import s3_backends

    bucket = s3_backends[scope.account]["aws"].buckets.get(parameters.get("Bucket"))
    if bucket is None:
        return None
    if operation in _READS:
        stored = bucket.keys.get(parameters.get("Key"))
        return stored.kms_key_id if stored is not None and stored.encryption == "aws:kms" else None
    rule = (bucket.encryption or {}).get("Rule", {})
    rule = (rule[0] if isinstance(rule, list) else rule).get("ApplyServerSideEncryptionByDefault", {})
    algorithm = parameters.get("ServerSideEncryption") or rule.get("SSEAlgorithm")
    return parameters.get("SSEKMSKeyId") or rule.get("KMSMasterKeyID") if algorithm == "aws:kms" else None


def _key_arn(name: str, scope: Scope) -> str | None:
    """Return the ARN of a key; None for AWS's own keys, which no policy of ours speaks about."""
    from moto.kms.models import kms_backends

    if "alias/aws/" in name:
        return None
    backend = kms_backends[scope.account][scope.region]
    key = backend.keys.get(backend.any_id_to_key_id(name))
    return str(key.arn) if key is not None else None
