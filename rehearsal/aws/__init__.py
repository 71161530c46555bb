"""The embedded AWS: moto made to really run things, on this machine, with no account.

``python -m rehearsal.aws --root DIR`` starts it; :class:`rehearsal.aws.client.EmbeddedAws` starts it from Python.
"""
