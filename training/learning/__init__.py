"""What the workloads' training scripts share. Needs torch; nothing that serves or deploys a model imports this."""
