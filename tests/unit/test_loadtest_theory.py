"""Load tests against a service whose behaviour has closed forms: what is measured must be what theory says."""

from __future__ import annotations

import json
import os
import signal
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import psutil
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID
from loadtest_support import ROOT, Service, images, run, serving

pytestmark = pytest.mark.slow

# The machine that runs the tests may be busy: what is tested here is not how fit it is.
PATIENT = ("--max-lag-ms", "10000")


@pytest.fixture
def stock(tmp_path: Path) -> Path:
    return images(tmp_path / "images")


def load(service: Service, out: Path, stock: Path, *arguments: str, status: int = 0) -> dict[str, Any]:
    with serving(service):
        done = run(service, out, "--endpoint", "e", "--images", str(stock), *PATIENT, *arguments)
    assert done.returncode == status, done.stderr + done.stdout
    return json.loads((out / "load.json").read_text())


def test_a_stall_is_in_the_percentiles_of_open_arrivals_only(stock: Path, tmp_path: Path) -> None:
    # 50 arrivals a second for 4 s, and nothing is answered for one of them: 50 of 200 wait, evenly between 0 and 1 s.
    steady = ("--seconds", "4", "--warmup", "0")
    shown = load(Service(0.0005, stall=(75, 1.0)), tmp_path, stock, "--rate", "50", "--arrivals", "constant", *steady)
    assert shown["requests"] == 200
    assert shown["p95_ms"] == pytest.approx(800, abs=150)
    assert shown["p99_ms"] == pytest.approx(960, abs=150)
    assert shown["mean_ms"] == pytest.approx(125, abs=75)
    hidden = load(Service(0.005, stall=(75, 1.0)), tmp_path, stock, "--users", "1", *steady)
    assert hidden["max_ms"] > 990
    assert hidden["p99_ms"] < 500


def test_stairs_end_at_the_capacity_and_look_closely_at_it(stock: Path, tmp_path: Path) -> None:
    # One server, 10 ms a request: 100 requests a second at most, whatever the number of users.
    stairs = ("--shape", "stairs", "--users", "1", "--steps", "8", "--step-seconds", "2", "--settle", "0.5")
    shown = load(Service(0.01), tmp_path, stock, *stairs, "--min-requests", "100", "--workers", "2")
    assert shown["stopped"] == "flat"
    assert len(shown["steps"]) <= 5
    assert shown["steps"][-1]["rps"] == pytest.approx(100, rel=0.15)
    first = shown["steps"][0]
    # Little's law: users = throughput x latency.
    assert first["rps"] * first["mean_ms"] / 1000 == pytest.approx(1, rel=0.1)


def test_stairs_of_open_arrivals_end_where_the_objective_breaks(stock: Path, tmp_path: Path) -> None:
    stairs = ("--shape", "stairs", "--rate", "15", "--steps", "8", "--step-seconds", "3", "--settle", "0.5")
    shown = load(
        Service(0.02), tmp_path, stock, *stairs, "--min-requests", "30", "--refine", "1", "--slo-p95-ms", "150"
    )
    # 50/s is the capacity, so 60/s cannot be served; 15/s can by far.
    assert shown["stopped"] in {"slo", "flat"}
    assert max(step["rate"] for step in shown["steps"]) <= 60
    judged = shown["steps"][shown["judged_step"]]
    assert 15 <= judged["rate"] < 60
    assert judged["p95_ms"] <= 150
    assert shown["slo"]["passed"] is True
    assert any(step["name"].startswith("close look") for step in shown["steps"])
    for step in shown["steps"]:
        begin, end = step["samples"]
        assert sum(sample["level"] == step["name"] for sample in shown["samples"][begin:end]) == end - begin > 0


def test_a_spike_tells_when_the_target_recovered(stock: Path, tmp_path: Path) -> None:
    # 3 s at 80/s leave (80 - 50) x 3 = 90 requests in the queue, which 50 - 20 a second shorten again: 3 s.
    spike = ("--shape", "spike", "--rate", "20", "--peak", "80", "--seconds", "7", "--spike-seconds", "3")
    shown = load(
        Service(0.02),
        tmp_path,
        stock,
        *spike,
        "--arrivals",
        "constant",
        "--slo-p95-ms",
        "200",
        "--warmup",
        "0",
        status=1,
    )
    assert shown["recovered_s"] == pytest.approx(3, abs=1.5)
    assert [step["name"] for step in shown["steps"]] == ["before", "spike", "after"]


