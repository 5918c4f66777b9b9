"""TAP for the network tests.

    @casttest.case("one subscribed of three")
    def one_of_three(net): ...

    if __name__ == "__main__":
        casttest.main(lambda: castnet.Net().start())

The cases of a file share one network; after a failure the logs of all programs are shown and the next case gets a new
one, so none depends on another.  The end of a network is a case too: programs must end with 0 and leave nothing.
"""

import sys
import traceback

import castnet

_cases = []


def case(name, fresh=False):
    """fresh: this one needs a network of its own."""
    def add(function):
        _cases.append((name, function, fresh))
        return function
    return add


def note(text):
    for line in str(text).splitlines() or [""]:
        print(f"# {line}", flush=True)


def timely(what, limit, measure, reference):
    """measure() returns (begin, end) in ns.  Fails when that took longer than limit; but when the machine itself stood
    still meanwhile (see casttraffic.Reference) measures once more, and skips when it did again."""
    for attempt in (1, 2):
        begin, end = measure()
        took, stall = end - begin, reference.worst(begin, end)
        note(f"{what}: {took / 1e6:.1f} ms (a plain veth pair meanwhile: {stall / 1e6:.1f} ms)")
        if took < limit:
            return
        if stall < limit // 4:
            raise castnet.Failure(f"{what}: {took / 1e6:.1f} ms, allowed are {limit / 1e6:g} ms")
        if attempt == 1:
            note("the machine stood still, measuring once more")
    raise castnet.Skip(f"{what} took {took / 1e6:.0f} ms, but the machine stood still for {stall / 1e6:.0f} ms")


class _Suite:
    def __init__(self, setup):
        self.setup = setup
        self.net = None
        self.number = 0
        self.failed = 0
        self.problems = []

    def result(self, ok, name, skip=None):
        self.number += 1
        self.failed += not ok
        print(f"{'ok' if ok else 'not ok'} {self.number} - {name}" + (f" # SKIP {skip}" if skip else ""), flush=True)

    def close(self):
        net, self.net = self.net, None
        if net:
            wrong = net.stop_programs()
            wrong += [f"{host.name} left {castnet.TAP} behind" for host in net.hosts
                      if castnet.TAP in host.ns.devices()]
            if wrong:
                self.problems += wrong
                self.problems += net.logs()
            net.close()

    def run(self, name, function, fresh):
        if fresh:
            self.close()
        try:
            if not self.net:
                self.net = self.setup()
            function(self.net)
            self.result(True, name)
        except castnet.Skip as e:
            self.result(True, name, str(e))
        except Exception as e:  # pylint: disable=broad-except
            self.result(False, name)
            note(e if isinstance(e, castnet.Failure) else repr(e))
            for line in traceback.format_tb(e.__traceback__)[1:]:
                note(line.rstrip())
            # Whatever state it is in now, nobody else shall see it.
            self.net = None
            while castnet.open_nets():
                for line in castnet.open_nets()[-1].logs():
                    note(line)
                castnet.open_nets()[-1].close()
        if fresh:
            self.close()


def main(setup):
    reason = castnet.prepare()
    if reason:
        print(f"1..0 # SKIP {reason}")
        sys.exit(0)
    try:
        for program in ("castswitchd", "castswitch", "castctl", "castpki"):
            castnet.binary(program)
    except castnet.Failure as e:
        print(f"Bail out! {e}")
        sys.exit(1)
    castnet.clean_up_at_exit()
    only = sys.argv[1:]  # for people: run the cases whose name contains one of these
    cases = [c for c in _cases if not only or any(word in c[0] for word in only)]
    suite = _Suite(setup)
    print(f"1..{len(cases) + 1}", flush=True)
    for c in cases:
        suite.run(*c)
    suite.close()
    suite.result(not suite.problems, "programs end with 0 and take their interfaces with them")
    for line in suite.problems:
        note(line)
    sys.exit(1 if suite.failed else 0)
