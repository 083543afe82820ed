"""Inputs made to harm: pipes, devices, files of absurd size or depth, names that lead elsewhere.

Each gets one clear message, in seconds, and nothing is written.
"""

import os
import re

import pytest

import auditkit
from auditkit import AuditkitError, DataError, PlanError
from auditkit.plan import read_plan
from auditkit.policy.schema import read_policy

PLAN = """
[system]
name = "{name}"
[data]
source = "{source}"
label = "y"
positive = 1
decision = "d"
outcome = "benefit"
[attributes.g]
[policy]
use = "{policy}"
"""
ROWS = "y,d,g\n" + "1,1,a\n0,1,b\n1,0,a\n0,0,b\n" * 50


@pytest.fixture
def place(tmp_path):
    (tmp_path / "rows.csv").write_text(ROWS)

    def written(**changes):
        told = {"name": "x", "source": "rows.csv", "policy": "minimal", **changes}
        (tmp_path / "audit.toml").write_text(PLAN.format(**told))
        return tmp_path / "audit.toml"

    return written


def pipe(path):
    path.unlink(missing_ok=True)
    os.mkfifo(path)


def device(path):
    path.unlink(missing_ok=True)
    path.symlink_to("/dev/zero")


@pytest.mark.parametrize("make", [pipe, device])
@pytest.mark.parametrize("name", ["audit.toml", "rows.csv", "policy.toml", "audit.json"])
def test_what_is_no_file_is_not_waited_for(make, name, place, tmp_path):
    plan = place(policy="policy.toml" if name == "policy.toml" else "minimal")
    make(tmp_path / name)
    with pytest.raises(AuditkitError, match=r"a pipe, a socket or a device|nor a \.toml file"):
        auditkit.load(tmp_path / name) if name == "audit.json" else auditkit.run(plan)


def test_a_plan_of_absurd_size(place, tmp_path):
    place().write_text('x = "' + "a" * 5_000_000 + '"')
    with pytest.raises(PlanError, match="it has 5,000,006 bytes; at most 4,194,304 are read"):
        read_plan(tmp_path / "audit.toml")


def test_a_policy_of_absurd_size(place, tmp_path):
    (tmp_path / "policy.toml").write_text('x = "' + "a" * 5_000_000 + '"')
    with pytest.raises(AuditkitError, match="at most 4,194,304 are read"):
        read_policy(read_plan(place(policy="policy.toml")))


@pytest.mark.parametrize(
    "text", ["a = " + "[" * 50_000, "a = " + "{a = " * 20_000, "[a" + ".a" * 9_000 + "]"]
)  # noqa: E501
def test_a_plan_of_absurd_depth(text, tmp_path):
    (tmp_path / "audit.toml").write_text(text)
    with pytest.raises(PlanError, match=r"recursion|not a key|not valid TOML"):
        read_plan(tmp_path / "audit.toml")


@pytest.mark.parametrize("text", ["[" * 1_000_000, '{"a":' * 200_000])
def test_an_audit_of_absurd_depth(text, tmp_path):
    (tmp_path / "audit.json").write_text(text)
    with pytest.raises(DataError, match="is not JSON"):
        auditkit.load(tmp_path)


def test_more_columns_than_anybody_meant(place, tmp_path):
    names = ",".join(f"c{i}" for i in range(100_000))
    (tmp_path / "rows.csv").write_text(f"y,d,g,{names}\n1,1,a{',1' * 100_000}\n")
    with pytest.raises(DataError, match="has 100,003 columns; at most 10,000 are read"):
        auditkit.run(place())


def test_a_group_for_every_row(place, tmp_path):
    rows = "".join(f"{i % 3 % 2},{i % 2},g{i}\n" for i in range(100_000))
    (tmp_path / "rows.csv").write_text("y,d,g\n" + rows)
    with pytest.raises(DataError, match="looks like an identifier"):
        auditkit.run(place())


def test_a_line_that_never_ends(place, tmp_path):
    (tmp_path / "rows.csv").write_text("y,d,g\n1,1," + "a" * 60_000_000 + "\n0,1,b\n")
    with pytest.raises(DataError, match="is not delimited text"):
        auditkit.run(place())


@pytest.mark.parametrize("name", ["../../../x", "..", "/etc/x", "a/../../b", "con", "a\\\\u0000b"])
def test_a_name_that_leads_elsewhere_names_a_folder_here(name, place, tmp_path):
    from auditkit.cli import default_folder

    folder = default_folder(auditkit.run(place(name=name)).record)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d-[a-z0-9-]+", folder)


EVIL = ["=1+1", "@x", "+cmd|' /C calc'!A0", "a\x1b[2Jb", "a\u202eb", "<script>alert(1)</script>"]


def test_groups_that_are_formulas_or_commands(place, tmp_path, capsys):
    from auditkit.cli import main

    rows = "".join(f'1,{i % 2},"{name}"\n0,0,"{name}"\n' for i in range(40) for name in EVIL)
    (tmp_path / "rows.csv").write_text("y,d,g\n" + rows)
    with pytest.raises(SystemExit) as left:
        main(["run", str(place()), "--out", str(tmp_path / "out")])
    assert left.value.code == 0
    with pytest.raises(SystemExit):
        main(["show", str(tmp_path / "out"), "--table", "measurements"])
    out, err = capsys.readouterr()
    assert not {"\x1b", "\u202e"} & {*out, *err}
    cells = [cell for line in out.splitlines() for cell in line.split(",")]
    assert not [c for c in cells if c.startswith(("=", "@", "+cmd"))]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "<script>alert" not in page
    assert "\x1b" not in page
