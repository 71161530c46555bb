"""One embedded AWS serves all SageMaker tests: starting one takes seconds."""

from aws_sagemaker_server import aws_server

__all__ = ["aws_server"]
