"""Locust users: one that invokes a SageMaker endpoint with images, one that invokes a Lambda alias with events.

`python -m loadtest.run` drives this file headless. It also works with Locust's own command line and web page:

    locust -f loadtest/locustfile.py EndpointUser --target slipway-dev-vehicles --payloads images/
"""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import gevent
from locust import FastHttpUser, constant, events, task
from locust.env import Environment
from locust.runners import Runner

from loadtest import recorder
from loadtest.payloads import read_events, read_images
from loadtest.targets import SignedPayloads, endpoint_target, function_target

# A refused connection costs the sender nothing: without a pause an outage would turn the users into a flood.
PAUSE_AFTER_FAILURE_S = 0.05


class AwsUser(FastHttpUser):
    """Sends signed payloads one after another, as fast as they are answered.

    Every user has a connection pool of its own, so no user ever waits for another one's connection. All users share
    one stock of payloads with their signatures.
    """

    abstract = True
    wait_time = constant(0)
    # Locust accepts any certificate by default; a signed request belongs to the real AWS or to nobody.
    insecure = False
    network_timeout = 60.0
    connection_timeout = 10.0
    host = ""
    requests: SignedPayloads
    # Typed loosely: Locust declares text bodies only, and sends bytes just as well.
    client: Any

    @task
    def invoke(self) -> None:
        """Send one payload and check the answer."""
        body, headers = self.requests.take()
        target = self.requests.target
        with self.client.request(
            "POST", target.url, data=body, headers=headers, name=target.label, catch_response=True
        ) as answer:
            complaint = self.complaint(answer)
            if complaint:
                answer.failure(complaint)
        if complaint:
            gevent.sleep(PAUSE_AFTER_FAILURE_S)

    def complaint(self, answer: Any) -> str | None:
        """Say what is wrong with an answer, or None."""
        if answer.status_code == 0:
            return f"no answer: {answer.error}"
        if answer.status_code != 200:
            return f"HTTP {answer.status_code}: {(answer.text or '')[:200]}"
        return None if answer.content else "HTTP 200 with an empty body"


class EndpointUser(AwsUser):
    """Invokes a SageMaker endpoint with image bytes."""


class FunctionUser(AwsUser):
    """Invokes a Lambda alias with JSON events, and waits for the result."""

    def complaint(self, answer: Any) -> str | None:
        """As for any user; a function that raised answers 200 and says so in a header."""
        wrong = super().complaint(answer)
        if wrong is None and answer.headers.get("X-Amz-Function-Error"):
            return f"function error: {(answer.text or '')[:200]}"
        return wrong


@events.init_command_line_parser.add_listener
def add_arguments(parser: ArgumentParser) -> None:
    """Extend Locust's command line."""
    group = parser.add_argument_group("Slipway")
    group.add_argument("--target", env_var="SLIPWAY_LOAD_TARGET", default="", help="endpoint or function name")
    group.add_argument("--alias", env_var="SLIPWAY_LOAD_ALIAS", default="live", help="alias of the function")
    group.add_argument("--payloads", env_var="SLIPWAY_LOAD_PAYLOADS", default="", help="image folder or event file")
    group.add_argument("--warmup-s", type=float, default=0.0, help="seconds left out of the figures")
    group.add_argument("--measure-s", type=float, default=0.0, help="seconds to measure; 0 leaves the end to Locust")


@events.init.add_listener
def prepare(environment: Environment, runner: Runner, **_: Any) -> None:
    """Read the payloads and resolve the target once, before any user starts."""
    options: Any = environment.parsed_options
    path = Path(options.payloads)
    for user in environment.user_classes:
        if issubclass(user, FunctionUser):
            user.requests = SignedPayloads(function_target(options.target, options.alias), read_events(path))
        elif issubclass(user, EndpointUser):
            user.requests = SignedPayloads(endpoint_target(options.target), read_images(path))
    if options.measure_s:
        recorder.attach(environment, runner, options.warmup_s, options.measure_s)
