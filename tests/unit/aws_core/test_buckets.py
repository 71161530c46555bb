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


def test_a_bucket_is_emptied_page_by_page_however_the_pages_fall(aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="emptied", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for number in range(11):
        s3.put_object(Bucket="emptied", Key=f"log-{number:02d}", Body=b"line")
    pages = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket="emptied", PaginationConfig={"PageSize": 3}):
        pages += 1
        gone = [{"Key": one["Key"], "VersionId": one["VersionId"]} for one in page["Versions"]]
        s3.delete_objects(Bucket="emptied", Delete={"Objects": gone})
    assert pages == 4
    s3.delete_bucket(Bucket="emptied")


def test_folders_are_told_once_and_pages_go_on_behind_them(aws: EmbeddedAws) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="folders", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for name in ("a/1", "a/2", "b", "c/1", "d"):
        s3.put_object(Bucket="folders", Key=name, Body=b"x")
    ask = {"Bucket": "folders", "Delimiter": "/", "MaxKeys": 2}
    first = s3.list_object_versions(**ask)
    assert [one["Prefix"] for one in first["CommonPrefixes"]] == ["a/"]
    assert [one["Key"] for one in first["Versions"]] == ["b"]
    following = {"KeyMarker": first["NextKeyMarker"], "VersionIdMarker": first["NextVersionIdMarker"]}
    second = s3.list_object_versions(**ask, **following)
    assert [one["Prefix"] for one in second["CommonPrefixes"]] == ["c/"]
    assert [one["Key"] for one in second["Versions"]] == ["d"]
    assert second["IsTruncated"] is False
