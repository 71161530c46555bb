"""Listen to an SNS topic through a queue of one's own, which is gone afterwards."""

from __future__ import annotations

import contextlib
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

from rehearsal.actors import Actor

DEADLINE_S = 20


class Messages:
    """What a topic has published since one began to listen."""

    def __init__(self, sqs: Any, url: str) -> None:
        self._sqs, self._url = sqs, url

    def receive(self, at_least: int) -> list[str]:
        """Message bodies, waiting up to 20 s until there are ``at_least`` so many."""
        told: list[str] = []
        deadline = time.monotonic() + DEADLINE_S
        while len(told) < at_least and time.monotonic() < deadline:
            answer = self._sqs.receive_message(QueueUrl=self._url, MaxNumberOfMessages=10, WaitTimeSeconds=1)
            told += [json.loads(message["Body"])["Message"] for message in answer.get("Messages", [])]
            for message in answer.get("Messages", []):
                self._sqs.delete_message(QueueUrl=self._url, ReceiptHandle=message["ReceiptHandle"])
        return told


@contextlib.contextmanager
def listen(owner: Actor, topic_arn: str) -> Iterator[Messages]:
    """Subscribe a queue to the topic for the duration of the block."""
    sqs, sns = owner.client("sqs"), owner.client("sns")
    url = sqs.create_queue(QueueName=f"rehearsal-listens-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    subscription = None
    try:
        arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(_policy(arn, topic_arn))})
        subscription = sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=arn)["SubscriptionArn"]
        yield Messages(sqs, url)
    finally:
        if subscription:
            sns.unsubscribe(SubscriptionArn=subscription)
        sqs.delete_queue(QueueUrl=url)


def _policy(queue: str, topic: str) -> dict[str, Any]:
    """Let the topic, and nothing else, write into the queue."""
    statement = {
        "Sid": "FromTheTopic",
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
        "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
    }
    return {"Version": "2012-10-17", "Statement": [statement]}
