"""S3's events for EventBridge: one event per change, on the default bus, for rules whose pattern it matches."""

from __future__ import annotations

import logging
import uuid
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rehearsal.aws.context import Context

log = logging.getLogger(__name__)


def install(context: Context) -> None:
    """Replace moto's sender, which shows every event to every rule of every bus."""
    from moto.s3 import notifications

    def send(account_id: str, bucket: Any, event_name: Any, key: Any) -> None:
        from rehearsal.aws.events import announce

        described = {"key": key.name, "size": key.size, "etag": key.etag.strip('"'), "sequencer": uuid.uuid4().hex[:16]}
        if bucket.versioning_status == "Enabled":
            described["version-id"] = key.version_id
        detail = {
            "version": "0",
            "bucket": {"name": bucket.name},
            "object": described,
            "request-id": uuid.uuid4().hex[:16].upper(),
            "requester": account_id,
            "source-ip-address": "127.0.0.1",
            "reason": "DeleteObject" if "Removed" in str(event_name) else "PutObject",
        }
        try:
            announce(context, "aws.s3", notifications._detail_type(event_name), detail, [bucket.arn])
        except Exception:
            log.exception("an event of bucket %s was lost", bucket.name)  # the write itself has succeeded

    notifications._send_event_bridge_message = send
