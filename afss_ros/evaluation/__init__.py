"""How good a student is and what it costs: metrics, reports, benchmarks."""

from afss_ros.evaluation.evaluate import Report, evaluate
from afss_ros.evaluation.run import EvaluationError

__all__ = ["EvaluationError", "Report", "evaluate"]
