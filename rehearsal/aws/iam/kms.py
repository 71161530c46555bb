"""Keys as services meet them: found by any of their names, called in the name of whoever asked the service."""

from __future__ import annotations


def key_arn(name: str, account: str, region: str) -> str | None:
    """Return the ARN of the key with an id, alias or ARN; None for one that does not exist, and for AWS's own."""
    from moto.kms.models import kms_backends

    if "alias/aws/" in name:
        return None
    backend = kms_backends[account][region]
    key = backend.keys.get(backend.any_id_to_key_id(name))
    return str(key.arn) if key is not None else None


def through(service: str, account: str, region: str) -> dict[str, str]:
    """Return the condition keys of a call that a service makes to KMS for somebody of the account.

    Source: https://docs.aws.amazon.com/kms/latest/developerguide/conditions-kms.html
    """
    return {
        "kms:ViaService": f"{service}.{region}.amazonaws.com",
        "kms:CallerAccount": account,
        "aws:ViaAWSService": "true",
    }
