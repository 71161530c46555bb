"""Locust users: one that invokes a SageMaker endpoint, one that invokes a Lambda alias, one that runs a workflow."""

from __future__ import annotations

import math
import os
import time
from abc import abstractmethod
from typing import Any, ClassVar

from geventhttpclient.client import HTTPClient, HTTPClientPool
from geventhttpclient.url import URL
from locust import FastHttpUser, constant, task
from locust.contrib.fasthttp import FAILURE_EXCEPTIONS
from locust.env import Environment

from loadtest.answers import Answer, fault_of
from loadtest.crew import Crew, Result
from loadtest.plan import Plan
from loadtest.targets import SignedPayloads
from loadtest.workflow import Execution, Runs

CONNECTION_TIMEOUT_S = 10.0


def connections(plan: Plan) -> HTTPClientPool:
    """Return the connections of one process: as many as may be needed at once, so that no request waits for one.

    Its users share them, and with them one set of certificates, which takes longer to load than a user to start.
    """
    closed = plan.arrivals == "closed"
    bundle = os.environ.get("AWS_CA_BUNDLE")
    return HTTPClientPool(
        concurrency=math.ceil((plan.shape.most if closed else plan.max_in_flight) / plan.processes),
        network_timeout=plan.timeout_s,
        connection_timeout=min(CONNECTION_TIMEOUT_S, plan.timeout_s),
        ssl_options={"ca_certs": bundle} if bundle else None,
    )


class AwsUser(FastHttpUser):
    """Sends signed requests when its crew says so.

    All users of a process share one stock of payloads with their signatures.
    """

    abstract = True
    wait_time = constant(0)
    # Locust accepts any certificate by default; a signed request belongs to the real AWS or to nobody.
    insecure = False
    network_timeout = 60.0
    connection_timeout = CONNECTION_TIMEOUT_S
    host = ""
    crew: ClassVar[Crew | None] = None
    # Typed loosely: Locust declares text bodies only, and sends bytes just as well.
    client: Any

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        self._number = self.crew.hire() if self.crew else 0
        self._http: dict[str, tuple[HTTPClient, str]] = {}

    @task
    def work(self) -> None:
        """Do what the crew has to do, or send on one's own where Locust's own command line is in charge."""
        if self.crew:
            self.crew.work(self, self._number)
            return
        begin = time.perf_counter()
        result = self.send()
        took = time.perf_counter() - begin if result.seconds is None else result.seconds
        self.environment.events.request.fire(
            request_type="POST",
            name=self.label,
            response_time=took * 1000,
            response_length=0,
            exception=RuntimeError(": ".join(result.fault)) if result.fault else None,
            context={},
        )

    @abstractmethod
    def send(self) -> Result:
        """Send one request and judge its answer."""

    @property
    @abstractmethod
    def label(self) -> str:
        """Name of the target in Locust's own tables."""

    def post(self, url: str, body: bytes, headers: dict[str, str]) -> Answer:
        """Send a request, and return its answer or what came instead of one.

        Locust's own client adds cookies, redirects and status checks, which cost more processor time than the request;
        none of them has a place here. Its connections are used all the same.
        """
        http, path = self._http.get(url) or self._resolve(url)
        try:
            response = http.request("POST", path, body, headers)
            content = bytes(response.read())
        except FAILURE_EXCEPTIONS as error:
            return Answer(0, b"", {}, error)
        return Answer(response.get_code(), content, response, None)

    def _resolve(self, url: str) -> tuple[HTTPClient, str]:
        parts = URL(url)
        resolved = (self.client.client.clientpool.get_client(parts), parts.request_uri)
        self._http[url] = resolved
        return resolved


class PayloadUser(AwsUser):
    """Sends one payload after the other to one address."""

    abstract = True
    requests: ClassVar[SignedPayloads]

    def send(self) -> Result:
        """Send the next payload."""
        body, headers = self.requests.take()
        return Result(fault_of(self.post(self.requests.target.url, body, headers)))

    @property
    def label(self) -> str:
        """Name of the target."""
        return self.requests.target.label


class EndpointUser(PayloadUser):
    """Invokes a SageMaker endpoint with image bytes, or with batches of images as JSON."""


class FunctionUser(PayloadUser):
    """Invokes a Lambda alias with JSON events, and waits for the result."""


class WorkflowUser(AwsUser):
    """Starts an execution of a state machine, and asks until it has ended."""

    runs: ClassVar[Runs]

    def send(self) -> Result:
        """Run one execution from its start to its end."""
        return Execution(self.runs, self.post).run()

    @property
    def label(self) -> str:
        """Name of the target."""
        return self.runs.target.label
