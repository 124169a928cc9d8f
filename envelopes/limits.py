"""How much a document may cost before anything costly is done with it."""

from __future__ import annotations

from dataclasses import dataclass

from trust_store.errors import reason

LIMITS = reason(
    "xml-limits",
    "The document is too large or too intricate",
    "Send files of at most 7 MB in one letter, and more files in more letters; if it is small, write it more simply",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bound what a document may cost; `size` in bytes, `name` in characters of a name or namespace, the rest in nodes."""

    size: int = 48 * 1024 * 1024
    elements: int = 20_000
    attributes: int = 10_000
    attributes_of_one: int = 32
    declarations: int = 500
    namespaces_in_scope: int = 24
    depth: int = 100
    name: int = 256
