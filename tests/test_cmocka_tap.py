#!/usr/bin/env python3
"""tests/lib/cmocka-tap: a skipped test counts as skipped, everything else and the exit code stay as they are."""

import os
import subprocess
import sys

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TOOL = os.path.join(TOP, "tests", "lib", "cmocka-tap")

# name, what the program prints, its exit code, what must be read instead
CASES = [
    ("a skip", "1..1\nnot ok 1 # SKIP test_a\n", 0, "1..1\nok 1 # SKIP test_a\n"),
    ("the twelfth test", "not ok 12 # SKIP test_a\n", 0, "ok 12 # SKIP test_a\n"),
    ("a failure", "not ok 1 - test_a\n# not ok 1 # SKIP\n", 1, "not ok 1 - test_a\n# not ok 1 # SKIP\n"),
    ("a failure called SKIP", "not ok 1 - SKIP # SKIP\n", 3, "not ok 1 - SKIP # SKIP\n"),
    ("all good", "1..2\nok 1 - a\nok 2 - b\n", 0, "1..2\nok 1 - a\nok 2 - b\n"),
]


def wrapped(*command):
    return subprocess.run(["sh", TOOL, *command], capture_output=True, text=True, timeout=20, check=False)


def main():
    failed = 0
    print(f"1..{len(CASES) + 2}")
    results = []
    for name, text, code, want in CASES:
        r = wrapped("sh", "-c", 'printf "%s" "$1"; exit "$2"', "sh", text, str(code))
        results.append((name, (r.stdout, r.returncode) == (want, code), r))
    r = wrapped("sh", "-c", "kill -ABRT $$")
    results.append(("a program that aborts", r.returncode == 128 + 6, r))
    r = wrapped("printf", "%s|", "a  b", "*")
    results.append(("arguments arrive as they are", r.stdout == "a  b|*|", r))
    for i, (name, ok, r) in enumerate(results, 1):
        print("ok" if ok else "not ok", i, "-", name)
        if not ok:
            failed += 1
            print(f"# exit code {r.returncode}, output {r.stdout!r}, errors {r.stderr!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
