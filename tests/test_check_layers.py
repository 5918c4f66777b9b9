#!/usr/bin/env python3
"""tools/check-layers: the tree passes, and each kind of fault in a small tree is found."""

import os
import subprocess
import sys
import tempfile

TOP = os.environ.get("top_srcdir") or os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
TOOL = os.path.join(TOP, "tools", "check-layers")

# A tree without fault, with at least one file in each folder that the cases change.
SOUND = {
    "include/castswitch/mono.h": "#include <stdint.h>\n",
    "include/castswitch/drop.def": 'DROP(RUNT, "runt", "short")\n',
    "include/castswitch/drop.h": '#include "castswitch/drop.def"\n',
    "include/castswitch/log.h": "void log_line(const char *);\n",
    "include/castswitch/ipaddr.h": "struct ip;\n",
    "include/castswitch/csum.h": '#include "castswitch/ipaddr.h"\n',
    "include/castswitch/fdb.h": '#include "castswitch/ipaddr.h"\n#include "castswitch/mono.h"\n',
    "include/castswitch/sec.h": '#include "castswitch/ipaddr.h"\n',
    "include/castswitch/aead.h": "struct aead;\n",
    "include/castswitch/session.h": '#include "castswitch/sec.h"\n',
    "include/castswitch/dtls.h": '#include "castswitch/sec.h"\n#include "castswitch/aead.h"\n',
    "include/castswitch/udp.h": '#include "castswitch/ipaddr.h"\n#include <sys/socket.h>\n',
    "include/castswitch/conf.h": '#include "castswitch/ipaddr.h"\n',
    "include/castswitch/tap_port.h": '#include "castswitch/fdb.h"\n#include "castswitch/udp.h"\n',
    "include/castswitch/ctl.h": "#include <jansson.h>\n",
    "include/castswitch/drop_caps.h": "int drop_caps(void);\n",
    "include/castswitch/app.h": '#include "castswitch/ctl.h"\n#include "castswitch/tap_port.h"\n#include <jansson.h>\n',
    "src/base/drop.c": '#include "castswitch/drop.h"\n',
    "src/base/log.c": '#include "castswitch/log.h"\n#include <stdio.h>\n',
    "src/wire/ipaddr.c": '#include "castswitch/ipaddr.h"\n#include "castswitch/drop.h"\n#include "ip_impl.h"\n',
    "src/wire/ip_impl.h": "int x;\n",
    "src/wire/csum.c": '#include "castswitch/csum.h"\n',
    "src/core/fdb.c": '#include "castswitch/fdb.h"\n/* event_ SSL_ log_line */\nchar prolog_x[] = "log_line";\n',
    "src/tunnel/session.c": '#include "castswitch/session.h"\n#include "castswitch/aead.h"\n',
    "src/crypto/dtls.c": '#include "castswitch/dtls.h"\n#include <openssl/ssl.h>\nint f(void) { SSL_new(0); }\n',
    "src/io/udp.c": '#include "castswitch/udp.h"\n#include <event2/event.h>\n#include <libmnl/libmnl.h>\n',
    "src/config/conf.c": '#include "castswitch/conf.h"\n#include <confuse.h>\n',
    "src/ports/tap_port.c": '#include "castswitch/tap_port.h"\n#include "castswitch/session.h"\n',
    "src/ctl/ctl.c": '#include "castswitch/ctl.h"\n#include "castswitch/fdb.h"\n#include <event2/event.h>\n',
    "src/os/drop_caps.c": '#include "castswitch/drop_caps.h"\n#include "castswitch/log.h"\n#include <cap-ng.h>\n',
    "src/app/app.c": '#include "castswitch/app.h"\n#include "castswitch/dtls.h"\n',
    "src/main_castswitchd.c": '#include "castswitch/app.h"\n' + "\n" * 149,
}

