"""A small Thanh Hóa. Names of places are real; every code marked as simulated and every enterprise is made up."""

from __future__ import annotations

from typing import Final

from exchange.core.model import Party
from exchange.core.particulars import Alias, CodeScheme
from exchange.core.registering import describe_party, with_aliases
from trust_store.identity import PartyKind

HUB_NAME: Final = "Trục liên thông văn bản Thanh Hóa (mô phỏng)"
HUB_CODE: Final = "000.00.99.H56"

PEOPLES_COMMITTEE: Final = "000.00.00.H56"
ONE_STOP: Final = "000.00.90.H56"
FINANCE: Final = "000.00.11.H56"
ENVIRONMENT: Final = "000.00.12.H56"
TAX: Final = "000.00.80.H56"
LAND: Final = "000.01.12.H56"
LAM_SON: Final = "2899000016"
HAM_RONG: Final = "2899000231"
SONG_MA: Final = "2899000471"

SYSTEMS: Final = (
    (
        "000.00.31.H56",
        "Hệ thống QLVB thành phố Thanh Hóa",
        ("000.00.31.H56", "000.01.31.H56", "000.02.31.H56", "000.03.31.H56"),
    ),
    ("000.00.32.H56", "Hệ thống QLVB thị xã Bỉm Sơn", ("000.00.32.H56",)),
)
"""Two connected systems with their agencies, which are reached through them only."""

_SIMULATED: Final = " (mã mô phỏng)"
_AGENCIES: Final = (
    (PEOPLES_COMMITTEE, "Ủy ban nhân dân tỉnh Thanh Hóa", "H56"),
    (ONE_STOP, "Trung tâm Phục vụ hành chính công tỉnh Thanh Hóa", "H56.90"),
    (FINANCE, "Sở Tài chính", "H56.11"),
    (ENVIRONMENT, "Sở Nông nghiệp và Môi trường", "H56.12"),
    ("000.00.13.H56", "Sở Xây dựng", "H56.13"),
    ("000.00.31.H56", "Ủy ban nhân dân thành phố Thanh Hóa", "H56.31"),
    ("000.00.32.H56", "Ủy ban nhân dân thị xã Bỉm Sơn", "H56.32"),
    ("000.00.33.H56", "Ủy ban nhân dân huyện Hoằng Hóa", "H56.33"),
    ("000.01.31.H56", "Ủy ban nhân dân phường Hàm Rồng", "H56.31.01"),
    ("000.02.31.H56", "Ủy ban nhân dân phường Lam Sơn", "H56.31.02"),
    ("000.03.31.H56", "Ủy ban nhân dân phường Ba Đình", "H56.31.03"),
    (TAX, "Thuế tỉnh Thanh Hóa", "H56.80"),
    (LAND, "Văn phòng Đăng ký đất đai tỉnh Thanh Hóa", "H56.12.01"),
)
_ENTERPRISES: Final = (
    (LAM_SON, "Công ty TNHH Mô phỏng Lam Sơn"),
    (HAM_RONG, "Công ty Cổ phần Mô phỏng Hàm Rồng"),
    (SONG_MA, "Hợp tác xã Mô phỏng Sông Mã"),
)


def parties() -> tuple[Party, ...]:
    """Describe the parties: agencies with their old code and a code after QĐ 20/2020, enterprises with tax codes."""
    agencies = (
        with_aliases(
            describe_party(code, name + _SIMULATED, PartyKind.AGENCY), [Alias(code=newer, scheme=CodeScheme.QD20)]
        )
        for code, name, newer in _AGENCIES
    )
    enterprises = (describe_party(code, name, PartyKind.ENTERPRISE) for code, name in _ENTERPRISES)
    return (*agencies, *enterprises)
