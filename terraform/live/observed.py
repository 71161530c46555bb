"""What is live, asked of AWS: the thin edge, with nothing decided.

Needs, of the caller: ``sagemaker:DescribeEndpoint``, ``DescribeEndpointConfig`` and ``DescribeModel``,
``application-autoscaling:DescribeScalableTargets``, ``s3:ListBucket``, ``lambda:GetAlias``,
``GetFunctionConfiguration``, ``GetProvisionedConcurrencyConfig`` and ``GetAccountSettings``,
``cloudwatch:DescribeAlarms``; and ``s3:GetObject`` only for an artefact whose ETag is not the recorded one.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from terraform.live.expected import Alarm, Endpoint, Expected, Function, Limits

SERVICES = ("sagemaker", "application-autoscaling", "lambda", "cloudwatch", "s3")
ALARMS_AT_ONCE = 100
CHUNK = 1 << 20


@dataclass(frozen=True)
class Artefact:
    """An object in S3. ``sha256`` is empty where nobody had to read it, ``unread`` says why it could not be read."""

    etag: str
    sha256: str = ""
    unread: str = ""


@dataclass(frozen=True)
class LiveEndpoint:
    """DescribeEndpoint and what it leads to; model, url and image are empty where the configuration is gone."""

    status: str
    reason: str
    config: str
    pending: str
    current: int
    desired: int
    model: str
    url: str
    image: str
    limits: Limits | None
    artefact: Artefact | None


@dataclass(frozen=True)
class LiveFunction:
    """The alias and the version behind it; ``status`` is empty without provisioned concurrency."""

    version: str
    code_sha256: str
    status: str = ""
    reason: str = ""
    requested: int = 0
    available: int = 0


@dataclass(frozen=True)
class LiveAlarm:
    """DescribeAlarms, of one."""

    state: str
    reason: str
    enabled: bool
    actions: tuple[str, ...]


@dataclass(frozen=True)
class Observed:
    """What is there, by name; what is missing is not in it."""

    endpoints: dict[str, LiveEndpoint]
    functions: dict[str, LiveFunction]
    alarms: dict[str, LiveAlarm]
    unreserved: int | None


def observer(expected: Expected, session: Any) -> Callable[[], Observed]:
    """Return a function that looks once; what it has read of artefacts it does not read again.

    Parameters
    ----------
    session
        A ``boto3.Session``, or anything with its ``client``.
    """
    clients = {service: session.client(service) for service in SERVICES}
    read: dict[tuple[str, str], Artefact] = {}

    def look() -> Observed:
        endpoints = {e.name: at for e in expected.endpoints if (at := _endpoint(clients, e, read))}
        functions = {f.name: live for f in expected.functions if (live := _function(clients["lambda"], f))}
        settings = clients["lambda"].get_account_settings() if expected.functions else {"AccountLimit": {}}
        unreserved = settings["AccountLimit"].get("UnreservedConcurrentExecutions")
        return Observed(endpoints, functions, _alarms(clients["cloudwatch"], expected.alarms), unreserved)

    return look


def artefact(s3: Any, url: str, promoted: Any) -> Artefact | None:
    """Look at an artefact; None when there is none.

    Listing names, sizes and ETags takes no right to read. An ETag reflects the content alone
    (https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html), so one that is still the recorded one vouches for
    the checksum that was recorded beside it. Only where it does not, the content is read and hashed.
    """
    bucket, _, key = url.removeprefix("s3://").partition("/")
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("Contents", [])
    found = next((item for item in listed if item["Key"] == key), None)
    if found is None:
        return None
    etag = str(found["ETag"]).strip('"')
    if etag == promoted.get("etag"):
        return Artefact(etag)
    digest = hashlib.sha256()
    try:
        for chunk in s3.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(CHUNK):
            digest.update(chunk)
    except s3.exceptions.ClientError as error:
        return Artefact(etag, unread=str(error.response["Error"].get("Code", "")) or str(error))
    return Artefact(etag, sha256=digest.hexdigest())


def instance_counts(endpoints: Iterable[tuple[str, str]], session: Any) -> dict[str, int]:
    """Return how many instances each endpoint wants right now; those that are not there are left out.

    Parameters
    ----------
    endpoints
        Pairs of workload and endpoint name.
    """
    sagemaker, counts = session.client("sagemaker"), {}
    for workload, name in endpoints:
        variants = (_described(sagemaker.describe_endpoint, EndpointName=name) or {}).get("ProductionVariants") or []
        if variants and variants[0].get("DesiredInstanceCount"):
            counts[workload] = int(variants[0]["DesiredInstanceCount"])
    return counts


def rollback_alarms(endpoint: str, session: Any) -> list[str]:
    """Names of the alarms that turned the endpoint's last rollout back, or would have."""
    described = _described(session.client("sagemaker").describe_endpoint, EndpointName=endpoint) or {}
    watching = (described.get("LastDeploymentConfig") or {}).get("AutoRollbackConfiguration") or {}
    return [str(alarm["AlarmName"]) for alarm in watching.get("Alarms") or []]


