"""SNS and S3 as sources of events: asynchronous, with the fields that real notifications carry."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any

from rehearsal.aws.delivery import Errand, deliver_quietly, may_deliver

if TYPE_CHECKING:
    from rehearsal.aws.context import Context


def install(context: Context) -> None:
    """Route SNS subscriptions of functions, and every S3 notification, through the usual delivery."""
    _topics(context)
    _buckets(context)


def _topics(context: Context) -> None:
    from moto.sns.models import Subscription

    publish = Subscription.publish

    def to_function(
        self: Any,
        message: str,
        message_id: str,
        subject: str | None = None,
        message_attributes: dict[str, Any] | None = None,
        *args: Any,
        message_structure: str | None = None,
        **kwargs: Any,
    ) -> None:
        if self._filter_policy_matcher and not self._filter_policy_matcher.matches(message_attributes, message):
            return
        errand = Errand("topic subscription", self.topic_arn)
        if self.protocol == "sqs" and not may_deliver(self.endpoint, message, errand):
            return
        if self.protocol != "lambda":
            publish(
                self,
                message,
                message_id,
                subject,
                message_attributes,
                *args,
                message_structure=message_structure,
                **kwargs,
            )
            return
        if message_structure == "json":
            message = self._parse_message_structure(message, self.protocol)
        body = self.get_post_data(message, message_id, subject)
        body |= {"Subject": subject, "MessageAttributes": message_attributes or {}}
        record = {"EventSource": "aws:sns", "EventVersion": "1.0", "EventSubscriptionArn": self.arn, "Sns": body}
        deliver_quietly(context, self.endpoint, json.dumps({"Records": [record]}), errand=errand)

    Subscription.publish = to_function


def _buckets(context: Context) -> None:
    from moto.s3 import notifications

    describe = notifications._get_s3_event

    def event(event_name: Any, bucket: Any, key: Any, notification_id: str) -> dict[str, Any]:
        answer = describe(event_name, bucket, key, notification_id)
        record = answer["Records"][0]
        record["userIdentity"] = {"principalId": f"AWS:{context.account_id}"}
        record["requestParameters"] = {"sourceIPAddress": "127.0.0.1"}
        record["responseElements"] = {"x-amz-request-id": uuid.uuid4().hex[:16].upper(), "x-amz-id-2": uuid.uuid4().hex}
        record["s3"]["bucket"]["ownerIdentity"] = {"principalId": context.account_id}
        record["s3"]["object"]["sequencer"] = f"{int(key.last_modified.timestamp() * 1_000_000):016X}"
        if bucket.versioning_status == "Enabled":
            record["s3"]["object"]["versionId"] = key.version_id
        return answer

    def errand(body: Any) -> Errand:
        record = (body.get("Records") or [{}])[0]
        name = record.get("s3", {}).get("bucket", {}).get("name") or body.get("Bucket", "")
        return Errand("bucket notification", f"arn:aws:s3:::{name}")

    def to_function(account_id: str, body: Any, arn: str, region: str) -> None:
        deliver_quietly(context, arn, json.dumps(body), errand=errand(body))

    def to_queue(account_id: str, body: Any, name: str, region: str) -> None:
        deliver_quietly(context, f"arn:aws:sqs:{region}:{account_id}:{name}", json.dumps(body), errand=errand(body))

    def to_topic(account_id: str, body: Any, arn: str, region: str) -> None:
        deliver_quietly(context, arn, json.dumps(body), subject="Amazon S3 Notification", errand=errand(body))

    notifications._get_s3_event = event
    notifications._invoke_awslambda = to_function
    notifications._send_sqs_message = to_queue
    notifications._send_sns_message = to_topic
