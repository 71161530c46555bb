"""`python -m training.jobs.script_mode`: the training image's entry point.

Speaks the same script mode as AWS's framework images, with the standard library alone: unpacks the archive that
`sagemaker_submit_directory` names, sets the SM_* variables, runs `sagemaker_program` with the hyperparameters as
options; where `sagemaker_torch_distributed_enabled` says so, in `sagemaker_torch_processes_per_host` processes on each
instance, which torchrun starts.
The archive must have come with an input channel: a job isolated from the network cannot fetch it from S3.

Contract: https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-training-algo-running-container.html
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

FAILURE_LIMIT = 1024
# The second is what a tuning job adds to its trials' hyperparameters.
_OWN = ("sagemaker_", "_tuning_objective_metric")
MEETING_PORT = 7777


class ScriptModeError(Exception):
    """The job's request does not say what to run, or what it names is not there."""


def main() -> int:
    """Run the job's program and return its exit code; what stops it from starting goes to the failure file."""
    base = Path(os.environ.get("SAGEMAKER_BASE_DIR", "/opt/ml"))
    try:
        given = _hyperparameters(base / "input" / "config" / "hyperparameters.json")
        code = base / "code"
        _unpack(given, code)
        program = given.get("sagemaker_program", "")
        if not program or not (code / program).is_file():
            held = ", ".join(sorted(path.name for path in code.iterdir()))
            raise ScriptModeError(f"sagemaker_program = {program!r}: is not in the archive, which holds {held}")
    except ScriptModeError as error:
        sys.stderr.write(f"error: {error}\n")
        failure = base / "output" / "failure"
        failure.parent.mkdir(parents=True, exist_ok=True)
        failure.write_text(str(error)[:FAILURE_LIMIT], encoding="utf-8")
        return 2
    hosts, current = _hosts(base / "input" / "config" / "resourceconfig.json")
    command = [*launcher(given, hosts, current), program, *arguments(given)]
    known = {"SM_HOSTS": json.dumps(hosts), "SM_CURRENT_HOST": current}
    return _run(command, code, os.environ | variables(base, code, given) | known)


def _run(command: list[str], folder: Path, environment: dict[str, str]) -> int:
    """Run the program and hand on SIGTERM, with which SageMaker stops a job: it may want to leave a checkpoint."""
    early: list[int] = []
    process: subprocess.Popen[bytes] | None = None

    def stop(number: int, _frame: object) -> None:
        if process is None:
            early.append(number)
        else:
            process.send_signal(number)

    signal.signal(signal.SIGTERM, stop)
    process = subprocess.Popen(command, cwd=folder, env=environment)
    for number in early:
        process.send_signal(number)
    return process.wait()


def launcher(given: dict[str, str], hosts: list[str], current: str) -> list[str]:
    """What the program is started with: Python, or torchrun on every instance, which meet at the first one."""
    if given.get("sagemaker_torch_distributed_enabled") != "true":
        return [sys.executable]
    return [
        *(sys.executable, "-m", "torch.distributed.run"),
        *("--nnodes", str(len(hosts)), "--node_rank", str(hosts.index(current))),
        *("--nproc_per_node", given.get("sagemaker_torch_processes_per_host", "1")),
        *("--master_addr", hosts[0], "--master_port", str(MEETING_PORT)),
    ]


def arguments(given: dict[str, str]) -> list[str]:
    """`--name value` for every hyperparameter that is not the toolkit's own, by name."""
    return [part for name, value in sorted(given.items()) if not name.startswith(_OWN) for part in (f"--{name}", value)]


def variables(base: Path, code: Path, given: dict[str, str]) -> dict[str, str]:
    """The SM_* variables a training script reads."""
    data = base / "input" / "data"
    channels = sorted(path.name for path in data.iterdir() if path.is_dir()) if data.is_dir() else []
    values = {
        "SM_MODEL_DIR": str(base / "model"),
        "SM_OUTPUT_DIR": str(base / "output"),
        "SM_OUTPUT_DATA_DIR": str(base / "output" / "data"),
        "SM_CHANNELS": json.dumps(channels),
        "SM_HPS": json.dumps({name: value for name, value in given.items() if not name.startswith(_OWN)}),
        "PYTHONPATH": str(code),
        "PYTHONUNBUFFERED": "1",
    }
    return values | {f"SM_CHANNEL_{name.upper()}": str(data / name) for name in channels}


def _hosts(path: Path) -> tuple[list[str], str]:
    """Names of the job's instances and of this one; the file lies there on SageMaker, and may be missing elsewhere."""
    if not path.is_file():
        return ["localhost"], "localhost"
    config = json.loads(path.read_text(encoding="utf-8"))
    return config["hosts"], config["current_host"]


def _hyperparameters(path: Path) -> dict[str, str]:
    """SageMaker's map of strings; the SageMaker SDK wraps each value in JSON once more, which is undone here."""
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ScriptModeError(f"{path}: cannot be read ({error}); SageMaker writes it from HyperParameters") from None
    return {name: _unwrap(str(value)) for name, value in raw.items()}


def _unwrap(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] == '"':
        try:
            return str(json.loads(value))
        except ValueError:
            return value
    return value


def _unpack(given: dict[str, str], code: Path) -> None:
    where = given.get("sagemaker_submit_directory", "")
    source = Path(where)
    if where.startswith("s3://") or not source.is_absolute():
        raise ScriptModeError(
            f"sagemaker_submit_directory = {where!r}: must be a path in an input channel, "
            "such as /opt/ml/input/data/code/sourcedir.tar.gz"
        )
    archive = source / "sourcedir.tar.gz" if source.is_dir() else source
    code.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive, "r:gz") as packed:
            # "data" refuses links and paths that lead out of the folder, and drops permission bits.
            packed.extractall(code, filter="data")
    except (OSError, tarfile.TarError, EOFError) as error:
        raise ScriptModeError(f"{archive}: cannot be unpacked ({error}); package the code again") from None


if __name__ == "__main__":
    sys.exit(main())
