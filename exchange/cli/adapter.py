"""Run programs at the edge: each adapter that is installed brings its own command."""

from __future__ import annotations

import logging
from importlib.metadata import EntryPoint, entry_points
from typing import Final

import click

from exchange.logs import configure

GROUP: Final = "congvan.adapters"
"""Where adapters name their command, as a click command: `name = module:command`."""


class Adapters(click.Group):
    """Load an adapter's command when it is called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Name what this group does itself, then the adapters."""
        return [*super().list_commands(ctx), *sorted(_found())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Load one."""
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _found():
            return own
        command: click.Command = _found()[cmd_name].load()
        return command


@click.group(cls=Adapters)
def adapter() -> None:
    """Connect a local system with a hub."""
    configure(logging.INFO)


@adapter.command("list")
def list_adapters() -> None:
    """List the adapters that are installed."""
    for name, found in sorted(_found().items()):
        click.echo(f"{name}\t{found.load().get_short_help_str(limit=120)}")


def _found() -> dict[str, EntryPoint]:
    return {each.name: each for each in entry_points(group=GROUP)}
