"""Read the notices of a hub, as a party or as its administrator."""

from __future__ import annotations

import click
import msgspec

from exchange.cli.options import Caller, caller_options, run_async
from exchange.cli.plain import local, plain


@click.group()
def notice() -> None:
    """Read what the hub tells: certificates that end, keys that were lost, messages that are held back."""


@notice.command("list")
@caller_options
@click.option("--unread", is_flag=True, help="Only what nobody marked as read.")
@click.option("--after", default="", help="The id of the last notice of the page before.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line, with the whole texts.")
@run_async
async def list_notices(caller: Caller, after: str, *, unread: bool, as_json: bool) -> None:
    """List notices, newest first, 50 at most."""
    async with caller.client() as client:
        found = await client.attention.notices(unread=unread, after=after)
    for item in found:
        if as_json:
            click.echo(msgspec.json.encode(item).decode())
        else:
            mark = "read" if item.read_at else "new"
            click.echo(
                f"{item.id}\t{local(item.at)}\t{mark}\t{item.kind}\t{plain(item.title_vi)} / {plain(item.title_en)}"
            )


@notice.command("read")
@caller_options
@click.argument("ids", nargs=-1, required=True, metavar="ID...")
@run_async
async def read(caller: Caller, ids: tuple[str, ...]) -> None:
    """Show notices whole, and mark them as read for everyone of the party."""
    async with caller.client() as client:
        for key in ids:
            item = await client.attention.read(key)
            texts = (item.title_vi, *item.text_vi.split("\n"), "", item.title_en, *item.text_en.split("\n"), "")
            click.echo("\n".join(plain(line) for line in texts))
