"""The network's settings: one private range, cut into one subnet per zone."""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import Field, field_validator

from terraform.stacks.settings.base import Strict, Zone
from terraform.stacks.settings.errors import RefusedValueError

# https://docs.aws.amazon.com/vpc/latest/userguide/vpc-cidr-blocks.html
VPC_SMALLEST_PREFIX = 28
VPC_LARGEST_PREFIX = 16
PRIVATE_RANGES = tuple(ipaddress.IPv4Network(text) for text in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16"))
# Interface endpoints, function interfaces and SageMaker instances share a zone's subnet: a /26 leaves 59 addresses
# after the five that AWS keeps, which 13 endpoints and a fleet can live in; a /27 does not leave room to grow.
SUBNET_SMALLEST_PREFIX = 26


def subnet_prefix(cidr: str, zones: int) -> int:
    """Tell how long the prefix of one zone's subnet becomes when `cidr` is cut into equal parts."""
    return ipaddress.ip_network(cidr).prefixlen + (zones - 1).bit_length()


class Network(Strict):
    """Where everything runs: a VPC without a road to the internet."""

    cidr: str
    zones: Annotated[tuple[Zone, ...], Field(min_length=2, max_length=6)]
    endpoint_zones: Annotated[int, Field(ge=1)] | None = None

    @field_validator("cidr")
    @classmethod
    def _range(cls, value: str) -> str:
        network = _parse(value)
        if not any(network.subnet_of(private) for private in PRIVATE_RANGES):
            raise RefusedValueError(
                "a private range (RFC 1918)", "choose one inside 10.0.0.0/8, 172.16.0.0/12 or 192.168.0.0/16"
            )
        if not VPC_LARGEST_PREFIX <= network.prefixlen <= VPC_SMALLEST_PREFIX:
            raise RefusedValueError("a prefix between /16 and /28, which is what a VPC accepts", "use a /16 to /24")
        return value

    @field_validator("zones")
    @classmethod
    def _distinct(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(value)) != len(value):
            raise RefusedValueError(
                "each zone once", "remove the repeated zone: two subnets in one zone survive no failure"
            )
        return value


def _parse(value: str) -> ipaddress.IPv4Network:
    try:
        return ipaddress.IPv4Network(value)
    except ValueError as error:
        reason = (
            "an address with its host bits clear" if "host bits" in str(error) else "an IPv4 range such as 10.40.0.0/16"
        )
        raise RefusedValueError(reason, f"correct it ({error})") from None
