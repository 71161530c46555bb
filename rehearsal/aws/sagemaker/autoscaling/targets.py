"""The scalable targets that exist, without importing moto's autoscaling, which takes a second, before it is used."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from moto.applicationautoscaling.models import ApplicationAutoscalingBackend

    from rehearsal.aws.context import Context


def backend(context: Context) -> ApplicationAutoscalingBackend | None:
    """Return moto's backend, or None while nobody has used the service."""
    module = sys.modules.get("moto.applicationautoscaling.models")
    backends = getattr(module, "applicationautoscaling_backends", None)  # missing while the import is under way
    return None if backends is None else backends[context.account_id][context.region]


def is_registered(context: Context, endpoint: str, variant: str) -> bool:
    """Say whether a variant of an endpoint is a scalable target."""
    found = backend(context)
    targets = found.targets.get("sagemaker:variant:DesiredInstanceCount", {}) if found else {}
    return f"endpoint/{endpoint}/variant/{variant}" in targets
