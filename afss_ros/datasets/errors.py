"""What goes wrong with data sets."""

from __future__ import annotations


class DatasetError(ValueError):
    """A data set, or one file of it, that cannot be used: names the file, what is wrong and the cure."""


MALFORMED = (DatasetError, LookupError, TypeError, ValueError, ArithmeticError, AttributeError, RecursionError)
"""What taking a foreign record for a good one raises: a field is missing, of another type, or out of range."""


def told(error: BaseException) -> str:
    """What is wrong with a record, by the exception that reading it raised."""
    return str(error) if isinstance(error, DatasetError) else f"{type(error).__name__}: {error}"
