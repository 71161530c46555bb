"""One folder per workload: `workload.yaml` says everything about it that anyone else needs to know."""
