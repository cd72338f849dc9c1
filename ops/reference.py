"""The reference pages, from the program itself: `python -m ops.reference` writes settings.md, cli.md and intake.md in docs."""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import typer
from typer.core import TyperGroup

from ops.cli import app
from ops.intake.page import intake_page
from ops.settings import Settings

HEAD = "<!-- Written by `python -m ops.reference`; a test compares it with the program. -->"


def settings_page() -> str:
    """Every setting with its environment variable, default and meaning, as Markdown."""
    rows = []
    for name, field in Settings.model_fields.items():
        variable = field.validation_alias or f"BREAKWATER_{name.upper()}"
        default = "" if field.default is None else f"`{field.default}`"
        rows.append(f"| `{variable}` | {default} | {field.description} |")
    head = [
        "# Settings",
        "",
        HEAD,
        "",
        "Read once at start. A value that cannot be used is refused with the reason.",
        "",
    ]
    return "\n".join([*head, "| variable | default | what it sets |", "|---|---|---|", *rows, ""])


def cli_page() -> str:
    """Every command with its arguments and options, as Markdown."""
    lines = [
        "# Commands",
        "",
        HEAD,
        "",
        "Exit codes: 0 done and good, 1 something was found or failed, 2 wrong use.",
        "",
    ]
    for path, command in commands(typer.main.get_command(app), "breakwater"):
        if not isinstance(command, TyperGroup):
            _describe(command, path, lines)
    return "\n".join(lines).rstrip() + "\n"


def commands(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """A command or group, and all below it, each with the words that call it."""
    yield path, command
    if isinstance(command, TyperGroup):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), f"{path} {name}")


def _describe(command: Any, path: str, lines: list[str]) -> None:
    lines += [f"## {path}", ""]
    lines += [line.strip() for line in (command.help or "").strip().splitlines()]
    lines.append("")
    shown = [p for p in command.params if p.name != "help"]
    for parameter in shown:
        lines.append(f"- `{_spelling(parameter)}`: {getattr(parameter, 'help', None) or ''}".rstrip(": "))
    if shown:
        lines.append("")


def _spelling(parameter: click.Parameter) -> str:
    if parameter.param_type_name == "argument":
        name = (parameter.name or "").upper()
        return f"{name}…" if parameter.nargs == -1 else name
    return ", ".join(parameter.opts)


def main() -> None:
    """Write the pages into the docs folder of the working directory."""
    docs = Path("docs")
    if not docs.is_dir():
        sys.exit("Run this in the root of the repository: there is no docs folder here.")
    (docs / "settings.md").write_text(settings_page(), encoding="utf-8")
    (docs / "cli.md").write_text(cli_page(), encoding="utf-8")
    (docs / "intake.md").write_text(intake_page(HEAD), encoding="utf-8")


if __name__ == "__main__":
    main()
