#!/usr/bin/env python3
"""The manual says what the programs do: every option of the configuration with its range and default, and an example
that works; every option and command of the command lines; and the pages are well-formed."""

import itertools
import os
import re
import shutil
import subprocess
import sys

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BUILD = os.environ.get("top_builddir") or "."
MAN = os.path.join(TOP, "src", "man")
DUMP = os.path.join(BUILD, "tests", "unit", "conf_dump")
PROGRAMS = ["castctl", "castpki", "castswitch", "castswitchd"]
CONFIGURATIONS = {"server": "castswitchd.conf.5", "client": "castswitch.conf.5"}
OPTIONS_MIN = {"server": 123, "client": 38}

cases = failed = 0


def check(name, good, *details):
    global cases, failed
    cases += 1
    print(("ok" if good else "not ok"), cases, "-", name)
    if not good:
        failed += 1
        for d in details:
            for line in str(d).splitlines() or [""]:
                print("#", line)


def same(name, documented, real):
    """Two sets of things must be equal."""
    check(name, documented == real, *[f"not in the manual: {x}" for x in sorted(real - documented)],
          *[f"only in the manual: {x}" for x in sorted(documented - real)])


def run(*command, **kwargs):
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False, **kwargs)


def plain(text):
    """A line of man(7) source without its escapes; a hyphen that is not escaped is not one to type."""
    text = text.replace("-", "\u2010").replace("\\\u2010", "-")
    text = text.replace("\\(dq", '"').replace("\\:", "").replace("\\ ", " ").replace("\\e", "\\")
    return re.sub(r"\\f[BIRP]", "", text)


def macro(line):
    """The arguments of a font macro, joined as it joins them."""
    name, _, rest = line.partition(" ")
    words = [quoted or bare for quoted, bare in re.findall(r'"([^"]*)"|(\S+)', rest)]
    return plain((" " if name in (".B", ".I") else "").join(words))


class Page:
    def __init__(self, name):
        with open(os.path.join(MAN, name), encoding="ascii") as f:
            self.lines = f.read().splitlines()

    def section(self, title):
        inside, lines = False, []
        for line in self.lines:
            if line.startswith(".SH"):
                inside = line == f".SH {title}"
            elif inside:
                lines.append(line)
        return lines

    def tags(self, title):
        """What the paragraphs of a section are about."""
        lines = self.section(title)
        return [macro(lines[i + 1]) for i, line in enumerate(lines) if line == ".TP"]

    def displays(self, title):
        """The texts between .EX and .EE."""
        text = "\n".join(self.section(title))
        return [plain(t) + "\n" for t in re.findall(r"^\.EX\n(.*?)\n\.EE", text, re.S | re.M)]


# --- configurations ---

class Option:
    """A row of the schema."""

    def __init__(self, line):
        (self.program, self.block, self.name, self.type, self.default, self.min, self.max, self.unit, self.flags,
         self.words) = line.split("\t")

    def values(self):
        """What may be given, in the words of the manual."""
        count = f"list of {self.min} to {self.max} "
        automatic = ", or auto" if self.flags == "auto" else ""
        words = "".join(f", or {w}" for w in self.words.split() if w != "-")
        number = {"-": "number", "a group": "number for a group"}.get(self.unit, f"number of {self.unit}")
        prefixes = {"bare": "addresses with or without prefix length", "networks": "networks"}
        return {
            "bool": "truth value",
            "uint": f"{number}, {self.min} to {self.max}{automatic}{words}",
            "duration": f"duration, {self.min} to {self.max}{automatic}",
            "word": "one of " + ", ".join(self.words.split()),
            "string": f"text of {self.min} to {self.max} bytes",
            "pem": "file or PEM text",
            "key": "file or 64 hexadecimal digits",
            "pin": "fingerprint",
            "addrs": count + "addresses",
            "addr": "address",
            "port": "port",
            "ports": count + "ports",
            "groups": count + "groups",
            "reserved": count + "reserved MAC addresses",
            "prefixes": count + prefixes.get(self.flags, "addresses with prefix length"),
            "remotes": count + "servers",
            "pins": count + "fingerprints",
            "domains": count + "domains",
        }[self.type]

    def without(self):
        """What holds when it is not given."""
        if self.type in ("pem", "remotes", "port", "ports") and self.min != "0":
            return "required"
        if self.type in ("addrs", "prefixes", "groups", "pins", "reserved", "domains"):
            words = [] if self.default == "-" else self.default.split()
            return "default {" + ", ".join(f'"{w}"' for w in words) + "}"
        return "default " + ("none" if self.default == "-" else self.default)

    def key(self):
        return f"{self.block} {self.name}"


def options():
    p = run(DUMP)
    check("the schema can be read", p.returncode == 0, p.stderr)
    return [Option(line) for line in p.stdout.splitlines()]


