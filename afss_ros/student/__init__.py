"""Images to detections and masks on board: the contract a student keeps, the session that runs it, and the way back
to source pixels."""

from afss_ros.student.contract import StudentContract
from afss_ros.student.errors import ContractError, ProviderError, StudentError
from afss_ros.student.student import Student
from afss_ros.student.view import Tiling

__all__ = ["ContractError", "ProviderError", "Student", "StudentContract", "StudentError", "Tiling"]
