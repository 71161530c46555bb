"""A resolved plan holds what Terraform knows, deterministic stand-ins for the rest, and nothing made up at random."""

from __future__ import annotations

import copy
import json
import urllib.error
import urllib.request
from typing import Any

import pytest

from policies.resolve import ResolveError, fingerprint, graft, overrides, resolved_plan, stand_ins
from policies.sts import answering_sts

BUCKET = {
    "address": "module.a.aws_s3_bucket.this[0]",
    "mode": "managed",
    "type": "aws_s3_bucket",
    "change": {
        "actions": ["create"],
        "after": {"bucket": "b", "force_destroy": False},
        "after_unknown": {"arn": True, "id": True, "region": True},
    },
}
POLICY = {
    "address": "module.a.aws_s3_bucket_policy.this",
    "mode": "managed",
    "type": "aws_s3_bucket_policy",
    "change": {"actions": ["create"], "after": {"bucket": "b"}, "after_unknown": {"policy": True, "id": True}},
}


def plan(*changes: dict[str, Any]) -> dict[str, Any]:
    resources = [
        {"address": "aws_s3_bucket.this", "expressions": {"bucket": {}}},
        {"address": "aws_s3_bucket_policy.this", "expressions": {"bucket": {}, "policy": {}}},
    ]
    return {
        "resource_changes": copy.deepcopy(list(changes)),
        "configuration": {"root_module": {"module_calls": {"a": {"module": {"resources": resources}}}}},
        "planned_values": {
            "root_module": {"child_modules": [{"resources": [{"address": change["address"]} for change in changes]}]}
        },
    }


def rendered(change: dict[str, Any], **after: Any) -> dict[str, Any]:
    return {**change, "change": {"after": after, "after_unknown": {}}}


def test_stand_ins_cover_open_attributes_alone_and_look_like_aws() -> None:
    found = stand_ins(BUCKET, "111122223333", "eu-west-1")
    assert set(found) == {"arn", "id"}
    assert found["arn"] == "arn:aws:s3:::b"


def test_two_instances_of_one_resource_are_told_apart() -> None:
    other = BUCKET | {"address": "module.a.aws_s3_bucket.this[1]"}
    assert stand_ins(BUCKET, "1", "r")["id"] != stand_ins(other, "1", "r")["id"]


def test_the_test_file_overrides_each_open_resource_during_the_plan() -> None:
    text = overrides(plan(BUCKET), "111122223333", "eu-west-1")
    assert "override_resource {\n  target = module.a.aws_s3_bucket.this[0]\n  override_during = plan\n" in text
    assert text.endswith('run "plan" {\n  command = plan\n}\n')


def test_documents_are_filled_in_and_random_words_are_left_out() -> None:
    added = [
        rendered(BUCKET, bucket="b", arn="arn:aws:s3:::b", id="x", region="h2k9qwzp", force_destroy=None),
        rendered(POLICY, bucket="b", policy='{"Statement": []}', id="y"),
    ]
    whole = graft(plan(BUCKET, POLICY), {"resource_changes": added}, "111122223333", "eu-west-1")
    bucket, policy = (change["change"]["after"] for change in whole["resource_changes"])
    assert bucket == {"bucket": "b", "arn": "arn:aws:s3:::b", "id": "x", "force_destroy": False}
    assert policy["policy"] == '{"Statement": []}'
    values = whole["planned_values"]["root_module"]["child_modules"][0]["resources"]
    assert values[1]["values"] == policy


def test_a_resource_that_was_not_rendered_is_an_error() -> None:
    with pytest.raises(ResolveError, match="not in the rendered one"):
        graft(plan(BUCKET), {"resource_changes": []}, "111122223333", "eu-west-1")


def test_an_unknown_environment_is_named_with_the_known_ones() -> None:
    with pytest.raises(ResolveError, match="'qa' is unknown; choose one of dev, prod"):
        resolved_plan("qa")


def test_the_fingerprint_tells_environments_apart() -> None:
    assert fingerprint("dev") == fingerprint("dev") != fingerprint("prod")


def test_the_stand_in_for_sts_knows_the_account_and_nothing_else() -> None:
    with answering_sts("111122223333") as url:
        asked = urllib.request.Request(url, data=b"Action=GetCallerIdentity&Version=2011-06-15")  # noqa: S310
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            assert b"<Account>111122223333</Account>" in answer.read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{url}/", data=b"Action=AssumeRole")  # noqa: S310


@pytest.mark.provider
@pytest.mark.slow
@pytest.mark.xdist_group("provider")
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_document_of_an_environment_is_resolved(environment: str) -> None:
    whole = resolved_plan(environment)
    managed = [change for change in whole["resource_changes"] if change["mode"] == "managed"]
    assert [c["address"] for c in managed if any(v is True for v in c["change"]["after_unknown"].values())] == []
    machines = [c["change"]["after"]["definition"] for c in managed if c["type"] == "aws_sfn_state_machine"]
    assert len(machines) == 2
    assert all(json.loads(machine)["States"] for machine in machines)