class Entry:
    """An option in the manual."""

    def __init__(self, block, line):
        self.block, self.text, self.examples = block, macro(line), []
        m = re.fullmatch(r"(\S+) \((.*)\)", self.text)
        self.name, self.says = m.groups() if m else (self.text, "")

    def key(self):
        return f"{self.block} {self.name}"


def entries(page):
    """The options of a page, and those that a block only refers to, each with what it is the same as."""
    found, referred, block, lines = [], {}, None, page.section("OPTIONS")
    for i, line in enumerate(lines):
        if line.startswith(".SS "):
            block = plain(line[4:]).split()[0]
            block = "-" if block == "Outside" else block
        elif line == ".TP":
            found.append(Entry(block, lines[i + 1]))
        elif line.startswith("Example: "):
            found[-1].examples.append(re.fullmatch(r"Example: \\fB(.*)\\fR", line)[1])
        elif line.startswith("And from the block"):
            of, *names = [plain(m[1]) for m in itertools.takewhile(bool, (
                re.fullmatch(r"\.BR (\S+) [,.]", x) for x in lines[i + 1:] if not x.startswith("for ")))]
            referred.update({f"{block} {name}": f"{of} {name}" for name in names})
    return found, referred


def check_entries(program, page, schema):
    found, referred = entries(page)
    by_key = {o.key(): o for o in schema}
    check(f"{program}: the schema has options", len(schema) >= OPTIONS_MIN[program], len(schema))
    same(f"{program}: every option is in the manual, and no other", {e.key() for e in found} | set(referred),
         set(by_key))
    check(f"{program}: every option is in the manual once",
          len({e.key() for e in found} | set(referred)) == len(found) + len(referred))
    for key, of in referred.items():
        one, other = by_key.get(key), by_key.get(of)
        check(f"{program}: {key}: as {of}", one and other and (one.values(), one.without()) ==
              (other.values(), other.without()), one and vars(one), other and vars(other))
    for e in found:
        o = by_key.get(e.key())
        want = f"{o.name} ({o.values()}; {o.without()})" if o else None
        got = e.text.replace("\u2010", "-")
        check(f"{program}: {e.key()}: values and default", want == got, f"expected: {want}", f"got:      {got}")
        check(f"{program}: {e.key()}: one example of it",
              len(e.examples) == 1 and plain(e.examples[0]).startswith(e.name + " = "), e.examples)
    return found


def check_configuration(name, program, text):
    p = run(DUMP, program, input=text)
    check(name, p.returncode == 0 and p.stdout == "", text, p.stdout, p.stderr)


def check_examples(program, page, found):
    """All examples of a page make a configuration together."""
    titles = {"tap": ' "cast0"', "nic": ' "eth1"', "peer": ' "alice"', "static-group": ' "239.9.9.9"',
              "static-mac": ' "02:00:00:00:00:63"'}
    blocks = {}
    for e in found:
        blocks.setdefault(e.block, []).extend(plain(x) for x in e.examples)
    text = "\n".join(blocks.pop("-", [])) + "\n"
    for block, lines in blocks.items():
        text += f"{block}{titles.get(block, '')} {{\n\t" + "\n\t".join(lines) + "\n}\n"
    check_configuration(f"{program}: the examples of options work", program, text)
    displays = page.displays("EXAMPLES")
    check(f"{program}: there are examples", len(displays) >= 2)
    for i, display in enumerate(displays):
        check_configuration(f"{program}: example {i + 1} works", program, display)


# --- command lines ---

OPTION = re.compile(r"(?<![\w-])--?[a-zA-Z][\w-]*")
# "  -c, --config FILE  configuration"
OPTION_LINE = re.compile(r"^ +(?:-\w, )?(--[\w-]+ [A-Z]\S*)  ", re.M)


def commands_of(program, text):
    if program == "castctl":
        return set(re.findall(r"^  (\w+(?: \[?[A-Z]+\]?)?) ", text.split("commands:\n")[1].split("\n\n")[0], re.M))
    return set(re.findall(r"^(\w+)  +\S", text, re.M)) if program == "castpki" else set()


def check_program(program):
    page = Page(f"{program}.8")
    p = run(os.path.join(BUILD, program), "--help")
    check(f"{program}: --help", p.returncode == 0 and p.stdout, p.stderr)
    tags = page.tags("OPTIONS")
    same(f"{program}: every command line option is in the manual, and no other",
         {o for t in tags for o in OPTION.findall(t)}, set(OPTION.findall(p.stdout)))
    with_argument = {re.sub(r"^-\w, ", "", t) for t in tags if re.search(r"--[\w-]+ \S", t)}
    same(f"{program}: options have the same arguments", with_argument, set(OPTION_LINE.findall(p.stdout)))
    same(f"{program}: every command is in the manual, and no other",
         set(page.tags("COMMANDS")), commands_of(program, p.stdout))
    real = set(re.findall(r"\b([0-9]) \w", p.stdout.split("Exit codes: ")[1].split(".")[0])) \
        if "Exit codes: " in p.stdout else {"0", "1", "2"}
    same(f"{program}: exit codes", set(page.tags("EXIT STATUS")), real)


