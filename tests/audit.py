"""Ask pip-audit about every package of the lock file: `python -m tests.audit [PYTHON-WITH-PIP-AUDIT]`.

Exit code 1 when a package has a known weakness; 0, and a line that says so, where the list cannot be reached.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import tomllib

from tests.fresh import ROOT


def main(python: str = sys.executable) -> int:
    """Run pip-audit over the locked versions."""
    lock = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))
    pinned = [
        f"{package['name']}=={package['version']}" for package in lock["package"] if "registry" in package["source"]
    ]
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write("\n".join(pinned))
        file.flush()
        command = [
            python,
            "-m",
            "pip_audit",
            "-r",
            file.name,
            "--no-deps",
            "--disable-pip",
            "--progress-spinner",
            "off",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    told = (done.stdout + done.stderr).strip()
    if done.returncode and "vulnerabilit" not in told:
        print(f"not checked, the list of known weaknesses cannot be reached: {told.splitlines()[-1:]}")
        return 0
    print(told)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
