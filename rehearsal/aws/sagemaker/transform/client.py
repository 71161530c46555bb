"""Ask the model's servers for one request after another, a few at a time."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rehearsal.aws.sagemaker.errors import FailedError
from rehearsal.aws.sagemaker.serving.wire import Answer, Pool

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.aws.sagemaker.serving.instance import Instance
    from rehearsal.aws.sagemaker.transform.association import Association

_TIMEOUT_SECONDS, _RETRIES = (
    600,
    3,
)  # https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_ModelClientConfig.html
_PAUSE_SECONDS = 0.1


@dataclass(frozen=True)
class Limits:
    """What holds for requests to one server."""

    concurrent: int
    payload_mb: int
    single: bool


class Client:
    """Knows the servers and what a request looks like."""

    def __init__(
        self,
        instances: Sequence[Instance],
        request: dict[str, Any],
        limits: Limits,
        association: Association,
        stopped: threading.Event,
    ) -> None:
        config = request.get("ModelClientConfig") or {}
        timeout = config.get("InvocationsTimeoutInSeconds", _TIMEOUT_SECONDS)
        self.limits, self.stopped = limits, stopped
        self.workers = limits.concurrent * len(instances)
        self._retries = config.get("InvocationsMaxRetries", _RETRIES)
        self._pools = itertools.cycle([Pool(instance.port, timeout) for instance in instances])
        self._lock = threading.Lock()
        self._association = association
        self._headers = [
            ("Content-Type", request["TransformInput"].get("ContentType") or "application/octet-stream"),
            *([("Accept", request["TransformOutput"]["Accept"])] if request["TransformOutput"].get("Accept") else []),
        ]
        end = b"\n" if request["TransformOutput"].get("AssembleWith") == "Line" else b""
        self._end = end

    def ask(self, records: list[bytes]) -> bytes:
        """Return what goes into the output for the records of one request.

        Raises
        ------
        FailedError
            For an answer that is no success, and for records or answers that cannot be processed.
        """
        body = b"\n".join(self._association.to_model(records))
        answer = self._post(body)
        made = self._association.from_model(records, answer.body, answer.headers.get("content-type", ""))
        return b"".join(one if one.endswith(self._end) else one + self._end for one in made)

    def _post(self, body: bytes) -> Answer:
        """Send a request; a server's own failures are worth another try, a client's are not."""
        reason = ""
        for attempt in range(self._retries + 1):
            if self.stopped.wait(_PAUSE_SECONDS * attempt):
                break
            with self._lock:
                pool = next(self._pools)
            try:
                answer = pool.request("POST", "/invocations", self._headers, body)
            except OSError as error:
                reason = f"AlgorithmError: the model server did not answer: {error}"
                continue
            if answer.status == 200:
                return answer
            said = answer.body[:200].decode(errors="replace")
            reason = f"{'ClientError' if answer.status < 500 else 'AlgorithmError'}: {answer.status}: {said}"
            if answer.status < 500:
                break
        raise FailedError(reason or f"ClientError: stopped at {time.strftime('%H:%M:%S')}")
