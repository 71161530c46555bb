"""Script mode: how the program is started on one instance and on several."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest

from training.jobs import script_mode

PROGRAM = """
import json, os, sys
record = {name: os.environ.get(name) for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK", "SM_HOSTS", "SM_CURRENT_HOST")}
with open(os.path.join(os.environ["SM_OUTPUT_DIR"], f"{record['RANK']}.json"), "w") as file:
    json.dump(record | {"arguments": sys.argv[1:]}, file)
"""


def started(base: Path, hyperparameters: dict[str, str], hosts: list[str]) -> list[dict[str, object]]:
    """Run script mode on a folder laid out as SageMaker does; what each process has written, by rank."""
    code = base / "input" / "data" / "code"
    for folder in (code, base / "input" / "config", base / "output"):
        folder.mkdir(parents=True)
    (base / "train.py").write_text(PROGRAM)
    with tarfile.open(code / "sourcedir.tar.gz", "w:gz") as archive:
        archive.add(base / "train.py", "train.py")
    given = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(code / "sourcedir.tar.gz")}
    config = base / "input" / "config"
    (config / "hyperparameters.json").write_text(json.dumps(given | hyperparameters))
    (config / "resourceconfig.json").write_text(json.dumps({"hosts": hosts, "current_host": hosts[0]}))
    finished = subprocess.run(
        [sys.executable, "-m", "training.jobs.script_mode"],
        env={"PATH": "/usr/bin:/bin", "SAGEMAKER_BASE_DIR": str(base), "PYTHONPATH": ".", "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(path.read_text()) for path in sorted((base / "output").glob("*.json"))]


def test_one_process_is_python_itself(tmp_path: Path):
    (only,) = started(tmp_path, {"epochs": "3", "_tuning_objective_metric": "test:loss"}, ["algo-1"])
    assert only["RANK"] is None
    assert json.loads(str(only["SM_HOSTS"])) == ["algo-1"]
    assert only["arguments"] == ["--epochs", "3"], "what a tuning job adds is no option of the program"


@pytest.mark.slow
def test_torchrun_starts_the_processes_of_an_instance(tmp_path: Path):
    given = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_torch_processes_per_host": "2"}
    ranks = started(tmp_path, given, ["localhost"])
    assert [(one["RANK"], one["WORLD_SIZE"], one["LOCAL_RANK"]) for one in ranks] == [("0", "2", "0"), ("1", "2", "1")]
    assert ranks[0]["SM_CURRENT_HOST"] == "localhost"


def test_instances_meet_at_the_first_one():
    given = {"sagemaker_torch_distributed_enabled": "true", "sagemaker_torch_processes_per_host": "4"}
    command = script_mode.launcher(given, ["algo-1", "algo-2"], "algo-2")
    options = dict(zip(command[3::2], command[4::2], strict=True))
    assert options == {
        "--nnodes": "2",
        "--node_rank": "1",
        "--nproc_per_node": "4",
        "--master_addr": "algo-1",
        "--master_port": "7777",
    }
