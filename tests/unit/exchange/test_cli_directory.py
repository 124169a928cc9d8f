"""Parties, groups and rules by the command line, on a hub that nobody serves."""

from __future__ import annotations

import shutil
import stat

import pytest


@pytest.fixture
def manage(office, tmp_path):
    """Run a command of a noun on a fresh copy of a hub; gives what it said."""
    shutil.copytree(office.unused, tmp_path / "hub")

    def run(noun: str, verb: str, *arguments: object, fail: bool = False) -> str:
        called = (noun, verb, "--dir", tmp_path / "hub", *arguments)
        return office.fail(*called) if fail else office.run(*called).stdout

    return run


def test_a_party_is_added_changed_and_shown_with_all_that_is_known(office, manage) -> None:
    contact, more = "Văn thư;Một cửa;vt@example.vn;0237 1;2", ("--alias", "qd20:H57.01", "--alias", "SM")
    manage("party", "add", "--kind", "agency", "--parent", "h56.12", "--contact", contact, *more, "H57", "Sở Mới")
    shown = manage("party", "show", "sm").splitlines()
    assert shown == [
        "code\tH57",
        "name\tSở Mới",
        "kind\tagency",
        "status\tactive",
        f"parent\t{office.environment}",
        "alias\tqd20:H57.01",
        "alias\tother:SM",
        "contact\tVăn thư;Một cửa;vt@example.vn;0237 1;2",
    ]
    changed = manage("party", "change", "--name", "Sở Cũ", "--drop-alias", "h57.01", "--alias", "old:X", "SM")
    assert changed.splitlines() == [shown[0], "name\tSở Cũ", *shown[2:5], shown[6], "alias\told:X", shown[7]]
    emptied = manage("party", "change", "--parent", "", "--no-contacts", "H57").splitlines()
    assert emptied == [shown[0], "name\tSở Cũ", *shown[2:4], "parent\t", shown[6], "alias\told:X"]


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("code-taken", ("000.00.99.h56", "Trục")),
        ("code-taken", ("--alias", "old:000.00.99.H56", "H57", "x")),
        ("code-taken", ("--alias", "H56.N1", "H57", "x")),
        ("code-malformed", ("--alias", "qd20:h57", "H57", "x")),
        ("code-malformed", ("--alias", "mst:1", "H57", "x")),
        ("tax-code-malformed", ("--alias", "tax:1", "H57", "x")),
        ("party-parent", ("--parent", "nobody", "H57", "x")),
        ("contact-malformed", ("--contact", "x;y;nobody", "H57", "x")),
        ("request-malformed", ("a b", "x")),
        ("request-malformed", ("H57", "")),
    ],
)
def test_a_party_that_cannot_be_is_not_added(manage, code, arguments) -> None:
    manage("group", "add", "H56.N1", "Các sở")
    before = manage("party", "list")
    assert manage("party", "add", "--kind", "agency", *arguments, fail=True).startswith(f"{code}: ")
    assert manage("party", "list") == before


def test_no_party_is_put_under_itself(office, manage) -> None:
    manage("party", "change", "--parent", office.environment, office.one_stop)
    said = manage("party", "change", "--parent", office.one_stop, office.environment, fail=True)
    assert said.startswith("party-parent: ")


def test_a_table_goes_out_and_comes_in_again(manage, tmp_path) -> None:
    table = tmp_path / "parties.csv"
    manage("party", "export", "--out", table)
    assert stat.S_IMODE(table.stat().st_mode) == 0o600
    assert manage("party", "import", table) == "0 registered, 0 changed, 3 as before\n"
    with table.open("a", encoding="utf-8") as file:
        file.write("H57,Sở Mới,agency,,000.00.12.H56,,\r\n")
    said = "Nothing was written; it would be: 1 registered, 0 changed, 3 as before\n"
    assert manage("party", "import", "--dry-run", table) == said
    assert manage("party", "show", "H57", fail=True).startswith("not-found: ")
    assert manage("party", "import", table) == "1 registered, 0 changed, 3 as before\n"
    assert "parent\t000.00.12.H56" in manage("party", "show", "H57")


def test_groups_are_made_changed_listed_and_removed(office, manage) -> None:
    assert manage("group", "add", "h56.n1", "Các sở", "H56.12") == "H56.N1 has 1 members\n"
    assert manage("group", "add", "H56.N1", "Sở", office.one_stop) == "H56.N1 has 2 members\n"
    assert manage("group", "list") == "H56.N1\t2\tSở\n"
    listed = manage("group", "members", "--add", office.lam_son, "--remove", "H56.12", "H56.N1")
    assert [line.split("\t")[0] for line in listed.splitlines()] == [office.one_stop, office.lam_son]
    assert manage("group", "members", "H56.N1") == listed
    for arguments in (("members", "nobody"), ("remove", "nobody"), ("members", "--add", "nobody", "H56.N1")):
        assert manage("group", *arguments, fail=True).startswith("not-found: ")
    manage("rule", "add", "deny", "group:H56.N1", "*")
    assert manage("group", "remove", "H56.N1", fail=True).startswith("group-in-use: ")
    manage("rule", "remove", "10")
    assert manage("group", "remove", "H56.N1") == "H56.N1 is removed\n"
    assert manage("group", "list") == ""


def test_rules_are_made_checked_listed_and_removed(office, manage) -> None:
    assert manage("rule", "check", office.lam_son, "H56.12").endswith("by no rule\n")
    manage("rule", "add", "--note", "qua Một cửa", "deny", "kind:enterprise", "*")
    manage("rule", "add", "--position", "5", "allow", "022899000016", office.one_stop)
    assert manage("rule", "list").splitlines() == [
        f"5\tallow\t{office.lam_son}\t{office.one_stop}\t",
        "10\tdeny\tkind:enterprise\t*\tqua Một cửa",
    ]
    assert manage("rule", "check", office.lam_son, office.one_stop).startswith("allow: ")
    said = manage("rule", "check", office.lam_son, "H56.12")
    assert (
        said == f"deny: {office.lam_son} to {office.environment}, by rule 10\tdeny\tkind:enterprise\t*\tqua Một cửa\n"
    )
    assert manage("rule", "add", "deny", "nobody", "*", fail=True).startswith("not-found: ")
    assert manage("rule", "add", "deny", "kind:x", "*", fail=True).startswith("rule-malformed: ")
    assert manage("rule", "remove", "7", fail=True).startswith("not-found: ")
    manage("rule", "remove", "10")
    assert manage("rule", "check", office.lam_son, "H56.12").endswith("by no rule\n")
