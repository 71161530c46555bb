"""Fetching an image from a URL that somebody else chose, without being sent where only this function can go.

A host must be on the list; its name is resolved once, every address it has must be public, and the connection goes to
one of these addresses, so that a second answer of the name server changes nothing. The certificate must be the host's.
Each redirect begins all of it anew. What is answered must say that it is an image, must not be compressed in transit,
and ends at a size and a time.
"""

from __future__ import annotations

import ipaddress
import re
import socket
import ssl
import time
from typing import Any, NamedTuple
from urllib.parse import SplitResult, urljoin, urlsplit

from urllib3 import HTTPSConnectionPool, Timeout
from urllib3.exceptions import HTTPError

from .errors import FunctionError, ImageTooLarge, InvalidEvent, UrlNotAllowed, UrlUnavailable, UrlUnusable

CONTENT_TYPES = {"image/jpeg", "image/png"}
REDIRECTS = {301, 302, 303, 307, 308}
MOST_REDIRECTS = 3
LONGEST_URL = 2048
_PORT = 443
_PIECE_BYTES = 65536
_HOST = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,63}")
# Addresses that carry an IPv4 address inside: 6to4, Teredo, and the translations of NAT64.
_TUNNELS = tuple(map(ipaddress.ip_network, ("2002::/16", "2001::/32", "64:ff9b::/96", "64:ff9b:1::/48")))
_UNICAST = ipaddress.ip_network("2000::/3")
FORM = "Give an https URL of a host in URL_HOSTS, without a user or a port"


class Limits(NamedTuple):
    """Of one fetch: bytes, and seconds for a connection, for the next piece, and for everything."""

    max_bytes: int
    connect_s: float
    read_s: float
    total_s: float


def fetch(url: Any, hosts: frozenset[str], limits: Limits) -> bytes:
    """Return what a URL answers.

    Parameters
    ----------
    hosts
        Names that may be asked, exactly; none, and nothing may.

    Raises
    ------
    InvalidEvent
        ``url`` is no https URL of the allowed form.
    UrlNotAllowed
        The host is not on the list, or one of its addresses is not public.
    UrlUnusable, ImageTooLarge
        The answer is no image within the limits; too many redirects.
    UrlUnavailable
        No answer, or not in time. Safe to retry.
    """
    until = time.monotonic() + limits.total_s
    for _ in range(MOST_REDIRECTS + 1):
        target = _checked(url, hosts)
        moved, body = _ask(target, _addresses(str(target.hostname)), limits, until)
        if moved is None:
            return body
        url = urljoin(url, moved)
    raise UrlUnusable("url", target.hostname, f"redirects more than {MOST_REDIRECTS} times", "Give the final URL")


def public(address: str) -> bool:
    """Whether an address is one of the public internet: not private, loopback, link-local (where the metadata of EC2
    and Lambda lie), shared, reserved, multicast, nor an IPv6 address with such an IPv4 address inside.
    """
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        if found.ipv4_mapped:
            return public(str(found.ipv4_mapped))
        if found not in _UNICAST or any(found in tunnel for tunnel in _TUNNELS):
            return False
    return found.is_global and not found.is_multicast and not found.is_reserved


def _checked(url: Any, hosts: frozenset[str]) -> SplitResult:
    """Return the parts of a URL that may be asked; the host is the last thing that is judged by its text alone."""
    if not hosts:
        raise UrlNotAllowed("url", "", "no host may be asked", "Upload the image, or set URL_HOSTS and give a way out")
    if not isinstance(url, str) or len(url) > LONGEST_URL or not url.isascii() or re.search(r"[\x00-\x20\x7f\\]", url):
        raise InvalidEvent("url", url, "is not a URL in ASCII without white space", FORM)
    try:
        target = urlsplit(url)
        host, port = target.hostname or "", target.port
    except ValueError:
        raise InvalidEvent("url", url, "cannot be read", FORM) from None
    if target.scheme != "https" or port not in (None, _PORT) or "@" in target.netloc:
        raise InvalidEvent("url", _shown(target), "is not https, or names a user or a port", FORM)
    if not _HOST.fullmatch(host) or host not in hosts:
        raise UrlNotAllowed("url", host, "is not a host in URL_HOSTS", FORM)
    return target