# name, what is appended to (or created as) which file, and the lines that must be printed, all of them
CASES = [
    ("core includes io", "src/core/fdb.c", '#include "castswitch/udp.h"\n',
     ["src/core/fdb.c:4: core may not include io (udp.h)"]),
    ("core includes tunnel", "src/core/fdb.c", '#include "castswitch/session.h"\n',
     ["src/core/fdb.c:4: core may not include tunnel (session.h)"]),
    ("a header is checked like a source", "include/castswitch/fdb.h", '#include "castswitch/udp.h"\n',
     ["include/castswitch/fdb.h:3: core may not include io (udp.h)"]),
    ("angle brackets and spaces don't help", "src/core/fdb.c", "#\tinclude  <castswitch/udp.h> // x\n",
     ["src/core/fdb.c:4: core may not include io (udp.h)"]),
    ("an include in a comment is none", "src/core/fdb.c", '/*\n#include "castswitch/udp.h"\n*/\n', []),
    ("base includes wire", "src/base/log.c", '#include "castswitch/csum.h"\n',
     ["src/base/log.c:3: base may not include wire (csum.h)"]),
    ("wire includes core", "src/wire/csum.c", '#include "castswitch/fdb.h"\n',
     ["src/wire/csum.c:2: wire may not include core (fdb.h)"]),
    ("io includes core", "src/io/udp.c", '#include "castswitch/fdb.h"\n',
     ["src/io/udp.c:4: io may not include core (fdb.h)"]),
    ("os includes wire", "src/os/drop_caps.c", '#include "castswitch/csum.h"\n',
     ["src/os/drop_caps.c:4: os may not include wire (csum.h)"]),
    ("crypto includes more of tunnel than sec.h and aead.h", "src/crypto/dtls.c", '#include "castswitch/session.h"\n',
     ["src/crypto/dtls.c:4: crypto may include only sec.h and aead.h of tunnel (session.h)"]),
    ("config includes more of wire than ipaddr.h", "src/config/conf.c", '#include "castswitch/csum.h"\n',
     ["src/config/conf.c:3: config may include only ipaddr.h of wire (csum.h)"]),
    ("main includes io", "src/main_castctl.c", '#include "castswitch/udp.h"\n',
     ["src/main_castctl.c:1: main may not include io (udp.h)"]),
    ("a private header of another folder", "src/core/fdb.c", '#include "../wire/ip_impl.h"\n',
     ["src/core/fdb.c:4: ip_impl.h is private to wire"]),
    ("libevent in ports", "src/ports/tap_port.c", "#include <event2/event.h>\n",
     ["src/ports/tap_port.c:3: ports may not include <event2/event.h>"]),
    ("OpenSSL in app, quoted", "src/app/app.c", '#include "openssl/ssl.h"\n',
     ["src/app/app.c:3: app may not include <openssl/ssl.h>"]),
    ("libconfuse in app", "src/app/app.c", "#include <confuse.h>\n",
     ["src/app/app.c:3: app may not include <confuse.h>"]),
    ("jansson in config", "src/config/conf.c", "#include <jansson.h>\n",
     ["src/config/conf.c:3: config may not include <jansson.h>"]),
    ("libmnl in os", "src/os/drop_caps.c", "#include <libmnl/libmnl.h>\n",
     ["src/os/drop_caps.c:4: os may not include <libmnl/libmnl.h>"]),
    ("libcap-ng in main", "src/main_castctl.c", "#include <cap-ng.h>\n",
     ["src/main_castctl.c:1: main may not include <cap-ng.h>"]),
    ("a library that is not in the table", "src/app/app.c", "#include <curl/curl.h>\n",
     ["src/app/app.c:3: <curl/curl.h> is of no library in the table"]),
    ("sockets in core", "src/core/fdb.c", "#include <sys/socket.h>\n",
     ["src/core/fdb.c:4: core may not include <sys/socket.h>"]),
    ("files in tunnel", "src/tunnel/session.c", "#include <unistd.h>\n",
     ["src/tunnel/session.c:3: tunnel may not include <unistd.h>"]),
    ("a clock in wire", "src/wire/csum.c", "#include <time.h>\n",
     ["src/wire/csum.c:2: wire may not include <time.h>"]),
    ("sockets in base", "src/base/log.c", "#include <netinet/in.h>\n",
     ["src/base/log.c:3: base may not include <netinet/in.h>"]),
    ("the word log_ in core", "src/core/fdb.c", "void f(void) { log_line(0); }\n",
     ["src/core/fdb.c:4: core may not say log_line"]),
    ("the word event_ in tunnel", "src/tunnel/session.c", "/* a\n b */ int event_x;\n",
     ["src/tunnel/session.c:4: tunnel may not say event_x"]),
    ("the word SSL_ in tunnel", "src/tunnel/session.c", "int SSL_read(void);\n",
     ["src/tunnel/session.c:3: tunnel may not say SSL_read"]),
    ("the word clock_gettime in wire", "src/wire/csum.c", "int x = clock_gettime(0, 0);\n",
     ["src/wire/csum.c:2: wire may not say clock_gettime"]),
    ("a forbidden word in a header of core", "include/castswitch/fdb.h", "void log_it(void);\n",
     ["include/castswitch/fdb.h:3: core may not say log_it"]),
    ("the words are free in io", "src/io/udp.c", "int event_x, log_x, SSL_x; int y = clock_gettime(0, 0);\n", []),
    ("headers that include each other", "include/castswitch/ipaddr.h", '#include "castswitch/csum.h"\n',
     ["include/castswitch/csum.h:1: include cycle: csum.h -> ipaddr.h -> csum.h"]),
    ("a header without source", "include/castswitch/lost.h", "\n",
     ["include/castswitch/lost.h:1: belongs to no folder: there is no src/*/lost.c"]),
    ("a header with two sources", "src/core/csum.c", '#include "castswitch/csum.h"\n',
     ["include/castswitch/csum.h:1: belongs to more than one folder: core wire"]),
    ("a header that got a source", "src/core/sec.c", '#include "castswitch/sec.h"\n',
     ["include/castswitch/sec.h:1: is a header without source in the table, but there is src/core/sec.c"]),
    ("a header that does not exist", "src/app/app.c", '#include "castswitch/none.h"\n',
     ["src/app/app.c:3: there is no include/castswitch/none.h"]),
    ("a folder that is not in the table", "src/util/x.c", "\n", ["src/util/x.c:1: belongs to no folder of the table"]),
    ("a source outside of the folders", "src/x.c", "\n", ["src/x.c:1: belongs to no folder of the table"]),
    ("an include by macro", "src/app/app.c", "#include WHAT\n",
     ["src/app/app.c:3: include of something else than a file name"]),
    ("a main file of 150 lines", "src/main_castctl.c", "\n" * 150, []),
    ("a main file of 151 lines", "src/main_castctl.c", "\n" * 151,
     ["src/main_castctl.c:151: has 151 lines, a main file at most 150"]),
    ("two faults are both shown", "src/core/fdb.c", '#include "castswitch/udp.h"\nint log_x;\n',
     ["src/core/fdb.c:4: core may not include io (udp.h)", "src/core/fdb.c:5: core may not say log_x"]),
]


