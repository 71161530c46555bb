"""Provisioned concurrency: environments started ahead for a version or alias, reported honestly while they start."""

from __future__ import annotations

import json
import logging
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from moto.awslambda.exceptions import InvalidParameterValueException, LambdaClientError

if TYPE_CHECKING:
    from rehearsal.aws.lambdas.pool import Pool

log = logging.getLogger(__name__)

_AT_ONCE = 2  # starting more than the machine has cores only makes each of them late


class ProvisionedConfigNotFoundError(LambdaClientError):
    """No provisioned concurrency on this version or alias."""

    code = 404

    def __init__(self) -> None:
        super().__init__(
            "ProvisionedConcurrencyConfigNotFoundException",
            "No Provisioned Concurrency Config found for this function",
        )


@dataclass
class Config:
    """Provisioned concurrency of one qualifier; ``generation`` changes with every request, ending older fills."""

    name: str
    qualifier: str
    requested: int
    allocated: int = 0
    status: str = "IN_PROGRESS"
    reason: str | None = None
    modified: str = field(default_factory=lambda: time.strftime("%Y-%m-%dT%H:%M:%S+0000", time.gmtime()))
    generation: int = 0
    version: str | None = None

    def response(self) -> dict[str, Any]:
        """Return the shape of GetProvisionedConcurrencyConfig."""
        answer: dict[str, Any] = {
            "RequestedProvisionedConcurrentExecutions": self.requested,
            "AvailableProvisionedConcurrentExecutions": self.allocated,
            "AllocatedProvisionedConcurrentExecutions": self.allocated,
            "Status": self.status,
            "LastModified": self.modified,
        }
        if self.reason:
            answer["StatusReason"] = self.reason
        return answer


def put(backend: Any, pool: Pool, name: str, qualifier: str, count: int) -> Config:
    """Ask for ``count`` environments; they start in the background.

    Raises
    ------
    InvalidParameterValueException
        For $LATEST, a count below one, or more than the function's reserved concurrency.
    """
    fn = backend.get_function(name, qualifier)
    if str(fn.version) == "$LATEST":
        raise InvalidParameterValueException(
            "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
        )
    if count < 1:
        raise InvalidParameterValueException(f"ProvisionedConcurrentExecutions must be at least 1, got {count}")
    reserved = backend.get_function(fn.function_name).reserved_concurrency
    if reserved is not None and count > int(reserved):
        raise InvalidParameterValueException(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
        )
    old = backend.provisioned.get((fn.function_name, qualifier))
    config = Config(fn.function_name, qualifier, count, version=str(fn.version))
    if old is not None:
        config.generation = old.generation + 1
        config.allocated = min(old.allocated, count) if old.version == config.version else 0
    backend.provisioned[fn.function_name, qualifier] = config
    fill(backend, pool, config)
    return config


def get(backend: Any, name: str, qualifier: str) -> Config:
    """Return the configuration of a qualifier, or raise :class:`ProvisionedConfigNotFoundError`."""
    backend.get_function(name, qualifier)
    config: Config | None = backend.provisioned.get((name, qualifier))
    if config is None:
        raise ProvisionedConfigNotFoundError
    return config


def delete(backend: Any, pool: Pool, name: str, qualifier: str) -> None:
    """Let the environments of a qualifier go."""
    config = backend.provisioned.pop((name, qualifier), None)
    if config is not None:
        config.generation += 1
        pool.release(backend.get_function(name, config.version), 0)


def follow_alias(backend: Any, pool: Pool, name: str, alias: str) -> None:
    """Move an alias's provisioned environments to the version that it points to now."""
    config = backend.provisioned.get((name, alias))
    if config is None:
        return
    version = str(backend.get_function(name, alias).version)
    if version == config.version:
        return
    old = backend.get_function(name, config.version)
    config.generation += 1
    config.version, config.allocated = version, 0
    fill(backend, pool, config)
    pool.release(old, 0)


def fill(backend: Any, pool: Pool, config: Config) -> None:
    """Start the missing environments in the background and keep the status up to date."""
    fn = backend.get_function(config.name, config.version)
    missing = config.requested - config.allocated
    if missing <= 0:
        pool.release(fn, config.requested)
        config.allocated, config.status = config.requested, "READY"
        return
    config.status, config.reason = "IN_PROGRESS", None
    generation = config.generation
    threading.Thread(target=_start, args=(pool, fn, config, generation, missing), name="provision", daemon=True).start()


def _start(pool: Pool, fn: Any, config: Config, generation: int, missing: int) -> None:
    def one(_: int) -> None:
        if config.generation != generation or config.status == "FAILED":
            return
        try:
            failure = pool.provision(fn)
        except Exception as error:
            log.exception("cannot start a provisioned environment of %s", config.name)
            failure = json.dumps({"errorType": "EmbeddedAwsFailure", "errorMessage": str(error)}).encode()
        if config.generation != generation:
            return
        if failure is None:
            config.allocated += 1
        else:
            config.status, config.reason = (
                "FAILED",
                f"FUNCTION_ERROR_INIT_FAILURE: {failure.decode('utf-8', 'replace')}",
            )

    with ThreadPoolExecutor(_AT_ONCE) as threads:
        list(threads.map(one, range(missing)))
    if config.generation == generation and config.allocated >= config.requested:
        config.status = "READY"
