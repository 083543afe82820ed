"""Ten thousand changed inputs and a table of what became of them: ``make fuzz``.

Each few hundred are given in a process of their own, so that one that ends it is found and named.
"""

import argparse
import subprocess
import sys
import time
from collections import Counter

from tests.fuzz.fuzzer import KINDS, fuzz

PART = 250
MOST_TOLD = 20


def numbers(kind: str, inputs: int) -> range:
    """Number the inputs of a kind."""
    return range(max(1, inputs * KINDS[kind].share // 100))


def part(kind: str, start: int, end: int) -> None:
    """Give some inputs, and say what became of each before the next."""
    for number in range(start, end):
        print("begun", number, flush=True)
        try:
            print("code", fuzz(kind, number), flush=True)
        except AssertionError as broken:
            print("broken", repr(str(broken)), flush=True)


def whole(inputs: int, only: str | None) -> int:
    """Give all inputs; the number of those that broke a promise."""
    broken: list[str] = []
    print("| input | given | 0 | 1 | 2 | 3 | broken | s |\n|---|---|---|---|---|---|---|---|")
    for kind in [only] if only else KINDS:
        began, codes, before = time.monotonic(), Counter(), len(broken)
        start, end = 0, len(numbers(kind, inputs))
        while start < end:
            stop = min(start + PART, end)
            asked = [sys.executable, "-m", "tests.fuzz", "--part", kind, str(start), str(stop)]
            done = subprocess.run(asked, capture_output=True, text=True, errors="replace")
            lines = [line.split(" ", 1) for line in done.stdout.splitlines()]
            codes.update(word for what, word in lines if what == "code")
            broken += [word for what, word in lines if what == "broken"]
            begun = [int(word) for what, word in lines if what == "begun"]
            if done.returncode:
                stop = begun[-1] + 1 if begun else stop
                broken.append(f"{kind} {stop - 1}: the process ended with {done.returncode}")
            start = stop
        row = [kind, f"{end:,}", *(f"{codes[c]:,}" for c in "0123"), str(len(broken) - before)]
        print(f"| {' | '.join(row)} | {time.monotonic() - began:.0f} |", flush=True)
    for one in broken[:MOST_TOLD]:
        print(one)
    return len(broken)


def asked() -> int:
    """Read the arguments."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz")
    parser.add_argument("--inputs", type=int, default=10_000)
    parser.add_argument("--kind", choices=KINDS)
    parser.add_argument("--part", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.part:
        part(given.part[0], int(given.part[1]), int(given.part[2]))
        return 0
    return int(whole(given.inputs, given.kind) > 0)


if __name__ == "__main__":
    sys.exit(asked())
