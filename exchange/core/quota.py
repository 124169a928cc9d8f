"""Token buckets: how much somebody may use now, and how long to wait for the rest. Pure: the caller brings the time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

ROUNDING: Final = 1e-9
"""A part of the burst that may be missing, so that whoever waited as told is never sent away for a rounded digit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Allow `per_second` of something in the long run, and `burst` of it at once."""

    per_second: float
    burst: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Daily:
    """Allow one party so many letters in a day, and so many bytes of them with their files; 0 allows any amount."""

    letters: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """Hold what is left of a quota at a moment, in seconds of any clock that only goes forward; below 0 is a debt."""

    level: float
    at: float


def fill(bucket: Bucket | None, quota: Quota, now: float) -> Bucket:
    """Return the bucket as it is now; who was never seen has a full one."""
    if bucket is None:
        return Bucket(level=quota.burst, at=now)
    gained = max(0.0, now - bucket.at) * quota.per_second
    return Bucket(level=min(quota.burst, bucket.level + gained), at=now)


def take(bucket: Bucket | None, quota: Quota, amount: float, now: float) -> tuple[Bucket, float]:
    """Take an amount if it is there; return the bucket and the seconds to wait, 0 when it was taken.

    An amount beyond the burst needs a full bucket and leaves a debt, so that waiting always helps.
    """
    filled = fill(bucket, quota, now)
    missing = min(amount, quota.burst) - filled.level
    if missing > ROUNDING * quota.burst:
        return filled, missing / quota.per_second
    return spend(filled, quota, amount, now), 0.0


def spend(bucket: Bucket | None, quota: Quota, amount: float, now: float) -> Bucket:
    """Take an amount that was used already, into debt if need be."""
    filled = fill(bucket, quota, now)
    return Bucket(level=filled.level - amount, at=now)
