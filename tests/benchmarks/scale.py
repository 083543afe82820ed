"""The standard audit work at growing numbers of rows, beside what others need for it.

Work: seven rates by two protected attributes (5 and 4 groups) and their crossing, with differences
and ratios; auditkit adds 95 % intervals, gate bounds and a verdict, and counts scores where asked.
Every figure is the best of several runs, each in a process of its own, so that memory is its own
too; time starts when the packages are imported. Compare ratios within one run, not seconds.

    python tests/benchmarks/scale.py --rows 1e5 1e6 1e7 --readme README.md
"""

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PART = 10_000_000
PEERS = os.environ.get("PEERS_PYTHON", sys.executable)
"""Another environment, for what does not go with the versions used here (aequitas: pandas 2)."""
PEERS_UP_TO = {"fairlearn": 1_000_000, "aequitas": 10_000_000}
MARKS = ("<!-- scale:begin -->", "<!-- scale:end -->")
RACES, AGES = list("ABCDE"), ["<18", "18-30", "31-60", ">60"]


def generate(rows: int, path: Path, seed: int) -> None:
    """Write scored rows with two protected attributes, label, decision, score and weight.

    As Parquet, and up to ten million rows beside it as CSV.
    """
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(seed)
    race = rng.choice(5, rows, p=[0.5, 0.25, 0.15, 0.07, 0.03])
    age = rng.choice(4, rows, p=[0.1, 0.3, 0.4, 0.2])
    z = rng.normal(size=rows) + 0.4 * (race == 1) - 0.3 * (age == 3)
    score = 1 / (1 + np.exp(-(z + rng.normal(size=rows))))
    made = pd.DataFrame(
        {
            "race": pd.Categorical.from_codes(race, RACES),
            "age": pd.Categorical.from_codes(age, AGES),
            "y": (rng.random(rows) < 1 / (1 + np.exp(-z))).astype("int8"),
            "pred": (score > 0.5).astype("int8"),
            "score": score,
            "w": rng.integers(1, 5, rows).astype("float64"),
        }
    )
    made.to_parquet(path)
    if path.parent.name != "parts":
        made.to_csv(path.with_suffix(".csv"), index=False)


def data(folder: Path, rows: int) -> Path:
    """Return one Parquet file with its CSV, or a folder of parts beyond ten million rows."""
    path = folder / f"rows-{rows}.parquet"
    if rows <= PART:
        _generated(rows, path, 0)
        return path
    path = folder / f"{rows}" / "parts"
    path.mkdir(parents=True)
    for part in range(rows // PART):
        _generated(PART, path / f"part-{part:03}.parquet", part)
    return path


def _generated(rows: int, path: Path, seed: int) -> None:
    """Generate in another process: a child begins with the peak memory of its parent."""
    command = [sys.executable, __file__, "--generate", str(rows), str(path), str(seed)]
    subprocess.run(command, check=True)


# ------------------------------------------------------------------ what is timed


def work_pandas(path: str) -> None:
    """Only read the file."""
    import pandas as pd

    pd.read_parquet(path)


def work_pandas_csv(path: str) -> None:
    """Only read the same rows from CSV."""
    import pandas as pd

    pd.read_csv(Path(path).with_suffix(".csv"))


def work_auditkit(path: str, **more: object) -> None:
    """Audit, without a report."""
    import auditkit

    auditkit.audit(
        None, path, label="y", positive=1, decision="pred", outcome="benefit",
        attributes=["race", "age"], intersections=2, policy="minimal", **more,
    )  # fmt: skip


def work_auditkit_scores(path: str) -> None:
    """Audit, and count scores in fine bins."""
    work_auditkit(path, score="score")


def work_auditkit_csv(path: str) -> None:
    """Audit the same rows from CSV, and count scores in fine bins."""
    work_auditkit(str(Path(path).with_suffix(".csv")), score="score")


def work_auditkit_weights(path: str) -> None:
    """Audit with sampling weights."""
    work_auditkit(path, weight="w")


def work_aequitas(path: str) -> None:
    """Count, compare with reference groups, and judge; no intervals."""
    import pandas as pd
    from aequitas.bias import Bias
    from aequitas.fairness import Fairness
    from aequitas.group import Group

    rows = pd.read_parquet(path)
    rows = rows.rename(columns={"y": "label_value"}).assign(
        score=rows["pred"], race=rows["race"].astype(str), age=rows["age"].astype(str)
    )
    rows["race_age"] = rows["race"] + "_" + rows["age"]
    rows = rows[["score", "label_value", "race", "age", "race_age"]]
    table, _ = Group().get_crosstabs(rows, attr_cols=["race", "age", "race_age"])
    groups = {"race": "A", "age": "18-30", "race_age": "A_18-30"}
    bias = Bias().get_disparity_predefined_groups(
        table, original_df=rows, ref_groups_dict=groups, check_significance=False,
        mask_significance=False,
    )  # fmt: skip
    Fairness().get_group_value_fairness(bias)


def work_fairlearn(path: str) -> None:
    """Seven metrics by both attributes and their crossing; no intervals."""
    import pandas as pd
    from fairlearn import metrics
    from sklearn.metrics import accuracy_score, precision_score, recall_score

    rows = pd.read_parquet(path)
    asked = {
        "count": metrics.count,
        "accuracy": accuracy_score,
        "precision": precision_score,
        "recall": recall_score,
        "fpr": metrics.false_positive_rate,
        "fnr": metrics.false_negative_rate,
        "selection": metrics.selection_rate,
    }
    for columns in (["race"], ["age"], ["race", "age"]):
        frame = metrics.MetricFrame(
            metrics=asked, y_true=rows["y"], y_pred=rows["pred"], sensitive_features=rows[columns]
        )
        frame.by_group, frame.difference(), frame.ratio(), frame.overall


IMPORTS = {
    "pandas": "pandas, pyarrow.parquet",
    "auditkit": "auditkit.api, duckdb, pandas, narwhals.stable.v2, scipy.special, "
    "narwhals._duckdb.namespace, narwhals._duckdb.group_by, pyarrow.pandas_compat",
    "aequitas": "pandas, aequitas.fairness",
    "fairlearn": "pandas, fairlearn.metrics, sklearn.metrics",
}


def child(name: str, path: str) -> None:
    """Run one work once and print its seconds and the peak memory of this process."""
    import warnings

    warnings.simplefilter("ignore")
    for module in IMPORTS[name.split("_")[0]].split(", "):
        __import__(module)
    started = time.perf_counter()
    globals()[f"work_{name}"](path)
    seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "bytes": peak}))


