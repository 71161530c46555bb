"""``python -m rehearsal.bench.pager KEYS``: answers ListObjectsV2 like a bucket of so many images, and nothing else.

It prints its port. Pages have a thousand keys in S3's order, in ten folders; what they hold is as long as what S3 says.
"""

from __future__ import annotations

import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

FOLDERS = 10
PAGE = 1000

_KEY = (
    "<Contents><Key>photos/class_{folder}/image_{number:09d}.jpg</Key>"
    "<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;d41d8cd98f00b204e9800998ecf8427e&quot;</ETag>"
    "<Size>12345</Size><StorageClass>STANDARD</StorageClass></Contents>"
)
_ANSWER = (
    '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    "<Name>bucket</Name><Prefix>photos/</Prefix><EncodingType>url</EncodingType>{content}</ListBucketResult>"
)


def answer(query: str, keys: int) -> bytes:
    """The body of the answer to a query."""
    asked = parse_qs(query)
    if "delimiter" in asked:
        found = "".join(
            f"<CommonPrefixes><Prefix>photos/class_{folder}/</Prefix></CommonPrefixes>" for folder in range(FOLDERS)
        )
        return _ANSWER.format(content=f"<IsTruncated>false</IsTruncated>{found}").encode()
    begin = int(asked.get("continuation-token", ["0"])[0])
    end = min(begin + PAGE, keys)
    more = f"<NextContinuationToken>{end}</NextContinuationToken>" if end < keys else ""
    rows = "".join(_KEY.format(folder=number * FOLDERS // keys, number=number) for number in range(begin, end))
    return _ANSWER.format(content=f"<IsTruncated>{'true' if more else 'false'}</IsTruncated>{more}{rows}").encode()


class Pager(BaseHTTPRequestHandler):
    """Answers GET, and keeps the connection."""

    protocol_version = "HTTP/1.1"
    keys = 0

    def do_GET(self) -> None:
        body = answer(urlsplit(self.path).query, self.keys)
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


if __name__ == "__main__":
    Pager.keys = int(sys.argv[1])
    server = ThreadingHTTPServer(("127.0.0.1", 0), Pager)
    print(server.server_port, flush=True)
    server.serve_forever()
