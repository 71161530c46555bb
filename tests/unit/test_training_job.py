"""The whole job, as SageMaker runs it: packed, unpacked, trained, exported, served."""

from __future__ import annotations

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
from pathlib import Path

import numpy as np
import pytest

from tests.lazily import Lazily
from training.data.__main__ import main as data_command
from training.jobs import package, script_mode
from training.workloads import spec

torch, tensorboard = Lazily("torch"), Lazily("tensorboard.backend.event_processing.event_accumulator")
fitting, images, networks = (Lazily(f"training.learning.{name}") for name in ("fitting", "images", "networks"))
train = Lazily("training.workloads.vehicles.train")
VEHICLES = spec.load("vehicles")
ROOT = Path(package.__file__).parents[2]


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    arguments = ["stage", "--workload", "vehicles", "--per-class", "36", "--out", str(folder / "dataset")]
    assert data_command([*arguments, "--cache", str(folder / "cache")]) == 0
    return folder / "dataset"


def container(base: Path, dataset: Path, hyperparameters: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Run script mode in an /opt/ml of its own, as an isolated container: nothing of this repository on the path."""
    channels = base / "input" / "data"
    (channels / "code").mkdir(parents=True)
    for name in ("train", "validation", "test"):
        shutil.copytree(dataset / name, channels / name)
    archive = channels / "code" / "sourcedir.tar.gz"
    package.write(VEHICLES, archive)
    own = {"sagemaker_program": "train.py", "sagemaker_submit_directory": str(archive)}
    (base / "input" / "config").mkdir()
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(own | hyperparameters))
    env = {"PATH": os.environ["PATH"], "HOME": str(base), "OMP_NUM_THREADS": "1", "SAGEMAKER_BASE_DIR": str(base)}
    command = [sys.executable, script_mode.__file__, "train"]
    return subprocess.run(command, cwd=base, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, dataset) -> tuple[Path, str]:
    base = tmp_path_factory.mktemp("job") / "ml"
    base.mkdir()
    done = container(base, dataset, {"epochs": "3", "model_version": '"7"', "weights": "", "augment": "True"})
    assert done.returncode == 0, done.stdout + done.stderr
    return base, done.stdout


def test_the_model_folder_is_what_the_contract_says(trained):
    base, _ = trained
    held = {path.name for path in (base / "model").iterdir()}
    assert held == {"model.onnx", "model.json", "model.pt", "metrics.json", "model_card.md"}
    described = json.loads((base / "model" / "model.json").read_text())
    assert described["workload"] == "vehicles"
    assert described["version"] == "7"
    assert described["classes"] == ["bicycle", "motorcycle"]
    wanted = {"height": 32, "width": 32, "channels": 3, "layout": "NCHW"}
    assert wanted.items() <= described["input"].items()
    assert described["source"] == "synthetic"
    assert not (base / "output" / "failure").exists()


def test_what_is_synthetic_says_so_everywhere(trained):
    base, log = trained
    card = (base / "model" / "model_card.md").read_text()
    assert "**Synthetic.**" in card
    assert json.loads((base / "model" / "model.json").read_text())["synthetic"] is True
    assert "synthetic data" in log.splitlines()[0]


def test_sagemaker_reads_every_metric_from_the_log(trained):
    base, log = trained
    per_epoch = {"train:loss", "validation:loss", "validation:accuracy"}
    for metric in VEHICLES.training.metrics:
        found = re.findall(metric.regex, log)
        assert len(found) == (3 if metric.name in per_epoch else 1), metric.name
    figures = json.loads((base / "model" / "metrics.json").read_text())
    gate = next(metric for metric in VEHICLES.training.metrics if metric.name == VEHICLES.training.gate.metric)
    assert float(re.findall(gate.regex, log)[-1]) == pytest.approx(figures["accuracy"], abs=1e-6)


def test_metrics_are_also_lines_of_json_and_tensorboard_events(trained):
    output = trained[0] / "output" / "data"
    lines = [json.loads(text) for text in (output / "metrics.jsonl").read_text().splitlines()]
    assert [entry.get("epoch") for entry in lines] == [1, 2, 3, None]
    events = tensorboard.EventAccumulator(str(output / "tensorboard"))
    events.Reload()
    scalars = events.Scalars("validation/loss")
    assert [event.step for event in scalars] == [1, 2, 3]
    assert [event.value for event in scalars] == pytest.approx([e["validation:loss"] for e in lines[:3]], rel=1e-6)
    assert (output / "confusion.png").read_bytes().startswith(b"\x89PNG")


def test_the_figures_agree_with_each_other(trained, dataset):
    figures = json.loads((trained[0] / "model" / "metrics.json").read_text())
    matrix = np.array(figures["confusion"])
    assert matrix.sum() == figures["images"] == len(list((dataset / "test").glob("*/*.png")))
    assert np.trace(matrix) / matrix.sum() == pytest.approx(figures["accuracy"])
    assert figures["onnx_difference"] <= 1e-4


def test_the_server_answers_as_torch_does(trained, dataset):
    """The same files, decoded by the server and by the training code, give the same probabilities."""
    base, _ = trained
    described = json.loads((base / "model" / "model.json").read_text())
    saved = torch.load(base / "model" / "model.pt", weights_only=True)
    network = networks.build(described["architecture"], 2)
    network.load_state_dict(saved["state_dict"])
    split = images.read_split(dataset / "test", tuple(saved["classes"]), 32, 32)
    wanted = torch.softmax(fitting.predict(network, split.images) / described["temperature"], 1).numpy()

    env = os.environ | {"SM_MODEL_DIR": str(base / "model"), "SAGEMAKER_BIND_TO_PORT": "0"}
    command = [sys.executable, "-m", "training.serving", "serve"]
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as server:
        try:
            port = int(server.stdout.readline())
            while json.loads(server.stderr.readline())["event"] != "ready":
                pass
            got = np.array([ask(port, (dataset / "test" / name).read_bytes()) for name in split.names])
        finally:
            server.send_signal(signal.SIGTERM)
            _, rest = server.communicate(timeout=20)
    assert server.returncode == 0, rest
    assert np.abs(got - wanted).max() < 1e-5
    assert np.ptp(wanted) > 0.01, "a model that always says the same proves nothing"


def ask(port: int, body: bytes) -> list[float]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", "/invocations", body, {"Content-Type": "image/png"})
    answer = json.loads(connection.getresponse().read())
    connection.close()
    ranked = {item["index"]: item["probability"] for item in answer["predictions"]}
    return [ranked[0], ranked[1]]


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"epochs": "0"}, "hyperparameters.epochs = '0': must lie between 1 and 500"),
        ({"epohcs": "3"}, "Did you mean epochs?"),
        ({"architecture": "resnet19"}, "must be one of"),
    ],
)
def test_a_wrong_hyperparameter_fails_the_job_with_its_reason(tmp_path, dataset, given, says):
    done = container(tmp_path, dataset, given)
    assert done.returncode == 2
    assert says in done.stderr
    failure = (tmp_path / "output" / "failure").read_text()
    assert says in failure
    assert len(failure) <= 1024


@pytest.fixture
def here(tmp_path, dataset, monkeypatch):
    """Run train.py in this process, with the variables of a container."""

    def run(*arguments: str, data: Path = dataset) -> tuple[int, Path]:
        for name in ("train", "validation", "test"):
            monkeypatch.setenv(f"SM_CHANNEL_{name.upper()}", str(data / name))
        monkeypatch.setenv("SM_MODEL_DIR", str(tmp_path / "ml" / "model"))
        monkeypatch.setenv("SM_OUTPUT_DATA_DIR", str(tmp_path / "ml" / "output" / "data"))
        return train.main(arguments), tmp_path / "ml"

    return run


def test_data_that_cannot_be_used_fails_the_job_with_its_reason(tmp_path, dataset, here):
    broken = tmp_path / "dataset"
    shutil.copytree(dataset, broken)
    next(broken.glob("test/bicycle/*.png")).write_bytes(b"rubbish")
    code, base = here("--epochs", "1", data=broken)
    assert code == 1
    assert "is no readable image" in (base / "output" / "failure").read_text()
    assert not (base / "model" / "model.onnx").exists()


def test_an_image_in_two_splits_fails_the_job(tmp_path, dataset, here):
    leaking = tmp_path / "dataset"
    shutil.copytree(dataset, leaking)
    shutil.copy(next(dataset.glob("train/bicycle/*.png")), leaking / "test" / "bicycle" / "again.png")
    code, base = here("--epochs", "1", data=leaking)
    assert code == 1
    assert "is the same image as train/bicycle/" in (base / "output" / "failure").read_text()


def test_freezing_without_weights_is_refused(here):
    code, base = here("--freeze-backbone", "true")
    assert code == 1
    assert "set weights too" in (base / "output" / "failure").read_text()


def test_weights_come_from_their_channel_and_a_frozen_backbone_keeps_them(tmp_path, here, monkeypatch):
    """Transfer learning: one epoch from a five-class file, with everything but the head frozen."""
    torch.manual_seed(5)
    given = networks.build("small_cnn", 5).state_dict()
    (tmp_path / "weights").mkdir()
    torch.save(given, tmp_path / "weights" / "five.pth")
    monkeypatch.setenv("SM_CHANNEL_WEIGHTS", str(tmp_path / "weights"))
    code, base = here("--epochs", "1", "--weights", "five.pth", "--freeze_backbone", "true")
    assert code == 0
    saved = torch.load(base / "model" / "model.pt", weights_only=True)["state_dict"]
    head = list(given)[-2:]
    assert all(torch.equal(saved[name], given[name]) for name in given if name not in head)
    assert saved[head[0]].shape[0] == 2


def test_help_lists_every_hyperparameter_with_its_range():
    command = [sys.executable, "-m", "training.workloads.vehicles.train", "--help"]
    said = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for name in VEHICLES.training.hyperparameters:
        assert f"--{name}" in said
    assert "1 to 500" in said


# --- packaging and script mode ------------------------------------------------------------------


def test_the_archive_depends_on_the_files_alone(tmp_path):
    for name in ("a.tar.gz", "b.tar.gz"):
        assert package.main(["--workload", "vehicles", "--out", str(tmp_path / "x" / name)]) == 0
    content = (tmp_path / "x" / "a.tar.gz").read_bytes()
    assert content == (tmp_path / "x" / "b.tar.gz").read_bytes()
    assert content[4:8] == bytes(4), "gzip's own date, in seconds: both archives were written within one"
    with tarfile.open(tmp_path / "x" / "a.tar.gz") as archive:
        names = archive.getnames()
        assert {member.mtime for member in archive} == {0}
    assert "train.py" in names
    assert "training/workloads/vehicles/workload.yaml" in names
    assert names == sorted(names)
    assert not any("__pycache__" in name for name in names)
    assert not {"training/serving/app.py", "training/serving/model.py"} & set(names), "a job needs no server"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [(["--workload", "vehicle", "--out", "x.tar.gz"], "Did you mean vehicles"), (["--workload", "vehicles"], "--out")],
)
def test_wrong_arguments_are_explained(tmp_path, capsys, monkeypatch, arguments, says):
    monkeypatch.chdir(tmp_path)
    try:
        code = package.main(arguments)
    except SystemExit as error:
        code = error.code
    assert code == 2
    assert says in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def run_script(base: Path, hyperparameters: dict[str, str], program: str = "") -> subprocess.CompletedProcess[str]:
    archive = base / "input" / "data" / "code" / "sourcedir.tar.gz"
    archive.parent.mkdir(parents=True)
    (base / "main.py").write_text(program)
    with tarfile.open(archive, "w:gz") as packed:
        packed.add(base / "main.py", "main.py")
    (base / "input" / "config").mkdir()
    given = {"sagemaker_program": "main.py", "sagemaker_submit_directory": str(archive)} | hyperparameters
    (base / "input" / "config" / "hyperparameters.json").write_text(json.dumps(given))
    env = os.environ | {"SAGEMAKER_BASE_DIR": str(base)}
    command = [sys.executable, script_mode.__file__]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=30)


def test_script_mode_passes_options_channels_and_the_exit_code(tmp_path):
    program = (
        "import os, sys; print(sys.argv[1:], os.environ['SM_CHANNEL_CODE'], os.environ['SM_MODEL_DIR']); sys.exit(3)"
    )
    done = run_script(tmp_path, {"lr": "0.1", "name": '"a b"', "sagemaker_region": "x"}, program)
    assert done.returncode == 3
    assert "['--lr', '0.1', '--name', 'a b']" in done.stdout
    assert f"{tmp_path}/input/data/code {tmp_path}/model" in done.stdout


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"sagemaker_submit_directory": "s3://bucket/code.tar.gz"}, "a path in an input channel"),
        ({"sagemaker_submit_directory": "/nowhere/sourcedir.tar.gz"}, "cannot be unpacked"),
        ({"sagemaker_program": "other.py"}, "is not in the archive, which holds main.py"),
    ],
)
def test_script_mode_explains_what_it_cannot_run(tmp_path, given, says):
    done = run_script(tmp_path, given)
    assert done.returncode == 2
    assert says in done.stderr
    assert says in (tmp_path / "output" / "failure").read_text()


def test_script_mode_hands_a_stop_on_to_the_program(tmp_path):
    program = """
import os, signal, sys
signal.signal(signal.SIGTERM, lambda *_: sys.exit(7))
os.kill(os.getppid(), signal.SIGTERM)
while True:
    signal.pause()
"""
    assert run_script(tmp_path, {}, program).returncode == 7
