"""AWS clients, made once per execution environment.

botocore directly, not boto3: the same package of the Lambda runtime, less to import at a cold start.
"""

from __future__ import annotations

from typing import Any

import botocore.session
from botocore.config import Config

_SESSION = botocore.session.get_session()


def client(service: str, *, connect_s: float, read_s: float, attempts: int) -> Any:
    """Return a client that gives up on a connection, an answer and a call by itself.

    Parameters
    ----------
    service
        botocore's name of the service.
    connect_s, read_s
        Seconds to wait for a connection, and for the next byte of an answer.
    attempts
        Attempts in all; 1 leaves retrying to the caller. ``standard`` retries throttling, 5xx and lost connections.
    """
    retries: Any = {"total_max_attempts": attempts, "mode": "standard"}
    config = Config(connect_timeout=connect_s, read_timeout=read_s, retries=retries)
    return _SESSION.create_client(service, config=config)
