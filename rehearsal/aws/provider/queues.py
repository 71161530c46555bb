"""SQS: attributes come back as they were sent, character for character."""

from __future__ import annotations

import json
from typing import Any


def install() -> None:
    """Change moto's queues."""
    from moto.sqs.models import Queue

    attributes = Queue.attributes.fget

    def compact(self: Any) -> dict[str, Any]:
        answer: dict[str, Any] = attributes(self)
        for name in ("RedrivePolicy", "RedriveAllowPolicy"):
            if answer.get(name):
                value = answer[name] if isinstance(answer[name], dict) else json.loads(answer[name])
                answer[name] = json.dumps(value, separators=(",", ":"))
        return answer

    Queue.attributes = property(compact)
