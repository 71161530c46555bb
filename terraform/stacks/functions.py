"""The Lambda functions of one workload."""

from __future__ import annotations

from terraform.stacks import grants
from terraform.stacks.base import Base
from terraform.stacks.cdk import cdktf
from terraform.stacks.modules import Module, block, place
from terraform.stacks.names import incoming, results
from terraform.stacks.places import REPOSITORY
from terraform.stacks.settings.workload import Function, Workload
from terraform.stacks.specs import FunctionSpec, WorkloadSpec


def add_function(
    stack: cdktf.TerraformStack,
    base: Base,
    workload: str,
    *,
    capacity: Function,
    spec: FunctionSpec,
    around: grants.Surroundings,
) -> Module:
    return place(
        stack,
        f"{block(workload)}_{spec.name}",
        "function",
        {
            "name": base.names.function(workload, spec.name),
            "package": {"path": f"{REPOSITORY}/functions/dist/{spec.name}.zip", "handler": spec.handler},
            "memory_mb": capacity.memory_mb or spec.memory_mb,
            "timeout_s": capacity.timeout_s or spec.timeout_s,
            "environment": grants.environment_of(spec, around),
            "statements": grants.statements_of(spec, around),
            "boundary_arn": base.boundary_arn,
            "keys": base.key_arns("data", "logs", "messages"),
            "network": base.place_of("functions"),
            "concurrency": capacity.model_dump(include={"reserved", "provisioned"}),
            "alarms": base.alarms,
            "log_retention_days": base.settings.logs.retention_days,
        },
    )


def surroundings(base: Base, name: str, workload: Workload, spec: WorkloadSpec) -> grants.Surroundings:
    data_arn = base.buckets["data"].output("arn")
    data_name = base.buckets["data"].output("name")
    usage = spec.workflow
    threshold = workload.workflow.threshold or (usage.threshold if usage else None)
    low_confidence = workload.workflow.low_confidence or (usage.low_confidence if usage else None)
    # claims-detector, a companion of claims, is its detector.
    companions = {name.removeprefix(f"{spec.name}-").replace("-", "_"): name for name in spec.companions}
    return grants.Surroundings(
        variables={
            "ALLOWED_BUCKETS": data_name,
            **({"CONFIDENCE_THRESHOLD": str(threshold)} if threshold is not None else {}),
            "ENDPOINT_NAME": base.names.workload(name),
            **{f"{short.upper()}_ENDPOINT_NAME": base.names.workload(full) for short, full in companions.items()},
            "INCOMING_PREFIX": incoming(name),
            "LOG_LEVEL": "INFO",
            **({"LOW_CONFIDENCE": low_confidence} if low_confidence else {}),
            **({"TABLE_NAME": base.names.table(name)} if spec.table else {}),
            **{
                f"{short.upper()}_THRESHOLD": str(least) for short, least in (usage.thresholds if usage else {}).items()
            },
            "MAX_IMAGE_BYTES": str(spec.inference.max_image_bytes),
            "MAX_IMAGE_PIXELS": str(spec.inference.max_image_pixels),
            "RESULTS_BUCKET": data_name,
            "RESULTS_PREFIX": results(name),
            "TOP_K": str(spec.inference.top_k),
        },
        tokens={
            "data_bucket": (data_arn,),
            "data_key": (base.keys.output("arns", "data"),),
            # By name: the endpoint exists only once a model is promoted, the permission may precede it.
            "endpoint": (base.names.endpoint_arn(name),),
            **{f"{short}_endpoint": (base.names.endpoint_arn(full),) for short, full in companions.items()},
            "incoming_objects": (f"{data_arn}/{incoming(name)}*",),
            "incoming_prefixes": (f"{incoming(name)}*",),
            "region": (base.settings.region,),
            "results_objects": (f"{data_arn}/{results(name)}/*",),
            **({"table": (base.names.table_arn(name),)} if spec.table else {}),
        },
    )
