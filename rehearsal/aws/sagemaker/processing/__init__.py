"""Processing jobs: a container's entry point as a process, under the processing contract."""
