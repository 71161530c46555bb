"""Downloads: resumed, checked, and never seen half written."""

from __future__ import annotations

import hashlib
import http.server
import re
import threading
from pathlib import Path

import pytest

from training.data import fetch
from training.errors import DataError

CONTENT = bytes(range(256)) * 2000
DIGEST = hashlib.sha256(CONTENT).hexdigest()


class Home(http.server.BaseHTTPRequestHandler):
    """Serves CONTENT; /cut breaks off in the middle, /plain knows no ranges, /long sends too much."""

    asked: list[str | None]

    def do_GET(self):
        asked = self.headers.get("Range")
        self.server.asked.append(asked)
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and self.path != "/plain" else 0
        body = CONTENT[start:]
        if self.path == "/cut" and len(self.server.asked) == 1:
            body = body[: len(body) // 2]
        if self.path == "/long":
            body += b"!"
        self.send_response(206 if start else 200)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def home():
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Home)
    server.asked = []
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def get(home, path: str, target: Path, **changes):
    wanted = {"sha256": DIGEST, "size": len(CONTENT), "remedy": "Use --source digits."} | changes
    return fetch.fetch(f"http://127.0.0.1:{home.server_port}{path}", target, **wanted)


def test_a_download_arrives_whole_and_is_not_repeated(home, tmp_path):
    seen = []
    target = tmp_path / "deep" / "file"
    get(home, "/", target, progress=lambda done, total: seen.append((done, total)))
    assert target.read_bytes() == CONTENT
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    get(home, "/", target)
    assert home.asked == [None]


@pytest.mark.parametrize("path", ["/cut", "/plain"])
def test_a_broken_download_goes_on_where_it_stopped(home, tmp_path, path):
    target = tmp_path / "file"
    if path == "/cut":
        with pytest.raises(DataError, match="broke off"):
            get(home, path, target)
        assert not target.exists()
    else:
        (tmp_path / "file.part").write_bytes(CONTENT[:1000])
    get(home, path, target)
    assert target.read_bytes() == CONTENT
    assert home.asked[-1] == f"bytes={len(CONTENT) // 2 if path == '/cut' else 1000}-"


def test_the_wrong_bytes_are_not_kept(home, tmp_path):
    target = tmp_path / "file"
    with pytest.raises(DataError, match="nothing was kept") as caught:
        get(home, "/", target, sha256="0" * 64)
    assert DIGEST in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_a_changed_file_is_fetched_again(home, tmp_path):
    target = tmp_path / "file"
    target.write_bytes(b"x" * len(CONTENT))
    get(home, "/", target)
    assert target.read_bytes() == CONTENT


def test_more_than_was_announced_is_refused(home, tmp_path):
    with pytest.raises(DataError, match="more than the"):
        get(home, "/long", tmp_path / "file")
    assert not (tmp_path / "file").exists()


def test_only_web_addresses_are_fetched(tmp_path):
    with pytest.raises(DataError, match="https or http"):
        fetch.fetch("file:///etc/passwd", tmp_path / "x", sha256="", size=1, remedy="")
