"""What SageMaker and CloudWatch say meanwhile, written down whenever it changes."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

from rehearsal.actors import Actor

POLL_S = 0.1


@dataclass(frozen=True)
class Moment:
    """A change: when (seconds of the drill), of what, to what."""

    at: float
    what: str
    state: str


class Watch:
    """A context manager; ``moments`` grows while it is open."""

    def __init__(self, reader: Actor, endpoint: str, *, begun: float) -> None:
        self._sagemaker, self._cloudwatch = reader.client("sagemaker"), reader.client("cloudwatch")
        self._endpoint, self._begun = endpoint, begun
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, name="watch")
        self.moments: list[Moment] = []

    def __enter__(self) -> Watch:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        known: dict[str, str] = {}
        while not self._over.is_set():
            for what, state in self._look().items():
                if known.get(what) != state:
                    known[what] = state
                    self.moments.append(Moment(time.monotonic() - self._begun, what, state))
            self._over.wait(POLL_S)

    def _look(self) -> dict[str, str]:
        endpoint = self._sagemaker.describe_endpoint(EndpointName=self._endpoint)
        variants = (endpoint.get("PendingDeploymentSummary") or {}).get("ProductionVariants") or [{}]
        step = (variants[0].get("VariantStatus") or [{}])[0].get("Status", "")
        alarms = self._cloudwatch.describe_alarms(AlarmNamePrefix=f"{self._endpoint}-")["MetricAlarms"]
        return {
            "endpoint": endpoint["EndpointStatus"] + (f" ({step})" if step else ""),
            "configuration": endpoint["EndpointConfigName"],
            **{alarm["AlarmName"].removeprefix(f"{self._endpoint}-"): alarm["StateValue"] for alarm in alarms},
        }
