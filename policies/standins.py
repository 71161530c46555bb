"""Stand-ins for what only AWS knows: ARNs and ids in AWS's own form, the same at every run, each unlike the others."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# How AWS writes the ARNs whose form a control looks at; the others follow the provider's name of the service.
_ARNS = {
    "aws_cloudwatch_log_group": "arn:aws:logs:{region}:{account}:log-group:{label}",
    "aws_cloudwatch_metric_alarm": "arn:aws:cloudwatch:{region}:{account}:alarm:{label}",
    "aws_dynamodb_table": "arn:aws:dynamodb:{region}:{account}:table/{label}",
    "aws_ecr_repository": "arn:aws:ecr:{region}:{account}:repository/{label}",
    "aws_iam_openid_connect_provider": "arn:aws:iam::{account}:oidc-provider/token.actions.githubusercontent.com",
    "aws_iam_policy": "arn:aws:iam::{account}:policy/{label}",
    "aws_iam_role": "arn:aws:iam::{account}:role/{label}",
    "aws_kms_key": "arn:aws:kms:{region}:{account}:key/{label}",
    "aws_lambda_alias": "arn:aws:lambda:{region}:{account}:function:{label}",
    "aws_lambda_function": "arn:aws:lambda:{region}:{account}:function:{label}",
    "aws_s3_bucket": "arn:aws:s3:::{label}",
    "aws_sagemaker_model_package_group": "arn:aws:sagemaker:{region}:{account}:model-package-group/{label}",
    "aws_sfn_state_machine": "arn:aws:states:{region}:{account}:stateMachine:{label}",
    "aws_sns_topic": "arn:aws:sns:{region}:{account}:{label}",
    "aws_sqs_queue": "arn:aws:sqs:{region}:{account}:{label}",
}
_NAMES = ("name", "function_name", "bucket", "queue_name")

# Ids as AWS writes them: the modules refuse what does not look like one.
_IDS = {
    "aws_default_security_group": "sg-",
    "aws_flow_log": "fl-",
    "aws_launch_template": "lt-",
    "aws_route_table": "rtb-",
    "aws_security_group": "sg-",
    "aws_subnet": "subnet-",
    "aws_vpc": "vpc-",
    "aws_vpc_endpoint": "vpce-",
}


def overrides(plan: Mapping[str, Any], account: str, region: str, prefix: str = "") -> str:
    """Override blocks of a test file that give every open attribute a stand-in; ``prefix`` leads to the plan's root."""
    blocks = []
    for change in plan["resource_changes"]:
        kind = "override_data" if change["mode"] == "data" else "override_resource"
        values = stand_ins(change, account, region)
        if not values:
            continue
        lines = "".join(f"    {name} = {json.dumps(value)}\n" for name, value in sorted(values.items()))
        target = f"{prefix}{change['address']}"
        blocks.append(f"{kind} {{\n  target = {target}\n  override_during = plan\n  values = {{\n{lines}  }}\n}}\n")
    return "".join(sorted(blocks))


def stand_ins(change: Mapping[str, Any], account: str, region: str) -> dict[str, Any]:
    """Deterministic values for the open attributes that something else may refer to, each unlike any other's."""
    after = change["change"].get("after") or {}
    checksum = _checksum(change["address"])
    label = next((str(after[key]) for key in _NAMES if after.get(key)), None)
    label = label or f"{after.get('name_prefix') or change['type'].removeprefix('aws_') + '-'}{checksum}"
    short = _IDS.get(change["type"], f"{change['type'].removeprefix('aws_').replace('_', '-')}-") + checksum
    arn = _ARNS.get(change["type"], f"arn:aws:{change['type'].split('_')[1]}:{{region}}:{{account}}:{short}")
    if change["type"] == "aws_kms_key":
        label = checksum
    if change["type"] == "aws_lambda_alias":
        label = f"{after.get('function_name')}:{after.get('name')}"
    arn = arn.format(account=account, region=region, label=label)
    known = {
        "arn": arn,
        "id": arn if change["type"] in ("aws_sfn_state_machine", "aws_sns_topic") else short,
        "name": label,
        "key_id": checksum,
        "version": "1",
        "repository_url": f"{account}.dkr.ecr.{region}.amazonaws.com/{label}",
        "url": f"https://sqs.{region}.amazonaws.com/{account}/{label}",
        "invoke_arn": f"arn:aws:apigateway:{region}:lambda:path/2015-03-31/functions/{arn}/invocations",
        "qualified_arn": f"{arn}:1",
        "default_route_table_id": f"rtb-{checksum}",
        "default_security_group_id": f"sg-{checksum}",
        "prefix_list_id": f"pl-{checksum}",
        "unique_id": f"AROA{checksum.upper()}",
        "bucket_regional_domain_name": f"{label}.s3.{region}.amazonaws.com",
        "bucket_domain_name": f"{label}.s3.amazonaws.com",
    }
    unknown = change["change"].get("after_unknown") or {}
    return {name: value for name, value in known.items() if unknown.get(name) is True}


def _checksum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]
