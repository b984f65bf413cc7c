"""The report of a run: one self-contained HTML page, and its figures, tables and structures beside it."""

from discover.report.write import write_report

__all__ = ["write_report"]
