"""The `congvan` command."""

from __future__ import annotations

from exchange.cli.main import cli


def main() -> None:
    """Run the command line."""
    cli(prog_name="congvan")


if __name__ == "__main__":
    main()
