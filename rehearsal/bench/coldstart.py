"""What the functions cost before they can serve, and per call, beside the clients they might have used.

A cold start is the CPU time of a fresh interpreter until the handler is imported, the pool of connections included. The
function's own modules are compiled each time, as on Lambda, which cannot write beside them; those of the libraries are
not. The runtime's own part (awslambdaric) is the same for all, is measured apart and is in none of the other figures.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import yaml

from functions import build
from rehearsal.bench.row import (
    BenchError,
    Measure,
    Note,
    Row,
    at_most,
    cpu_of_command,
    fact,
    interleaved_all,
    not_measured,
    ratio,
    rounds,
)
from terraform.command import ROOT

BASELINE = "boto3 with the clients of S3 and the SageMaker runtime"
PEERS = {
    BASELINE: "import boto3; boto3.client('s3'); boto3.client('sagemaker-runtime')",
    "botocore with the same two clients": (
        "import botocore.session; s = botocore.session.get_session(); "
        "s.create_client('s3'); s.create_client('sagemaker-runtime')"
    ),
    "the runtime's own client (awslambdaric)": "import awslambdaric.bootstrap",
    "a bare interpreter": "pass",
}
POWERTOOLS = {
    "Powertools Logger, nothing else": "from aws_lambda_powertools import Logger; Logger(service='x')",
    "Powertools Logger and Metrics, nothing else": (
        "from aws_lambda_powertools import Logger, Metrics; Logger(service='x'); Metrics(namespace='a', service='b')"
    ),
}
PEERS_PYTHON = ROOT / ".venv-bench" / "bin" / "python"
PACKAGE_KB = 100
CALL_MS = 0.6
CALLS, SERIES = 25, 20
BODY_BYTES = 15_000  # a small JPEG
ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "PYTHONDONTWRITEBYTECODE": "1",
    "AWS_REGION": "eu-west-1",
    "AWS_DEFAULT_REGION": "eu-west-1",
    "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_SESSION_TOKEN": "token",
    "AWS_EC2_METADATA_DISABLED": "true",
}
# Each prints the CPU milliseconds of one call, of the best of many short series: what others do on the machine only
# ever adds. `call` is defined by the client's own lines.
CALLING = f"""
import time
body = b"x" * {BODY_BYTES}
%s
def series():
    began = time.process_time()
    for _ in range({CALLS}):
        call()
    return 1000 * (time.process_time() - began) / {CALLS}
print(min(series() for _ in range({SERIES})))
"""
OURS = """
from common.aws import Connection, Request
from common.endpoints import SAGEMAKER_RUNTIME, invocations_url
class context:
    get_remaining_time_in_millis = staticmethod(lambda: 60_000)
connection = Connection(connect_s=2, read_s=12, attempts=3)
kind = {"Content-Type": "image/jpeg"}
def call():
    connection.call(context, Request(SAGEMAKER_RUNTIME, "POST", invocations_url("e"), kind, body, len(body)))
"""
THEIRS = """
client = %s
def call():
    client.invoke_endpoint(EndpointName="e", ContentType="image/jpeg", Body=body)["Body"].read()
