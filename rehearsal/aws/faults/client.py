"""Ask a running embedded AWS for faults."""

from __future__ import annotations

import http.client
import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rehearsal.aws.faults.kinds import FaultError

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_PATH = "/_slipway/faults"
_PATIENCE_S = 30.0


class FaultRefusedError(PermissionError):
    """Somebody else than the account's root user has asked for a fault."""


def ask(
    endpoint: str, region: str, method: str, name: str = "", document: Any = None, *, who: Credentials | None = None
) -> dict[str, Any]:
    """Make one request and return what is answered.

    Parameters
    ----------
    name
        Id of a fault, with DELETE; "" for all of them.
    who
        Credentials; the root user's own when None.

    Raises
    ------
    FaultError
        The fault is described wrongly, or there is none with that id.
    FaultRefusedError
        ``who`` may not cause faults.
    """
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    path = f"{_PATH}/{name}" if name else _PATH
    body = b"" if document is None else json.dumps(document).encode()
    request = AWSRequest(method, endpoint + path, {"Content-Type": "application/json"}, data=body)
    SigV4Auth(who or Credentials("test", "test"), "slipway", region).add_auth(request)
    place = urlsplit(endpoint)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=_PATIENCE_S)
    try:
        connection.request(method, path, body, dict(request.headers.items()))
        answer = connection.getresponse()
        status, said = answer.status, json.loads(answer.read())
    finally:
        connection.close()
    if status == 403:
        raise FaultRefusedError(said["message"])
    if status != 200:
        raise FaultError(said["message"])
    return dict(said)
