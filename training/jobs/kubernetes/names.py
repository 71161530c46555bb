"""Names as the controller and Kubernetes write them.

ACK derives a resource's fields from SageMaker's API: lower camel case, with Go's initialisms in capitals and an
underscore behind Go's keywords. https://github.com/aws-controllers-k8s/pkg/blob/main/names/names.go
"""

from __future__ import annotations

import re
from functools import cache

from training.errors import SpecError

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+[0-9]*|[A-Z]+[0-9]*")
# Those of ACK's initialisms that occur in SageMaker's requests; all others stand in capitals there already (S3, JSON).
_INITIALISMS = frozenset(
    {
        "Ami",
        "Api",
        "Arn",
        "Cpu",
        "Dns",
        "Ebs",
        "Efs",
        "Iam",
        "Id",
        "Ip",
        "Json",
        "Kms",
        "Sns",
        "Ui",
        "Uri",
        "Url",
        "Vpc",
    }
)
_PLURAL = {"Ids": "IDs"}
_KEYWORDS = frozenset({"default", "interface", "package", "range", "type"})
# https://kubernetes.io/docs/concepts/overview/working-with-objects/names/: subdomain names, label names.
_LONGEST_NAME = 253
_LONGEST_LABEL = 63


@cache
def field(member: str) -> str:
    """Name of a custom resource's field for a member of SageMaker's API: VolumeKmsKeyId -> volumeKMSKeyID."""
    first, *rest = _WORD.findall(member)
    name = first.lower() + "".join(_go(word) for word in rest)
    return f"{name}_" if name in _KEYWORDS else name


def resource(name: str) -> str:
    """A resource's name out of SageMaker's, which may hold capitals.

    Raises
    ------
    SpecError
        Kubernetes allows no such name.
    """
    lowered = name.lower()
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", lowered) or len(lowered) > _LONGEST_NAME:
        raise SpecError("metadata.name", name, "takes 1 to 253 letters, digits, dots and dashes, no dash at the ends")
    return lowered


def namespace(name: str) -> str:
    """The same name, if it can be a namespace's.

    Raises
    ------
    SpecError
        Kubernetes allows no such namespace.
    """
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) or len(name) > _LONGEST_LABEL:
        raise SpecError("namespace", name, "takes 1 to 63 of a-z, 0-9 and dashes, no dash at the ends")
    return name


def _go(word: str) -> str:
    return _PLURAL.get(word) or (word.upper() if word in _INITIALISMS else word)