"""
CALLERS = {
    "ours": OURS,
    "boto3": "import boto3" + THEIRS % "boto3.client('sagemaker-runtime')",
    "botocore": "import botocore.session"
    + THEIRS % "botocore.session.get_session().create_client('sagemaker-runtime')",
}


def rows(note: Note) -> list[Row]:
    with tempfile.TemporaryDirectory() as folder:
        for name in build.names():
            zipfile.ZipFile(build.DIST / f"{name}.zip").extractall(Path(folder) / name)
        return [*_starts(note, Path(folder)), *_packages(), *_calls(note, Path(folder))]


def _starts(note: Note, folder: Path) -> list[Row]:
    note("cold starts of the functions and their peers")
    starts = {name: partial(_start, "import handler", folder / name) for name in build.names()}
    starts |= {peer: partial(_start, program) for peer, program in PEERS.items()}
    powertools = POWERTOOLS if _has_powertools() else {}
    starts |= {peer: partial(_start, program, python=PEERS_PYTHON) for peer, program in powertools.items()}
    for program in PEERS.values():
        _start(program, compiled=True)
    for program in powertools.values():
        _start(program, python=PEERS_PYTHON, compiled=True)
    taken = interleaved_all(rounds(7), starts)
    found = [
        at_most(f"cold start of {name}, CPU by that of {BASELINE}", ratio(taken, name, BASELINE), budget, "x")
        for name, budget in ((name, _budget(name)) for name in build.names())
    ]
    found.append(fact(f"{BASELINE}, CPU", 1000 * sorted(taken[BASELINE])[len(taken[BASELINE]) // 2], "ms"))
    peers = [peer for peer in (*PEERS, *powertools) if peer != BASELINE]
    found += [fact(f"{peer}, CPU by the same", ratio(taken, peer, BASELINE), "x") for peer in peers]
    if not powertools:
        why = "aws-lambda-powertools is missing: python3 requirements/install.py bench"
        found += [not_measured(f"{peer}, CPU by the same", "", why) for peer in POWERTOOLS]
    return found


def _packages() -> list[Row]:
    sizes = {name: (build.DIST / f"{name}.zip").stat().st_size / 1000 for name in build.names()}
    return [at_most(f"package of {name}, dependencies apart", size, PACKAGE_KB, "kB") for name, size in sizes.items()]


def _calls(note: Note, folder: Path) -> list[Row]:
    note("calls to a server on this machine that does nothing")
    with _no_op() as url:
        measures: dict[str, Measure] = {
            name: partial(_call, CALLING % program, folder / "classify_image", url) for name, program in CALLERS.items()
        }
        results = interleaved_all(rounds(), measures)
    taken = {name: min(values) for name, values in results.items()}
    return [
        at_most("InvokeEndpoint by our client, CPU per call", taken["ours"], CALL_MS, "ms"),
        fact("the same, by that of boto3", ratio(results, "ours", "boto3"), "x"),
        fact("InvokeEndpoint by boto3, CPU per call", taken["boto3"], "ms"),
        fact("InvokeEndpoint by a botocore client, CPU per call", taken["botocore"], "ms"),
    ]


def _start(
    program: str, folder: Path | None = None, *, python: Path = Path(sys.executable), compiled: bool = False
) -> float:
    """CPU seconds of a program; ``compiled`` leaves the bytecode of its libraries behind, for the next one."""
    changes = {"PYTHONPATH": str(folder)} if folder else {}
    changes |= {"PYTHONDONTWRITEBYTECODE": ""} if compiled else {}
    return cpu_of_command([str(python), "-c", program], env=ENVIRONMENT | changes)


def _call(program: str, folder: Path, url: str) -> float:
    finished = subprocess.run(
        [sys.executable, "-c", program],
        env=ENVIRONMENT | {"PYTHONPATH": str(folder), "AWS_ENDPOINT_URL": url},
        capture_output=True,
        text=True,
        check=False,
    )
    if finished.returncode:
        raise BenchError(f"a client could not call the server on this machine: {finished.stderr.strip()[-300:]}")
    return float(finished.stdout)


def _budget(name: str) -> float:
    spec = yaml.safe_load((build.ROOT / name / "function.yaml").read_text())
    return float(spec["cold_start"]["cpu_ratio_to_boto3"])


def _has_powertools() -> bool:
    if not PEERS_PYTHON.exists():
        return False
    look = [str(PEERS_PYTHON), "-c", "import aws_lambda_powertools"]
    return subprocess.run(look, capture_output=True, check=False).returncode == 0


@contextmanager
def _no_op() -> Iterator[str]:
    """A server that answers every POST with an empty JSON object."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body are two packets, and the second must not wait for the first's acknowledgement.
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
