"""From an access key to the ARN of who holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

_known: dict[str, str] = {}


def principal_arn(context: Context, access_key: str) -> str:
    """Return the ARN of the user or assumed-role session that owns ``access_key``.

    A key that neither IAM nor STS issued belongs to the account's root user, as a rehearsal's own test credentials do.
    """
    arn = _known.get(access_key)
    if arn is None:
        arn = _look_up(context, access_key)
        if arn is None:
            return f"arn:aws:iam::{context.account_id}:root"
        _known[access_key] = arn
    return arn


def _look_up(context: Context, access_key: str) -> str | None:
    from moto.iam.models import iam_backends
    from moto.sts.models import sts_backends

    role = sts_backends[context.account_id]["aws"].get_assumed_role_from_access_key(access_key)
    if role is not None:
        return str(role.arn)
    for user in iam_backends[context.account_id]["aws"].users.values():
        if any(key.access_key_id == access_key for key in user.access_keys):
            return str(user.arn)
    return None
