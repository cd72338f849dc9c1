"""A group of commands of which only the one that is called is imported: the others' libraries take seconds to load."""

from dataclasses import dataclass
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


@dataclass(frozen=True, slots=True)
class Place:
    """Where a command is, and what the list of commands says of it.

    Attributes:
        module: imported when the command is called. name: in the module, of a function or of a `typer.Typer`.
        says: its own first sentence, here so that the list needs no imports; a test compares the two.
    """

    module: str
    name: str
    says: str

    def load(self, command: str) -> Any:
        """Import it, as a command of that name."""
        found = getattr(import_module(self.module), self.name)
        holder = typer.Typer(rich_markup_mode=None, pretty_exceptions_enable=False, add_completion=False)
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=command)
        else:
            holder.command(command)(found)
        return typer.main.get_group(holder).commands[command]


def on_demand(places: dict[str, Place]) -> type[TyperGroup]:
    """The class of a group with these commands, in this order; for `typer.Typer(cls=…)`."""

    class OnDemand(TyperGroup):
        """Loads a command when it is asked for by name."""

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - click passes it
            return list(places)

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002
            return places[cmd_name].load(cmd_name) if cmd_name in places else None

        def format_commands(self, ctx: Any, formatter: Any) -> None:  # noqa: ARG002
            limit = formatter.width - 6 - max(map(len, places))
            with formatter.section("Commands"):
                formatter.write_dl([(name, _short(place.says, limit)) for name, place in places.items()])

    return OnDemand


def _short(says: str, limit: int) -> str:
    return TyperCommand("", help=says).get_short_help_str(limit)
