"""Measure how fast this machine exchanges documents."""

from __future__ import annotations

import asyncio
import json
import os

import click

from exchange.measuring.run import measure


@click.command("bench")
@click.option("--documents", default=2000, show_default=True, type=click.IntRange(1, 100_000), help="How many to send")
@click.option("--size", default=10_240, show_default=True, type=click.IntRange(5_700, 6_000_000), help="Bytes of each")
@click.option("--clients", default=16, show_default=True, type=click.IntRange(1, 256), help="How many send at once")
@click.option(
    "--workers", type=click.IntRange(1, 64), help="How many processes serve; as many as processors unless told"
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object with every figure")
def bench(documents: int, size: int, clients: int, workers: int | None, as_json: bool) -> None:
    """Send documents through a real hub on loopback and print the rate, the latencies and the floor.

    Makes a hub of its own in a temporary folder and removes it afterwards. Every document is submitted, leased, fetched and
    acknowledged over HTTP, with durable commits and sealed receipts.
    """
    count = workers or os.cpu_count() or 1
    found = asyncio.run(measure(documents=documents, size=size, clients=clients, workers=count))
    if as_json:
        click.echo(json.dumps(found))
        return
    sent = f"{found['documents']} documents of {found['document_bytes']:,} bytes"
    click.echo(f"{sent}, {found['clients']} clients, {found['workers']} processes")
    click.echo(f"documents_per_second {found['documents_per_second']}")
    click.echo(f"floor_per_second     {found['floor_per_second']} (x{found['ratio_to_floor']} of it reached)")
    for step, cuts in found["latency_ms"].items():
        click.echo(f"{step:12} p50 {cuts['p50']:8.2f} ms   p95 {cuts['p95']:8.2f} ms   p99 {cuts['p99']:8.2f} ms")
    click.echo("floor, ms a document: " + ", ".join(f"{name} {value}" for name, value in found["floor_ms"].items()))
