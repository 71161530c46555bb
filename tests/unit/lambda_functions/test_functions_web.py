"""URLs: what may be asked, where the connection really goes, and what may come back, against a server with TLS."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from typing import Any

import pytest
from urllib3 import HTTPSConnectionPool

from tests.unit import functions_support as support
from tests.unit.lambda_functions.scripted import Reply, Scripted
from tests.unit.lambda_functions.tls import serve_tls

errors = support.common("errors")
web = support.common("web")
PICTURE = support.png(30, 20)
HOSTS = frozenset({"images.example.com", "cdn.example.com", "elsewhere.example.com"})
LIMITS = web.Limits(max_bytes=5000, connect_s=1, read_s=0.5, total_s=2)
PUBLIC = "93.184.216.34"
URL = "https://images.example.com/a.png"
IMAGE = {"Content-Type": "image/png"}


@pytest.fixture
def internet(monkeypatch, scripted, tmp_path) -> Callable[..., Scripted]:
    """A public address at which a server with certificates for two hosts answers along a script."""

    def answering(*steps: Reply, addresses: Any = None) -> Scripted:
        server = scripted(*steps)
        trusted = serve_tls(server, tmp_path, "images.example.com", "cdn.example.com")
        context = ssl.create_default_context(cafile=trusted)
        connect = web._pool
        found = addresses or {host: [PUBLIC] for host in HOSTS}

        def resolve(host: str) -> list[Any]:
            answering.resolved.append(host)
            given = found[host]
            if isinstance(given, OSError):
                raise given
            return [(2, 1, 6, "", (address, 443)) for address in given]

        def pool(address: str, host: str, limits: Any) -> HTTPSConnectionPool:
            answering.connected.append((address, host))
            made = connect(address, host, limits)
            made.host, made.port = "127.0.0.1", int(server.url.rpartition(":")[2])
            made.conn_kw["ssl_context"] = made.ssl_context = context
            return made

        monkeypatch.setattr(web, "_resolve", resolve)
        monkeypatch.setattr(web, "_pool", pool)
        answering.resolved, answering.connected = [], []
        return server

    return answering


@pytest.fixture
def unreachable(monkeypatch) -> Callable[..., None]:
    """Names resolve as told, or not at all, and nothing may be connected to."""

    def resolving(*addresses: str) -> None:
        def resolve(host: str) -> list[Any]:
            assert addresses, f"{host} was resolved"
            return [(2, 1, 6, "", (address, 443)) for address in addresses]

        def pool(address: str, *_: Any) -> Any:
            raise AssertionError(f"{address} was connected to")

        monkeypatch.setattr(web, "_resolve", resolve)
        monkeypatch.setattr(web, "_pool", pool)

    resolving()
    return resolving


def test_an_image_of_a_host_on_the_list_comes_back(internet):
    server = internet(Reply(200, PICTURE, IMAGE))
    assert web.fetch(f"{URL}?size=1&key=%20x", HOSTS, LIMITS) == PICTURE
    (call,) = server.calls
    assert (call.method, call.target) == ("GET", "/a.png?size=1&key=%20x")
    assert call.headers["host"] == "images.example.com"
    assert call.headers["accept-encoding"] == "identity"
    assert internet.connected == [(PUBLIC, "images.example.com")], "the connection goes to the address that was judged"
    assert internet.resolved == ["images.example.com"], "a name is resolved once"


@pytest.mark.parametrize(
    "url",
    [
        *("http://images.example.com/a.png", "ftp://images.example.com/a.png", "file:///etc/passwd"),
        *("//images.example.com", "https://user@images.example.com/a", "https://images.example.com:8443/a"),
        "https://images.example.com:x/a",
        *("https://images.example.com@evil.example.com/a", "https://images.example.com\\@evil.example.com/a"),
        *("https://images.example.com/a b", "https://images.example.com/\r\nHost: x", "https://[::1/a", "", 7, None),
        *("https://images.exämple.com/a", f"https://images.example.com/{'a' * 2048}"),
    ],
)  # fmt: skip
def test_what_is_no_plain_https_url_is_refused_before_anything_is_asked(unreachable, url):
    with pytest.raises(errors.InvalidEvent):
        web.fetch(url, HOSTS, LIMITS)


@pytest.mark.parametrize(
    "host",
    [
        *(
            "evil.example.com",
            "images.example.com.evil.com",
            "example.com",
            "127.0.0.1",
            "169.254.169.254",
            "localhost",
        ),
        *("[::1]", "[::ffff:169.254.169.254]", "2130706433", "0x7f000001", "127.1", "metadata.google.internal"),
        "images.example.com.",
    ],
)
def test_a_host_that_is_not_on_the_list_is_refused_before_it_is_resolved(unreachable, host):
    with pytest.raises(errors.UrlNotAllowed, match="URL_HOSTS"):
        web.fetch(f"https://{host}/a.png", HOSTS, LIMITS)


def test_no_list_no_urls(unreachable):
    with pytest.raises(errors.UrlNotAllowed, match="no host may be asked"):
        web.fetch(URL, frozenset(), LIMITS)


PRIVATE = [
    *("127.0.0.1", "127.255.0.1", "0.0.0.1", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1"),
    *("169.254.169.254", "169.254.170.2", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1", "224.0.0.1"),
    *("240.0.0.1", "255.255.255.255", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd00:ec2::254", "ff02::1"),
    *("::ffff:127.0.0.1", "::ffff:169.254.169.254", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1"),
    *("64:ff9b:1::a00:1", "2002:7f00:1::", "2001:0:7f00:1::", "2001:db8::1", "100::1", "fec0::1"),
]


@pytest.mark.parametrize("address", PRIVATE)
def test_no_address_that_is_not_public_is_connected_to(unreachable, address):
    assert not web.public(address)
    for addresses in ([address], [PUBLIC, address]):
        unreachable(*addresses)
        with pytest.raises(errors.UrlNotAllowed, match="not public"):
            web.fetch(URL, HOSTS, LIMITS)


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:2800:220:1:248:1893:25c8:1946", "::ffff:8.8.8.8"])
def test_public_addresses_are_known(address):
    assert web.public(address)


def test_a_name_without_an_address_may_be_tried_again(internet):
    internet(Reply(200, PICTURE, IMAGE), addresses={"images.example.com": OSError("Name or service not known")})
    with pytest.raises(errors.UrlUnavailable, match="no address"):
        web.fetch(URL, HOSTS, LIMITS)


def test_a_certificate_for_another_host_is_refused(internet):
    server = internet(Reply(200, PICTURE, IMAGE))
    with pytest.raises(errors.UrlUnavailable, match="SSLError"):
        web.fetch("https://elsewhere.example.com/a.png", HOSTS, LIMITS)
    assert not server.calls


def to(where: str, status: int = 302) -> Reply:
    return Reply(status, b"", {"Location": where})


@pytest.mark.parametrize("status", [301, 307])
def test_redirects_are_followed_within_the_list(internet, status):
    server = internet(to("https://cdn.example.com/b", status), to("/c.png", status), Reply(200, PICTURE, IMAGE))
    assert web.fetch(URL, HOSTS, LIMITS) == PICTURE
    assert [call.target for call in server.calls] == ["/a.png", "/b", "/c.png"]
    assert internet.resolved == ["images.example.com", "cdn.example.com", "cdn.example.com"]


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("https://evil.example.com/a", "UrlNotAllowed"),
        ("https://169.254.169.254/latest/meta-data/", "UrlNotAllowed"),
        ("http://images.example.com/a", "InvalidEvent"),
        ("https://user:pass@cdn.example.com/", "InvalidEvent"),
        ("file:///etc/passwd", "InvalidEvent"),
    ],
)
def test_a_redirect_is_judged_as_a_url_is(internet, where, error):
    server = internet(to(where), Reply(200, PICTURE, IMAGE))
    with pytest.raises(getattr(errors, error)):
        web.fetch(URL, HOSTS, LIMITS)
    assert len(server.calls) == 1


def test_a_redirect_to_a_host_that_has_become_private_is_refused(internet):
    addresses = {"images.example.com": [PUBLIC], "cdn.example.com": ["10.0.0.1"]}
    server = internet(to("https://cdn.example.com/b"), Reply(200, PICTURE, IMAGE), addresses=addresses)
    with pytest.raises(errors.UrlNotAllowed, match="not public"):
        web.fetch(URL, HOSTS, LIMITS)
    assert len(server.calls) == 1


def test_redirects_end(internet):
    server = internet(to(URL))
    with pytest.raises(errors.UrlUnusable, match="more than 3 times"):
        web.fetch(URL, HOSTS, LIMITS)
    assert len(server.calls) == 4


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(200, b"<html>", {"Content-Type": "text/html"}), "UrlUnusable"),
        (Reply(200, b"<svg/>", {"Content-Type": "image/svg+xml"}), "UrlUnusable"),
        (Reply(200, PICTURE), "UrlUnusable"),
        (Reply(404, PICTURE, IMAGE), "UrlUnusable"),
        (Reply(206, PICTURE, IMAGE), "UrlUnusable"),
        (Reply(302, PICTURE, IMAGE), "UrlUnusable"),
        (Reply(200, PICTURE, {**IMAGE, "Content-Encoding": "gzip"}), "UrlUnusable"),
        (Reply(200, PICTURE, {**IMAGE, "Content-Encoding": "br"}), "UrlUnusable"),
        (Reply(200, b"x" * 5001, IMAGE), "ImageTooLarge"),
        (Reply(200, b"x", {**IMAGE, "Content-Length": "99999999999"}), "ImageTooLarge"),
        (Reply(200, PICTURE, IMAGE, fault="cut"), "UrlUnavailable"),
        (Reply(200, PICTURE, IMAGE, fault="reset"), "UrlUnavailable"),
        (Reply(200, PICTURE, IMAGE, fault="stall"), "UrlUnavailable"),
        (Reply(200, PICTURE, IMAGE, fault="choke"), "UrlUnavailable"),
        (Reply(200, PICTURE, IMAGE, fault="trickle"), "UrlUnavailable"),
        (Reply(200, b"no HTTP", fault="garbage"), "UrlUnavailable"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.status} {value.fault}",
)
def test_an_answer_that_is_no_image_within_the_limits_is_refused(internet, reply, error):
    internet(reply)
    with pytest.raises(getattr(errors, error)):
        web.fetch(URL, HOSTS, LIMITS)


def test_a_size_that_is_not_told_ends_at_the_limit_all_the_same(internet):
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (6000, b"x" * 6000)
    head = b"HTTP/1.1 200 OK\r\nContent-Type: image/png\r\nTransfer-Encoding: chunked\r\n\r\n"
    internet(Reply(body=head + body, fault="garbage"))
    with pytest.raises(errors.ImageTooLarge, match="5000"):
        web.fetch(URL, HOSTS, LIMITS)


def test_secrets_in_a_url_are_not_repeated(internet):
    internet(Reply(404, b"", IMAGE))
    for url in ("https://me:hunter2@images.example.com/a?token=hunter2", f"{URL}?token=hunter2"):
        with pytest.raises(errors.FunctionError) as refused:
            web.fetch(url, HOSTS, LIMITS)
        assert "hunter2" not in str(refused.value)
