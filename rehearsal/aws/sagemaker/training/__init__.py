"""Training jobs: each a process of its own under SageMaker's container contract."""
