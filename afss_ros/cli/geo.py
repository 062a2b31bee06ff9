"""`afss geo`: large rasters and vectors on a map."""

from __future__ import annotations

from collections.abc import Callable

import typer

from afss_ros.cli import geo_rasters, geo_sam2, geo_scores
from afss_ros.cli.optional import with_optional

geo_app = typer.Typer(help="Ground from above: rasters and vectors on a map, and their scores.", no_args_is_help=True)
commands: tuple[Callable[..., None], ...] = (*geo_rasters.COMMANDS, *geo_sam2.COMMANDS, *geo_scores.COMMANDS)
for command in commands:
    geo_app.command(command.__name__.replace("_", "-"))(with_optional(command))
