"""How good a student is and what it costs: metrics, reports, benchmarks.

Nothing is imported here, so that `latency` and `benchmark` run where only the on-board packages are installed.
"""
