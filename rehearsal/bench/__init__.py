"""``make bench``: measure what the project promises about its own speed, beside its peers and in the same run."""
