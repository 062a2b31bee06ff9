"""What can be wrong with a student."""

from __future__ import annotations


class StudentError(Exception):
    """A student cannot be loaded or run; the message gives the file, the reason and the cure."""


class ContractError(StudentError):
    """A model does not keep the student contract.

    Attributes:
        violations: every rule that is broken, one sentence each.
    """

    def __init__(self, violations: list[str]) -> None:
        self.violations = tuple(violations)
        count = f"{len(violations)} violation{'s' if len(violations) != 1 else ''}"
        super().__init__(
            f"the model does not keep the student contract ({count}; see docs/student_contract.md): "
            + "; ".join(violations)
        )


class ProviderError(StudentError):
    """The execution provider that was asked for cannot run here."""
