"""Turn rows into the values of the core and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from envelopes.edxml import StatusCode
from envelopes.signature.classify import SignatureClass
from exchange.core.holding import Held
from exchange.core.lifecycle import Asked, State
from exchange.core.model import Delivery, Effect, Filed, Kind, Relation, RelationKind, Remark, StatusChange, Transport
from exchange.core.words import fold, normalise_text
from exchange.storage.schema import DELIVERIES, EFFECTS, MESSAGES, RELATIONS, REMARKS, STATUSES
from exchange.storage.session import Row, micros, moment

_WORDS = ("searched", "folded")
_MESSAGE = tuple(column.name for column in MESSAGES.columns)
_DELIVERY = tuple(column.name for column in DELIVERIES.columns)
_STATUS = tuple(column.name for column in STATUSES.columns)
_EFFECT = tuple(column.name for column in EFFECTS.columns)
_RELATION = tuple(column.name for column in RELATIONS.columns)
_REMARK = tuple(column.name for column in REMARKS.columns)
DELIVERY_WIDTH = len(_DELIVERY)
_DELIVERY_MOMENTS = ("consigned_at", "handed_over_at", "leased_until", "fetched_at", "archived_at", "transport_at")


def message_values(message: Filed) -> dict[str, object]:
    """Give the row of a message."""
    words = {"searched": normalise_text(message.subject), "folded": fold(message.subject)}
    values = {name: getattr(message, name) for name in _MESSAGE if name not in _WORDS}
    return _packed(values, "submitted_at", "archived_at", "removed_at") | words


def message_of(row: Row) -> Filed:
    """Read a message."""
    values = _unpacked(_MESSAGE, row, "submitted_at", "archived_at", "removed_at")
    for name in _WORDS:
        del values[name]
    values["kind"], values["signature_class"] = Kind(values["kind"]), SignatureClass(values["signature_class"])
    return Filed(**values)


def delivery_values(delivery: Delivery) -> dict[str, object]:
    """Give the row of a delivery."""
    return _packed({name: getattr(delivery, name) for name in _DELIVERY}, *_DELIVERY_MOMENTS)


def delivery_of(row: Row) -> Delivery:
    """Read a delivery."""
    values = _unpacked(_DELIVERY, row, *_DELIVERY_MOMENTS)
    values |= {
        "state": State(values["state"]),
        "transport": Transport(values["transport"]),
        "held": Held(values["held"]),
    }
    return Delivery(**values)


def status_values(change: StatusChange) -> dict[str, object]:
    """Give the row of a status change."""
    values = {name: getattr(change, name) for name in _STATUS}
    return _packed(values, "at") | {"irregular": int(change.irregular)}


def status_of(row: Row) -> StatusChange:
    """Read a status change."""
    values = _unpacked(_STATUS, row, "at")
    return StatusChange(**(values | {"code": StatusCode(values["code"]), "irregular": bool(values["irregular"])}))


def effect_values(effect: Effect) -> dict[str, object]:
    """Give the row of an effect."""
    values = {name: getattr(effect, name) for name in _EFFECT}
    return _packed(values, "at", "fetched_at", "handed_over_at", "answered_at")


def effect_of(row: Row) -> Effect:
    """Read an effect."""
    values = _unpacked(_EFFECT, row, "at", "fetched_at", "handed_over_at", "answered_at")
    return Effect(**(values | {"asked": Asked(values["asked"])}))


def relation_values(relation: Relation, ordinal: int) -> dict[str, object]:
    """Give the row of a relation, which is the `ordinal`th of its message."""
    return {name: ordinal if name == "ordinal" else getattr(relation, name) for name in _RELATION}


def relation_of(row: Row) -> Relation:
    """Read a relation."""
    values = _unpacked(_RELATION, row)
    del values["ordinal"]
    return Relation(**(values | {"kind": RelationKind(values["kind"])}))


def remark_values(remark: Remark) -> dict[str, object]:
    """Give the row of a remark."""
    return _packed({name: getattr(remark, name) for name in _REMARK}, "at")


def remark_of(row: Row) -> Remark:
    """Read a remark."""
    return Remark(**_unpacked(_REMARK, row, "at"))


def _packed(values: dict[str, object], *moments: str) -> dict[str, object]:
    for name in moments:
        value: Any = values[name]
        values[name] = None if value is None else micros(value)
    return values


def _unpacked(names: Sequence[str], row: Row, *moments: str) -> dict[str, Any]:
    values = dict(zip(names, row, strict=True))
    for name in moments:
        if values[name] is not None:
            values[name] = moment(values[name])
    return values
