"""The generated aid programme, audited whole with many seeds: what was planted, and nothing else.

The survey, the model and with it the true disparities are others with every seed; the generator
says them to 12 digits.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType

import auditkit
from auditkit import Attribute
from auditkit.results import REST, Outcome
from tests.simulation.measured import Job, Row

GENERATOR = Path(__file__).parents[2] / "datasets" / "aid_targeting" / "generate.py"
FULL = 100
LEAST, MOST = 0.89, 0.10
"""Of 100 intervals that hold the truth 95 times on average, fewer than 89 do once in 90 tries."""


def generator() -> ModuleType:
    name = "aid_targeting_simulated"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, GENERATOR)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


def audited(seed: int) -> dict[str, list[bool]]:
    """Say of each planted disparity whether its interval holds it, and whether gender was found."""
    made = generator().generate(seed)
    attributes = [Attribute("age", bins=[31, 61]), "gender", "displacement", "area"]
    record = auditkit.audit(
        None, made.households, label="in_need", positive="yes", decision="selected",
        outcome="benefit", attributes=attributes, intersections=2, policy="icrc",
    ).record  # fmt: skip
    # crossings are named in the plan's order of attributes
    rows = {
        (d.metric, frozenset(zip(d.attribute.split("*"), d.group.split("*"), strict=True))): d
        for d in record.disparities
        if d.against == REST and d.statistic == "difference" and d.group != "(not recorded)"
        and "(all)" not in d.attribute
    }  # fmt: skip
    held = {}
    for planted in made.truth["planted"]:
        names = planted["attribute"].split("*"), planted["group"].split("*")
        row = rows[planted["metric"], frozenset(zip(*names, strict=True))]
        assert row.lower is not None
        assert row.upper is not None
        found = any(
            c.outcome is Outcome.BREACH
            for c in record.checks
            if (c.attribute, c.group, c.metric) == (row.attribute, row.group, row.metric)
        )
        held[f"{planted['attribute']} {planted['group']}"] = [
            row.lower <= planted["difference"] <= row.upper,
            found,
        ]
    false = any(
        c.outcome is Outcome.BREACH and c.attribute in made.truth["without_gap"]
        for c in record.checks
    )
    return {**held, "": [false]}


def seeds(first: int, last: int, *, full: bool) -> list[dict[str, list[bool]]]:
    return [audited(seed) for seed in range(first, last if full else first + 1)]


def rows(audits: list[dict[str, list[bool]]]) -> list[Row]:
    number = len(audits)
    how = f"{number} seeds, 12,000 households each, whole audits"
    grid = "aid_targeting, policy icrc at high risk, four attributes and their crossings"
    out = []
    for name in sorted(audits[0].keys() - {""}):
        held, found = (sum(a[name][k] for a in audits) for k in (0, 1))
        out.append(
            Row(
                f"Planted disparity in missed need of {name}: inside its 95 % interval",
                grid, how, f"in at least {LEAST * number:.0f}",
                f"in {held}; found beyond its limit in {found}",
                held >= LEAST * number,
            )
        )  # fmt: skip
    false = sum(a[""][0] for a in audits)
    out.append(
        Row(
            "Findings on gender, on which nothing was planted", grid, how,
            f"in at most {MOST * number:.0f}", f"in {false}", false <= MOST * number,
        )
    )  # fmt: skip
    return out


JOBS = [Job(f"aid_targeting, seeds {k} to {k + 9}", seeds, (k, k + 10)) for k in range(0, FULL, 10)]
