"""The model registry: packages in groups, versions, approvals."""
