#!/usr/bin/env python3
"""Every option of the configurations is set to another value by some test that looks at what it does: tests/options.txt
names the place.  What the table says must be there, in a test that runs."""

import os
import re
import subprocess
import sys

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BUILD = os.environ.get("top_builddir") or "."
DUMP = os.path.join(BUILD, "tests", "unit", "conf_dump")
TABLE = os.path.join("tests", "options.txt")
# The switch calls some parameters otherwise.
PARAMETERS = {"non-ip-multicast": "drop-non-ip-multicast", "report-rate": "gm-rate", "querier-address": "igmp-address"}
SETTING = re.compile(r"(?:switch|port|reconfigure|reconfigure-port) ")

cases = failed = 0


def check(name, good, *details):
    global cases, failed
    cases += 1
    print(("ok" if good else "not ok"), cases, "-", name)
    if not good:
        failed += 1
        for d in details:
            print("#", d)


def read(*path):
    with open(os.path.join(TOP, *path), encoding="utf-8") as f:
        return f.read()


def schema():
    """{(program, block, option)}"""
    p = subprocess.run([DUMP], capture_output=True, text=True, timeout=60, check=False)
    check("the schema can be read", p.returncode == 0 and p.stdout, p.stderr)
    return {tuple(line.split("\t")[:3]) for line in p.stdout.splitlines()}


class Row:
    """A line of the table."""

    def __init__(self, number, line):
        self.name = f"{TABLE}:{number}"
        programs, blocks, options, self.file, self.text = (line.split("\t", 4) + [""] * 4)[:5]
        self.options = options.split(",")
        self.keys = [(p, b, o) for p in programs.split(",") for b in blocks.split(",") for o in self.options]


def table():
    lines = enumerate(read(TABLE).splitlines(), 1)
    return [Row(number, line) for number, line in lines if line and not line.startswith("#")]


def listed_files():
    """The files that the build knows: tests, and what they are made of."""
    found = set()
    for folder, _, names in os.walk(os.path.join(TOP, "tests")):
        for name in names:
            if name.endswith(".inc"):
                found.update(re.findall(r"tests/[\w./-]+", read(folder, name)))
    return found


def scenario_settings(text):
    """The lines that set parameters, each with those it goes on in."""
    return [line for line in re.sub(r"\\\n\s*", "", text).splitlines() if SETTING.match(line)]


def sets(row, option, line):
    """Whether the text of a row is about this option, in the way of its kind of file."""
    if row.file.endswith(".scn"):
        return re.search(rf"(?:^| ){PARAMETERS.get(option, option)}(?:=|$| )", line)
    return re.search(rf"(?<![\w-]){option.replace('-', '[-_]')} ?=", line)


def check_row(row, files):
    path = os.path.join(TOP, row.file)
    if not os.path.isfile(path) or row.file not in files:
        check(f"{row.name}: {row.file} is a file of a test that runs", False)
        return
    text = read(row.file)
    if row.file.endswith(".scn"):
        found = any(row.text in line for line in scenario_settings(text))
    else:
        found = row.text in text
    check(f"{row.name}: {row.file} has the text", row.text and found, row.text)
    wrong = [o for o in row.options if not sets(row, o, row.text)]
    check(f"{row.name}: the text sets {', '.join(row.options)}", not wrong, *wrong)


def main():
    known, rows, files = schema(), table(), listed_files()
    for row in rows:
        check_row(row, files)
    keys = [key for row in rows for key in row.keys]
    missing, unknown = sorted(known - set(keys)), sorted(set(keys) - known)
    check("every option is set and looked at by a test", known and not missing,
          *[" ".join(key) + ": in no line of " + TABLE for key in missing])
    check("no other options are in the table", not unknown, *[" ".join(key) for key in unknown])
    check("no option is in the table twice", len(keys) == len(set(keys)),
          *sorted({" ".join(key) for key in keys if keys.count(key) > 1}))
    print(f"1..{cases}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
