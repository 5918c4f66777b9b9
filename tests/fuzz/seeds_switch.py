"""Inputs of the switch target: scripts of frames, time, ports and settings, eight bytes a step."""

from seeds_wire import MESSAGES, be, frame_seeds

(DATA, OTHER, REPORT, OLD, QUERY, ROUTER, TIME, PORT, SETTINGS, STATIC, RAW, WRAP) = range(12)
TAP, NIC, NIC2, ALICE, BOB, BOX = range(6)
HOLD, V6 = 0x08, 0x80
NO_TAG, PRIORITY, VLAN_1, VLAN_10, VLAN_20, VLAN_OF_HOST, INNER, SERVICE = (n << 4 for n in range(8))
IS_IN, IS_EX, TO_IN, TO_EX, ALLOW, BLOCK = range(1, 7)
V2_REPORT, V1_REPORT, LEAVE = range(3)
GENERAL, S_FLAG, OLDER, TO_HOST = 1, 2, 4, 8
MSEC, TO_NEXT, BEFORE_NEXT, SEC, ASLEEP, NOTHING, MIN = range(7)
UP, DOWN, SUSPEND, DELETE, ADD, CHANGE = range(6)
MAC, OWN_MAC, GROUP, SOURCE, GROUP_MAC, NO_MACS, NO_GROUPS = range(7)


def step(what, how=0, where=0, who=0, group=0, args=()):
    return (bytes([what | how << 4, where, who, group, *args]) + bytes(8))[:8]


def data(where, group, source=1, who=9, alias=None):
    return step(DATA, alias is not None, where, who, group, (alias or 0, source))


def other(where, who, kind, last=0, is_ip=False, group=0):
    return step(OTHER, kind | is_ip << 3, where, who, group, (last,))


def report(where, who, kind, group, sources=0, run=0, second=None):
    kind2, group2, sources2 = second or (0, 0, 0)
    return step(REPORT, kind, where, who, group, (sources, kind2 | group2 << 4, sources2, run))


def old(where, who, kind, group):
    return step(OLD, kind, where, who, group)


def query(where, who, how, group=0, sources=0, timing=2, interval=0):
    return step(QUERY, how, where, who, group, (sources, timing, interval))


def router(where, who, kind, hold):
    return step(ROUTER, kind, where, who, 0, (hold,))


def time(n, how=SEC):
    return step(TIME, how, args=be(n, 2))


def port(where, how, *settings):
    return step(PORT, how, where, args=settings)


def settings(*values):
    return step(SETTINGS, 0, 0, *(values + (0, 0))[:2], values[2:])


def fixed(where, how, who=0, group=0, source=0):
    return step(STATIC, how, where, who, group, (source,))


def behind(content):
    return content + bytes(-len(content) % 8)


def raw(where, content):
    return step(RAW, 0, where, args=be(len(content), 2)) + behind(content)


def wrap(where, who, name):
    is_mld, _, message = MESSAGES[name]
    return step(WRAP, 0, where, who, 0, (is_mld, len(message))) + behind(message)


# Settings of the switch, as world_set_params() reads them.
QUERIER_OFF, UNREG_FLOOD, UNREG_DROP, NO_FLOOD_UNTIL = (1,), (2,), (4,), (8,)
ALL_STRICT = (0xf0,)
VLANS, IGMP_OFF, MLD_OFF, OLD_QUERIES = (0, 1), (0, 2), (0, 4), (0, 0x30)
SHORT = (0, 0, 1)
SMALL, TINY = (0, 0, 0, 1), (0, 0, 0, 2)
ADDRESSES = (0, 0, 0, 0, 3)


