"""What an answer of AWS means, and what becomes of an execution."""

from __future__ import annotations

import json
import types
from typing import Any

import pytest

from loadtest import workflow
from loadtest.answers import Answer, error_code, fault_of, is_throttle
from loadtest.payloads import Payload, batches, shuffled
from loadtest.workflow import LAST_LOOK_S, Execution, Runs

THROTTLED = (400, {"__type": "com.amazonaws.swf.service.v2.model#ThrottlingException", "message": "Rate exceeded"})


def answer(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Answer:
    return Answer(status, b"" if body is None else json.dumps(body).encode(), headers or {}, None)


@pytest.mark.parametrize(
    ("given", "cause"),
    [
        (answer(200, {"predictions": []}), None),
        (answer(200), "empty answer"),
        (answer(200, {"errorType": "X"}, {"X-Amz-Function-Error": "Unhandled"}), "function error"),
        (answer(500, "model fell over"), "HTTP 500"),
        (answer(429, {"Reason": "ReservedFunctionConcurrentInvocationLimitExceeded"}), "throttled"),
        (answer(*THROTTLED), "throttled"),
        (answer(400, {"message": "slow down"}, {"x-amzn-ErrorType": "ThrottlingException:http://x"}), "throttled"),
        (answer(400, {"__type": "ValidationError"}), "HTTP 400"),
        (answer(503, ["no", "object"]), "HTTP 503"),
        (Answer(0, b"", {}, ConnectionRefusedError("refused")), "no answer"),
        (Answer(0, b"", {}, TimeoutError("timed out")), "timeout"),
    ],
)
def test_every_answer_is_good_or_has_a_cause(given: Answer, cause: str | None) -> None:
    fault = fault_of(given)
    assert (fault and fault[0]) == cause
    assert is_throttle(given) is (cause == "throttled")


def test_codes_come_without_their_namespaces() -> None:
    assert error_code(answer(*THROTTLED)) == "ThrottlingException"
    assert error_code(answer(400, {}, {"x-amzn-ErrorType": "ModelError:"})) == "ModelError"
    assert error_code(answer(502)) == ""


class StepFunctions:
    """Answers in turn; time passes only in pauses and, a little, in calls."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: tuple[int, Any]) -> None:
        self.answers, self.pauses, self.asked, self.now = list(answers), [], [], 0.0
        monkeypatch.setattr(workflow, "gevent", types.SimpleNamespace(sleep=self._sleep))

    def _sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        self.now += seconds

    def post(self, *request: Any) -> Answer:
        self.now += 0.01
        self.asked.append(request[2]["X-Amz-Target"].split(".")[1])
        return answer(*(self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]))

    def run(self, timeout_s: float = 60.0) -> Any:
        target = types.SimpleNamespace(url="http://states")
        signer = types.SimpleNamespace(sign=lambda *request: request[1])
        runs = Runs(target, "arn", [Payload(b"{}", "application/json")], signer, timeout_s)  # type: ignore[arg-type]
        return Execution(runs, self.post, clock=lambda: self.now).run()


STARTED = (200, {"executionArn": "arn:e"})
RUNNING = (200, {"status": "RUNNING", "startDate": 100.0})


def ended(status: str, **more: Any) -> tuple[int, Any]:
    return 200, {"status": status, "startDate": 100.0, "stopDate": 103.5, **more}


def test_an_execution_is_started_once_and_lasts_as_long_as_it_was_recorded(monkeypatch) -> None:
    service = StepFunctions(monkeypatch, STARTED, RUNNING, RUNNING, ended("SUCCEEDED"))
    result = service.run()
    assert result.fault is None
    assert result.seconds == pytest.approx(3.51)
    assert service.asked == ["StartExecution", *["DescribeExecution"] * 3]
    assert service.pauses == sorted(service.pauses)


def test_throttled_questions_are_asked_again_later_and_are_no_failure(monkeypatch) -> None:
    service = StepFunctions(monkeypatch, STARTED, THROTTLED, THROTTLED, (503, "busy"), ended("SUCCEEDED"))
    assert service.run().fault is None
    assert service.pauses[2] > 4 * service.pauses[0]
    assert max(service.pauses) <= LAST_LOOK_S * 1.2


def test_a_throttled_start_is_a_failure_that_says_so(monkeypatch) -> None:
    service = StepFunctions(monkeypatch, THROTTLED)
    assert service.run().fault[0] == "StartExecution throttled"
    assert service.asked == ["StartExecution"]


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_other_endings_are_failures_with_their_cause(monkeypatch, status: str) -> None:
    fault = StepFunctions(monkeypatch, STARTED, ended(status, error="States.TaskFailed", cause="x" * 900)).run().fault
    assert fault[0] == f"execution {status}"
    assert fault[1].startswith("States.TaskFailed")
    assert len(fault[1]) < 300


def test_waiting_ends_at_the_deadline_with_few_questions(monkeypatch) -> None:
    service = StepFunctions(monkeypatch, STARTED, RUNNING)
    fault = service.run(timeout_s=60).fault
    assert fault[0] == "timeout"
    assert 60 <= service.now < 62
    assert len(service.asked) < 30
    service = StepFunctions(monkeypatch, STARTED, THROTTLED)
    assert "throttled" in service.run(timeout_s=60).fault[1]


def test_a_refused_question_ends_the_wait_at_once(monkeypatch) -> None:
    service = StepFunctions(monkeypatch, STARTED, (400, {"__type": "AccessDeniedException"}))
    assert service.run().fault[0] == "DescribeExecution HTTP 400"
    assert len(service.asked) == 2


def test_an_execution_that_is_not_known_yet_is_asked_about_again(monkeypatch) -> None:
    unknown = (400, {"__type": "com.amazonaws#ExecutionDoesNotExist"})
    assert StepFunctions(monkeypatch, STARTED, unknown, unknown, ended("SUCCEEDED")).run().fault is None
    service = StepFunctions(monkeypatch, STARTED, unknown)
    assert service.run().fault[0] == "DescribeExecution HTTP 400"
    assert 10 < service.now < 20


def test_express_machines_are_refused_with_a_remedy(monkeypatch) -> None:
    express = (200, {"executionArn": "arn:aws:states:eu-west-1:123456789012:express:fast:load-1:9f"})
    service = StepFunctions(monkeypatch, express)
    assert "standard state machine" in service.run().fault[1]
    assert service.asked == ["StartExecution"]


def test_batches_hold_every_image_and_keep_to_their_sizes() -> None:
    images = [Payload(bytes([number]) * 10, "image/png") for number in range(10)]
    made = [json.loads(payload.body)["instances"] for payload in batches(images, (1, 4))]
    assert [len(instances) for instances in made] == [1, 4, 1, 4]
    assert len({instance["b64"] for instances in made for instance in instances}) == 10
    with pytest.raises(ValueError, match="batch"):
        batches(images, (0,))
    with pytest.raises(ValueError, match="25,000,000"):
        batches([Payload(bytes(5_000_000), "image/png")], (4,))


def test_payloads_are_mixed_the_same_way_with_the_same_seed() -> None:
    images = [Payload(bytes([number]), "image/png") for number in range(50)]
    assert shuffled(images, 1) == shuffled(images, 1) != shuffled(images, 2)
    assert sorted(shuffled(images, 1), key=lambda p: p.body) == images
