"""The command line put together: its commands, its options, its exit codes."""

from __future__ import annotations

import logging
import sys
import traceback
from collections.abc import Sequence
from typing import Annotated

import typer
from rich.logging import RichHandler
from rich.text import Text

from afss_ros import extras
from afss_ros.cli import data, figures, labels, loop, models, monitor, perceive, providers, students
from afss_ros.cli.downlink import downlink_app
from afss_ros.cli.geo import geo_app
from afss_ros.cli.optional import with_optional
from afss_ros.cli.refer import refer_app
from afss_ros.terminal import say, screen
from afss_ros.threads import wait_asleep

COMMANDS = (
    perceive.run,
    data.render,
    labels.label,
    labels.select,
    labels.mine,
    students.train,
    students.export,
    students.presence,
    students.weigh,
    students.search,
    models.manifest,
    providers.check_model,
    providers.arrange,
    models.slot,
    models.upset,
    figures.evaluate,
    figures.compare,
    loop.loop,
    loop.ablate,
)
"""The subcommands in the order of `afss --help`; their names are the functions'."""

app = typer.Typer(
    name="afss",
    help="Spacecraft perception: run a student on files, and the loop on the ground that makes a better one.",
    add_completion=False,
    pretty_exceptions_enable=False,
)
data_app = typer.Typer(help="Look after data sets: check, convert.", no_args_is_help=True)
data_app.command("check")(with_optional(data.check_data))
data_app.command("convert")(with_optional(data.convert_data))
app.add_typer(data_app, name="data")
monitor_app = typer.Typer(help="The monitor of the input: choose its limits, count its findings.", no_args_is_help=True)
monitor_app.command("calibrate")(with_optional(monitor.calibrate))
monitor_app.command("rates")(with_optional(monitor.rates))
app.add_typer(monitor_app, name="monitor")
app.add_typer(geo_app, name="geo")
app.add_typer(refer_app, name="refer")
app.add_typer(downlink_app, name="downlink")
GROUPS = {"data": data_app, "downlink": downlink_app, "geo": geo_app, "monitor": monitor_app, "refer": refer_app}
"""Commands of commands, by name."""
for command in COMMANDS:
    app.command()(with_optional(command))
app.command("compile")(with_optional(providers.compile_student))


@app.callback(invoke_without_command=True)
def _options(
    context: typer.Context,
    debug: Annotated[bool, typer.Option("--debug", help="Show tracebacks and debug logs.")] = False,
) -> None:
    level = logging.DEBUG if debug else logging.INFO
    handler = RichHandler(console=screen(errors=True), show_path=False, show_time=False)
    logging.basicConfig(level=level, format="%(message)s", handlers=[handler], force=True)
    # It says how many records it wrote to each file, and so do the commands.
    logging.getLogger("pyogrio").setLevel(logging.DEBUG if debug else logging.WARNING)
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command()
def version() -> None:
    """Print the version of afss_ros."""
    from afss_ros import __version__

    typer.echo(__version__)


def _is_ours(error: BaseException) -> bool:
    """Whether an error carries a message meant for people: ours, or the file system's."""
    return isinstance(error, OSError) or any(c.__module__.startswith("afss_ros.") for c in type(error).__mro__)


def _message(error: Exception) -> str | None:
    """An error in words, without the name of its class: that is for tracebacks. None for a defect."""
    if isinstance(error, ImportError):
        return extras.explained(error, extra="ground")
    if not _is_ours(error):
        return None
    if isinstance(error, OSError) and error.filename is not None and error.strerror:
        return f"{error.filename}: {error.strerror}"
    return str(error) or type(error).__name__


def main(argv: Sequence[str] | None = None) -> int:
    """Run `afss` and return its exit code.

    Codes: 0 done; 1 a failure, said in one line; 2 a wrong command line; 3 done, but some inputs were unreadable; 130
    interrupted by Ctrl-C, 143 stopped by SIGTERM. An error that is not one of the package's own is a defect and shows
    its traceback.
    """
    arguments = list(sys.argv[1:] if argv is None else argv)
    try:
        app(args=arguments, prog_name="afss")
    except SystemExit as done:
        return done.code if isinstance(done.code, int) else 0
    except Exception as error:
        message = None if "--debug" in arguments else _message(error)
        if message is None:
            traceback.print_exc()
        else:
            say(Text.assemble(("error: ", "bold red"), message), errors=True)
        return 1
    return 0


def start() -> int:
    """Run `afss` as the whole of a process: `main`, after what is decided once for a process and all that it starts."""
    wait_asleep()
    return main()
