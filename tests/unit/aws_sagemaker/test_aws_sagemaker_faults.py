"""Faults on demand: who may ask, what is refused, and that each strikes what it names and ends."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from aws_sagemaker_server import BUCKET, REGION, ROLE, Server, wait_until
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from test_aws_sagemaker_endpoint import config, endpoint, invoke, model, said

from rehearsal.aws.client import EmbeddedAws, attach
from rehearsal.aws.faults import kinds
from rehearsal.aws.faults.client import FaultRefusedError, ask
from rehearsal.aws.faults.kinds import FaultError

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="module")
def embedded(aws: Server) -> EmbeddedAws:
    return attach(aws.endpoint, region=REGION)


@pytest.fixture(scope="module")
def pair(aws: Server) -> Iterator[str]:
    """An endpoint of two instances."""
    model(aws, "struck")
    endpoint(aws, "struck", config(aws, "struck", count=2))
    yield "struck"
    aws.sagemaker.delete_endpoint(EndpointName="struck")


def code(server: Server, name: str, body: bytes = b"hi") -> str:
    """Return "200", or the error's code and what the model answered."""
    try:
        invoke(server, name, body)
    except ClientError as error:
        return f"{error.response['Error']['Code']} {error.response.get('OriginalStatusCode', '')}".strip()
    return "200"


def pids(server: Server, name: str) -> set[int]:
    return {said(server, name)["pid"] for _ in range(8)}


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ([], "document: 'list' is no JSON object"),
        ({"kind": "flood"}, "kind: 'flood' is none of kill-server"),
        ({"kind": ["throttle"]}, "is none of kill-server"),
        ({"kind": "throttle", "seconds": 1}, "endpoint: None is missing: throttle needs endpoint, seconds"),
        ({"kind": "throttle", "endpoint": "e", "seconds": 1, "delay_s": 1}, "delay_s: 1 is no field of throttle"),
        ({"kind": "throttle", "endpoint": "", "seconds": 1}, "endpoint: '' is no name"),
        ({"kind": "throttle", "endpoint": "e", "seconds": 601}, "seconds: 601 must be a number from 0.1 to 600"),
        ({"kind": "throttle", "endpoint": "e", "seconds": True}, "seconds: True must be a number"),
        ({"kind": "throttle", "endpoint": "e", "seconds": float("nan")}, "seconds: nan must be a number"),
        ({"kind": "throttle", "endpoint": "e", "seconds": 1, "share": 0}, "share: 0 must be a number from 0.001 to 1"),
        ({"kind": "throttle", "endpoint": "e", "seconds": 1, "count": 1.5}, "count: 1.5 must be a whole number"),
        (
            {"kind": "fail-model", "endpoint": "e", "seconds": 1, "status": 200},
            "must be a whole number from 400 to 599",
        ),
    ],
)
def test_what_cannot_be_names_field_value_and_remedy(document: Any, message: str) -> None:
    with pytest.raises(FaultError, match="fault") as error:
        kinds.read(document)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"endpoint": "nobody"}, "endpoint: 'nobody' is none that runs: .*struck"),
        ({"endpoint": "struck", "variant": "other"}, "variant: 'other' is none of struck: it has struck"),
    ],
)
def test_a_fault_of_nothing_is_refused(embedded: EmbeddedAws, pair: str, fields: dict[str, str], message: str) -> None:
    with pytest.raises(FaultError, match=message), embedded.fault("kill-server", **fields):
        pass
    assert embedded.faults() == []


def test_only_the_root_user_may_cause_faults(aws: Server, embedded: EmbeddedAws, pair: str) -> None:
    issued = aws.client("sts").assume_role(RoleArn=ROLE, RoleSessionName="somebody")["Credentials"]
    role = Credentials(issued["AccessKeyId"], issued["SecretAccessKey"], issued["SessionToken"])
    for who, name in ((role, "assumed-role/sagemaker/somebody"), (Credentials("AKIA0000", "x"), "without credentials")):
        for method in ("POST", "GET", "DELETE"):
            with pytest.raises(FaultRefusedError, match=f"{name}.* may not cause faults: only the root user may"):
                ask(aws.endpoint, REGION, method, document={"kind": "kill-server", "endpoint": pair}, who=who)


def test_throttling_is_what_the_share_and_the_count_say(aws: Server, embedded: EmbeddedAws, pair: str) -> None:
    with embedded.fault("throttle", endpoint=pair, seconds=30, count=3) as fault:
        assert [code(aws, pair) for _ in range(5)] == ["ThrottlingException"] * 3 + ["200"] * 2
    assert fault["struck"] == 3
    with embedded.fault("throttle", endpoint=pair, seconds=30, share=0.5) as fault:
        answers = [code(aws, pair) for _ in range(60)]
    assert answers.count("ThrottlingException") == fault["struck"]
    assert 10 < fault["struck"] < 50
    assert code(aws, pair) == "200"


def test_a_model_can_fail_and_be_slow(aws: Server, embedded: EmbeddedAws, pair: str) -> None:
    with embedded.fault("fail-model", endpoint=pair, seconds=30, status=503, count=1):
        assert [code(aws, pair), code(aws, pair)] == ["ModelError 503", "200"]
    with embedded.fault("slow-model", endpoint=pair, variant="struck", seconds=30, delay_s=0.3, count=1):
        begun = time.monotonic()
        assert code(aws, pair) == "200"
        assert time.monotonic() - begun >= 0.3


