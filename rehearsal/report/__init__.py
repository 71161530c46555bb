"""One self-contained HTML page about a rehearsal, from the records that its stages left on disk."""

from __future__ import annotations

from rehearsal.report.page import write_report

__all__ = ["write_report"]
