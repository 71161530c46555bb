"""The limits of SageMaker on one machine, in one place, each with its reason."""

from __future__ import annotations

MAX_PROCESSES_PER_VARIANT = 2
"""Real server processes of one production variant. More instances than this are counted and reported, not run."""

MAX_TRAINING_HOSTS = 4
"""Real hosts of one training or processing job; more than this fail as AWS fails when it has no capacity."""

START_SECONDS = 120.0
"""Longest start of a model server, up to its first good /ping. Not divided by the speed: loading is real work."""

INVOKE_SECONDS = 60.0
"""AWS gives a container 60 s to answer one request."""

MAX_PAYLOAD_BYTES = 6_291_456
"""Largest request body of a real-time endpoint (botocore's service model of sagemaker-runtime)."""

MAX_SERVERLESS_PAYLOAD_BYTES = 4 * 1024 * 1024
"""Largest request body of a serverless endpoint (SageMaker developer guide, "Invoke a serverless endpoint")."""

STOP_GRACE_SECONDS = 120.0
"""AWS waits this long between SIGTERM and SIGKILL when it stops a job; divided by the speed."""

SPOT_WAIT_SECONDS = 60.0
"""How long an interrupted spot job waits for new capacity; AWS promises nothing. Divided by the speed."""

DRAIN_SECONDS = 5.0
"""How long a retired model server may finish what it has begun."""

CAPTURE_FLUSH_SECONDS = 1.0
"""Captured requests wait in memory at most about this long."""

TRAINING_LOG_GROUP = "/aws/sagemaker/TrainingJobs"
PROCESSING_LOG_GROUP = "/aws/sagemaker/ProcessingJobs"
TRANSFORM_LOG_GROUP = "/aws/sagemaker/TransformJobs"
ENDPOINT_LOG_GROUP = "/aws/sagemaker/Endpoints"
ROLE_SESSION = "SageMaker"
"""Session name under which SageMaker assumes an execution role."""