def test_what_exceeds_the_requests_in_flight_is_dropped_and_breaks_the_objective(stock: Path, tmp_path: Path) -> None:
    flood = ("--rate", "100", "--arrivals", "constant", "--seconds", "3", "--max-in-flight", "10")
    shown = load(Service(0.05), tmp_path, stock, *flood, status=1)
    assert [check["name"] for check in shown["slo"]["checks"] if not check["passed"]] == ["dropped"]
    # 20/s is the capacity: 80 % of what arrives finds ten requests waiting already.
    assert shown["dropped"] / 300 == pytest.approx(0.8, abs=0.05)
    assert shown["rps"] == pytest.approx(20, rel=0.1)
    # Little's law again: those who are let in find ten in the queue, themselves included.
    assert shown["p50_ms"] == pytest.approx(10 * 50, rel=0.15)


def test_recorded_arrivals_are_sent_when_they_were(stock: Path, tmp_path: Path) -> None:
    trace = tmp_path / "trace.jsonl"
    times = [0.0, 0.1, 0.2, 1.5, 1.55, 2.9]
    trace.write_text("".join(json.dumps({"time": 1000 + time_s}) + "\n" for time_s in times))
    shown = load(
        Service(), tmp_path, stock, "--shape", "replay", "--trace", str(trace), "--warmup", "0", "--workers", "2"
    )
    assert shown["requests"] == len(times)
    assert [sample["offered_rps"] for sample in shown["samples"]] == pytest.approx([3, 2, 1], abs=0.2)


def test_requests_without_an_answer_at_the_end_are_failures(stock: Path, tmp_path: Path) -> None:
    quiet = Service(0.0, stall=(20, 60.0))
    shown = load(
        quiet, tmp_path, stock, "--rate", "20", "--arrivals", "constant", "--seconds", "2", "--timeout", "1", status=1
    )
    assert shown["requests"] == 40
    assert 0 < shown["failures"] <= 40
    assert {error["cause"] for error in shown["errors"]} == {"timeout"}


def test_a_generator_that_is_the_bottleneck_judges_nothing(stock: Path, tmp_path: Path) -> None:
    flood = ("--rate", "20000", "--seconds", "2", "--max-lag-ms", "20", "--warmup", "0.5")
    with serving(Service()) as service:
        done = run(service, tmp_path, "--endpoint", "e", "--images", str(stock), *flood)
    assert done.returncode == 3, done.stdout
    assert "the generator is the bottleneck" in done.stdout
    assert "--workers" in done.stderr
    document = json.loads((tmp_path / "load.json").read_text())
    assert document["slo"]["passed"] is None
    assert "late" in document["unfit"]