def membership_scripts(script):
    joined = (report(ALICE, 1, TO_EX, 1) + report(BOB, 2, TO_EX, 1) + report(ALICE, 3, IS_IN, 2, 3)
              + report(BOX | V6, 4, TO_EX, 1) + report(NIC | V6, 5, IS_IN, 4, 7))
    looks = b"".join(data(TAP | v6, group, source) for v6 in (0, V6) for group in (0, 1, 2, 4) for source in (0, 1, 4))
    every = b"".join(report(where | v6, 1 + where, kind, group, 0x16 + where, second=(7 - kind, 4, 0x31))
                     for where in range(6) for v6 in (0, V6) for kind in range(1, 7) for group in (1, 4))
    rows = b"".join(report(ALICE, 1, first, 1, 3) + report(ALICE, 1, second, 1, 6) + looks
                    for first in (IS_IN, IS_EX) for second in range(1, 7))
    return {
        "members": script(time(15), joined, looks),
        "members-in-vlans": script(*(report(ALICE | tag, 1, TO_EX, 1) + (data(NIC | tag, 1) + time(15)) * 2
                                     for tag in range(0, 0x80, 0x10)), time(60, MIN), first=VLANS),
        "expire": script(joined, time(255), looks, time(20), looks),
        "expire-step-by-step": script(joined, *([time(7, TO_NEXT), time(0, BEFORE_NEXT), looks] * 4), first=SHORT),
        "leave": script(joined, report(ALICE, 1, TO_IN, 1), report(BOB, 2, BLOCK, 2, 1), looks, time(3), looks),
        "leave-old": script(old(ALICE, 1, V2_REPORT, 1), old(ALICE, 2, V2_REPORT, 1), old(ALICE, 1, LEAVE, 1),
                            time(500, MSEC), old(ALICE, 3, V2_REPORT, 1), time(3), data(NIC, 1)),
        "older": script(old(NIC, 1, V2_REPORT, 1), old(NIC, 2, V1_REPORT, 1), old(NIC, 1, LEAVE, 1),
                        old(NIC | V6, 1, V1_REPORT, 1), old(NIC | V6, 1, LEAVE, 1),
                        report(NIC, 3, BLOCK, 1, 3), report(NIC, 3, TO_EX, 1, 3), looks, time(300)),
        "rows": script(rows, time(3), looks),
        "rows-asking": script(port(ALICE, CHANGE, 8), rows, time(3), looks),
        "every-record": script(every, time(5), looks, every, looks),
        "every-record-small": script(every, time(5), looks, every, looks, first=SMALL),
        "every-record-tiny": script(every, time(5), looks, every, looks, first=TINY),
        "every-record-strict": script(every, looks, first=ALL_STRICT),
        "many-sources": script(port(ALICE, CHANGE, 8), report(ALICE, 1, ALLOW, 4, 0xff, 120),
                               report(ALICE, 1, BLOCK, 4, 0xff, 120), report(ALICE | V6, 1, TO_EX, 4, 0xff, 120),
                               report(ALICE | V6, 1, TO_IN, 4, 0x0f, 60), time(1), time(1), time(1), looks),
        "not-snooped": script(joined, looks, first=IGMP_OFF) + settings(*MLD_OFF) + joined + looks,
        "aliases": script(joined, *(data(NIC | v6, group, 1, alias=alias) for v6 in (0, V6) for group in range(16)
                                    for alias in (0, 1, 10, 11))),
        "batch": script(*(data(NIC | HOLD, 1, n) + report(NIC | HOLD | VLAN_10, n, TO_EX, 1)
                          + other(NIC | HOLD, n, n % 6, n) for n in range(16)), first=VLANS),
    }


def querier_scripts(script):
    joined = report(ALICE, 1, TO_EX, 1) + report(BOB, 2, IS_IN, 2, 3)
    return {
        "queriers": script(query(NIC, 1, GENERAL), query(NIC | V6, 1, GENERAL), query(NIC2, 9, GENERAL), time(300),
                           first=ADDRESSES),
        "queriers-higher": script(query(NIC, 9, GENERAL), query(NIC | V6, 9, GENERAL), time(300), first=ADDRESSES),
        "queriers-of-peers": script(query(ALICE, 1, GENERAL), port(ALICE, CHANGE, 2), query(ALICE, 1, GENERAL),
                                    time(300), port(ALICE, CHANGE), data(NIC, 5)),
        "queriers-timing": script(*(query(NIC, 1, GENERAL, timing=t, interval=i) + joined + time(60)
                                    for t in (0x3f, 0x12, 1) for i in range(4))),
        "specific-queries": script(joined, query(NIC, 1, GENERAL), query(NIC, 1, 0, 1), query(NIC, 1, S_FLAG, 1),
                                   query(NIC, 1, 0, 2, 3), query(NIC | V6, 1, OLDER, 1), query(NIC, 1, TO_HOST, 1),
                                   query(NIC, 1, TO_HOST | GENERAL), time(12), data(TAP, 1)),
        "querier-off": script(data(NIC, 1), joined, query(NIC, 1, GENERAL), data(NIC, 1), data(NIC, 5), time(12),
                              data(NIC, 5), time(300), data(NIC, 5), first=QUERIER_OFF),
        "unregistered-flood": script(time(20), data(NIC, 5), first=UNREG_FLOOD),
        "unregistered-drop": script(data(NIC, 5), time(20), data(NIC, 5), first=UNREG_DROP),
        "unregistered-at-once": script(data(NIC, 5), port(ALICE, CHANGE, 0x20), data(NIC, 5), first=NO_FLOOD_UNTIL),
        "old-queries": script(joined, report(ALICE, 1, TO_IN, 1), time(300), first=OLD_QUERIES),
        "router-ports": script(port(ALICE, CHANGE, 3), port(BOB, CHANGE, 0x40), joined, data(NIC, 5), data(NIC, 1),
                               port(ALICE, CHANGE, 2), data(NIC, 5)),
        "routers": script(*(router(NIC | v6, 1, kind, hold) + data(TAP | v6, 5) + time(100) for v6 in (0, V6)
                            for kind in range(4) for hold in (0, 30, 255)), time(200), data(TAP, 5), first=(0x80,)),
    }


