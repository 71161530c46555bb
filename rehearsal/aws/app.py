"""The WSGI application: moto's dispatcher with every part of the embedded AWS installed around it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from rehearsal.aws import extensions
from rehearsal.aws.context import Context, use

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path


def make_app(
    root: Path,
    *,
    endpoint: str = "http://127.0.0.1:0",
    account_id: str = "123456789012",
    region: str = "eu-west-1",
    speed: float = 20.0,
    iam: str = "off",
) -> Any:
    """Change moto and return the application that serves it.

    Parameters
    ----------
    root
        Folder for files of this embedded AWS; made when missing.
    endpoint
        Where the application will be reachable: functions, jobs and state machines call back to it.
    speed
        Divides AWS's own waits; must be positive.
    iam
        ``off``, ``log`` (write to ``denials.jsonl`` what policies forbid) or ``enforce`` (and refuse it).

    Raises
    ------
    ValueError
        For a speed that is not positive, an account that is not twelve digits, or another word for ``iam``.
    """
    if speed <= 0:
        raise ValueError(f"speed must be positive, got {speed}: 1 is as slow as AWS, 20 is usual")
    if not (account_id.isdigit() and len(account_id) == 12):
        raise ValueError(f"account_id must be twelve digits, got {account_id!r}")
    root.mkdir(parents=True, exist_ok=True)
    # moto looks an account up by access key and falls back to its own default; one account owns everything here.
    os.environ["MOTO_ACCOUNT_ID"] = account_id
    os.environ["MOTO_PORT"] = endpoint.rsplit(":", 1)[-1]

    from moto.moto_server.werkzeug_app import DomainDispatcherApplication, create_backend_app

    from rehearsal.aws.faults.control import Control
    from rehearsal.aws.iam.gate import Gate
    from rehearsal.aws.iam.journal import open_book
    from rehearsal.aws.recorder import Recorder
    from rehearsal.aws.replay import Replay
    from rehearsal.aws.wire import final_errors

    book = open_book(iam, root)
    context = use(Context(endpoint=endpoint, root=root, account_id=account_id, region=region, speed=speed))
    extensions.install(context)

    def create_app(service: Any) -> Any:
        extensions.prepare(str(service), context)
        return create_backend_app(service)

    dispatcher = DomainDispatcherApplication(final_errors(create_app))
    app = extensions.wrap(Replay(_RawUri(dispatcher)), context)
    if book is not None:
        app = Gate(app, context, book)
    return Control(Recorder(app, context, root / "calls.jsonl"), context)


class _RawUri:
    """moto reads the undecoded path from RAW_URI, which waitress calls REQUEST_URI."""

    def __init__(self, app: Any) -> None:
        self._app = app

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        environ.setdefault("RAW_URI", environ.get("REQUEST_URI", ""))
        return self._app(environ, start_response)
