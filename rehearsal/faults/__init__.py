"""Fault drills: what an endpoint, its callers, its alarms and the load test's gate do while something breaks."""
