"""Going back: to the last model that was verified live and not gone back from, if it may serve and can."""

from __future__ import annotations

import hashlib
import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from terraform.live import ledger, models, rollback
from terraform.live.ledger import Entry, Ledger

BODY = b"model"


def model(version: str, **values: Any) -> dict[str, Any]:
    return {
        "version": version,
        "image": "serving@sha256:1",
        "model_data_url": f"s3://models/{version}/model.tar.gz",
        "model_package_arn": f"arn:aws:sagemaker:eu-west-1:1:model-package/vehicles/{version}",
        "sha256": hashlib.sha256(BODY).hexdigest(),
        "etag": "e1",
    } | values


def verified(*versions: str, instead_of: str = "") -> Entry:
    left = {"vehicles": model(instead_of)} if instead_of else {}
    return Entry("2026-11-21", {"vehicles": model(*versions)}, left)


class Cloud:
    """A session whose only client answers as S3, SageMaker and STS."""

    class exceptions:  # noqa: N801  (as a client has it)
        ClientError = ClientError

    def __init__(self, *, status: str = "Approved", objects: dict[str, bytes] | None = None) -> None:
        self.status, self.objects = status, {} if objects is None else objects
        self.etag = "e1"

    def client(self, _service: str) -> Cloud:
        return self

    def get_paginator(self, _name: str) -> Cloud:
        return self

    def paginate(self, Bucket: str, Prefix: str) -> list[dict[str, Any]]:  # noqa: N803
        return [self.list_objects_v2(Bucket, Prefix)]

    def list_objects_v2(self, Bucket: str, Prefix: str, **_: Any) -> dict[str, Any]:  # noqa: N803
        found = [key for key in self.objects if key.startswith(f"{Bucket}/{Prefix}")]
        return {"Contents": [{"Key": key.partition("/")[2], "ETag": f'"{self.etag}"'} for key in found]}

    def get_object(self, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        body = io.BytesIO(self.objects[f"{Bucket}/{Key}"])
        body.iter_chunks = lambda _size: [body.read()]  # type: ignore[attr-defined]
        return {"Body": body}

    def put_object(self, Bucket: str, Key: str, Body: bytes, IfNoneMatch: str, **_: Any) -> None:  # noqa: N803
        assert IfNoneMatch == "*"
        assert self.objects.setdefault(f"{Bucket}/{Key}", Body) is Body

    def get_caller_identity(self) -> dict[str, str]:
        return {"Arn": "arn:aws:sts::1:assumed-role/slipway-deploy/GitHubActions"}

    def describe_model_package(self, **_: str) -> dict[str, str]:
        if self.status == "gone":
            raise ClientError({"Error": {"Code": "ValidationException", "Message": "does not exist"}}, "Describe")
        return {"ModelApprovalStatus": self.status}


@pytest.mark.parametrize(
    ("entries", "present", "chosen"),
    [
        ([verified("2"), verified("1")], "2", "1"),
        ([verified("1")], "2", "1"),
        ([verified("2"), verified("1")], "3", "2"),
        ([verified("1", instead_of="3"), verified("3"), verified("1"), verified("0")], "1", "0"),
        ([verified("3"), verified("1", instead_of="3"), verified("3"), verified("1")], "4", "3"),
    ],
    ids=[
        "a bad model that was live: the one before",
        "a bad model that never was live: the one that is",
        "the newest first",
        "after going back from 3: never forward to it",
        "a model that was verified anew after it was gone back from is good again",
    ],
)
def test_the_last_good_model_is_chosen(entries: list[Entry], present: str, chosen: str) -> None:
    assert rollback.choose(entries, "vehicles", model(present))["version"] == chosen


def test_a_named_version_is_taken_whatever_became_of_it() -> None:
    entries = [verified("1", instead_of="3"), verified("3"), verified("1")]
    assert rollback.choose(entries, "vehicles", model("1"), "3")["version"] == "3"


@pytest.mark.parametrize(
    ("entries", "version", "told"),
    [
        ([], "", "no other model of vehicles was ever verified live here$"),
        ([verified("2")], "", "no other model"),
        ([verified("2", instead_of="3"), verified("3")], "", "gone back from before: 3 .TO=VERSION"),
        ([verified("2"), verified("1")], "9", "never verified live as version 9; known: 1$"),
        ([verified("2")], "9", "known: none but the present one"),
    ],
)
def test_there_may_be_no_way_back(entries: list[Entry], version: str, told: str) -> None:
    with pytest.raises(rollback.RefusedError, match=f"nothing was changed: .*{told}"):
        rollback.choose(entries, "vehicles", model("2"), version)


@pytest.mark.parametrize(
    ("cloud", "values", "told"),
    [
        (Cloud(status="Rejected"), {}, "its package .+ is Rejected"),
        (Cloud(status="gone"), {}, "its package .+ is gone"),
        (Cloud(), {"model_package_arn": None}, "names no model package"),
        (Cloud(), {}, "expected an object, live none"),
        (Cloud(objects={"models/1/model.tar.gz": b"other"}), {"etag": "e0"}, "expected sha256 .+replaced"),
    ],
)
def test_a_model_that_may_not_or_cannot_serve_is_refused(cloud: Cloud, values: dict[str, Any], told: str) -> None:
    with pytest.raises(rollback.RefusedError, match=told):
        rollback.demand_usable(model("1", **values), cloud)


def test_an_approved_model_whose_artefact_is_there_is_usable() -> None:
    rollback.demand_usable(model("1"), Cloud(objects={"models/1/model.tar.gz": BODY}))
    rollback.demand_usable(model("1", etag="e0"), Cloud(objects={"models/1/model.tar.gz": BODY}))


def test_a_model_that_comes_back_has_a_new_date_and_stays_the_same() -> None:
    old = model("1", promoted="2026-01-01T00:00:00+00:00")
    again = rollback.promoted_again(old)
    assert again["promoted"] > old["promoted"]
    assert models.same(old, again)


def test_the_ledger_gives_back_what_was_written_the_newest_first() -> None:
    cloud = Cloud()
    book = Ledger(cloud, "state", "dev/verified/")
    assert ledger.record(book, {"vehicles": model("1")})
    assert ledger.record(book, {"vehicles": model("2")}, {"vehicles": model("3")})
    newest, oldest = ledger.entries(book)
    assert (newest.models["vehicles"]["version"], oldest.models["vehicles"]["version"]) == ("2", "1")
    assert newest.instead_of == {"vehicles": model("3")}
    assert newest.by.endswith("slipway-deploy/GitHubActions")


def test_what_is_already_written_is_not_written_again() -> None:
    cloud = Cloud()
    book = Ledger(cloud, "state", "dev/verified/")
    assert not ledger.record(book, {})
    assert ledger.record(book, {"vehicles": model("1")})
    assert not ledger.record(book, {"vehicles": model("1", promoted="later")})
    assert len(cloud.objects) == 1


def test_a_damaged_entry_is_named() -> None:
    cloud = Cloud(objects={"state/dev/verified/1.json": b"{"})
    with pytest.raises(models.TerraformError, match=r"s3://state/dev/verified/1\.json is no entry of the ledger"):
        next(ledger.entries(Ledger(cloud, "state", "dev/verified/")))


def test_the_models_file_is_read_whole_or_refused(tmp_path: Any) -> None:
    file = tmp_path / "models.auto.tfvars.json"
    assert models.read(file) == {}
    models.write(file, {"vehicles": model("1")})
    assert models.read(file) == {"vehicles": model("1")}
    assert json.loads(file.read_text())["models"]["vehicles"]["version"] == "1"
    file.write_text('{"models": []}')
    with pytest.raises(models.TerraformError, match="restore it with git"):
        models.read(file)
