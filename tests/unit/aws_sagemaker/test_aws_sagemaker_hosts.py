"""Several hosts and several processes of one training job find each other, with torchrun and without."""

from __future__ import annotations

import json

import pytest
from aws_sagemaker_server import Server
from test_aws_sagemaker_training import GROUP, artifact, ended, start

TORCH = """
import json, os, pathlib, sys
import torch, torch.distributed as dist
torch.set_num_threads(1)
dist.init_process_group("gloo")
rank, local = dist.get_rank(), int(os.environ["LOCAL_RANK"])
total = torch.tensor([float(rank + 1)])
dist.all_reduce(total)
if "--fail" in sys.argv:
    raise RuntimeError("every rank has seen enough")
pathlib.Path(os.environ["SM_MODEL_DIR"], f"{rank}.json").write_text(json.dumps({
    "host": os.environ["SM_CURRENT_HOST"], "local": local, "world": dist.get_world_size(), "total": total.item(),
    "arguments": sys.argv[1:],
}))
dist.barrier()
dist.destroy_process_group()
"""


def train(server: Server, instances: int, processes: int, script: str = TORCH, **parameters: str) -> dict:
    resources = {"InstanceType": "ml.m5.large", "InstanceCount": instances, "VolumeSizeInGB": 5}
    name = f"torch-{instances}-{processes}-{len(parameters)}"
    code = server.put_tar(f"code/{name}/sourcedir.tar.gz", {"train.py": script})
    given = {
        "sagemaker_program": "train.py",
        "sagemaker_submit_directory": code,
        "sagemaker_torch_distributed_enabled": "true",
        "sagemaker_torch_processes_per_host": str(processes),
        **parameters,
    }
    start(server, TrainingJobName=name, ResourceConfig=resources, HyperParameters=given)
    return ended(server, name, 120)


@pytest.mark.slow
@pytest.mark.parametrize(("instances", "processes"), [(2, 1), (1, 2)])
def test_torchrun_makes_one_world(aws: Server, instances: int, processes: int) -> None:
    job = train(aws, instances, processes, seed="3")
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    ranks = [json.loads(artifact(aws, job, f"{rank}.json")) for rank in range(2)]
    assert [rank["total"] for rank in ranks] == [3.0, 3.0]
    assert [rank["world"] for rank in ranks] == [2, 2]
    assert [rank["host"] for rank in ranks] == ["algo-1", "algo-2" if instances == 2 else "algo-1"]
    assert [rank["local"] for rank in ranks] == [0, 0 if instances == 2 else 1]
    assert ranks[0]["arguments"] == ["--seed", "3"]


@pytest.mark.slow
def test_the_program_explains_its_failure_not_torchrun(aws: Server) -> None:
    job = train(aws, 1, 2, fail="1", seed="1")
    assert job["TrainingJobStatus"] == "Failed"
    assert "every rank has seen enough" in job["FailureReason"]


def test_a_number_of_processes_that_cannot_be_is_named(aws: Server) -> None:
    job = train(aws, 1, 1, "print('never')", sagemaker_torch_processes_per_host="many")
    assert "'many' processes per host cannot be started: give a whole number from 1 to 8" in job["FailureReason"]


def test_an_entry_point_of_the_request_takes_the_place_of_script_mode(aws: Server) -> None:
    aws.put("tools/run.py", b"import sys; print('ran with', sys.argv[1:])")
    source = {"S3DataType": "S3Prefix", "S3Uri": "s3://slipway-test/tools"}
    name = start(
        aws,
        InputDataConfig=[{"ChannelName": "tools", "DataSource": {"S3DataSource": source}}],
        HyperParameters={},
        AlgorithmSpecification={
            "TrainingImage": "123456789012.dkr.ecr.eu-west-1.amazonaws.com/slipway-test/training:1",
            "TrainingInputMode": "File",
            "ContainerEntrypoint": ["python3", "/opt/ml/input/data/tools/run.py"],
            "ContainerArguments": ["--depth", "2"],
        },
    )
    job = ended(aws, name)
    assert job["TrainingJobStatus"] == "Completed", job.get("FailureReason")
    assert aws.log_lines(GROUP, f"{name}/") == ["ran with ['--depth', '2']"]
