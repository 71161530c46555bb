"""Tables where policies are enforced: the caller, the table's own policy, its key, and the way; kept over a restart."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from enforced import ACCOUNT, aws, client, policy, root

from rehearsal.aws.client import EmbeddedAws

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

__all__ = ["aws", "client", "root"]

ITEM = {"claim": {"S": "C-1"}, "entry": {"S": "assessment#1"}}
VIA = {"StringEquals": {"kms:ViaService": "dynamodb.eu-west-1.amazonaws.com"}}


def key_for(client: Callable[[str], Any]) -> str:
    """A key that people of the account use through DynamoDB alone, and only with a right of their own."""
    mine = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    arn: str = client("kms").create_key(Policy=policy(mine))["KeyMetadata"]["Arn"]
    return arn


def table(client: Callable[[str], Any], name: str, key: str) -> str:
    names = ("claim", "entry")
    made = client("dynamodb").create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": each, "AttributeType": "S"} for each in names],
        KeySchema=[
            {"AttributeName": each, "KeyType": kind} for each, kind in zip(names, ("HASH", "RANGE"), strict=True)
        ],
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    arn: str = made["TableDescription"]["TableArn"]
    return arn


@pytest.fixture
def acting(aws: EmbeddedAws, client: Callable[[str], Any]) -> Callable[..., Any]:
    """A DynamoDB client of somebody of the account with these statements."""

    def of(*statements: dict[str, Any]) -> Any:
        user = f"user-{uuid.uuid4().hex[:8]}"
        client("iam").create_user(UserName=user)
        allowed = policy(*({"Effect": "Allow", **statement} for statement in statements))
        client("iam").put_user_policy(UserName=user, PolicyName="inline", PolicyDocument=allowed)
        keys = client("iam").create_access_key(UserName=user)["AccessKey"]
        return boto3.client(
            "dynamodb",
            region_name="eu-west-1",
            endpoint_url=aws.endpoint,
            aws_access_key_id=keys["AccessKeyId"],
            aws_secret_access_key=keys["SecretAccessKey"],
        )

    return of


def code_of(call: Callable[..., Any], **parameters: Any) -> str:
    try:
        call(**parameters)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "done"


def test_an_item_takes_the_right_on_its_table_and_the_key_through_dynamodb(client, name, acting):
    key = key_for(client)
    arn = table(client, name, key)
    put = {"Action": "dynamodb:PutItem", "Resource": arn}
    opened = {"Action": "kms:Decrypt", "Resource": key, "Condition": VIA}
    wanted = {
        "done": acting(put, opened),
        "without the key": acting(put),
        "with the key through S3": acting(
            put, opened | {"Condition": {"StringEquals": {"kms:ViaService": "s3.eu-west-1.amazonaws.com"}}}
        ),
        "another table": acting(put | {"Resource": f"{arn}-other"}, opened),
        "another action": acting(put | {"Action": "dynamodb:UpdateItem"}, opened),
    }
    codes = {what: code_of(caller.put_item, TableName=name, Item=ITEM) for what, caller in wanted.items()}
    assert codes == {what: "done" if what == "done" else "AccessDeniedException" for what in wanted}
    assert client("dynamodb").scan(TableName=name)["Count"] == 1


def test_a_table_shuts_out_whom_its_policy_denies_until_it_is_gone(client, name, acting):
    key = key_for(client)
    arn = table(client, name, key)
    read = acting({"Action": "dynamodb:*", "Resource": "*"}, {"Action": "kms:Decrypt", "Resource": key})
    assert code_of(read.query, **_query(name)) == "done"
    wall = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": "dynamodb:Query",
        "Resource": [arn, f"{arn}/index/*"],
        "Condition": {"StringNotEquals": {"aws:SourceVpce": ["vpce-0123456789abcdef0"]}},
    }
    client("dynamodb").put_resource_policy(ResourceArn=arn, Policy=policy(wall))
    assert code_of(read.query, **_query(name)) == "AccessDeniedException"
    client("dynamodb").delete_table(TableName=name)
    table(client, name, key)
    assert code_of(read.query, **_query(name)) == "done", "a new table does not inherit the policy of the old one"


def test_one_of_many_writers_wins_and_the_others_learn_of_whom(client, name):
    table(client, name, key_for(client))
    put = {
        "TableName": name,
        "ConditionExpression": "attribute_not_exists(claim)",
        "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
    }
    client("dynamodb").put_item(**put, Item={**ITEM, "execution": {"S": "first"}})
    with pytest.raises(ClientError) as refused:
        client("dynamodb").put_item(**put, Item={**ITEM, "execution": {"S": "second"}})
    assert refused.value.response["Error"]["Code"] == "ConditionalCheckFailedException"
    assert refused.value.response["Item"]["execution"] == {"S": "first"}


def test_a_protected_table_stays(client, name):
    table(client, name, key_for(client))
    client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=True)
    assert code_of(client("dynamodb").delete_table, TableName=name) == "ValidationException"


@pytest.mark.slow  # two embedded AWS of its own
def test_tables_items_and_policies_outlive_a_restart(tmp_path: Path) -> None:
    state = tmp_path / "state"
    with EmbeddedAws.start(tmp_path / "one", state=state) as embedded:
        dynamodb = embedded.client("dynamodb")
        arn = table(lambda _: dynamodb, "kept", "alias/aws/dynamodb")
        dynamodb.put_item(TableName="kept", Item=ITEM)
        dynamodb.put_resource_policy(ResourceArn=arn, Policy=policy(_deny_scan(arn)))
    with EmbeddedAws.start(tmp_path / "two", state=state) as embedded:
        dynamodb = embedded.client("dynamodb")
        assert dynamodb.get_item(TableName="kept", Key=ITEM)["Item"] == ITEM
        assert "dynamodb:Scan" in dynamodb.get_resource_policy(ResourceArn=arn)["Policy"]
        assert dynamodb.describe_table(TableName="kept")["Table"]["SSEDescription"]["SSEType"] == "KMS"


def _query(name: str) -> dict[str, Any]:
    return {
        "TableName": name,
        "KeyConditionExpression": "claim = :c",
        "ExpressionAttributeValues": {":c": {"S": "C-1"}},
    }


def _deny_scan(arn: str) -> dict[str, Any]:
    return {"Effect": "Deny", "Principal": {"AWS": "*"}, "Action": "dynamodb:Scan", "Resource": arn}
