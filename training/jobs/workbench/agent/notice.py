"""The notice, two minutes ahead, that spot capacity is taken away; by IMDSv2.

https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/spot-instance-termination-notices.html
"""

from __future__ import annotations

import os
import threading
import urllib.error
import urllib.request
from collections.abc import Callable

POLL_S = 5.0
_SERVICE = "http://169.254.169.254"
_TOKEN_S = 21600


def given() -> bool:
    """Whether this instance is about to be interrupted; never where there is no metadata service."""
    # The SDKs' own variable for another address: https://docs.aws.amazon.com/sdkref/latest/guide/feature-imds-client.html
    base = os.environ.get("AWS_EC2_METADATA_SERVICE_ENDPOINT", _SERVICE).rstrip("/")
    try:
        asked = urllib.request.Request(  # noqa: S310  (the address of the metadata service)
            f"{base}/latest/api/token", method="PUT", headers={"X-aws-ec2-metadata-token-ttl-seconds": str(_TOKEN_S)}
        )
        with urllib.request.urlopen(asked, timeout=2) as answer:  # noqa: S310
            token = answer.read().decode()
        asked = urllib.request.Request(  # noqa: S310
            f"{base}/latest/meta-data/spot/instance-action", headers={"X-aws-ec2-metadata-token": token}
        )
        with urllib.request.urlopen(asked, timeout=2) as answer:  # noqa: S310
            return bool(answer.status == 200)
    except (urllib.error.URLError, OSError):
        return False  # 404 until there is a notice


def watch(told: Callable[[], None], over: threading.Event, poll_s: float = POLL_S) -> threading.Thread:
    """Call `told` once when the notice comes, from a thread that ends with `over`."""

    def loop() -> None:
        while not over.wait(poll_s):
            if given():
                told()
                return

    thread = threading.Thread(target=loop, name="notice", daemon=True)
    thread.start()
    return thread