def check(*args):
    done = subprocess.run([sys.executable, TOOL, *args], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          check=False)
    return done.returncode, done.stdout


def check_small_tree(path, text):
    with tempfile.TemporaryDirectory() as tree:
        files = dict(SOUND)
        files[path] = files.get(path, "") + text
        for name, content in files.items():
            full = os.path.join(tree, name)
            os.makedirs(os.path.dirname(full), exist_ok=True)
            with open(full, "w", encoding="utf-8") as f:
                f.write(content)
        return check(tree)


def expected(lines):
    return (1, "".join(line + "\n" for line in lines)) if lines else (0, "ok\n")


def main():
    results = [("the tree itself", check(), (0, "ok\n"))]
    results.append(("a sound small tree", check_small_tree("include/castswitch/mono.h", ""), (0, "ok\n")))
    for name, path, text, lines in CASES:
        results.append((name, check_small_tree(path, text), expected(lines)))
    with tempfile.TemporaryDirectory() as empty:
        results.append(("no tree at all", check(empty)[0], 2))

    print(f"1..{len(results)}")
    failed = 0
    for number, (name, got, want) in enumerate(results, 1):
        print(f"{'ok' if got == want else 'not ok'} {number} - {name}")
        if got != want:
            failed += 1
            for label, value in (("got", got), ("want", want)):
                print(f"# {label}: {value!r}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