def _addresses(host: str) -> list[str]:
    """Return all addresses of a host, each of them public."""
    try:
        found = list(dict.fromkeys(str(entry[4][0]) for entry in _resolve(host)))
    except OSError as error:
        raise UrlUnavailable("url", host, f"has no address ({error})", "Check the name and the way out") from None
    if wrong := [address for address in found if not public(address)]:
        raise UrlNotAllowed("url", host, f"has the address {wrong[0]}, which is not public", FORM)
    return found


def _resolve(host: str) -> list[Any]:
    return socket.getaddrinfo(host, _PORT, type=socket.SOCK_STREAM)


def _pool(address: str, host: str, limits: Limits) -> HTTPSConnectionPool:
    """Return a pool that connects to the address and talks to the host: its name in SNI, and in the certificate."""
    return HTTPSConnectionPool(
        address,
        _PORT,
        timeout=Timeout(connect=limits.connect_s, read=limits.read_s),
        retries=False,
        ssl_context=_trust(),
        cert_reqs="CERT_REQUIRED",
        server_hostname=host,
        assert_hostname=host,
    )


def _trust() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _ask(target: SplitResult, addresses: list[str], limits: Limits, until: float) -> tuple[str | None, bytes]:
    """Return where an answer sends, or its body; the next address is tried while none answers."""
    host = str(target.hostname)
    path = f"{target.path or '/'}{f'?{target.query}' if target.query else ''}"
    # Identity: an image is compressed already, and what unpacks itself has no size that could be trusted.
    headers = {"Host": host, "Accept": ", ".join(sorted(CONTENT_TYPES)), "Accept-Encoding": "identity"}
    problem: FunctionError | None = None
    for address in addresses:
        if time.monotonic() > until:
            break
        try:
            with _pool(address, host, limits) as pool:
                answer = pool.urlopen(
                    "GET", path, headers=headers, redirect=False, preload_content=False, decode_content=False
                )
                if answer.status in REDIRECTS and (moved := answer.headers.get("location")):
                    return moved, b""
                return None, _body(answer, host, limits, until)
        except (HTTPError, OSError) as error:
            problem = UrlUnavailable("url", host, f"gave no answer ({type(error).__name__})", "Try again later")
    raise problem or UrlUnavailable("url", host, "gave no answer in time", "Try again later")


def _body(answer: Any, host: str, limits: Limits, until: float) -> bytes:
    kind = answer.headers.get("content-type", "").partition(";")[0].strip().lower()
    if answer.status != 200 or kind not in CONTENT_TYPES:
        raise UrlUnusable("url", host, f"answers {answer.status} {kind[:60]!r}, no PNG or JPEG", "Give an image's URL")
    coding = answer.headers.get("content-encoding", "identity").strip().lower()
    if coding != "identity":
        raise UrlUnusable("url", host, f"answers with the encoding {coding[:20]!r}", "Serve the image as it is")
    promised = answer.headers.get("content-length", "")
    if promised.isdecimal() and int(promised) > limits.max_bytes:
        raise _too_large(host, int(promised), limits)
    # What has come so far, so that an answer that trickles is noticed; urllib3 1 can only wait for a whole piece.
    read, body = getattr(answer, "read1", answer.read), bytearray()
    while piece := read(_PIECE_BYTES):
        body += piece
        if len(body) > limits.max_bytes:
            raise _too_large(host, len(body), limits)
        if time.monotonic() > until:
            raise UrlUnavailable("url", host, f"was not read in {limits.total_s:g} s", "Try again later")
    if promised.isdecimal() and int(promised) != len(body):
        raise UrlUnavailable("url", host, f"gave {len(body)} of {promised} bytes", "Try again later")
    return bytes(body)


def _too_large(host: str, size: int, limits: Limits) -> ImageTooLarge:
    problem = f"of {host} is above the limit of {limits.max_bytes} bytes (MAX_IMAGE_BYTES)"
    return ImageTooLarge("image.size", size, problem, "Give a smaller image")


def _shown(target: SplitResult) -> str:
    """Return a URL without what may be secret in it."""
    return f"{target.scheme}://{target.netloc.rpartition('@')[2]}{target.path}"
