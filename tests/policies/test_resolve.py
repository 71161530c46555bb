"""A resolved plan holds what Terraform knows, deterministic stand-ins for the rest, and nothing made up at random."""

from __future__ import annotations

import copy
import json
import urllib.error
import urllib.request
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from policies.graft import ResolveError, graft, part
from policies.resolve import RUN, resolved_plan
from policies.roots import bootstrap_root, environment_root, folder_root
from policies.standins import overrides, stand_ins
from policies.sts import access_key, answering_sts

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
    assert text.startswith("override_resource {\n  target = module.a.aws_s3_bucket.this[0]\n  override_during = plan\n")
    prefixed = overrides(plan(BUCKET), "111122223333", "eu-west-1", "module.prod.")
    assert "target = module.prod.module.a.aws_s3_bucket.this[0]" in prefixed
    assert "command = plan" in RUN


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


def test_the_fingerprint_tells_roots_accounts_and_makers_apart() -> None:
    dev, prod = environment_root("dev"), environment_root("prod")
    assert dev.fingerprint(b"") == dev.fingerprint(b"") != prod.fingerprint(b"")
    assert dev.fingerprint(b"") != dev.fingerprint(b"another resolver")
    one, other = (bootstrap_root(account, "eu-west-1", ["prod"]) for account in ("111122223333", "444455556666"))
    assert one.fingerprint(b"") != other.fingerprint(b"")


def test_a_part_of_a_plan_stands_by_itself() -> None:
    inner = plan(BUCKET)
    change = {**inner["resource_changes"][0], "address": f"module.prod.{BUCKET['address']}"}
    whole = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "resource_changes": [change, {**change, "address": "module.dev.aws_s3_bucket.other"}],
        "configuration": {
            "provider_config": {"module.prod:aws": {"name": "aws"}, "module.dev:aws": {"name": "aws"}},
            "root_module": {"module_calls": {"prod": {"module": inner["configuration"]["root_module"]}}},
        },
        "planned_values": {
            "root_module": {
                "child_modules": [{"address": "module.prod", "resources": [{"address": change["address"]}]}]
            }
        },
    }
    found = part(whole, "prod")
    assert [c["address"] for c in found["resource_changes"]] == [BUCKET["address"]]
    assert list(found["configuration"]["provider_config"]) == ["aws"]
    assert found["planned_values"]["root_module"]["resources"][0]["address"] == BUCKET["address"]


def test_random_words_within_blocks_are_left_out_too() -> None:
    versioning = {
        **BUCKET,
        "change": {**BUCKET["change"], "after": {"rule": [{}]}, "after_unknown": {"rule": [{"x": True}]}},
    }
    added = [rendered(BUCKET, rule=[{"x": "h2k9qwzp"}])]
    whole = graft(plan(versioning), {"resource_changes": added}, "111122223333", "eu-west-1")
    assert whole["resource_changes"][0]["change"]["after"]["rule"] == [{"x": None}]


def test_an_edit_that_changes_nothing_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "main.tf").write_text("# nothing\n")
    root = replace(folder_root(tmp_path / "code", "1", "r"), edits={"code/main.tf": str.strip})
    assert (root.copy(tmp_path / "copy") / "main.tf").read_text() == "# nothing"
    root = replace(root, edits={"code/main.tf": lambda text: text})
    with pytest.raises(ResolveError, match="changes nothing"):
        root.copy(tmp_path / "other")


def test_a_folder_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ResolveError, match="is no folder"):
        folder_root(tmp_path / "nowhere", "1", "r")


def test_the_stand_in_for_sts_knows_the_account_and_nothing_else() -> None:
    with answering_sts("111122223333") as url:
        asked = urllib.request.Request(url, data=b"Action=GetCallerIdentity&Version=2011-06-15")  # noqa: S310
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            assert b"<Account>111122223333</Account>" in answer.read()
        asked.add_header("Authorization", f"AWS4-HMAC-SHA256 Credential={access_key('444455556666')}/20260101/x")
        with urllib.request.urlopen(asked) as answer:  # noqa: S310
            assert b"<Account>444455556666</Account>" in answer.read()
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{url}/", data=b"Action=AssumeRole")  # noqa: S310


@pytest.mark.provider
@pytest.mark.slow
@pytest.mark.parametrize("environment", ["dev", "prod"])
def test_every_document_of_an_environment_is_resolved(environment: str) -> None:
    whole = resolved_plan(environment)
    managed = [change for change in whole["resource_changes"] if change["mode"] == "managed"]
    assert [c["address"] for c in managed if any(v is True for v in c["change"]["after_unknown"].values())] == []
    machines = [c["change"]["after"]["definition"] for c in managed if c["type"] == "aws_sfn_state_machine"]
    assert len(machines) == 2
    assert all(json.loads(machine)["States"] for machine in machines)
