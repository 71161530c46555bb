"""What CreateTransformJob refuses beyond the shapes of its input.

Source: https://docs.aws.amazon.com/sagemaker/latest/APIReference/API_CreateTransformJob.html
"""

from __future__ import annotations

from typing import Any

from rehearsal.aws.sagemaker.errors import AWSValidationException
from rehearsal.aws.sagemaker.transform import association, jsonpath

MAX_CONCURRENT, MAX_PAYLOAD_MB = 1, 6
"""What holds where neither the request nor the container says otherwise."""
_MOST_MB = 100


def check(request: dict[str, Any]) -> None:
    """Check members against each other.

    Raises
    ------
    AWSValidationException
        Naming the member and, where there is one, the value.
    """
    source = request["TransformInput"]
    split = source.get("SplitType", "None")
    if split in ("RecordIO", "TFRecord"):
        raise AWSValidationException(f"SplitType {split} is refused: the embedded AWS splits by Line or not at all.")
    data_type = source["DataSource"]["S3DataSource"]["S3DataType"]
    if data_type not in ("S3Prefix", "ManifestFile"):
        raise AWSValidationException(f"S3DataType {data_type} cannot be transformed: use S3Prefix or ManifestFile.")
    if request.get("BatchStrategy") and split == "None":
        raise AWSValidationException(f"BatchStrategy {request['BatchStrategy']} needs a SplitType other than None.")
    payload = request.get("MaxPayloadInMB", MAX_PAYLOAD_MB)
    product = payload * max(request.get("MaxConcurrentTransforms") or MAX_CONCURRENT, 1)
    if product > _MOST_MB:
        raise AWSValidationException(
            f"MaxPayloadInMB * MaxConcurrentTransforms is {product} MB and must not be above {_MOST_MB} MB."
        )
    if request.get("DataCaptureConfig"):
        raise AWSValidationException("DataCaptureConfig is refused: the embedded AWS captures endpoints only.")
    if request.get("DataProcessing"):
        _association(request["DataProcessing"], request, split)


def _association(config: dict[str, Any], request: dict[str, Any], split: str) -> None:
    kind = association.media(request["TransformInput"].get("ContentType") or "")
    if kind not in association.FORMATS:
        raise AWSValidationException(
            f"DataProcessing needs a ContentType of {', '.join(association.FORMATS)}, not {kind or 'none'}."
        )
    for member in ("InputFilter", "OutputFilter"):
        try:
            jsonpath.parse(config.get(member) or "$")
        except jsonpath.JsonPathError as error:
            raise AWSValidationException(f"{member} is no JSONPath expression that can be used: {error}.") from error
    assemble = request["TransformOutput"].get("AssembleWith", "None")
    if config.get("JoinSource") == "Input" and assemble != split:
        raise AWSValidationException(
            f"AssembleWith {assemble} must equal SplitType {split} to join the input to the output."
        )
