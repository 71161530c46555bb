"""CreateTransformJob and the CreateModel before it: a model over all objects of a prefix.

The network, the isolation and the role of a transform job are those of its model, hence both here.

https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from training.jobs import envelope, rules
from training.jobs.plan import demand_type

if TYPE_CHECKING:
    from training.jobs.environment import Environment
    from training.workloads.description import Workload

OPERATION, MODEL_OPERATION = "CreateTransformJob", "CreateModel"


def model(environment: Environment, name: str, *, image: str, model_data_url: str) -> envelope.Request:
    """Build CreateModel: which image serves which artefact.

    Raises
    ------
    JobError
        What AWS would refuse, with the remedy.
    """
    rules.demand_name("model name", name, environment.job_name_prefix, 63)
    made: envelope.Request = {
        "ModelName": name,
        "PrimaryContainer": {"Image": image, "ModelDataUrl": model_data_url},
    }
    secured = envelope.secured(MODEL_OPERATION, made, environment)
    rules.check(MODEL_OPERATION, secured)
    return secured


def request(
    workload: Workload,
    environment: Environment,
    name: str,
    *,
    model_name: str,
    images: str,
    results: str,
    instance_type: str,
    instance_count: int = 1,
    concurrent: int = 4,
) -> envelope.Request:
    """Build the request: each object below `images` is one call of the model, its answer lands below `results`.

    Parameters
    ----------
    images, results
        S3 URIs of prefixes.
    concurrent
        Calls at a time to each instance.

    Raises
    ------
    JobError
        What AWS would refuse, with the remedy.
    """
    rules.demand_name("job name", name, environment.job_name_prefix, 63)
    demand_type("instance type", instance_type, environment)
    content_type = next(one for one in workload.inference.content_types if one.startswith("image/"))
    made: envelope.Request = {
        "TransformJobName": name,
        "ModelName": model_name,
        "MaxConcurrentTransforms": concurrent,
        # In whole megabytes, and at least one: an image is one request, never split.
        "MaxPayloadInMB": max(1, -(-workload.inference.max_image_bytes // (1024 * 1024))),
        "TransformInput": {
            "DataSource": {"S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": images}},
            "ContentType": content_type,
            "SplitType": "None",
        },
        "TransformOutput": {"S3OutputPath": results, "Accept": workload.inference.response_types[0]},
        "TransformResources": {"InstanceType": instance_type, "InstanceCount": instance_count},
    }
    secured = envelope.secured(OPERATION, made, environment)
    rules.check(OPERATION, secured)
    return secured
