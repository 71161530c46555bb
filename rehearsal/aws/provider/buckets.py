"""S3: bucket policies are left to those who evaluate policies whole; log delivery is allowed by policy, not by ACL."""

from __future__ import annotations

import json
import threading
from typing import Any

from rehearsal.aws.iam import decide
from rehearsal.aws.iam.decide import AccessDeniedError
from rehearsal.aws.iam.duties import DUTIES
from rehearsal.aws.iam.mapping import Check
from rehearsal.aws.provider.versions import list_object_versions

_source = threading.local()
_LOGGING = "logging.s3.amazonaws.com"


def install() -> None:
    """Change moto's buckets."""
    from moto.iam.access_control import PermissionResult
    from moto.s3.models import FakeBucket, FakeDeleteMarker, S3Backend

    # emptying a bucket fails where the mark of a deleted object is what is left of it
    FakeDeleteMarker.dispose = lambda *_: None
    # moto applies a Deny without its Condition, so that "deny unless TLS" denies everything
    FakeBucket.get_permission = lambda *_: PermissionResult.NEUTRAL
    FakeBucket._log_permissions_enabled_policy = staticmethod(_may_deliver)
    set_logging = FakeBucket.set_logging

    def and_remember(self: Any, *args: Any, **kwargs: Any) -> None:
        _source.name = self.name
        set_logging(self, *args, **kwargs)

    FakeBucket.set_logging = and_remember
    S3Backend.list_object_versions = list_object_versions
    _tell_of_eventbridge()


def _tell_of_eventbridge() -> None:
    """moto keeps that a bucket sends its events to EventBridge, and does not tell: the setting is an empty element."""
    from moto.core.responses import ActionResult
    from moto.s3.responses import S3Response

    answer = S3Response.serialized

    def serialized(self: Any, result: Any) -> Any:
        if self.data.get("Action") == "GetBucketNotificationConfiguration" and isinstance(result, ActionResult):
            found = self.backend.get_bucket_notification_configuration(self.bucket_name)
            if found is not None and found.event_bridge is not None:
                result.result["EventBridgeConfiguration"] = {}
        return answer(self, result)

    S3Response.serialized = serialized


def _may_deliver(target_bucket: Any, target_prefix: str | None) -> bool:
    """Return whether the target's policy lets S3's log delivery write, for the bucket whose logging is set.

    moto fails on principals that are no service.
    """
    if decide.deciding():
        target = f"arn:aws:s3:::{target_bucket.name}/{target_prefix or ''}log"
        duty = DUTIES["bucket access log"]
        try:
            needed = [Check(action, target) for action in duty.actions]
            decide.as_service(duty.service, "PutBucketLogging", needed, source=f"arn:aws:s3:::{_source.name}")
        except AccessDeniedError:
            return False
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
