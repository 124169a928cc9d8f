"""Changes of the bytes of a letter: other spellings of the same XML, and damage that a reader might pass over."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

Change = Callable[[random.Random, bytes], bytes]
_TEXT = re.compile(rb">([^<&]*[^<&\s][^<&]*)<")
_TAG = re.compile(rb"<([A-Za-z][\w:]*)")


def flip(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + bytes([data[at] ^ 1 << dice.randrange(8)]) + data[at + 1 :]


def cut(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    return data[:at] + data[at + dice.choice([1, 1, 2, 5, 40]) :]


def insert(dice: random.Random, data: bytes) -> bytes:
    at = dice.randrange(len(data))
    pieces = (
        b" ",
        b"\n",
        b"<",
        b">",
        b"&",
        b"&#0;",
        b"\0",
        b"<!--",
        b"-->",
        b"<?x?>",
        b"<![CDATA[",
        b"]]>",
        b'"',
        b"\xef\xbb\xbf",
        b"&amp;",
        b"xmlns=''",
    )
    return data[:at] + dice.choice([*pieces, dice.randbytes(3)]) + data[at:]


def repeat(dice: random.Random, data: bytes) -> bytes:
    at, size = dice.randrange(len(data)), dice.choice([1, 10, 100, 1000])
    return data[: at + size] + data[at:]


def spaces_in_tags(dice: random.Random, data: bytes) -> bytes:
    """Write white space where a start tag may have it; nobody sees it afterwards."""
    space = dice.choice([b" ", b"\n", b"\t "])
    return re.sub(
        rb"(<[A-Za-z][\w:]*)([\s>])", lambda found: found[1] + space + found[2], data, count=dice.randrange(1, 30)
    )


def other_quotes(_dice: random.Random, data: bytes) -> bytes:
    return re.sub(rb'="([^"\'<>]*)"', rb"='\1'", data)


def line_ends(dice: random.Random, data: bytes) -> bytes:
    return data.replace(b"\r\n", b"\n").replace(b"\n", dice.choice([b"\n", b"\r\n", b"\r", b"&#13;\n"]))


def character_reference(dice: random.Random, data: bytes) -> bytes:
    """Write one ASCII letter of a text as a reference to it."""
    places = [at for found in _TEXT.finditer(data) for at in range(*found.span(1)) if data[at] < 128]
    if not places:
        return data
    at = dice.choice(places)
    form = dice.choice(["&#{};", "&#x{:x};", "&#0{};"])
    return data[:at] + form.format(data[at]).encode() + data[at + 1 :]


def character_data(dice: random.Random, data: bytes) -> bytes:
    places = list(_TEXT.finditer(data))
    if not places:
        return data
    start, end = dice.choice(places).span(1)
    return data[:start] + b"<![CDATA[" + data[start:end] + b"]]>" + data[end:]


def declare(dice: random.Random, data: bytes) -> bytes:
    """Declare a namespace somewhere: unused, used already, or taken away."""
    found = dice.choice(list(_TAG.finditer(data)) or [None])
    if found is None:
        return data
    made = dice.choice(
        [
            ' xmlns:x="urn:x"',
            ' xmlns:edXML="urn:x"',
            ' xmlns=""',
            ' xmlns="urn:x"',
            ' xmlns:ds="urn:x"',
            ' xmlns:xsi="urn:y"',
            ' xmlns:x="rel"',
        ]
    )
    return data[: found.end()] + made.encode() + data[found.end() :]


def rename_prefix(dice: random.Random, data: bytes) -> bytes:
    old, new = dice.choice([(b"edXML:", b"e:"), (b"ds:", b"d:"), (b"xs:", b"ds:")])
    return data.replace(old, new).replace(b"xmlns:" + old[:-1] + b"=", b"xmlns:" + new[:-1] + b"=")


def encoding(dice: random.Random, data: bytes) -> bytes:
    kind = dice.randrange(6)
    if kind == 0:
        return b"\xef\xbb\xbf" + data
    if kind == 1:
        return data.replace(b"UTF-8", dice.choice([b"UTF-16", b"ISO-8859-1", b"UTF-7", b"utf-8", b"US-ASCII"]), 1)
    if kind == 2:
        return data.replace(b'version="1.0"', b'version="1.1"', 1)
    text = data.decode("utf-8", "replace")
    if kind == 3:
        return text.replace("UTF-8", "UTF-16", 1).encode("utf-16")
    return text.encode(dice.choice(["utf-16", "utf-16-le", "utf-32", "latin-1", "cp037"]), "replace")


def doctype(dice: random.Random, data: bytes) -> bytes:
    made = dice.choice(
        [
            b"<!DOCTYPE edXML>",
            b'<!DOCTYPE edXML [<!ENTITY e "x">]>',
            b"<!DOCTYPE edXML [<!ATTLIST edXML Id ID #IMPLIED>]>",
            b'<!DOCTYPE edXML SYSTEM "file:///x">',
        ]
    )
    at = data.find(b"?>") + 2
    return data[:at] + made + data[at:]


def empty_tags(dice: random.Random, data: bytes) -> bytes:
    if dice.random() < 0.5:
        return re.sub(rb"<([\w:]+)((?: [^<>]*)?)></\1>", rb"<\1\2/>", data)
    return re.sub(rb"<([\w:]+)((?: [^<>]*[^/<>])?)/>", rb"<\1\2></\1>", data)


def outside(dice: random.Random, data: bytes) -> bytes:
    after = dice.choice([b"<!-- c -->", b"<?p q?>", b"\n\n", b"<edXML/>", b"x", b"\0"])
    return data + after if dice.random() < 0.7 else after + data


CHANGES: tuple[Change, ...] = (
    *(flip, cut, insert, insert, repeat, spaces_in_tags, other_quotes, line_ends, character_reference, character_data),
    *(declare, declare, rename_prefix, encoding, doctype, empty_tags, outside),
)
