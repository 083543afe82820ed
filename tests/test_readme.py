"""What the README shows is what there is."""

import re
import tomllib
from pathlib import Path

import pytest

import auditkit
from auditkit.cli import cli
from auditkit.plan import make_plan

README = (Path(__file__).parents[1] / "README.md").read_text(encoding="utf-8")


def blocks(language):
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def test_the_plan_is_a_plan():
    (text,) = blocks("toml")
    assert make_plan(tomllib.loads(text)).policy.use == "icrc"


def test_the_python_runs(many, tmp_path, monkeypatch):
    from sklearn.linear_model import LogisticRegression

    monkeypatch.chdir(tmp_path)
    many = many.assign(rooms=(many["in_need"] == "no") + many.index % 3)
    model = LogisticRegression().fit(many[["rooms"]], many["in_need"])
    apart = many.assign(case_id=range(len(many)))
    apart[["case_id", "gender"]].to_parquet("sensitive.parquet")
    apart.rename(columns={"chosen": "selected"})[["case_id", "selected"]].to_csv("decisions.csv")
    names = {"model": model, "households": many}
    for text in blocks("python"):
        shown = re.sub(r"^audit {3,}.*$", "page = audit._repr_html_()", text, flags=re.MULTILINE)
        exec(compile(shown, "README.md", "exec"), names)
        assert isinstance(names["audit"], auditkit.Audit)
    assert (tmp_path / "reports" / "my-audit" / "report.html").is_file()


@pytest.mark.parametrize("command", sorted(cli.commands))
def test_every_command_is_shown_and_has_help(command):
    assert f"auditkit {command}" in README
    assert cli.commands[command].help


def test_every_command_shown_exists():
    shown = re.findall(r"^auditkit (\w+)", "\n".join(blocks("sh")), re.MULTILINE)
    assert set(shown) == set(cli.commands)


def test_the_makefile_has_every_target_shown():
    makefile = (Path(__file__).parents[1] / "Makefile").read_text(encoding="utf-8")
    for target in re.findall(r"make (\w+)", README):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
