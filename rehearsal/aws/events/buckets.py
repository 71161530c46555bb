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
    announce_change = notifications.send_event

    def real_changes(account_id: str, event_name: Any, bucket: Any, key: Any) -> None:
        # moto "tags" every object that it stores, with nothing, and would tell subscribers of it
        if event_name.value.endswith("ObjectTagging:Put") and not _tags(account_id, key):
            return
        announce_change(account_id, event_name, bucket, key)

    notifications.send_event = real_changes


def _tags(account_id: str, key: Any) -> dict[str, str]:
    from moto.s3.models import s3_backends

    tags: dict[str, str] = s3_backends[account_id]["aws"].tagger.get_tag_dict_for_resource(key.arn)
    return tags
