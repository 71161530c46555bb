"""List the objects below a prefix, page by page, and quickly.

botocore makes a date of every object's time, which takes ten times as long as all else; a client of here leaves it be.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from xml.etree import ElementTree as Xml

from training.data.upload import explained

if TYPE_CHECKING:
    from collections.abc import Iterator

    from training.data.upload import Place


class Item(NamedTuple):
    """An object of the listing.

    Attributes
    ----------
    modified
        UTC, as `2026-01-31T12:00:00.000`.
    """

    key: str
    size: int
    modified: str


def client() -> Any:
    """A boto3 client for S3 that is quick at listing and like any other at everything else."""
    import boto3  # noqa: PLC0415  lists of folders need no AWS
    from botocore import session as sessions  # noqa: PLC0415
    from botocore.config import Config  # noqa: PLC0415
    from botocore.parsers import ResponseParserFactory, RestXMLParser  # noqa: PLC0415

    class Parser(RestXMLParser):
        def parse(self, response: dict[str, Any], shape: Any) -> Any:
            if shape is None or shape.name != "ListObjectsV2Output" or response["status_code"] >= 300:
                return super().parse(response, shape)
            return {**page(response["body"]), "ResponseMetadata": {"HTTPStatusCode": response["status_code"]}}

    class Factory(ResponseParserFactory):
        def create_parser(self, protocol_name: str) -> Any:
            if protocol_name == "rest-xml":
                return Parser(**self._defaults)
            return super().create_parser(protocol_name)

    core = sessions.Session()
    core.register_component("response_parser_factory", Factory())
    return boto3.Session(botocore_session=core).client("s3", config=Config(retries={"mode": "standard"}))


def page(body: bytes) -> dict[str, Any]:
    """What botocore would say of an answer to ListObjectsV2, as far as a list of images needs it.

    https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
    """
    root = Xml.fromstring(body)  # noqa: S314  it is S3 that answers, and expat expands no entity that it does not declare
    space = root.tag.removesuffix("ListBucketResult")

    def text(element: Any, name: str) -> str | None:
        return element.findtext(space + name)

    said: dict[str, Any] = {
        "IsTruncated": text(root, "IsTruncated") == "true",
        "Contents": [
            {
                "Key": text(found, "Key") or "",
                "Size": int(text(found, "Size") or 0),
                "LastModified": text(found, "LastModified"),
            }
            for found in root.iterfind(space + "Contents")
        ],
        "CommonPrefixes": [{"Prefix": text(found, "Prefix")} for found in root.iterfind(space + "CommonPrefixes")],
    }
    for name in ("NextContinuationToken", "EncodingType", "Prefix", "Delimiter"):
        if (value := text(root, name)) is not None:
            said[name] = value
    return said


def items(place: Place) -> Iterator[Item]:
    """All objects below the place, in S3's order (the bytes of the keys); a page at a time is held in memory.

    Raises
    ------
    DataError
        S3 refuses.
    """
    with explained("source", place.url):
        for found in place.client.get_paginator("list_objects_v2").paginate(Bucket=place.bucket, Prefix=place.prefix):
            for one in found.get("Contents", ()):
                yield Item(one["Key"], one["Size"], _date(one["LastModified"]))


def folders(place: Place) -> list[str]:
    """Names of the folders right below the place, in S3's order.

    Raises
    ------
    DataError
        S3 refuses.
    """
    asked = {"Bucket": place.bucket, "Prefix": place.prefix, "Delimiter": "/"}
    with explained("source", place.url):
        pages = place.client.get_paginator("list_objects_v2").paginate(**asked)
        found = [one["Prefix"] for each in pages for one in each.get("CommonPrefixes", ())]
    return [prefix.removeprefix(place.prefix).rstrip("/") for prefix in found]


def _date(modified: Any) -> str:
    if isinstance(modified, str):
        return modified.removesuffix("Z")
    return modified.strftime("%Y-%m-%dT%H:%M:%S.000")
