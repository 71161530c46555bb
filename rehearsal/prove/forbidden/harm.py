"""Covering tracks, destroying, and opening the network: by every role but the one whose business it is."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from rehearsal.prove.forbidden.attempt import Attempt
from rehearsal.prove.forbidden.world import FUNCTIONS, World

Call = tuple[str, str, Mapping[str, Any]]


def covered_tracks(world: World) -> Iterator[Attempt]:
    """Logs, flow logs and alarms, silenced."""
    group, stream = world.log_groups[0], {"logGroupName": world.log_groups[0], "logStreamName": "forbidden"}
    anybody: list[Call] = [
        ("logs", "DeleteLogStream", stream),
        ("logs", "DisassociateKmsKey", {"logGroupName": group}),
        ("cloudwatch", "DisableAlarmActions", {"AlarmNames": [world.alarms[0]]}),
    ]
    builder: list[Call] = [
        ("logs", "DeleteLogGroup", {"logGroupName": group}),
        ("logs", "PutRetentionPolicy", {"logGroupName": group, "retentionInDays": 1}),
        ("cloudwatch", "DeleteAlarms", {"AlarmNames": [world.alarms[0]]}),
        ("ec2", "DeleteFlowLogs", {"FlowLogIds": ["fl-00000000000000000"]}),
    ]
    yield from _tried("covered tracks", world, anybody, builder)


def destruction(world: World) -> Iterator[Attempt]:
    """Data, images, models, functions and machines, deleted or changed."""
    bucket, name = world.buckets["data"], world.functions[0]
    queue = f"https://sqs.{world.region}.amazonaws.com/{world.account}/{world.queues[0]}"
    policy = _open_to_all(f"arn:aws:s3:::{bucket}/*")
    anybody: list[Call] = [
        ("sqs", "PurgeQueue", {"QueueUrl": queue}),
        ("s3", "PutObjectAcl", {"Bucket": bucket, "Key": "forbidden", "ACL": "public-read"}),
    ]
    builder: list[Call] = [
        ("s3", "DeleteBucket", {"Bucket": bucket}),
        ("s3", "DeleteObject", {"Bucket": bucket, "Key": "forbidden", "VersionId": "null"}),
        ("s3", "PutBucketPolicy", {"Bucket": bucket, "Policy": policy}),
        ("s3", "PutBucketVersioning", {"Bucket": bucket, "VersioningConfiguration": {"Status": "Suspended"}}),
        ("ecr", "DeleteRepository", {"repositoryName": world.repositories[0], "force": True}),
        ("ecr", "BatchDeleteImage", {"repositoryName": world.repositories[0], "imageIds": [{"imageTag": "1"}]}),
        ("sagemaker", "DeleteEndpoint", {"EndpointName": world.endpoint}),
        ("lambda", "DeleteFunction", {"FunctionName": name}),
        ("lambda", "UpdateFunctionConfiguration", {"FunctionName": name, "VpcConfig": {"SubnetIds": []}}),
        ("stepfunctions", "DeleteStateMachine", {"stateMachineArn": world.machines[0]}),
        ("stepfunctions", "UpdateStateMachine", {"stateMachineArn": world.machines[0], "definition": "{}"}),
        ("sns", "DeleteTopic", {"TopicArn": world.topics[0]}),
    ]
    yield from _tried("destruction", world, anybody, builder)
    state = world.buckets["state"]
    for role in world.of("deploy"):
        for operation, parameters in (
            ("DeleteBucket", {}),
            ("DeleteObject", {"Key": "environments/prod", "VersionId": "null"}),
            ("PutBucketPolicy", {"Policy": _open_to_all(f"arn:aws:s3:::{state}/*")}),
            ("DeleteBucketPolicy", {}),
            ("PutBucketVersioning", {"VersioningConfiguration": {"Status": "Suspended"}}),
        ):
            yield Attempt("destruction", role, "s3", operation, {"Bucket": state, **parameters})


def roads_out(world: World) -> Iterator[Attempt]:
    """Gateways, routes, peers and rules that would lead out of the VPC, and interfaces made by a function's code."""
    everywhere = {"CidrIp": "0.0.0.0/0"}
    anybody: list[Call] = [
        ("ec2", "CreateInternetGateway", {}),
        ("ec2", "AttachInternetGateway", {"InternetGatewayId": "igw-00000000", "VpcId": world.vpc}),
        ("ec2", "CreateNatGateway", {"SubnetId": world.subnets[0], "ConnectivityType": "private"}),
        (
            "ec2",
            "CreateRoute",
            {"RouteTableId": world.route_table, "DestinationCidrBlock": "0.0.0.0/0", "GatewayId": "igw-0"},
        ),
        ("ec2", "AllocateAddress", {"Domain": "vpc"}),
        ("ec2", "CreateVpcPeeringConnection", {"VpcId": world.vpc, "PeerVpcId": "vpc-00000000"}),
        ("ec2", "CreateEgressOnlyInternetGateway", {"VpcId": world.vpc}),
    ]
    builder: list[Call] = [
        (
            "ec2",
            "AuthorizeSecurityGroupEgress",
            {
                "GroupId": world.security_group,
                "IpPermissions": [{"IpProtocol": "-1", "IpRanges": [everywhere]}],
            },
        ),
        ("ec2", "ModifyVpcEndpoint", {"VpcEndpointId": world.vpc_endpoint, "ResetPolicy": True}),
    ]
    yield from _tried("road out", world, anybody, builder)
    for role in world.of(*FUNCTIONS):
        request = {"SubnetId": world.subnets[0], "Groups": [world.security_group]}
        yield Attempt("road out", role, "ec2", "CreateNetworkInterface", request)


def _tried(family: str, world: World, anybody: list[Call], builder: list[Call]) -> Iterator[Attempt]:
    """What nobody may, by every role; what the pipeline builds and takes down, by every other."""
    for role in world.roles:
        calls = anybody if world.kind(role) == "deploy" else [*anybody, *builder]
        for service, operation, parameters in calls:
            yield Attempt(family, role, service, operation, parameters)


def _open_to_all(resource: str) -> str:
    statement = {"Effect": "Allow", "Principal": "*", "Action": "s3:GetObject", "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
