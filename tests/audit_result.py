"""What pip-audit found, told in a line, and a line for each known vulnerability: `make audit` ends with it.

pip-audit finds no vulnerability where it found no package: only answers count. No answer is no failure, but is told.
Exit code 1 where a vulnerability is known.
"""

import json
import sys
from pathlib import Path


def main(report: Path) -> int:
    packages = json.loads(report.read_text(encoding="utf-8"))["dependencies"] if report.exists() else []
    answered = [package for package in packages if "vulns" in package]
    found = [(package, vulnerability) for package in answered for vulnerability in package["vulns"]]
    for package, vulnerability in found:
        print(package["name"], package["version"], vulnerability["id"], *vulnerability["fix_versions"])
    if answered:
        print(f"audited: {len(answered)} of {len(packages)} packages, {len(found)} known vulnerabilities")
    else:
        print(
            "NOT AUDITED: the advisory service cannot be reached from here, or knows none of our packages "
            f"({report.with_suffix('.log')})"
        )
    return int(bool(found))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