def alarms_ringing(names: Iterable[str], session: Any) -> dict[str, str]:
    """Return those of the named alarms that are in ALARM, with their reason."""
    found = _alarms(session.client("cloudwatch"), [Alarm(name, ()) for name in names])
    return {name: alarm.reason for name, alarm in found.items() if alarm.state == "ALARM"}


def _endpoint(clients: dict[str, Any], wanted: Endpoint, read: dict[tuple[str, str], Artefact]) -> LiveEndpoint | None:
    sagemaker = clients["sagemaker"]
    endpoint = _described(sagemaker.describe_endpoint, EndpointName=wanted.name)
    if endpoint is None:
        return None
    config = _described(sagemaker.describe_endpoint_config, EndpointConfigName=endpoint["EndpointConfigName"]) or {}
    variants = [v for v in config.get("ProductionVariants", []) if v["VariantName"] == wanted.variant]
    name = variants[0]["ModelName"] if variants else ""
    model = (_described(sagemaker.describe_model, ModelName=name) if name else None) or {}
    container = model.get("PrimaryContainer") or {}
    serving = [v for v in endpoint.get("ProductionVariants") or [] if v["VariantName"] == wanted.variant]
    summary = serving[0] if serving else {}
    targets = clients["application-autoscaling"].describe_scalable_targets(
        ServiceNamespace="sagemaker", ResourceIds=[f"endpoint/{wanted.name}/variant/{wanted.variant}"]
    )["ScalableTargets"]
    known = (wanted.url, str(wanted.promoted.get("etag")))
    if known not in read and (found := artefact(clients["s3"], wanted.url, wanted.promoted)):
        read[known] = found
    pending = endpoint.get("PendingDeploymentSummary") or {}
    return LiveEndpoint(
        status=endpoint["EndpointStatus"],
        reason=endpoint.get("FailureReason") or "",
        config=endpoint["EndpointConfigName"],
        pending=pending.get("EndpointConfigName", ""),
        current=summary.get("CurrentInstanceCount", 0),
        desired=summary.get("DesiredInstanceCount", 0),
        model=name,
        url=container.get("ModelDataUrl", ""),
        image=container.get("Image", ""),
        limits=(targets[0]["MinCapacity"], targets[0]["MaxCapacity"]) if targets else None,
        artefact=read.get(known),
    )


def _function(client: Any, wanted: Function) -> LiveFunction | None:
    gone = client.exceptions.ResourceNotFoundException
    try:
        version = client.get_alias(FunctionName=wanted.name, Name=wanted.alias)["FunctionVersion"]
        code = client.get_function_configuration(FunctionName=wanted.name, Qualifier=version)["CodeSha256"]
    except gone:
        return None
    if wanted.provisioned is None:
        return LiveFunction(version, code)
    try:
        found = client.get_provisioned_concurrency_config(FunctionName=wanted.name, Qualifier=wanted.alias)
    except client.exceptions.ProvisionedConcurrencyConfigNotFoundException:
        return LiveFunction(version, code)
    return LiveFunction(
        version,
        code,
        status=found["Status"],
        reason=found.get("StatusReason", ""),
        requested=found.get("RequestedProvisionedConcurrentExecutions", 0),
        available=found.get("AvailableProvisionedConcurrentExecutions", 0),
    )


def _alarms(client: Any, wanted: Iterable[Alarm]) -> dict[str, LiveAlarm]:
    names, found = [alarm.name for alarm in wanted], {}
    for start in range(0, len(names), ALARMS_AT_ONCE):
        answer = client.describe_alarms(
            AlarmNames=names[start : start + ALARMS_AT_ONCE], AlarmTypes=["MetricAlarm", "CompositeAlarm"]
        )
        for alarm in [*answer.get("MetricAlarms", []), *answer.get("CompositeAlarms", [])]:
            found[alarm["AlarmName"]] = LiveAlarm(
                alarm["StateValue"],
                alarm.get("StateReason", ""),
                bool(alarm.get("ActionsEnabled")),
                tuple(alarm.get("AlarmActions") or ()),
            )
    return found


def _described(call: Callable[..., dict[str, Any]], **name: str) -> dict[str, Any] | None:
    """The answer of a Describe call of SageMaker; None for what does not exist, which it tells as a bad argument."""
    from botocore.exceptions import ClientError  # noqa: PLC0415  (Terraform's other commands do without it)

    try:
        return call(**name)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ValidationException" and "ould not find" in str(error):
            return None
        raise
