"""What the commands have in common: the option `--json`, and progress that goes to standard error."""

from typing import Annotated

import typer

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]


def tell_on_stderr(line: str) -> None:
    """Progress for people, kept apart from what a program reads."""
    typer.echo(line, err=True)
