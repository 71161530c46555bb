"""CreateEndpoint, UpdateEndpoint and their siblings, on plain dictionaries."""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Any

from moto.sagemaker.utils import arn_formatter

from rehearsal.aws.sagemaker import listing
from rehearsal.aws.sagemaker.autoscaling.targets import is_registered
from rehearsal.aws.sagemaker.clock import now
from rehearsal.aws.sagemaker.errors import AWSValidationException, FailedError
from rehearsal.aws.sagemaker.serving import configs, guardrails, models, rollout, spec
from rehearsal.aws.sagemaker.serving.endpoint import Deployment, Endpoint
from rehearsal.aws.sagemaker.serving.live import LiveEndpoint, endpoints

if TYPE_CHECKING:
    from collections.abc import Callable

    from rehearsal.aws.context import Context
    from rehearsal.aws.sagemaker.backend import SageMakerBackend

log = logging.getLogger(__name__)

_RETAINED = {"DesiredInstanceCount": "desired_count", "DesiredWeight": "desired_weight"}


def create(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer CreateEndpoint; the servers start in the background.

    Raises
    ------
    AWSValidationException
        For a name that exists, an unknown configuration, a contradictory DeploymentConfig.
    """
    name = request["EndpointName"]
    arn = _arn(context, name)
    if name in backend.endpoints:
        raise AWSValidationException(f'Cannot create already existing endpoint "{arn}".')
    guardrails.check(request.get("DeploymentConfig"))
    deployment = _deployment(context, backend, request["EndpointConfigName"])
    record = Endpoint(name, arn, request.get("Tags") or [], deployment)
    record.last_deployment_config = request.get("DeploymentConfig")
    backend.endpoints[name] = record
    _bring_up(context, record)
    return {"EndpointArn": arn}


def update(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer UpdateEndpoint; the new fleet starts beside the old one in the background.

    Raises
    ------
    AWSValidationException
        For an endpoint that is unknown or on its way, an unknown configuration, a contradictory DeploymentConfig, and
        another instance type for a variant that is scaled by itself.
    """
    record = find(context, backend, request["EndpointName"])
    _require_settled(record, "InService", "Failed")
    config = request.get("DeploymentConfig")
    if not config and request.get("RetainDeploymentConfig"):
        config = record.last_deployment_config
    guardrails.check(config)
    target = _deployment(context, backend, request["EndpointConfigName"])
    _require_same_instances(context, record, target)
    if request.get("RetainAllVariantProperties"):
        _retain(record.live, target, request.get("ExcludeRetainedVariantProperties") or [])
    record.last_deployment_config = config
    live = endpoints.get(record.endpoint_name)
    if live is None or record.endpoint_status == "Failed":
        record.live = target
        record.enter("Updating")
        _bring_up(context, record)
        return {"EndpointArn": record.arn}
    record.pending, record.pending_since, record.variant_status = target, now(), "Creating"
    record.enter("Updating")
    _background(rollout.update, live, target)
    return {"EndpointArn": record.arn}


def update_weights(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer UpdateEndpointWeightsAndCapacities.

    Raises
    ------
    AWSValidationException
        For an endpoint that is unknown or on its way, and for unknown variants.
    """
    record = find(context, backend, request["EndpointName"])
    _require_settled(record, "InService")
    wanted = request["DesiredWeightsAndCapacities"]
    unknown = [item["VariantName"] for item in wanted if record.live.variant(item["VariantName"]) is None]
    if unknown:
        raise AWSValidationException(
            f'The variant name(s) "{", ".join(unknown)}" is/are not present within endpoint configuration '
            f'"{record.live.config_name}".'
        )
    record.enter("Updating")
    _background(_reweigh, endpoints[record.endpoint_name], wanted)
    return {"EndpointArn": record.arn}


def find(context: Context, backend: SageMakerBackend, name: str) -> Endpoint:
    """Return an endpoint or raise what DescribeEndpoint answers for an unknown one."""
    record = backend.endpoints.get(name)
    if record is None:
        raise AWSValidationException(f'Could not find endpoint "{_arn(context, name)}".')
    return record


def describe(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer DescribeEndpoint."""
    return find(context, backend, request["EndpointName"]).response_object


def delete(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> None:
    """Answer DeleteEndpoint: refused while the endpoint is on its way; configuration and models stay."""
    record = find(context, backend, request["EndpointName"])
    _require_settled(record, "InService", "Failed", "OutOfService")
    record.enter("Deleting")
    live = endpoints.pop(record.endpoint_name, None)
    if live is not None:
        live.close()
    backend.endpoints.pop(record.endpoint_name, None)


def list_all(context: Context, backend: SageMakerBackend, request: dict[str, Any]) -> dict[str, Any]:
    """Answer ListEndpoints."""
    status = request.get("StatusEquals")
    chosen = [record for record in backend.endpoints.values() if status is None or record.endpoint_status == status]
    page, token = listing.page(
        chosen,
        request,
        name=lambda record: record.endpoint_name,
        status=lambda record: record.endpoint_status,
        order="Descending",
    )
    answer: dict[str, Any] = {"Endpoints": [record.summary() for record in page]}
    return {**answer, "NextToken": token} if token else answer


def scale(endpoint: str, variant: str, count: int) -> None:
    """Change the number of instances of one variant and wait for it; autoscaling's way in.

    Raises
    ------
    FailedError
        When the endpoint is on its way, or a new server does not come up.
    """
    live = endpoints.get(endpoint)
    if live is None or live.record.endpoint_status != "InService":
        raise FailedError(f"endpoint {endpoint} is not in service")
    live.record.enter("Updating")
    _reweigh(live, [{"VariantName": variant, "DesiredInstanceCount": count}])
    if live.record.failure_reason:
        raise FailedError(live.record.failure_reason)


def after_restore(context: Context, backend: SageMakerBackend) -> None:
    """Start the servers of all endpoints again; an update that was cut off has not happened."""
    for record in backend.endpoints.values():
        record.pending = record.pending_since = record.variant_status = None
        if record.endpoint_status != "Failed":
            record.enter("Creating")
            _bring_up(context, record)


def _bring_up(context: Context, record: Endpoint) -> None:
    live = LiveEndpoint(context, record)
    endpoints[record.endpoint_name] = live
    _background(rollout.create, live)


def _deployment(context: Context, backend: SageMakerBackend, config_name: str) -> Deployment:
    config = configs.find(context, backend, config_name)
    isolated = bool(config.request.get("EnableNetworkIsolation"))
    variants = []
    for variant in config.request["ProductionVariants"]:
        model = models.find(context, backend, variant["ModelName"])
        try:
            variants.append(spec.resolve(variant, model, backend.package_container, isolated))
        except FailedError as error:
            raise AWSValidationException(str(error)) from error
    return Deployment(config_name, variants, config.request.get("DataCaptureConfig"))


def _retain(live: Deployment, target: Deployment, exclude: list[dict[str, str]]) -> None:
    """Keep the present counts, weights and capture, but for the kinds that are excluded."""
    excluded = {item["VariantPropertyType"] for item in exclude}
    for variant in target.variants:
        old = live.variant(variant.name)
        for kind, attribute in _RETAINED.items():
            if old is not None and kind not in excluded:
                setattr(variant, attribute, getattr(old, attribute))
    if "DataCaptureConfig" not in excluded:
        target.capture = live.capture


def _reweigh(live: LiveEndpoint, wanted: list[dict[str, Any]]) -> None:
    record = live.record
    reason = None
    with live.changing:
        fleets = {fleet.spec.name: fleet for fleet in live.fleets}
        for item in wanted:
            fleet = fleets[item["VariantName"]]
            if item.get("DesiredWeight") is not None:
                fleet.spec.desired_weight = fleet.spec.current_weight = float(item["DesiredWeight"])
            try:
                if item.get("DesiredInstanceCount") is not None:
                    fleet.resize(item["DesiredInstanceCount"])
            except FailedError as error:
                reason = str(error)
        if not live.deleted.is_set():
            live.share((live.fleets, 1.0))
            record.enter("InService", reason)


def _require_settled(record: Endpoint, *statuses: str) -> None:
    if record.endpoint_status not in statuses:
        raise AWSValidationException(f'Cannot update in-progress endpoint "{record.arn}".')


def _require_same_instances(context: Context, record: Endpoint, target: Deployment) -> None:
    """https://docs.aws.amazon.com/sagemaker/latest/dg/endpoint-scaling-update.html; the wording is ours."""
    for variant in target.variants:
        old = record.live.variant(variant.name)
        moved = old is not None and old.instance_type != variant.instance_type
        if moved and is_registered(context, record.endpoint_name, variant.name):
            raise AWSValidationException(
                f'The instance type of variant "{variant.name}" cannot change while it is registered with Application '
                f"Auto Scaling: deregister the scalable target first."
            )


def _background(work: Callable[..., None], live: LiveEndpoint, *arguments: Any) -> None:
    name = f"{work.__name__.strip('_')} {live.record.endpoint_name}"
    threading.Thread(target=work, args=(live, *arguments), name=name, daemon=True).start()


def _arn(context: Context, name: str) -> str:
    return arn_formatter("endpoint", name, context.account_id, context.region)
