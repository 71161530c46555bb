"""Lambda: real handlers in warm processes, with versions, aliases, both concurrencies and asynchronous events.

The rest of the embedded AWS uses :func:`submit` (an asynchronous event) and :func:`set_provisioned`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from rehearsal.aws.delivery import parse

if TYPE_CHECKING:
    from rehearsal.aws.context import Acting, Context
    from rehearsal.aws.lambdas.asynchronous import Event, Queue
    from rehearsal.aws.lambdas.polling import Poller
    from rehearsal.aws.lambdas.target import Target
    from rehearsal.aws.lambdas.worker import Result

_queue: list[Queue] = []
_poller: list[Poller] = []


def install(context: Context) -> None:
    """Put our backend in the place of moto's, and our operations beside its own."""
    from moto.awslambda.models import lambda_backends

    from rehearsal.aws.lambdas import backend, fields, operations, signing, triggers
    from rehearsal.aws.lambdas.asynchronous import Queue
    from rehearsal.aws.lambdas.engine import Engine

    engine = Engine(context)
    engine.pool.on_provisioned_loss = _replace
    backend.use(engine)
    lambda_backends.backend = backend.LocalLambdaBackend
    fields.install()
    operations.install()
    signing.install()
    triggers.install(context)
    _queue[:] = [Queue(context, _run, _settings, _acting)]


def start(context: Context) -> None:
    """Begin to poll queues."""
    from rehearsal.aws.lambdas.polling import Poller

    _poller[:] = [Poller()]
    _poller[0].start()


def after_restore(context: Context) -> None:
    """Start the provisioned environments of a restored state; the others start when called."""
    from moto.awslambda.models import lambda_backends

    from rehearsal.aws.lambdas import backend, provisioned

    for _, _, functions in lambda_backends.iter_backends():
        for config in functions.provisioned.values():
            config.allocated = 0
            provisioned.fill(functions, backend.engine().pool, config)


def stop(context: Context) -> None:
    """End polling, retries and every environment."""
    from rehearsal.aws.lambdas import backend

    for poller in _poller:
        poller.stop()
    for events in _queue:
        events.stop()
    backend.engine().pool.stop()


def submit(arn: str, body: bytes) -> None:
    """Queue an asynchronous event for a function, version or alias ARN.

    Raises
    ------
    moto.awslambda.exceptions.UnknownFunctionException
        When there is no such function.
    """
    from rehearsal.aws.lambdas.asynchronous import Event

    target = _backend(arn).resolve(arn)
    _queue[0].submit(Event(target.name, target.qualifier, body))


def set_provisioned(name: str, qualifier: str, count: int, *, account_id: str, region: str) -> None:
    """Change how many environments of an alias or version are kept ready, as Application Auto Scaling does."""
    from moto.awslambda.models import lambda_backends

    from rehearsal.aws.lambdas import backend, provisioned

    provisioned.put(lambda_backends[account_id][region], backend.engine().pool, name, qualifier, count)


def _backend(arn: str) -> Any:
    from moto.awslambda.models import lambda_backends

    target = parse(arn)
    return lambda_backends[target.account][target.region]


def _own_backend() -> Any:
    from moto.awslambda.models import lambda_backends

    from rehearsal.aws.context import current

    return lambda_backends[current().account_id][current().region]


def _run(event: Event) -> tuple[Target, Result]:
    functions = _own_backend()
    target = functions.resolve(event.name, event.qualifier)
    result, _ = functions.run(target, event.body)
    return target, result


def _settings(event: Event) -> tuple[dict[str, Any], str | None]:
    answer: tuple[dict[str, Any], str | None] = _own_backend().settings(event.name, event.qualifier)
    return answer


def _acting(event: Event) -> Acting:
    from rehearsal.aws.context import current
    from rehearsal.aws.lambdas import permissions

    return permissions.of_function(current(), _own_backend().get_function(event.name, event.qualifier))


def _replace(fn: Any) -> None:
    """Start a new environment in the place of a provisioned one that died."""
    from rehearsal.aws.lambdas import backend, provisioned

    functions = _own_backend()
    for config in functions.provisioned.values():
        if config.name == fn.function_name and config.version == str(fn.version):
            config.allocated = max(0, config.allocated - 1)
            provisioned.fill(functions, backend.engine().pool, config)
