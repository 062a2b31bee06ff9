"""Sets of sentences: built from labels so that each means one thing, and judged by somebody else."""
