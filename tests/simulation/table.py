"""Run every simulation in full and write what was measured into ``auditkit/docs/statistics.md``.

``make simulate`` runs it. Without ``--write`` the table is printed. Seeds are fixed and nothing
depends on the clock: the same code makes the same table.
"""

import argparse
import sys
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

from tests.simulation import coverage, designs, explanations, limits, policies, programme
from tests.simulation.measured import Job, Row

BEGIN, END = "<!-- measured:begin -->", "<!-- measured:end -->"
HEADER = ("what", "where it was tried", "how", "asked", "found")
ROOMS = (limits, coverage, policies, designs, explanations, programme)


def jobs() -> list[Job]:
    return [job for room in ROOMS for job in room.JOBS]


def carried_out(workers: int) -> dict[str, Any]:
    """Run all jobs in full, and say which are done."""
    pending: dict[Future[Any], str] = {}
    out: dict[str, Any] = {}
    with ProcessPoolExecutor(workers) as pool:
        # the long ones first, so that no worker is left alone with one
        for job in sorted(jobs(), key=lambda job: job not in policies.JOBS):
            pending[pool.submit(job, True)] = job.name
        for done, future in enumerate(as_completed(pending), 1):
            out[pending[future]] = future.result()
            print(f"{done:3} of {len(pending)}  {pending[future]}", file=sys.stderr, flush=True)
    return out


def laid_out(found: dict[str, Any]) -> tuple[list[Row], list[str]]:
    """Bring what was found into the order of the document: rows, and the table of the policy."""

    def of(room: Any) -> Iterator[Any]:
        return (found[job.name] for job in room.JOBS)

    cells = list(of(policies))
    audits = [audit for part in of(programme) for audit in part]
    rows = [row for room in (limits, coverage) for part in of(room) for row in part]
    rows += policies.rows(cells, *policies.FULL)
    rows += [row for room in (designs, explanations) for part in of(room) for row in part]
    return [*rows, *programme.rows(audits)], policies.table(cells)


def written(rows: list[Row], cells: list[str]) -> str:
    """Write both tables as they stand between the markers."""
    lines = [f"| {' | '.join(HEADER)} |", "|---" * len(HEADER) + "|"]
    for row in rows:
        found = row.found if row.holds else f"**not kept**: {row.found}"
        lines.append(f"| {' | '.join((row.what, row.grid, row.how, row.asked, found))} |")
    return "\n".join(
        [
            BEGIN,
            "Written by `make simulate`; every number below was measured by it.",
            "",
            *lines,
            "",
            "The shipped policy `icrc`, cell by cell. Missed need is 30 % in all groups but one, "
            "where it is as the column says; each column is a share of audits.",
            "",
            *cells,
            END,
        ]
    )


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path, help="the document that holds the table")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    rows, cells = laid_out(carried_out(given.workers))
    table = written(rows, cells)
    if given.write is None:
        print(table)
    else:
        text = given.write.read_text(encoding="utf-8")
        before, after = text.split(BEGIN)[0], text.split(END)[1]
        given.write.write_text(before + table + after, encoding="utf-8")
    failed = [row for row in rows if not row.holds]
    for row in failed:
        print(f"not kept: {row.what}: {row.found}", file=sys.stderr)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
