"""A single-shot detector in plain torch: network, targets and loss, judging by average precision, export."""