def port_scripts(script):
    joined = report(ALICE, 1, TO_EX, 1) + report(BOB, 2, IS_IN, 1, 3) + other(ALICE, 1, 0, 2)
    look = data(NIC, 1) + other(NIC, 3, 0, 1)
    return {
        "ports": script(joined, port(ALICE, DOWN), look, port(ALICE, UP), look, port(BOB, DELETE), look, port(BOB, ADD),
                        time(2), look),
        "suspend": script(joined, port(ALICE, SUSPEND), look, time(1), port(ALICE, UP), look, time(1),
                          report(ALICE, 1, IS_EX, 1), time(3), look, port(ALICE, SUSPEND), port(ALICE, DELETE), look),
        "topology": script(joined, port(NIC, DOWN), port(NIC, UP), time(1), port(NIC2, SUSPEND), time(2)),
        "isolated": script(*(port(where, CHANGE, 0x10) for where in (ALICE, BOB)), joined,
                           data(ALICE, 1), other(BOB, 2, 0, 1), other(BOB, 2, 1)),
        "port-limits": script(port(ALICE, CHANGE, 0, 0, 0x55), *(report(ALICE, h, TO_EX, h, 3) for h in range(1, 5)),
                              port(ALICE, CHANGE, 0, 0, 0xff), *(report(ALICE, h, IS_IN, h, 7) for h in range(1, 5))),
        "port-rules": script(*(port(ALICE, CHANGE, 0, rules << 4)
                               + b"".join(report(ALICE, 1, TO_EX, group) for group in range(6)) for rules in range(4))),
        "port-rate": script(port(ALICE, CHANGE, 2, 0x40), *(report(ALICE, 1, TO_EX, g) for g in range(6)), time(1),
                            query(ALICE, 1, GENERAL), query(ALICE, 1, GENERAL)),
        "port-settings": script(joined, *(port(NIC, CHANGE, how, 0xff ^ how) + look + data(ALICE, 1) + data(ALICE, 5)
                                          for how in (0, 0x04, 0x08, 0x23, 0x41, 0x82, 0xf3))),
        "settings": script(joined, *(settings(*[value if n == where else 0 for n in range(6)]) + time(1) + joined + look
                                     + time(0, TO_NEXT) for where in range(6) for value in (0x55, 0xaa, 0xff, 0))),
        "macs": script(*(other(p, h, 0, h + 1) for p in range(6) for h in range(1, 8)), time(300), first=SMALL),
        "macs-move": script(other(TAP, 1, 0, 2), other(ALICE, 1, 0, 2), time(11), other(ALICE, 1, 0, 2),
                            *(other(p, 3, 0, 1) for _ in range(4) for p in (NIC, NIC2))),
        "macs-static": script(fixed(NIC, MAC, 1, source=8), fixed(NIC, MAC, 2), fixed(NIC, OWN_MAC, 3),
                              other(BOB, 1, 0, 2), other(BOB, 2, 0, 1), other(BOB, 3, 0, 3), other(BOB, 4, 0, 3),
                              fixed(NIC, NO_MACS), other(BOB, 2, 0, 1)),
        "groups-static": script(fixed(ALICE, GROUP, 0, 1), fixed(BOB, SOURCE, 0, 1, 2),
                                fixed(BOX | V6, SOURCE, 0, 4, 2), fixed(BOB, GROUP, 0, 10), joined,
                                data(NIC, 1, 2), data(NIC, 1, 3), data(NIC | V6, 4, 2),
                                report(BOB, 2, IS_EX, 1, 0xff), data(NIC, 1, 2), port(ALICE, DOWN), data(NIC, 1, 2),
                                fixed(BOB, NO_GROUPS), data(NIC, 1, 2)),
        "groups-static-not-ip": script(fixed(ALICE, GROUP_MAC), fixed(BOB, GROUP_MAC), other(NIC, 1, 2),
                                       other(ALICE, 1, 2), port(ALICE, DELETE), other(NIC, 1, 2), fixed(BOB, NO_GROUPS),
                                       other(NIC, 1, 2)),
        "vlans-many": script(*(other(ALICE | VLAN_OF_HOST, h, 1) for h in range(16)), time(6, MIN), first=VLANS),
        "vlans-toggled": script(joined, settings(*VLANS), report(ALICE | VLAN_10, 1, TO_EX, 1), data(NIC | VLAN_10, 1),
                                settings(0), data(NIC | VLAN_10, 1)),
        "other-frames": script(*(other(NIC | v6, 1, kind, 14, is_ip, group) for v6 in (0, V6) for kind in range(6)
                                 for is_ip in (False, True) for group in (1, 15)), first=(0, 0xc0)),
        "asleep": script(joined, time(60000, ASLEEP), look, time(60000, ASLEEP), report(ALICE, 3, TO_EX, 3), look,
                         *([time(65535, ASLEEP)] * 4), look, time(0, NOTHING), look),
    }


