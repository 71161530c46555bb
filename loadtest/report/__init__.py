"""One self-contained HTML page about a load test; its look and its plots are shared with the report of a rehearsal."""
