"""The evidence: that every role can do what it does and nothing else, and that nothing finds a way out.

``python -m rehearsal.prove`` compares what the present Terraform grants with what the last rehearsal used, walks every
workload's way to the services it calls, and reads what the last rehearsal's forbidden calls were answered.
"""
