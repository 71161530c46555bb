"""Capture to insight: what an endpoint was asked and answered, compared with what its model was trained on.

Everything streams: memory does not grow with the data, but for 16 bytes per record that keep duplicates out.
"""
