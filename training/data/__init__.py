"""From an archive to a staged dataset: fetch, read safely, split without leakage, lay out, upload."""
