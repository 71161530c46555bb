"""Where AWS answers: the regional address of a service, or the one that AWS_ENDPOINT_URL(_SERVICE) names.

Hosts as in the endpoint tables of S3, SageMaker and DynamoDB: https://docs.aws.amazon.com/general/latest/gr/s3.html,
https://docs.aws.amazon.com/general/latest/gr/sagemaker.html, https://docs.aws.amazon.com/general/latest/gr/ddb.html.
Interface endpoints with private DNS keep these names.
"""

from __future__ import annotations

import os
import re
from typing import NamedTuple
from urllib.parse import quote, urlencode

from .errors import InvalidEvent, InvalidSetting

# The isolated partitions have names of their own, which nobody here could have tried.
_PARTITIONS = (
    (re.compile(r"cn-[a-z]+-\d+"), "amazonaws.com.cn"),
    (re.compile(r"eusc-[a-z]+-[a-z]+-\d+"), "amazonaws.eu"),
    (re.compile(r"[a-z]{2}-(?:gov-)?[a-z]+-\d+"), "amazonaws.com"),
)
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_REFUSED = ("AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT")


class Service(NamedTuple):
    """A service: the name requests are signed for, its environment variable, and the first part of its host."""

    signing_name: str
    variable: str
    host: str


S3 = Service("s3", "AWS_ENDPOINT_URL_S3", "s3")
DYNAMODB = Service("dynamodb", "AWS_ENDPOINT_URL_DYNAMODB", "dynamodb")
SAGEMAKER_RUNTIME = Service("sagemaker", "AWS_ENDPOINT_URL_SAGEMAKER_RUNTIME", "runtime.sagemaker")


def region() -> str:
    """Return the function's region; raise InvalidSetting where there is none."""
    found = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION")
    if not found:
        raise InvalidSetting("AWS_REGION", "", "is not set", "Lambda sets it; elsewhere set it to the bucket's region")
    return found


def configured(service: Service) -> str | None:
    """Return the address that the environment names for a service, without a slash at its end."""
    found = os.environ.get(service.variable) or os.environ.get("AWS_ENDPOINT_URL")
    return found.rstrip("/") if found else None


def host(service: Service) -> str:
    """Return the regional host of a service.

    Raises
    ------
    InvalidSetting
        The region's partition is not known here, or FIPS or dual-stack endpoints are asked for: a request that
        quietly went to the usual host would break the rule behind that wish.
    """
    remedy = f"Name the endpoint in {service.variable}"
    for variable in _REFUSED:
        if os.environ.get(variable, "").lower() == "true":
            raise InvalidSetting(variable, "true", "is not supported without the endpoint's address", remedy)
    where = region()
    for pattern, suffix in _PARTITIONS:
        if pattern.fullmatch(where):
            return f"{service.host}.{where}.{suffix}"
    raise InvalidSetting("AWS_REGION", where, "is in a partition whose endpoints are not known here", remedy)


def service_url(service: Service) -> str:
    """Return where a service takes requests that name their operation in a header."""
    return f"{configured(service) or f'https://{host(service)}'}/"


def invocations_url(endpoint: str) -> str:
    """Return where a SageMaker endpoint takes requests."""
    return f"{service_url(SAGEMAKER_RUNTIME)}endpoints/{quote(endpoint, safe='')}/invocations"


def object_url(bucket: str, key: str = "", **query: str) -> str:
    """Return where an object, or with an empty key a bucket, lies.

    The bucket becomes part of the host, so nothing but a bucket's name may pass. One with a dot in it stands in the
    path: the certificate of S3 covers one label.

    Raises
    ------
    InvalidEvent
        ``bucket`` cannot be a bucket's name.
    """
    if not _BUCKET.fullmatch(bucket):
        raise InvalidEvent("bucket", bucket, "is not a possible bucket name", "Give the name, not an ARN or an alias")
    base = configured(S3)
    if base is None and "." not in bucket:
        place = f"https://{bucket}.{host(S3)}"
    else:
        place = f"{base or f'https://{host(S3)}'}/{bucket}"
    asked = f"?{urlencode(sorted(query.items()), quote_via=quote, safe='-_.~')}" if query else ""
    return f"{place}/{quote(key, safe='/~')}{asked}"
