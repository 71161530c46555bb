"""One execution of a state machine, from its start to its end, as a load test measures it."""

from __future__ import annotations

import json
import random
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import gevent

from loadtest.answers import Answer, error_code, fault_of, is_throttle
from loadtest.crew import Fault, Result
from loadtest.payloads import Payload
from loadtest.targets import Signer, Target

# The first look comes soon, later ones ever more seldom: an account shares one budget of DescribeExecution calls
# (https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html).
FIRST_LOOK_S = 0.1
LAST_LOOK_S = 5.0
BACKOFF = 1.5
THROTTLED_BACKOFF = 3.0
# DescribeExecution is eventually consistent, so it may not know yet what was just started
# (https://docs.aws.amazon.com/step-functions/latest/apireference/API_DescribeExecution.html).
KNOWN_AFTER_S = 10.0

Post = Callable[[str, bytes, dict[str, str]], Answer]


@dataclass
class Runs:
    """What all executions of one process share."""

    target: Target
    machine: str
    inputs: list[Payload]
    signer: Signer
    timeout_s: float
    prefix: str = ""
    number: int = 0

    def __post_init__(self) -> None:
        self.prefix = self.prefix or f"load-{uuid.uuid4().hex[:12]}"

    def next(self) -> tuple[str, str]:
        """Return the name and the input of the next execution."""
        self.number += 1
        return f"{self.prefix}-{self.number}", self.inputs[self.number % len(self.inputs)].body.decode()


class Execution:
    """One execution. It is started once; only questions about it are asked again when AWS throttles them."""

    def __init__(self, runs: Runs, post: Post, clock: Callable[[], float] = time.perf_counter) -> None:
        self._runs = runs
        self._post = post
        self._clock = clock

    def run(self) -> Result:
        """Start it, wait for its end, and say how it ended.

        Its duration is the time that the start took and then what Step Functions itself recorded, so that the pauses
        between two questions are not in it.
        """
        begin = self._clock()
        name, given = self._runs.next()
        started = self._call("StartExecution", {"stateMachineArn": self._runs.machine, "name": name, "input": given})
        fault = fault_of(started)
        if fault:
            return Result(("StartExecution " + fault[0], fault[1]))
        start_took = self._clock() - begin
        arn = json.loads(started.body)["executionArn"]
        if ":express:" in arn:
            return Result(("express", "express executions cannot be asked about: load-test a standard state machine"))
        end = self._wait(arn, begin)
        if isinstance(end, tuple):
            return Result(end)
        return Result(_ending(end), _recorded(end, start_took))

    def _wait(self, arn: str, begin: float) -> dict[str, Any] | Fault:
        deadline = begin + self._runs.timeout_s
        pause, throttled = FIRST_LOOK_S, 0
        while self._clock() < deadline:
            gevent.sleep(min(pause, max(0.0, deadline - self._clock())) * random.uniform(0.8, 1.2))  # noqa: S311
            answer = self._call("DescribeExecution", {"executionArn": arn})
            if is_throttle(answer):
                throttled += 1
                pause = min(pause * THROTTLED_BACKOFF, LAST_LOOK_S)
                continue
            fault = fault_of(answer)
            if fault and not self._passing(answer, begin):
                return "DescribeExecution " + fault[0], fault[1]
            if not fault:
                state: dict[str, Any] = json.loads(answer.body)
                if state["status"] not in {"RUNNING", "PENDING_REDRIVE"}:
                    return state
            pause = min(pause * BACKOFF, LAST_LOOK_S)
        known = f", {throttled} questions about it were throttled" if throttled else ""
        return "timeout", f"execution had not ended after {self._runs.timeout_s:g} s{known}"

    def _passing(self, answer: Answer, begin: float) -> bool:
        """Return whether asking again may help."""
        unknown = error_code(answer) == "ExecutionDoesNotExist" and self._clock() - begin < KNOWN_AFTER_S
        return unknown or 500 <= answer.status < 600

    def _call(self, action: str, request: dict[str, str]) -> Answer:
        body = json.dumps(request).encode()
        headers = {"Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": f"AWSStepFunctions.{action}"}
        return self._post(self._runs.target.url, body, self._runs.signer.sign(body, headers))


def _ending(state: dict[str, Any]) -> Fault | None:
    if state["status"] == "SUCCEEDED":
        return None
    return (
        f"execution {state['status']}",
        f"{state.get('error', 'no error named')}: {str(state.get('cause', ''))[:200]}",
    )


def _recorded(state: dict[str, Any], start_took: float) -> float | None:
    """Return seconds from the call that started it to the end that Step Functions recorded; None without one."""
    if "stopDate" not in state:
        return None
    return start_took + max(0.0, float(state["stopDate"]) - float(state["startDate"]))
