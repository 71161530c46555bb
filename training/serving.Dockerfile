# The serving image: the command that the rehearsal runs, and what it imports. Nothing else, and no root.
#
# This file has not been built by the project's own tests, which have neither Docker nor a registry; a test reads it and
# compares it with what the rehearsal runs. Build it at the repository's root, on a base pinned by its digest:
#
#   docker buildx imagetools inspect public.ecr.aws/docker/library/python:3.11-slim-bookworm --format '{{.Manifest.Digest}}'
#   docker build -f training/serving.Dockerfile --build-arg BASE_DIGEST=sha256:... -t <prefix>-<workload>/serving .
#
# It needs no place to write, not even /tmp: the model is read, logs go to standard error, workers share anonymous memory.
# So it also runs with a read-only root file system:
#
#   docker run --read-only --cap-drop ALL -v "$PWD/model:/opt/ml/model:ro" -p 8080:8080 <image> serve
#
# SageMaker's documentation asks for images that run as root, because others "can cause permissions issues"
# (https://docs.aws.amazon.com/sagemaker/latest/dg/your-algorithms-inference-code.html). This one only reads
# /opt/ml/model and listens above port 1024, which need no root. That has not been seen on AWS: if an endpoint's log says
# "permission denied", remove the USER line in a reviewed change.

# No default on purpose: a build without a digest fails instead of taking whatever the tag means today.
ARG BASE_DIGEST
FROM public.ecr.aws/docker/library/python:3.11-slim-bookworm@${BASE_DIGEST}

COPY requirements/serving.txt /tmp/requirements.txt
RUN pip install --no-cache-dir --require-hashes --only-binary :all: -r /tmp/requirements.txt \
    && rm /tmp/requirements.txt \
    && useradd --uid 1000 --no-create-home --shell /usr/sbin/nologin serving

COPY training/__init__.py /opt/slipway/training/__init__.py
COPY training/serving /opt/slipway/training/serving
# Compiled now, because nothing can be written later, and a start should not wait for it.
RUN python -m compileall -q /opt/slipway

ENV PYTHONPATH=/opt/slipway \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    ORT_DISABLE_TELEMETRY=1 \
    SERVING_HOST=0.0.0.0

LABEL com.amazonaws.sagemaker.capabilities.accept-bind-to-port=true
USER 1000
EXPOSE 8080
# SageMaker adds the word "serve".
ENTRYPOINT ["python", "-m", "training.serving"]
