"""Listing a bucket's versions costs no copy of what they hold, and leaves it as it was."""

from __future__ import annotations

import gc

from rehearsal.aws.client import EmbeddedAws


def test_pages_of_versions_and_their_content(aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="versions", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    s3.put_bucket_versioning(Bucket="versions", VersioningConfiguration={"Status": "Enabled"})
    for number in range(3):
        for name in ("a", "b"):
            s3.put_object(Bucket="versions", Key=name, Body=f"{name}{number}".encode())
    s3.delete_object(Bucket="versions", Key="b")
    pages = list(s3.get_paginator("list_object_versions").paginate(Bucket="versions", PaginationConfig={"PageSize": 2}))
    gc.collect()
    found = [one for page in pages for one in page.get("Versions", [])]
    assert [(one["Key"], one["IsLatest"]) for one in found] == [
        ("a", True), ("a", False), ("a", False), ("b", False), ("b", False), ("b", False),
    ]  # fmt: skip
    assert [one["Key"] for page in pages for one in page.get("DeleteMarkers", [])] == ["b"]
    bodies = {
        s3.get_object(Bucket="versions", Key=one["Key"], VersionId=one["VersionId"])["Body"].read() for one in found
    }
    assert bodies == {b"a0", b"a1", b"a2", b"b0", b"b1", b"b2"}
