"""A queue is open to this account alone."""

from __future__ import annotations

from collections.abc import Iterator

from policies.breaks import add, put
from policies.control import Control
from policies.iam import outsiders
from policies.kit import policy_text
from policies.plan import Plan, Resource, statements


def check(queue: Resource, plan: Plan) -> Iterator[str]:
    texts = [p.values.get("policy") for p in plan.where("aws_sqs_queue_policy", queue_url=queue.values.get("url"))]
    texts += [queue.values["policy"]] if queue.values.get("policy") else []
    for text in texts:
        for statement in statements(text, "Allow"):
            if found := outsiders(statement, plan):
                yield f"its policy lets in {', '.join(found)}"


CONTROL = Control(
    title="A queue is open to this account alone",
    severity="high",
    reason="Whoever can read a dead-letter queue reads requests; whoever can write can have them replayed.",
    remedy="Condition services on aws:SourceAccount, and name principals of this account.",
    types=("aws_sqs_queue",),
    sources=("SQS.3",),
    check=check,
    good=[("aws_sqs_queue", {"url": "u"})],
    breaks={
        "public": put("policy", policy_text({"Effect": "Allow", "Principal": "*", "Action": "sqs:*", "Resource": "*"})),
        "apart": lambda q, plan: add(
            "aws_sqs_queue_policy",
            queue_url=q.values["url"],
            policy=policy_text({"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "sqs:SendMessage"}),
        )(q, plan),
        "service": put(
            "policy",
            policy_text(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "s3.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": "*",
                }
            ),
        ),
    },
)
