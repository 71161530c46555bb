"""The one answer that a plan needs from AWS: whose account this is. Anything else asked of it is an error.

Plans of several accounts may run at once, so the access key names the account, as it does at AWS.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

_ANSWER = """<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><GetCallerIdentityResult>
<Arn>arn:aws:iam::{account}:user/plan</Arn><UserId>AIDAPLAN</UserId><Account>{account}</Account>
</GetCallerIdentityResult><ResponseMetadata><RequestId>plan</RequestId></ResponseMetadata></GetCallerIdentityResponse>"""


def access_key(account: str) -> str:
    """The access key by which the stand-in knows a caller of ``account``."""
    return f"PLAN{account}"


@contextmanager
def answering_sts(account: str | None = None) -> Iterator[str]:
    """Serve GetCallerIdentity for the account that the access key names, or else for ``account``; yields the URL."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = self.rfile.read(int(self.headers.get("Content-Length", 0)))
            named = re.search(rf"Credential={access_key('')}([0-9]{{12}})/", self.headers.get("Authorization", ""))
            whose = named.group(1) if named else account
            known = b"Action=GetCallerIdentity" in asked and whose
            body = _ANSWER.format(account=whose).encode() if known else b"a plan may ask for its account only"
            self.send_response(200 if known else 400)
            self.send_header("Content-Type", "text/xml")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_PUT = do_HEAD = do_POST  # noqa: N815

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
