"""A thousand and more requests that are wrong in as many ways: each is answered, none harms the server."""

from __future__ import annotations

import base64
import json
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Iterator

import cv2
import numpy as np
import psutil

from tests.unit.serving.serving_server import Server, picture, post

SEED = 20261121
COUNT = 1200
_ALLOWED_MB = 64
"""Growth of the process: a little more than what the largest image that is decoded takes."""

KINDS = ["image/png", "image/jpeg", "application/json", "text/csv", "", "image/png; charset=x", "\x7f", "a" * 3000]


def originals() -> list[tuple[str, bytes]]:
    noise = np.random.default_rng(SEED).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    progressive = [cv2.IMWRITE_JPEG_PROGRESSIVE, 1, cv2.IMWRITE_JPEG_RST_INTERVAL, 4]
    images = [
        ("image/png", cv2.imencode(".png", noise)[1].tobytes()),
        ("image/png", cv2.imencode(".png", noise[:, :, 0])[1].tobytes()),
        ("image/png", picture("red")),
        ("image/jpeg", cv2.imencode(".jpg", noise)[1].tobytes()),
        ("image/jpeg", cv2.imencode(".jpg", noise, progressive)[1].tobytes()),
    ]
    texts = [base64.b64encode(body).decode() for _, body in images]
    batch = json.dumps({"instances": [{"b64": text} for text in texts]}).encode()
    return [*images, ("application/json", batch), ("application/json", json.dumps({"instances": []}).encode())]


def mutated(random_: random.Random, body: bytes) -> bytes:
    """One of many ways to damage a file."""
    data = bytearray(body)
    at = random_.randrange(len(data))
    match random_.randrange(9):
        case 0:
            return bytes(data[:at])
        case 1:
            for _ in range(random_.randrange(1, 9)):
                data[random_.randrange(len(data))] ^= 1 << random_.randrange(8)
        case 2:
            data[at : at + random_.randrange(64)] = random_.randbytes(random_.randrange(64))
        case 3:
            data[at:at] = data[: random_.randrange(len(data))]
        case 4:  # sizes that a decoder would have to allocate
            marker = data.find(b"IHDR")
            if marker > 0:
                data[marker + 4 : marker + 12] = struct.pack(">II", random_.choice([1, 70_000]), 2**31 - 1)
            elif (marker := data.find(b"\xff\xc0")) > 0:
                data[marker + 5 : marker + 9] = b"\xff\xff\xff\xff"
        case 5:  # lengths of segments and chunks
            data[at : at + 4] = random_.choice([bytes(4), b"\xff" * 4, b"\x7f\xff\xff\xff"])
        case 6:
            data += random_.randbytes(random_.randrange(4096))
        case 7:
            data[at:] = bytes(len(data) - at)
        case _:
            return random_.randbytes(random_.randrange(2000))
    return bytes(data)


def requests(random_: random.Random) -> Iterator[bytes]:
    """Requests that are HTTP, and wrong in what they say or hold."""
    files = originals()
    for _ in range(COUNT):
        kind, body = random_.choice(files)
        body = mutated(random_, body) if random_.random() < 0.9 else body
        kind = random_.choice(KINDS) if random_.random() < 0.15 else kind
        if random_.random() < 0.1:
            pieces = [body[k : k + 700] for k in range(0, len(body), 700)]
            chunks = b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces)
            head = post(b"", kind).replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            yield head + chunks + b"0\r\n\r\n"
        else:
            yield post(body, kind)


def answered(connection: socket.socket) -> int:
    """The status of one answer, whose document has been read and is JSON."""
    buffer = b""
    while b"\r\n\r\n" not in buffer:
        more = connection.recv(65536)
        assert more, f"no answer but {buffer!r}"
        buffer += more
    head, _, content = buffer.partition(b"\r\n\r\n")
    fields = dict(line.lower().split(b": ", 1) for line in head.split(b"\r\n")[1:])
    while len(content) < int(fields[b"content-length"]):
        content += connection.recv(65536)
    status = int(head.split(b" ", 2)[1])
    if fields[b"content-type"] == b"application/json":
        document = json.loads(content)
        assert ("predictions" in document) == (status == 200)
    if fields.get(b"connection") == b"close":
        raise ConnectionAbortedError(status)
    return status


def ask(server: Server, bodies: list[bytes], statuses: Counter[int]) -> None:
    """Send them one after the other, on a new connection where the server has closed the last one."""
    left = iter(bodies)
    while True:
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            try:
                for body in left:
                    connection.sendall(body)
                    statuses[answered(connection)] += 1
                return
            except ConnectionAbortedError as closed:
                statuses[closed.args[0]] += 1


def test_a_thousand_damaged_requests_are_each_answered_and_harm_nobody(start):
    server = start(SERVING_MAX_BODY_BYTES="60000").ready()
    process = psutil.Process(server.process.pid)
    server.invoke(picture("red"))
    before = process.memory_info().rss
    everything = list(requests(random.Random(SEED)))  # noqa: S311
    statuses: Counter[int] = Counter()
    clients = [threading.Thread(target=ask, args=(server, everything[k::4], statuses)) for k in range(4)]
    for client in clients:
        client.start()
    for client in clients:
        client.join(120)
    assert statuses.total() == COUNT >= 1000
    assert set(statuses) <= {200, 400, 413, 415}, statuses
    assert min(statuses[200], statuses[400], statuses[415]) > 50, statuses
    assert process.memory_info().rss - before < _ALLOWED_MB * 1e6
    figures = server.metrics()
    assert figures["slipway_queue_images"] == figures["slipway_held_bytes"] == 0
    assert server.invoke(picture("blue"))[1]["predictions"][0]["label"] == "blue"
    assert {event["event"] for event in server.events} <= {"listening", "ready", "refused", "library"}
    assert server.end() == 0


def test_what_is_no_http_is_refused_and_the_server_goes_on(server):
    random_ = random.Random(SEED)  # noqa: S311
    whole = post(picture("red"))
    head = len(whole.partition(b"\r\n\r\n")[0])
    for number in range(150):
        data = bytearray(whole[:head] + b"\r\n\r\n")
        match number % 5:
            case 0:
                data[random_.randrange(head)] = random_.randrange(256)
            case 1:
                data = bytearray(random_.randbytes(200) + b"\r\n\r\n")
            case 2:
                data[head:head] = b"\r\nContent-Length: %d" % random_.choice([-1, 2**64, 10**30])
            case 3:
                data[head:head] = b"\r\nTransfer-Encoding: chunked"
                data += random_.choice([b"zz\r\n", b"ffffffffffffffffff\r\n", b"-1\r\n"])
            case 4:
                data = data.replace(b" HTTP/1.1", random_.choice([b" HTTP/9.9", b" SMTP/1.1", b"", b" HTTP/1.1 x"]))
        with socket.create_connection(("127.0.0.1", server.port), timeout=20) as connection:
            connection.sendall(data)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(4096)
            assert not answer or answer.startswith((b"HTTP/1.1 4", b"HTTP/1.1 2")), (data, answer)
    assert server.invoke(picture("green"))[0] == 200
    assert server.metrics()["slipway_held_bytes"] == 0
