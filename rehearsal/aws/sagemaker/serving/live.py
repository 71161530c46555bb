"""The endpoints that are up in this process: their fleets, their route, their data capture."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from rehearsal.aws.sagemaker import duties
from rehearsal.aws.sagemaker.serving.capture import Capture
from rehearsal.aws.sagemaker.serving.fleet import VariantFleet
from rehearsal.aws.sagemaker.serving.routing import Route
from rehearsal.aws.sagemaker.serving.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.serving.endpoint import Deployment, Endpoint

log = logging.getLogger(__name__)

_WATCH_SECONDS = 0.25


class LiveEndpoint:
    """One endpoint's servers. The record says what is wanted, this is what runs."""

    def __init__(self, context: Context, record: Endpoint) -> None:
        self.context, self.record = context, record
        self.traffic = Traffic(context, record.endpoint_name)
        self.fleets: list[VariantFleet] = []
        self.running: tuple[VariantFleet, ...] = ()
        self.route: Route | None = None
        self.capture: Capture | None = None
        self.changing = threading.Lock()
        self.deleted = threading.Event()

    def launch(self, deployment: Deployment) -> list[VariantFleet]:
        """Bring up all fleets of a deployment at the same time, beside those that serve.

        Raises
        ------
        FailedError
            When one does not come up; none is left running then.
        """
        fleets = [VariantFleet(self.context, self.record.endpoint_name, spec) for spec in deployment.variants]
        try:
            with ThreadPoolExecutor(len(fleets)) as pool:
                for started in [pool.submit(fleet.start) for fleet in fleets]:
                    started.result()
        except BaseException:
            retire(fleets)
            raise
        return fleets

    def serve(self, deployment: Deployment, fleets: list[VariantFleet]) -> None:
        """Give all traffic to ``fleets`` and capture as the deployment says."""
        self.fleets = fleets
        self.capture_as(deployment)
        self.share((fleets, 1.0))

    def share(self, *parts: tuple[Sequence[VariantFleet], float]) -> None:
        """Divide the traffic between deployments."""
        self.running = tuple(fleet for fleets, _ in parts for fleet in fleets)
        self.route = Route(parts)

    def capture_as(self, deployment: Deployment) -> None:
        """Write captured requests as the deployment's configuration says, or stop."""
        old, config = self.capture, deployment.capture or {}
        wanted = config.get("EnableCapture")
        acting = duties.of_endpoint(self.context, self.record.endpoint_name, deployment.variants[0].role_arn)
        self.capture = Capture(self.context, self.record.endpoint_name, config, acting) if wanted else None
        if old is not None:
            old.close()

    def close(self) -> None:
        """End everything: the route first, so that no request is sent to a server that goes."""
        self.deleted.set()
        self.route, self.running = None, ()
        fleets, self.fleets = self.fleets, []
        retire(fleets)
        if self.capture is not None:
            self.capture.close()
        self.traffic.flush()


endpoints: dict[str, LiveEndpoint] = {}
"""By endpoint name. Read by every request, changed as a whole entry."""

_over = threading.Event()


def retire(fleets: Sequence[VariantFleet]) -> None:
    """End fleets side by side: each waits for the requests it has begun."""
    threads = [threading.Thread(target=fleet.retire, name=f"retire {fleet.spec.name}") for fleet in fleets]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def watch(context: Context) -> None:
    """Start the thread that replaces dead servers and sends the metrics of all endpoints."""
    _over.clear()
    threading.Thread(target=_watch, args=(context,), name="endpoints", daemon=True).start()


def rest() -> None:
    """Write what is still in memory: captured requests and metrics. Nothing is captured afterwards."""
    for live in list(endpoints.values()):
        capture, live.capture = live.capture, None
        if capture is not None:
            capture.close()
        live.traffic.flush()


def stop_all() -> None:
    """End every endpoint's servers."""
    _over.set()
    for name in list(endpoints):
        live = endpoints.pop(name, None)
        if live is not None:
            live.close()


def _watch(context: Context) -> None:
    while not _over.wait(_WATCH_SECONDS):
        for live in list(endpoints.values()):
            try:
                live.traffic.flush_when_due()
                for fleet in live.running:
                    fleet.tend()
            except Exception:
                log.exception("endpoint %s", live.record.endpoint_name)