def test_a_lost_worker_ends_the_test_with_its_name(stock: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "loadtest.run", "--endpoint", "e", "--images", str(stock), "--workers", "2"]
    with serving(Service(0.01)) as service:
        child = subprocess.Popen(
            [*command, "--seconds", "60", "--out", str(tmp_path)],
            cwd=ROOT,
            env=service.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            _wait(lambda: service.count > 10)
            workers = [p for p in psutil.Process(child.pid).children() if "--worker" in p.cmdline()]
            assert len(workers) == 2
            os.kill(workers[0].pid, signal.SIGKILL)
            _, messages = child.communicate(timeout=60)
        finally:
            child.kill()
            child.wait()
    assert child.returncode == 3
    assert "worker-" in messages
    assert "ended with status -9" in messages
    assert not (tmp_path / "load.json").exists()


def test_workers_on_other_machines_join_by_address(stock: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{probe.getsockname()[1]}"
    same = ["--endpoint", "e", "--images", str(stock), "--rate", "40", "--arrivals", "constant", "--seconds", "2"]
    command = [sys.executable, "-m", "loadtest.run", *same, "--workers", "2", *PATIENT]
    with serving(Service(0.005)) as service:
        helpers = [
            subprocess.Popen(
                [*command, "--worker-of", address, "--out", str(tmp_path / f"helper{number}")],
                cwd=ROOT,
                env=service.environment(),
            )
            for number in range(2)
        ]
        try:
            done = run(service, tmp_path, *same, "--workers", "2", *PATIENT, "--master", address)
            assert [helper.wait(30) for helper in helpers] == [0, 0]
        finally:
            for helper in helpers:
                helper.kill()
                helper.wait()
    assert done.returncode == 0, done.stderr
    assert f"--worker-of {address}" in done.stderr
    assert json.loads((tmp_path / "load.json").read_text())["requests"] == 80


def test_a_function_that_raises_is_a_failure_although_lambda_answers_200(tmp_path: Path) -> None:
    events = tmp_path / "events.jsonl"
    events.write_text('{"image": {"bucket": "b", "key": "k"}}\n')
    raised = (200, "X-Amz-Function-Error: Unhandled\r\n", b'{"errorType": "LowConfidence"}')
    with serving(Service(0.01, lambda *_: raised)) as service:
        done = run(service, tmp_path, "--function", "f", "--events", str(events), "--seconds", "1", "--users", "2")
    assert done.returncode == 1, done.stderr
    assert "LowConfidence" in done.stderr
    assert service.paths == {"/2015-03-31/functions/f/invocations?Qualifier=live"}
    assert service.wrong_signatures == 0


def test_an_execution_lasts_as_long_as_step_functions_says(tmp_path: Path) -> None:
    inputs = tmp_path / "inputs.jsonl"
    inputs.write_text('{"images": []}\n')
    begun: dict[str, float] = {}
    looks: list[str] = []

    def machine(count: int, path: str, target: str, body: bytes) -> tuple[int, str, bytes]:
        request = json.loads(body)
        if target == "AWSStepFunctions.StartExecution":
            arn = request["stateMachineArn"].replace("stateMachine", "execution") + ":" + request["name"]
            assert arn not in begun
            begun[arn] = time.time()
            return 200, "", json.dumps({"executionArn": arn, "startDate": begun[arn]}).encode()
        looks.append(request["executionArn"])
        start = begun[request["executionArn"]]
        if len(looks) % 5 == 0:
            return 400, "", b'{"__type": "com.amazon#ThrottlingException", "message": "Rate exceeded"}'
        over = time.time() - start > 0.3
        state = {"status": "SUCCEEDED", "stopDate": start + 0.3} if over else {"status": "RUNNING"}
        return 200, "", json.dumps({**state, "startDate": start}).encode()

    arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:classify"
    with serving(Service(0.0, machine)) as service:
        done = run(service, tmp_path, "--workflow", arn, "--events", str(inputs), "--users", "2", "--seconds", "3")
    assert done.returncode == 0, done.stderr
    shown = json.loads((tmp_path / "load.json").read_text())
    assert shown["requests"] >= 4
    # However late the end was noticed: the execution itself took 0.3 s, and its start a moment.
    assert shown["p50_ms"] == pytest.approx(310, abs=60)
    assert service.wrong_signatures == 0


def test_an_impostor_is_not_trusted_with_signed_requests(stock: Path, tmp_path: Path) -> None:
    certificate = tmp_path / "impostor.pem"
    with serving(Service(0.0, tls=_self_signed(certificate))) as service:
        known = ["--endpoint", "e", "--images", str(stock), "--seconds", "1", "--users", "1"]
        refused = run(service, tmp_path, *known)
        assert refused.returncode == 1
        assert "CERTIFICATE_VERIFY_FAILED" in refused.stderr
        assert service.count == 0
        trusted = run(service, tmp_path, *known, AWS_CA_BUNDLE=str(certificate))
        assert trusted.returncode == 0, trusted.stderr
        assert service.count > 0


def _self_signed(file: Path) -> ssl.SSLContext:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(hours=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(certificate.public_bytes(Encoding.PEM) + secret)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context


def _wait(fact: Any, deadline_s: float = 60) -> None:
    end = time.monotonic() + deadline_s
    while not fact():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.02)