def switch_seeds():
    def script(*steps, first=()):
        return settings(*first) + b"".join(steps)

    return {
        "empty": script(),
        **membership_scripts(script),
        **querier_scripts(script),
        **port_scripts(script),
        "wrapped": script(*(wrap(where, 1, name) for name in MESSAGES for where in (NIC, ALICE)), time(3)),
        "frames": script(*(raw(NIC, content[3:]) for content in list(frame_seeds().values())[:30])),
        "pim": script(raw(NIC, frame_seeds()["pim4"][3:]), raw(TAP, frame_seeds()["pim6"][3:]), data(ALICE, 1)),
    }


# The target of honest hosts: mode, versions, then three bytes a step.
MLD, ASK_A, ASK_B, ONCE, QUICK, LATE = (1 << n for n in range(6))
ALL_NEW, ALL_OLD, ALL_OLDEST, MIXED = 0x00, 0x55, 0xaa, 0x24
ANY, NOTHING_MORE = 0x80, 0


def hosts_seeds():
    def wants(host, how, group=0):
        return bytes([0, host | group << 4, how])

    def passes(seconds):
        return bytes([2, 0, seconds])

    def script(mode, versions, *steps):
        return bytes([mode, versions]) + b"".join(steps)

    link = bytes([4, 0, 0])
    watch = wants(0, ANY) + wants(2, ANY) + wants(4, ANY)
    leave = wants(0, NOTHING_MORE) + passes(3) + wants(2, NOTHING_MORE) + passes(3) + wants(4, NOTHING_MORE) + passes(3)
    change = b"".join(wants(host, how, group) + passes(1) for how in (1, 0x82, 3, 0x81, 0x80, 6, 0, 0x87, 2)
                      for host in (0, 2, 1) for group in (0, 1))
    return {
        f"{name}-{kind}": script(mode, versions, *steps)
        for name, mode in (("igmp", LATE), ("mld", MLD | ASK_B), ("asked", ASK_A), ("once", ONCE | LATE),
                           ("quick", QUICK))
        for kind, versions, steps in (
            ("new", ALL_NEW, (watch, passes(150), leave, change, leave)),
            ("old", ALL_OLD, (watch, passes(200), passes(200), leave, watch, link, passes(2), leave)),
            ("oldest", ALL_OLDEST, (watch, passes(200), leave, passes(255), passes(255))),
            ("mixed", MIXED, (watch, change, passes(200), leave, watch, passes(255), passes(255), leave)))
    }
