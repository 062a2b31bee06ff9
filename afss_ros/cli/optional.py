"""`X | None` for every typer: the one of Ubuntu 24.04, 0.9, knows the type as `Optional[X]` only."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

F = TypeVar("F", bound=Callable[..., Any])


def with_optional(command: F) -> F:
    """Spell the unions in a command's annotations as `Union`, in place, and return the command."""
    annotations = inspect.get_annotations(command, eval_str=True)
    command.__annotations__ = {name: _spelled_out(hint) for name, hint in annotations.items()}
    return command


def _spelled_out(hint: Any) -> Any:
    if get_origin(hint) is Annotated:
        inner, *extras = get_args(hint)
        arguments = (_spelled_out(inner), *extras)
        return Annotated[arguments]
    return Union[get_args(hint)] if isinstance(hint, UnionType) else hint  # noqa: UP007
