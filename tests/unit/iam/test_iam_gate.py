"""A role session in front of the enforcing gate: allowed, denied in the service's own shape, and written down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import ClientError
from gate_clients import ACCOUNT, ROLES, client_of, with_session

from rehearsal.aws.client import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Read", "Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::data/in/*"},
        {"Sid": "Ask", "Effect": "Allow", "Action": ["sqs:GetQueueUrl", "sqs:SendMessage"], "Resource": "*"},
        {"Sid": "Rest", "Effect": "Allow", "Action": ["ec2:DescribeVpcs", "sns:Publish"], "Resource": "*"},
        {"Sid": "NotThisOne", "Effect": "Deny", "Action": "sns:Publish", "Resource": "*"},
        {"Sid": "Misfit", "Effect": "Allow", "Action": "kms:ListKeys", "Resource": "*"},
    ],
}


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("gate")


@pytest.fixture(scope="module")
def aws(root: Path) -> Iterator[EmbeddedAws]:
    with EmbeddedAws.start(root, iam="enforce") as embedded:
        s3 = embedded.client("s3")
        s3.create_bucket(Bucket="data", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        s3.put_object(Bucket="data", Key="in/a", Body=b"a")
        embedded.client("sqs").create_queue(QueueName="q")
        iam = embedded.client("iam")
        trust = {
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Principal": {"AWS": ACCOUNT}, "Action": "sts:AssumeRole"}],
        }
        iam.create_role(RoleName="worker", Path="/ml/", AssumeRolePolicyDocument=json.dumps(trust))
        iam.put_role_policy(RoleName="worker", PolicyName="inline", PolicyDocument=json.dumps(POLICY))
        iam.create_user(UserName="ann")
        assume = {"Effect": "Allow", "Action": ["sts:AssumeRole", "sts:TagSession"], "Resource": f"{ROLES}/*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [assume]})
        iam.put_user_policy(UserName="ann", PolicyName="assume", PolicyDocument=document)
        yield embedded


@pytest.fixture(scope="module")
def ann(aws: EmbeddedAws) -> Callable[[str], Any]:
    key = aws.client("iam").create_access_key(UserName="ann")["AccessKey"]
    return lambda service: client_of(aws, service, key["AccessKeyId"], key["SecretAccessKey"])


@pytest.fixture(scope="module")
def worker(aws: EmbeddedAws, ann: Callable[[str], Any]) -> Callable[[str], Any]:
    answer = ann("sts").assume_role(RoleArn=f"{ROLES}/ml/worker", RoleSessionName="job")
    return lambda service: with_session(aws, service, answer)


def refused(root: Path, call: Callable[..., Any], **parameters: Any) -> tuple[str, str, dict[str, Any]]:
    with pytest.raises(ClientError) as caught:
        call(**parameters)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"], json.loads((root / "denials.jsonl").read_text().splitlines()[-1])


def test_what_the_role_may(worker: Callable[[str], Any]) -> None:
    assert worker("s3").get_object(Bucket="data", Key="in/a")["Body"].read() == b"a"
    url = worker("sqs").get_queue_url(QueueName="q")["QueueUrl"]
    worker("sqs").send_message(QueueUrl=url, MessageBody="m")
    assert worker("ec2").describe_vpcs()["Vpcs"]
    assert ":assumed-role/worker/job" in worker("sts").get_caller_identity()["Arn"]


def test_a_use_is_written_once(root: Path, worker: Callable[[str], Any]) -> None:
    for _ in range(2):
        worker("s3").get_object(Bucket="data", Key="in/a")
    uses = [json.loads(line) for line in (root / "uses.jsonl").read_text().splitlines()]
    reads = [use for use in uses if use["action"] == "s3:GetObject"]
    assert [(use["role"], use["statement"]) for use in reads] == [(f"arn:aws:iam::{ACCOUNT}:role/ml/worker", "Read")]


def test_what_was_deleted_is_missing_or_refused(worker: Callable[[str], Any], aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="kept", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="kept", VersioningConfiguration={"Status": "Enabled"})
    s3.put_object(Bucket="kept", Key="a", Body=b"a")
    s3.delete_object(Bucket="kept", Key="a")
    with pytest.raises(ClientError, match="NoSuchKey"):
        s3.get_object(Bucket="kept", Key="a")
    with pytest.raises(ClientError, match="AccessDenied"):
        worker("s3").get_object(Bucket="kept", Key="a")
    found = s3.list_object_versions(Bucket="kept")
    marks = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in found["Versions"] + found["DeleteMarkers"]]
    s3.delete_objects(Bucket="kept", Delete={"Objects": marks})
    s3.delete_bucket(Bucket="kept")


def test_a_use_tells_the_pattern_and_what_was_only_tried_is_none(
    root: Path, ann: Callable[[str], Any], worker: Callable[[str], Any], aws: EmbeddedAws
) -> None:
    worker("s3").get_object(Bucket="data", Key="in/a")
    answer = ann("sts").assume_role(RoleArn=f"{ROLES}/ml/worker", RoleSessionName="forbidden-worker")
    aws.client("kms").create_key()
    with_session(aws, "kms", answer).list_keys()
    uses = [json.loads(line) for line in (root / "uses.jsonl").read_text().splitlines()]
    assert {use["pattern"] for use in uses if use["action"] == "s3:GetObject"} >= {"arn:aws:s3:::data/in/*"}
    assert not [use for use in uses if use["action"] == "kms:ListKeys" and use["role"].endswith("/worker")]


def test_rest_xml(root: Path, worker: Callable[[str], Any]) -> None:
    code, message, record = refused(root, worker("s3").get_object, Bucket="data", Key="out/b")
    assert code == "AccessDenied"
    assert "is not authorized to perform: s3:GetObject on resource: arn:aws:s3:::data/out/b" in message
    assert record["statement"] == "statement Read: applies only on arn:aws:s3:::data/in/*"
    assert (record["kind"], record["operation"], record["why"]) == ("denied", "GetObject", "call")


def test_head_has_no_body(worker: Callable[[str], Any]) -> None:
    with pytest.raises(ClientError, match="403"):
        worker("s3").head_object(Bucket="data", Key="out/b")


def test_an_upload_is_refused_whole(root: Path, worker: Callable[[str], Any], aws: EmbeddedAws) -> None:
    code, _, _ = refused(root, worker("s3").put_object, Bucket="data", Key="in/b", Body=b"x" * 300_000)
    assert code == "AccessDenied"
    assert aws.client("s3").list_objects_v2(Bucket="data")["KeyCount"] == 1


def test_query(root: Path, worker: Callable[[str], Any]) -> None:
    code, message, record = refused(
        root, worker("sns").publish, TopicArn=f"arn:aws:sns:eu-west-1:{ACCOUNT}:t", Message="m"
    )
    assert code == "AccessDenied"
    assert "explicit deny in identity-based policy inline, statement NotThisOne" in message
    assert record["action"] == "sns:Publish"


def test_json(root: Path, worker: Callable[[str], Any]) -> None:
    code, message, _ = refused(root, worker("sagemaker").describe_training_job, TrainingJobName="j")
    assert code == "AccessDeniedException"
    assert "training-job/j because no identity-based policy allows" in message


def test_rest_json(root: Path, worker: Callable[[str], Any]) -> None:
    code, _, record = refused(root, worker("lambda").invoke, FunctionName="f", Payload=b"{}")
    assert code == "AccessDeniedException"
    assert record["resource"] == f"arn:aws:lambda:eu-west-1:{ACCOUNT}:function:f"


def test_ec2(root: Path, worker: Callable[[str], Any]) -> None:
    code, _, _ = refused(root, worker("ec2").create_vpc, CidrBlock="10.0.0.0/16")
    assert code == "UnauthorizedOperation"


def test_an_unmapped_call_is_refused(root: Path, worker: Callable[[str], Any]) -> None:
    code, message, record = refused(root, worker("glue").get_job, JobName="j")
    assert code == "UndecidableRequest"
    assert record["kind"] == "UnmappedCallError"
    assert "glue" in message


def test_a_token_that_nobody_issued_is_refused(root: Path, aws: EmbeddedAws) -> None:
    forged = client_of(aws, "s3", "ASIAUNKNOWNUNKNOWN12", "x", "forged")
    code, _, record = refused(root, forged.get_object, Bucket="data", Key="in/a")
    assert (code, record["kind"]) == ("InvalidClientTokenId", "token")


def test_a_policy_that_cannot_be_read_refuses_everything(
    root: Path, worker: Callable[[str], Any], aws: EmbeddedAws
) -> None:
    odd = {"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": {"StringEquals": {"aws:SourceVpcee": "v"}}}
    iam = aws.client("iam")
    document = json.dumps({"Version": "2012-10-17", "Statement": [odd]})
    iam.put_role_policy(RoleName="worker", PolicyName="odd", PolicyDocument=document)
    try:
        code, message, _ = refused(root, worker("s3").get_object, Bucket="data", Key="in/a")
    finally:
        iam.delete_role_policy(RoleName="worker", PolicyName="odd")
    assert code == "UndecidableRequest"
    assert "aws:SourceVpcee" in message


def test_a_bucket_policy_denies(root: Path, worker: Callable[[str], Any], aws: EmbeddedAws) -> None:
    statement = {
        "Sid": "EndpointOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::data/*",
        "Condition": {"StringNotEquals": {"aws:SourceVpce": "vpce-1"}},
    }
    s3 = aws.client("s3")
    s3.put_bucket_policy(Bucket="data", Policy=json.dumps({"Version": "2012-10-17", "Statement": [statement]}))
    try:
        _, message, _ = refused(root, worker("s3").get_object, Bucket="data", Key="in/a")
    finally:
        s3.delete_bucket_policy(Bucket="data")
    assert "condition StringNotEquals aws:SourceVpce vpce-1 holds (the request has no aws:SourceVpce)" in message


def test_what_is_remembered_of_a_frequent_call_ends_with_a_change(
    root: Path, worker: Callable[[str], Any], aws: EmbeddedAws
) -> None:
    def answer() -> str:
        with pytest.raises(ClientError) as caught:
            worker("lambda").invoke(FunctionName="none", Payload=b"{}")
        return str(caught.value.response["Error"]["Code"])

    iam = aws.client("iam")
    said = [answer()]
    for effect in ("Allow", "Deny"):
        statement = {"Effect": effect, "Action": "lambda:InvokeFunction", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName="worker", PolicyName="invoke", PolicyDocument=document)
        said += [answer(), answer()]
    iam.delete_role_policy(RoleName="worker", PolicyName="invoke")
    denied, missing = "AccessDeniedException", "ResourceNotFoundException"
    assert said == [denied, missing, missing, denied, denied]
