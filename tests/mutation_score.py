"""The mutation score by file, from what mutmut wrote: `make mutants` ends with it.

A mutant is noticed where a test fails, or runs into the time limit. Exit code 1 where a file is below the least score.
"""

import json
import sys
from collections import Counter
from pathlib import Path

LEAST = 0.80
NOT_RUN = None
SURVIVED, NO_TESTS, SKIPPED = 0, 33, 34
"""Exit codes in mutmut's .meta files; every other one is of a test run that failed."""


def scores(folder: Path) -> dict[str, Counter[str]]:
    """File -> how many of its mutants were noticed, survived, or were not run. folder: `mutants` of mutmut."""
    found = {}
    for path in sorted(folder.rglob("*.py.meta")):
        codes = json.loads(path.read_text(encoding="utf-8"))["exit_code_by_key"].values()
        if codes:
            name = path.relative_to(folder).as_posix().removesuffix(".meta")
            found[name] = Counter(_outcome(code) for code in codes)
    return found


def _outcome(code: int | None) -> str:
    if code is NOT_RUN or code == SKIPPED:
        return "not run"
    return "survived" if code in (SURVIVED, NO_TESTS) else "noticed"


def main(folder: Path) -> int:
    found = scores(folder)
    below = not found
    for name, counts in found.items():
        share = counts["noticed"] / counts.total()
        below |= share < LEAST
        print(f"{name:32} {share:6.1%} of {counts.total():4} mutants noticed; {counts['survived']} survived", end="")
        print(f", {counts['not run']} not run" if counts["not run"] else "")
    print(f"{'BELOW' if below else 'each at or above'} {LEAST:.0%}")
    return int(below)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
