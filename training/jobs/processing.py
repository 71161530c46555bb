"""CreateProcessingJob: any of the project's programs over data in S3, such as staging or monitoring.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateProcessingJob.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.jobs import envelope, rules
from training.jobs.plan import demand_type

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from training.jobs.environment import Environment

OPERATION = "CreateProcessingJob"
FOLDER = "/opt/ml/processing"


def request(
    environment: Environment,
    name: str,
    *,
    command: Sequence[str],
    inputs: Mapping[str, str],
    outputs: Mapping[str, str],
    instance_type: str,
    max_runtime_s: int,
    instance_count: int = 1,
    volume_gb: int = 30,
    variables: Mapping[str, str] | None = None,
    image: str = "",
) -> envelope.Request:
    """Build the request.

    Parameters
    ----------
    command
        What the container runs, with its arguments.
    inputs, outputs
        Name to S3 URI; each is a folder of its name below /opt/ml/processing/input and .../output.
    variables
        Environment variables of the container.
    image
        In place of the workload's training image.

    Raises
    ------
    JobError
        What AWS would refuse, with the remedy.
    """
    rules.demand_name("job name", name, environment.job_name_prefix, 63)
    demand_type("instance type", instance_type, environment)
    entry, *arguments = command
    made: envelope.Request = {
        "ProcessingJobName": name,
        "AppSpecification": {
            "ImageUri": image or environment.image,
            "ContainerEntrypoint": [entry],
            **({"ContainerArguments": arguments} if arguments else {}),
        },
        "ProcessingInputs": [_input(key, uri) for key, uri in sorted(inputs.items())],
        "ProcessingOutputConfig": {"Outputs": [_output(key, uri) for key, uri in sorted(outputs.items())]},
        "ProcessingResources": {
            "ClusterConfig": {
                "InstanceCount": instance_count,
                "InstanceType": instance_type,
                "VolumeSizeInGB": volume_gb,
            }
        },
        **({"Environment": dict(variables)} if variables else {}),
    }
    secured = envelope.secured(OPERATION, made, environment, max_runtime_s=max_runtime_s)
    rules.check(OPERATION, secured)
    return secured


def _input(name: str, uri: str) -> dict[str, object]:
    source = {"S3Uri": uri, "LocalPath": f"{FOLDER}/input/{name}", "S3DataType": "S3Prefix", "S3InputMode": "File"}
    return {"InputName": name, "S3Input": source}


def _output(name: str, uri: str) -> dict[str, object]:
    target = {"S3Uri": uri, "LocalPath": f"{FOLDER}/output/{name}", "S3UploadMode": "EndOfJob"}
    return {"OutputName": name, "S3Output": target}
