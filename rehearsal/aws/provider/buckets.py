"""S3: bucket policies are left to those who evaluate policies whole; log delivery is allowed by policy, not by ACL."""

from __future__ import annotations

import json
from typing import Any

_LOGGING = "logging.s3.amazonaws.com"


def install() -> None:
    """Change moto's buckets."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket

    # moto applies a Deny without its Condition, so that "deny unless TLS" denies everything
    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL
    FakeBucket._log_permissions_enabled_policy = staticmethod(_may_deliver)


def _may_deliver(target_bucket: Any, target_prefix: str | None) -> bool:
    """Return whether the target's policy lets S3's log delivery write; moto fails on principals that are no service."""
    policy = json.loads(target_bucket.policy or b'{"Statement": []}')
    for statement in policy["Statement"]:
        principal = statement.get("Principal")
        services = principal.get("Service", []) if isinstance(principal, dict) else []
        actions = statement.get("Action", [])
        if (
            statement.get("Effect") == "Allow"
            and _LOGGING in ([services] if isinstance(services, str) else services)
            and "s3:PutObject" in ([actions] if isinstance(actions, str) else actions)
        ):
            return True
    return False
