"""From an access key to the ARN of who holds it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rehearsal.aws.iam import sessions
from rehearsal.aws.iam.memory import remembered

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

_ISSUED = ("AKIA", "ASIA")
"""Beginnings of the keys that IAM and STS make."""


def principal_arn(context: Context, access_key: str) -> str:
    """Return the ARN of the user or assumed-role session that owns ``access_key``; "" without a key.

    A key of another form than AWS's own belongs to the account's root user, as a rehearsal's own test credentials do.
    One of that form that nobody has, or has any more, belongs to nobody: "".
    """
    if not access_key:
        return ""
    session = sessions.find(context.account_id, access_key)
    if session is not None:
        return str(session.arn)
    if not access_key.startswith(_ISSUED):
        return f"arn:aws:iam::{context.account_id}:root"
    return _user(context.account_id, access_key)


@remembered
def _user(account: str, access_key: str) -> str:
    from moto.iam.models import iam_backends

    for user in list(iam_backends[account]["aws"].users.values()):
        if any(key.access_key_id == access_key and key.status == "Active" for key in user.access_keys):
            return str(user.arn)
    return ""
