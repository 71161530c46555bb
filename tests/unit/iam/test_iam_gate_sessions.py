"""Who may have a session, how long it lasts, what it carries, and by which way its calls come."""

from __future__ import annotations

import io
import json
import zipfile
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from gate_clients import ACCOUNT, ISSUER, ROLES, add_role, client_of, lines, token, trust, unsigned, with_headers
from gate_clients import with_session as session_of

from rehearsal.aws.client import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{ISSUER}"
DEPLOYS = {f"{ISSUER}:aud": "sts.amazonaws.com", f"{ISSUER}:sub": "repo:a/b:environment:prod"}
SQS = {"Action": "sqs:*", "Resource": "*"}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("sessions")


@pytest.fixture(scope="module")
def aws(root: Path) -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start(root, iam="enforce", state=root / "state") as embedded:
        iam = embedded.client("iam")
        iam.create_open_id_connect_provider(
            Url=f"https://{ISSUER}", ClientIDList=["sts.amazonaws.com"], ThumbprintList=["a" * 40]
        )
        federated = {"Action": "sts:AssumeRoleWithWebIdentity", "Principal": {"Federated": PROVIDER}}
        add_role(embedded, "deploy", trust({**federated, "Condition": {"StringEquals": DEPLOYS}}), SQS)
        people = {"Principal": {"AWS": ACCOUNT}, "Action": ["sts:AssumeRole", "sts:TagSession"]}
        add_role(embedded, "operator", trust(people), SQS)
        guarded = {**people, "Condition": {"StringEquals": {"sts:ExternalId": "42"}}}
        add_role(embedded, "guarded", trust(guarded), SQS)
        tagged = {**SQS, "Condition": {"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"}}}
        add_role(embedded, "tagged", trust(people), tagged)
        job = {"Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}
        jobs = {"aws:SourceArn": f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-job/*"}
        mine = {"StringEquals": {"aws:SourceAccount": ACCOUNT}, "ArnLike": jobs}
        add_role(embedded, "training", trust({**job, "Condition": mine}), SQS)
        iam.create_user(UserName="ann")
        every = {"Effect": "Allow", "Action": "sts:*", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [every]})
        iam.put_user_policy(UserName="ann", PolicyName="assume", PolicyDocument=document)
        iam.create_user(UserName="bob")
        embedded.client("sqs").create_queue(QueueName="q", tags={"team": "ships"})
        yield embedded


@pytest.fixture(scope="module")
def person(aws: EmbeddedAws) -> Callable[[str], Any]:
    keys = {name: aws.client("iam").create_access_key(UserName=name)["AccessKey"] for name in ("ann", "bob")}
    return lambda name: client_of(aws, "sts", keys[name]["AccessKeyId"], keys[name]["SecretAccessKey"])


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    return str(caught.value.response["Error"]["Code"])


def package() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("handler.py", "")
    return buffer.getvalue()


def enter(sts: Any, role: str, **more: Any) -> Any:
    return sts.assume_role(RoleArn=f"{ROLES}/{role}", RoleSessionName="somebody", **more)


def federate(aws: EmbeddedAws, **claims: Any) -> Any:
    identity = token(**{"sub": "repo:a/b:environment:prod", **claims})
    return unsigned(aws, "sts").assume_role_with_web_identity(
        RoleArn=f"{ROLES}/deploy", RoleSessionName="ci", WebIdentityToken=identity
    )


def test_a_pipeline_with_the_right_subject_gets_a_session(aws: EmbeddedAws, root: Path) -> None:
    answer = federate(aws)
    assert answer["SubjectFromWebIdentityToken"] == "repo:a/b:environment:prod"
    assert session_of(aws, "sqs", answer).list_queues()["QueueUrls"]
    used = [use for use in lines(root / "uses.jsonl") if use["role"] == PROVIDER]
    assert [(use["action"], use["resource"]) for use in used] == [("sts:AssumeRoleWithWebIdentity", f"{ROLES}/deploy")]


@pytest.mark.parametrize(
    ("claims", "code"),
    [
        ({"sub": "repo:a/b:ref:refs/heads/main"}, "AccessDenied"),
        ({"sub": "repo:evil/b:environment:prod"}, "AccessDenied"),
        ({"aud": "other"}, "InvalidIdentityToken"),
        ({"iss": "https://example.org"}, "InvalidIdentityToken"),
        ({"exp": 1}, "ExpiredTokenException"),
        ({"exp": None}, "ExpiredTokenException"),
        ({"nbf": 99_999_999_999}, "InvalidIdentityToken"),
    ],
)
def test_any_other_token_is_refused(aws: EmbeddedAws, claims: dict[str, Any], code: str) -> None:
    assert code_of(federate, aws=aws, **claims) == code


def test_what_is_no_token_is_refused(aws: EmbeddedAws) -> None:
    call = unsigned(aws, "sts").assume_role_with_web_identity
    given = {"RoleArn": f"{ROLES}/deploy", "RoleSessionName": "ci", "WebIdentityToken": "abcd.efgh"}
    assert code_of(call, **given) == "InvalidIdentityToken"


def test_nobody_else_may_call_unsigned(aws: EmbeddedAws) -> None:
    assert code_of(unsigned(aws, "sqs").list_queues) == "MissingAuthenticationToken"
    assert code_of(unsigned(aws, "sts").get_caller_identity) == "MissingAuthenticationToken"
    assert code_of(unsigned(aws, "s3").list_buckets) == "AccessDenied"


def test_a_role_needs_trust_and_permission(aws: EmbeddedAws, person: Callable[[str], Any]) -> None:
    assert session_of(aws, "sqs", enter(person("ann"), "operator")).list_queues()["QueueUrls"]
    assert code_of(enter, sts=person("bob"), role="operator") == "AccessDenied"  # trusted, not permitted
    assert code_of(enter, sts=person("ann"), role="training") == "AccessDenied"  # permitted, not trusted
    assert code_of(enter, sts=aws.client("sts"), role="operator") == "AccessDenied"  # the root user assumes no roles


def test_an_external_id_is_demanded(person: Callable[[str], Any]) -> None:
    assert code_of(enter, sts=person("ann"), role="guarded") == "AccessDenied"
    assert enter(person("ann"), "guarded", ExternalId="42")["Credentials"]


def test_a_session_is_not_longer_than_its_role_allows(person: Callable[[str], Any]) -> None:
    assert code_of(enter, sts=person("ann"), role="operator", DurationSeconds=7200) == "ValidationError"


def test_a_session_policy_limits(aws: EmbeddedAws, person: Callable[[str], Any]) -> None:
    only = {"Effect": "Allow", "Action": "sqs:ListQueues", "Resource": "*"}
    answer = enter(person("ann"), "operator", Policy=json.dumps({"Version": "2012-10-17", "Statement": [only]}))
    sqs = session_of(aws, "sqs", answer)
    sqs.list_queues()
    assert code_of(sqs.get_queue_url, QueueName="q") == "AccessDeniedException"


def test_session_tags_meet_the_tags_of_a_resource(aws: EmbeddedAws, person: Callable[[str], Any]) -> None:
    for team, allowed in (("ships", True), ("planes", False)):
        answer = enter(person("ann"), "tagged", Tags=[{"Key": "team", "Value": team}])
        call = session_of(aws, "sqs", answer).get_queue_url
        assert call(QueueName="q") if allowed else code_of(call, QueueName="q") == "AccessDeniedException"


def test_only_the_service_named_by_the_trust_policy_gets_the_session(aws: EmbeddedAws) -> None:
    def enter_as(service: str, source: str) -> Any:
        headers = {"x-slipway-service": service, "x-slipway-source": source}
        return enter(with_headers(aws.client("sts"), headers), "training")

    job = f"arn:aws:sagemaker:eu-west-1:{ACCOUNT}:training-job/j"
    assert session_of(aws, "sqs", enter_as("sagemaker.amazonaws.com", job)).list_queues()["QueueUrls"]
    assert code_of(enter_as, service="lambda.amazonaws.com", source=job) == "AccessDenied"
    assert code_of(enter_as, service="sagemaker.amazonaws.com", source=job.replace("training", "tuning")) == (
        "AccessDenied"
    )


def test_a_key_that_was_taken_back_opens_nothing(aws: EmbeddedAws) -> None:
    iam = aws.client("iam")
    iam.create_user(UserName="eve")
    key = iam.create_access_key(UserName="eve")["AccessKey"]
    sts = client_of(aws, "sts", key["AccessKeyId"], key["SecretAccessKey"])
    assert sts.get_caller_identity()["Arn"].endswith("user/eve")
    named = {"UserName": "eve", "AccessKeyId": key["AccessKeyId"]}
    iam.update_access_key(**named, Status="Inactive")
    assert code_of(sts.get_caller_identity) == "InvalidClientTokenId"
    iam.update_access_key(**named, Status="Active")
    assert sts.get_caller_identity()
    iam.delete_access_key(**named)
    assert code_of(sts.get_caller_identity) == "InvalidClientTokenId"


def test_the_root_user_is_decided_and_written_down(aws: EmbeddedAws, root: Path) -> None:
    used = [use for use in lines(root / "uses.jsonl") if use["role"] == f"arn:aws:iam::{ACCOUNT}:root"]
    assert {"iam:CreateRole", "sqs:CreateQueue"} <= {use["action"] for use in used}
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="walled", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    wall = {
        "Sid": "Wall",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::walled/*",
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="walled", Policy=json.dumps({"Version": "2012-10-17", "Statement": [wall]}))
    s3.put_object(Bucket="walled", Key="a", Body=b"a")
    s3.get_object(Bucket="walled", Key="a")
    worse = with_headers(aws.client("s3"), {"x-slipway-way": "plain-http"})
    assert code_of(worse.get_object, Bucket="walled", Key="a") == "AccessDenied"
    assert lines(root / "denials.jsonl")[-1]["statement"].startswith("statement Wall")


def test_a_workload_comes_through_its_endpoint_and_may_only_worsen_that(aws: EmbeddedAws) -> None:
    ec2, s3, lambdas = (aws.client(service) for service in ("ec2", "s3", "lambda"))
    vpc = ec2.create_vpc(CidrBlock="10.9.0.0/16")["Vpc"]["VpcId"]
    subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.9.0.0/24")["Subnet"]["SubnetId"]
    mine = {"Effect": "Allow", "Principal": "*", "Action": "s3:*", "Resource": ["arn:aws:s3:::guarded/*"]}
    endpoint = ec2.create_vpc_endpoint(
        VpcId=vpc,
        ServiceName="com.amazonaws.eu-west-1.s3",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [mine]}),
    )["VpcEndpoint"]["VpcEndpointId"]
    for bucket in ("guarded", "foreign"):
        s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_object(Bucket="guarded", Key="a", Body=b"a")
    s3.put_object(Bucket="foreign", Key="a", Body=b"a")
    wall = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::guarded/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": endpoint}},
    }
    s3.put_bucket_policy(Bucket="guarded", Policy=json.dumps({"Version": "2012-10-17", "Statement": [wall]}))
    trusted = trust({"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    network = {"Action": ["ec2:*NetworkInterface*", "ec2:DescribeSubnets", "ec2:*PrivateIpAddresses"], "Resource": "*"}
    role = add_role(aws, "reader", trusted, {"Action": "s3:GetObject", "Resource": "*"}, network)
    lambdas.create_function(
        FunctionName="reader",
        Role=role,
        Runtime="python3.11",
        Handler="handler.handle",
        Code={"ZipFile": package()},
        VpcConfig={"SubnetIds": [subnet]},
    )
    headers = {"x-slipway-service": "lambda.amazonaws.com"}
    session = enter(with_headers(aws.client("sts"), headers), "reader")
    reader = session_of(aws, "s3", session)
    assert reader.get_object(Bucket="guarded", Key="a")["Body"].read() == b"a"
    assert code_of(reader.get_object, Bucket="foreign", Key="a") == "AccessDenied"  # by the endpoint's policy
    assert code_of(aws.client("s3").get_object, Bucket="guarded", Key="a") == "AccessDenied"  # not through it
    outside = with_headers(session_of(aws, "s3", session), {"x-slipway-way": "outside"})
    assert code_of(outside.get_object, Bucket="guarded", Key="a") == "AccessDenied"
    assert outside.get_object(Bucket="foreign", Key="a")


def test_a_way_that_nobody_knows_is_refused(aws: EmbeddedAws) -> None:
    call = with_headers(aws.client("s3"), {"x-slipway-way": "inside"}).list_buckets
    assert code_of(call) == "UndecidableRequest"