# --- the protocol ---

def header(name):
    with open(os.path.join(TOP, "include", "castswitch", name), encoding="ascii") as f:
        return f.read()


def enum(text, name):
    """{its names in lower case, without what they have in common: number}"""
    body = re.sub(r"/\*.*?\*/", "", re.search(rf"enum {name} {{(.*?)}}", text, re.S)[1], flags=re.S)
    return {n.lower(): int(v) for n, v in re.findall(r"\bTMSG_(?:HS_|AEAD_|REASON_)?(\w+) = (\d+)", body)}


def check_protocol():
    """Its numbers are those of the code."""
    page, code = Page("castswitch-protocol.7"), header("tmsg.h")
    over_dtls, packets = page.displays("MESSAGES OVER DTLS"), "".join(page.displays("DATA PACKETS"))
    row = re.compile(r"^[ *]*(\d+)  +((?:[A-Z]+, )*[A-Z]+)  +([a-z-]+)  +(.*)", re.M)
    known = {m[:3]: m[3].rstrip() for m in row.findall(code)}
    written = {m[:3]: m[3].rstrip() for m in row.findall("\n".join(over_dtls))}
    same("protocol: TLVs", {" ".join(k) for k in written}, {" ".join(k) for k in known})
    for key in known.keys() & written.keys():
        width = re.compile(r"u16|u32|mandatory|absent")
        check(f"protocol: TLV {' '.join(key)}: its form",
              width.findall(known[key]) == width.findall(written[key]), known[key], written[key])
    with open(os.path.join(TOP, "src", "wire", "tmsg_tlv.c"), encoding="ascii") as f:
        texts = dict(re.findall(r'\[TMSG_REASON_(\w+)\] = "(.*)"', f.read()))
    same("protocol: reasons", set(re.findall(r"^ +(\d+ +[a-z].*)", over_dtls[2], re.M)),
         {f"{n:3}   {texts[name.upper()]}".strip() for name, n in enum(code, "tmsg_reason").items()})
    same("protocol: types over DTLS", set(re.findall(r"(\d [A-Z]+)", over_dtls[0])),
         {f"{n} {name.upper()}" for name, n in enum(code, "tmsg_hs").items()})
    same("protocol: kinds", set(re.findall(r"^ +(\d +[A-Z]+)$", packets, re.M)),
         {f"{n}   {name.upper()}" for name, n in enum(code, "tmsg_kind").items()})
    same("protocol: types of CONTROL", set(re.findall(r"(\d [A-Z]+)", packets)),
         {f"{n} {name.upper()}" for name, n in enum(code, "tmsg_control_type").items()})
    label = re.search(r'SESSION_EXPORT_LABEL "(.*)"', header("session.h"))[1]
    check("protocol: label of the keys", any(macro(x) == " " + label or macro(x) == label
                                             for x in page.section("KEYS")), label)


# --- pages ---

def check_form(name, names):
    page = Page(name)
    title, section = re.fullmatch(r"(.*)\.([0-9])", name).groups()
    head = [line for line in page.lines if line.startswith(".TH ")]
    check(f"{name}: its title", len(head) == 1 and head[0].startswith(f".TH {title.upper()} {section} "), head)
    check(f"{name}: its name", page.section("NAME")[0].startswith(f"{title} \\- "), page.section("NAME"))
    check(f"{name}: no long lines", all(len(line) <= 120 for line in page.lines))
    seen = {(plain(n), s) for n, s in re.findall(r"^\.BR (\S+) \(([0-9])\)", "\n".join(page.lines), re.M)}
    check(f"{name}: what it refers to exists", seen and {f"{n}.{s}" for n, s in seen} <= names, seen)
    check(f"{name}: it does not refer to itself as another page", (title, section) not in
          set(re.findall(r"^\.BR (\S+) \(([0-9])\)", "\n".join(page.section("SEE ALSO")), re.M)))
    if not shutil.which("groff"):
        check(f"{name}: formatting # SKIP no groff", True)
        return
    p = run("groff", "-ww", "-man", "-Tutf8", os.path.join(MAN, name))
    check(f"{name}: formatting", p.returncode == 0 and p.stderr == "" and len(p.stdout) > 1000, p.stderr)


def main():
    names = {n for n in os.listdir(MAN) if re.search(r"\.[0-9]$", n)}
    with open(os.path.join(MAN, "Makefile.inc"), encoding="ascii") as f:
        same("every page is installed", {os.path.basename(x) for x in re.findall(r"src/man/\S+", f.read())}, names)
    same("every program has a page", {n[:-2] for n in names if n.endswith(".8")}, set(PROGRAMS))
    for name in sorted(names):
        check_form(name, names)
    schema = options()
    for program, name in CONFIGURATIONS.items():
        page = Page(name)
        found = check_entries(program, page, [o for o in schema if o.program == program])
        check_examples(program, page, found)
    for program in PROGRAMS:
        check_program(program)
    check_protocol()
    print(f"1..{cases}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
