"""What Locust runs: the users of a load test, and in a measured one its recorder and conductor too.

`python -m loadtest.run` drives this file headless. It also works with Locust's own command line and web page:

    locust -f loadtest/locustfile.py EndpointUser --target slipway-dev-vehicles --payloads images/
"""

from __future__ import annotations

import traceback
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import gevent
from locust import events
from locust.env import Environment
from locust.runners import LocalRunner, MasterRunner, WorkerRunner

from loadtest import conductor, fleet, payloads
from loadtest.crew import Crew
from loadtest.payloads import Payload
from loadtest.plan import Plan
from loadtest.recorder import Recorder
from loadtest.targets import (
    SignedPayloads,
    Signer,
    endpoint_target,
    function_target,
    state_machine,
    workflow_target,
)
from loadtest.trace import replayed
from loadtest.users import EndpointUser, FunctionUser, WorkflowUser, connections
from loadtest.workflow import Runs

__all__ = ["EndpointUser", "FunctionUser", "WorkflowUser"]


@events.init_command_line_parser.add_listener
def add_arguments(parser: ArgumentParser) -> None:
    """Extend Locust's command line."""
    group = parser.add_argument_group("Slipway")
    group.add_argument("--target", env_var="SLIPWAY_LOAD_TARGET", default="", help="endpoint, function or workflow")
    group.add_argument("--alias", env_var="SLIPWAY_LOAD_ALIAS", default="live", help="alias of the function")
    group.add_argument("--payloads", env_var="SLIPWAY_LOAD_PAYLOADS", default="", help="image folder or event file")
    group.add_argument("--plan", default="", help="a measured run, as `python -m loadtest.run` describes it")


@events.init.add_listener
def prepare(environment: Environment, runner: LocalRunner | MasterRunner | WorkerRunner, **_: Any) -> None:
    """Read the payloads and resolve the target once, before any user starts."""
    options: Any = environment.parsed_options
    plan = Plan.read(options.plan) if options.plan else None
    if isinstance(runner, MasterRunner):
        conductor.say("port", {"port": runner.server.port})
    else:
        aim = plan or options
        sent = [equip(user, aim.target, aim.alias, Path(aim.payloads), plan) for user in environment.user_classes]
        if plan:
            fleet.follow(runner, hire(environment, plan, [payload for stock in sent for payload in stock]))
    if plan and not isinstance(runner, WorkerRunner):
        attach(environment, runner, plan)


def equip(user: Any, target: str, alias: str, path: Path, plan: Plan | None) -> list[Payload]:
    """Give a user class what it sends, and where to; returns what it sends."""
    seed = plan.seed if plan else 0
    if issubclass(user, WorkflowUser):
        address, inputs = workflow_target(), payloads.read_events(path)
        timeout_s = plan.timeout_s if plan else user.network_timeout
        user.runs = Runs(address, state_machine(target), inputs, Signer(address), timeout_s)
        return inputs
    if issubclass(user, FunctionUser):
        address, stock = function_target(target, alias), payloads.shuffled(payloads.read_events(path), seed)
    else:
        address, stock = endpoint_target(target), payloads.shuffled(payloads.read_images(path), seed)
        if plan and plan.batch:
            stock = payloads.batches(stock, plan.batch)
    user.requests = SignedPayloads(address, stock)
    return stock


def hire(environment: Environment, plan: Plan, sent: list[Payload]) -> Crew:
    """Make all users of this process one crew, with one pool of connections."""
    if plan.trace:
        # Read now and kept: a large trace must not be read when its first arrivals are due.
        replayed(plan.trace, plan.scale)
    crew = Crew(plan, Recorder(), plan.digest(payload.body for payload in sent))
    pool = connections(plan)
    for user in environment.user_classes:
        aws: Any = user
        aws.crew = crew
        aws.client_pool = pool
    return crew


def attach(environment: Environment, runner: LocalRunner | MasterRunner, plan: Plan) -> None:
    """Conduct the run as soon as all users are there, and end it afterwards."""
    ranks = fleet.Fleet(runner)
    begun: list[gevent.Greenlet] = []

    def conduct() -> None:
        try:
            conductor.Conductor(plan, ranks).run()
        except fleet.LostWorkerError as error:
            conductor.say("error", {"message": str(error)})
        except Exception:
            conductor.say("error", {"message": traceback.format_exc()})
        runner.quit()

    def when_spawned(**_: Any) -> None:
        if not begun:
            begun.append(gevent.spawn(conduct))

    environment.events.spawning_complete.add_listener(when_spawned)
