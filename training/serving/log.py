"""One JSON object per line on standard error: what happened, never what was in a request."""

from __future__ import annotations

import json
import sys
import time


def log(event: str, **facts: object) -> None:
    """Write one line."""
    stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime())
    sys.stderr.write(json.dumps({"time": f"{stamp}Z", "event": event} | facts, default=str) + "\n")
    sys.stderr.flush()