def test_the_end_of_a_fault_wakes_those_who_wait_for_it(aws: Server, embedded: EmbeddedAws, pair: str) -> None:
    begun = time.monotonic()
    with ThreadPoolExecutor(1) as pool:
        with embedded.fault("slow-model", endpoint=pair, seconds=60, delay_s=50):
            waits = pool.submit(code, aws, pair)
            wait_until(lambda: embedded.faults()[0]["struck"])
        assert waits.result() == "200"
    assert time.monotonic() - begun < 25


def test_a_fault_ends_by_itself(aws: Server, embedded: EmbeddedAws, pair: str) -> None:
    with embedded.fault("throttle", endpoint=pair, seconds=0.3) as fault:
        assert code(aws, pair) == "ThrottlingException"
        wait_until(lambda: not embedded.faults())
        assert code(aws, pair) == "200"
    assert fault["struck"] >= 1


def test_storage_is_slow_below_a_prefix(aws: Server, embedded: EmbeddedAws) -> None:
    with embedded.fault("slow-storage", bucket=BUCKET, prefix="slow/", seconds=30, delay_s=0.3) as fault:
        begun = time.monotonic()
        aws.put("fast/key", b"x")
        aws.put("slow/key", b"x")
        assert time.monotonic() - begun >= 0.3
    assert fault["struck"] == 1


def test_a_killed_server_is_replaced_while_the_other_answers(aws: Server, embedded: EmbeddedAws, pair: str) -> None:
    before = wait_until(lambda: len(found := pids(aws, pair)) == 2 and found)
    with embedded.fault("kill-server", endpoint=pair) as fault:
        assert fault["instance"].startswith("i-")
        assert {code(aws, pair) for _ in range(8)} == {"200"}
    after = wait_until(lambda: len(found := pids(aws, pair)) == 2 and found)
    assert len(before & after) == 1


@pytest.mark.slow
def test_an_instance_that_was_taken_comes_back_when_its_time_is_over(
    aws: Server, embedded: EmbeddedAws, pair: str
) -> None:
    wait_until(lambda: len(pids(aws, pair)) == 2)
    with embedded.fault("take-instance", endpoint=pair, seconds=60):
        longer_than_a_restart = time.monotonic() + 1.5
        while time.monotonic() < longer_than_a_restart:
            assert len(pids(aws, pair)) == 1
    wait_until(lambda: len(pids(aws, pair)) == 2)


@pytest.mark.slow
def test_a_server_that_hangs_fails_its_health_checks_and_is_replaced(
    aws: Server, embedded: EmbeddedAws, pair: str
) -> None:
    before = wait_until(lambda: len(found := pids(aws, pair)) == 2 and found)
    with ThreadPoolExecutor(4) as pool, embedded.fault("freeze-server", endpoint=pair, seconds=60):
        answers = [f.result() for f in [pool.submit(code, aws, pair) for _ in range(4)]]
        after = wait_until(lambda: len(found := pids(aws, pair)) == 2 and found, 30)
    assert len(before & after) == 1
    assert set(answers) <= {"200", "ModelError 0"}
    assert "200" in answers


def test_metrics_count_what_was_answered(aws: Server, embedded: EmbeddedAws) -> None:
    model(aws, "tallied")
    endpoint(aws, "tallied", config(aws, "tallied"))
    with embedded.fault("fail-model", endpoint="tallied", seconds=30, status=500, count=3):
        answers = [code(aws, "tallied") for _ in range(8)]
    answers += [code(aws, "tallied", b"fail") for _ in range(2)]  # 500 from the model itself
    assert answers.count("ModelError 500") == 5

    dims = [{"Name": "EndpointName", "Value": "tallied"}, {"Name": "VariantName", "Value": "tallied"}]

    def figures() -> dict[str, tuple[float, float]]:
        now = time.time()
        found = {}
        for name in ("Invocations", "InvocationsPerInstance", "Invocation4XXErrors", "Invocation5XXErrors"):
            points = aws.cloudwatch.get_metric_statistics(
                Namespace="AWS/SageMaker",
                MetricName=name,
                Dimensions=dims,
                StartTime=now - 600,
                EndTime=now + 60,
                Period=3600,
                Statistics=["Sum", "SampleCount"],
            )["Datapoints"]
            found[name] = (sum(p["Sum"] for p in points), sum(p["SampleCount"] for p in points))
        return found

    wait_until(lambda: figures()["Invocation5XXErrors"] == (5.0, 10.0))
    assert figures()["Invocations"] == figures()["InvocationsPerInstance"] == (10.0, 10.0)
    assert figures()["Invocation4XXErrors"] == (0.0, 10.0)
    aws.sagemaker.delete_endpoint(EndpointName="tallied")


def test_a_fault_is_no_call_of_aws(aws: Server, embedded: EmbeddedAws, pair: str) -> None:
    with embedded.fault("throttle", endpoint=pair, seconds=5, count=1):
        assert code(aws, pair) == "ThrottlingException"
    calls = [json.loads(line) for line in (aws.root / "aws" / "calls.jsonl").read_text().splitlines()]
    assert {call["service"] for call in calls} >= {"sagemaker"}
    assert not [call for call in calls if "slipway" in (call["service"], call["operation"])]
    assert [call for call in calls if call["operation"] == "InvokeEndpoint" and call["status"] == 400]