def measure(name: str, path: Path, runs: int) -> dict[str, float]:
    """Take the best of several runs, each in a process of its own."""
    found = []
    for _ in range(runs):
        python = PEERS if name == "aequitas" else sys.executable
        out = subprocess.run(
            [python, __file__, "--child", name, str(path)],
            capture_output=True, text=True, check=True,
        )  # fmt: skip
        found.append(json.loads(out.stdout.splitlines()[-1]))
    return {key: min(run[key] for run in found) for key in ("seconds", "bytes")}


WORKS = {
    "pandas": "read the file into pandas",
    "auditkit": "auditkit",
    "auditkit_weights": "auditkit, weighted",
    "auditkit_scores": "auditkit, with score bins",
    "pandas_csv": "read the rows from CSV into pandas",
    "auditkit_csv": "auditkit from CSV, with score bins",
    "aequitas": "aequitas (no intervals)",
    "fairlearn": "fairlearn (no intervals)",
}


def table(sizes: list[int], runs: int, folder: Path) -> str:
    """Measure everything, and lay it out as a Markdown table with the ratios that count."""
    seen: dict[tuple[str, int], dict[str, float]] = {}
    for rows in sizes:
        path = data(folder, rows)
        for name in WORKS:
            small = name.startswith("pandas") or name.endswith("csv")
            if rows <= PEERS_UP_TO.get(name, rows) and not (small and rows > PART):
                once = rows > PART or name == "fairlearn"  # minutes each
                seen[name, rows] = measure(name, path, 1 if once else runs)
                said = seen[name, rows]
                print(f"{rows:>11,} {name:<17} {said['seconds']:8.3f} s {said['bytes'] / 1e9:6.2f} GB", file=sys.stderr)  # noqa: E501  # fmt: skip
    lines = [
        "| seconds (peak GB) | " + " | ".join(f"{n:,} rows" for n in sizes) + " |",
        "|---" * (len(sizes) + 1) + "|",
    ]
    for name, said in WORKS.items():
        cells = [_cell(seen.get((name, rows))) for rows in sizes]
        lines.append(f"| {said} | " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *_ratios(seen, sizes), ""])


def _cell(found: dict[str, float] | None) -> str:
    return "–" if found is None else f"{found['seconds']:.2f} ({found['bytes'] / 1e9:.2f})"


def _ratios(seen: dict[tuple[str, int], dict[str, float]], sizes: list[int]) -> list[str]:
    """State fixed cost and slope against reading, and how many times faster than the peers."""
    out = []
    seconds = {key: found["seconds"] for key, found in seen.items()}
    large = [rows for rows in sizes if 1_000_000 <= rows <= PART]
    if len(large) >= 2:
        low, high = large[0], large[-1]

        def slope(name: str) -> float:
            return (seconds[name, high] - seconds[name, low]) / (high - low)

        for name in ("auditkit", "auditkit_weights", "auditkit_scores", "auditkit_csv"):
            fixed = seconds[name, low] - slope(name) * low
            read = slope("pandas_csv" if name.endswith("csv") else "pandas")
            out.append(
                f"- {WORKS[name]}: {fixed:.2f} s fixed; each row costs "
                f"{slope(name) / read:.2f} times what reading it into pandas costs."
            )
    for peer, most in PEERS_UP_TO.items():
        measured = max((rows for name, rows in seconds if name == peer), default=0)
        for rows in (r for r in sizes if 1_000_000 <= r <= PART):
            if not measured:
                continue
            known = (peer, rows) in seconds
            theirs = seconds[peer, rows] if known else seconds[peer, measured] * rows / measured
            times = theirs / seconds["auditkit", rows]
            said = "" if known else f", extrapolating {peer} linearly from {measured:,} rows"
            out.append(f"- {rows:,} rows: {times:,.0f} times faster than {peer}{said}.")
        assert most
    return out


def main() -> None:
    """Parse arguments, measure, and write the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", nargs="+", type=float, default=[1e5, 1e6, 1e7])
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--readme", type=Path, help="file to write the table into")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    parser.add_argument("--generate", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.generate:
        rows, path, seed = given.generate
        generate(int(rows), Path(path), int(seed))
        return
    if given.child:
        child(*given.child)
        return
    with tempfile.TemporaryDirectory(prefix="auditkit-bench-") as folder:
        made = table([int(rows) for rows in given.rows], given.runs, Path(folder))
    cores = len(os.sched_getaffinity(0))
    said = f"Measured by `make bench` on {cores} cores; best of {given.runs} runs, of one run for"
    made = f"{said} fairlearn and beyond {PART:,} rows.\n\n{made}"
    if given.readme:
        text = given.readme.read_text()
        before, rest = text.split(MARKS[0])
        after = rest.split(MARKS[1])[1]
        given.readme.write_text(f"{before}{MARKS[0]}\n{made}{MARKS[1]}{after}")
    print(made)


if __name__ == "__main__":
    main()
