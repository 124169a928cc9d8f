"""What one case of the catalogue is, and the letters that most of them start from."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from functools import cache

from lxml import etree

from envelopes.opened import Envelope
from envelopes.signature.algorithms import ENVELOPED, EXCLUSIVE
from tests.forging.letters import DS, Q, changed, signature, unsigned
from tests.forging.signing import Plan, Ref, detach, forge, transform

EVIL = "V/v chuyển tiền"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """Say how an attack is made and what the hub answers: the code of a reason, or nothing where it takes the letter.

    `core` is the reason of the verifier itself, where the hub says more simply that the signature is a placeholder. `reads`
    checks what a letter that is taken is read as: the trap that the catalogue names.
    """

    make: Callable[[], bytes]
    code: str = ""
    core: str = ""
    reads: Callable[[Envelope], bool] = lambda envelope: envelope.message == original()


Cases = dict[str, Case]


def refused(code: str, make: Callable[[], bytes], core: str = "") -> Case:
    return Case(make=make, code=code, core=core)


@cache
def original() -> object:
    """Give the message that the signed letter says."""
    from tests.forging.letters import accept

    return accept(signed()).message


@cache
def signed() -> bytes:
    return forge(unsigned(), Plan())


def identified(root_id: str = "doc") -> bytes:
    return unsigned().replace(b"<edXML ", f'<edXML Id="{root_id}" '.encode(), 1)


@cache
def by_id() -> bytes:
    """Sign a letter by the Id of its root."""
    return forge(identified(), Plan(references=(by("#doc"),)))


def by(
    uri: str | None, *, octets: bytes | None = None, chain: str = transform(ENVELOPED) + transform(EXCLUSIVE)
) -> Ref:
    return Ref(uri=uri, octets=octets, transforms=chain)


def tree(change: Callable[[etree._Element], object], data: Callable[[], bytes] = signed) -> Callable[[], bytes]:
    return lambda: changed(data(), change)


def text(old: bytes, new: bytes, data: Callable[[], bytes] = signed) -> Callable[[], bytes]:
    def make() -> bytes:
        assert old in data()
        return data().replace(old, new, 1)

    return make


def planned(plan: Plan, data: Callable[[], bytes] = unsigned) -> Callable[[], bytes]:
    return lambda: forge(data(), plan)


def without_signature(root: etree._Element) -> etree._Element:
    copy = deepcopy(root)
    detach(signature(copy))
    return copy


def spoil(root: etree._Element) -> etree._Element:
    """Make the letter say something else."""
    for subject in root.iter(Q + "Subject"):
        subject.text = EVIL
        return root
    raise AssertionError("the letter has no subject")


def find(root: etree._Element, name: str) -> etree._Element:
    return next(root.iter(DS + name))


def remove(name: str) -> Callable[[], bytes]:
    return tree(lambda root: detach(find(root, name)))
