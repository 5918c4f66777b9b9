"""Inputs of the switch target: scripts of frames, time and ports."""

from seeds_wire import MESSAGES, be, frame_seeds

NO_QUERIER, SMALL, UNREG_FLOOD, UNREG_DROP, OLD_QUERIES, OFF, STRICT, BEFORE = (1 << n for n in range(8))
TAP_PORT, NIC, ALICE, BOB = range(4)
V6, UNICAST, S_FLAG, OLDER = 0x80, 0x40, 0x40, 0x20
DOWN, UP, DELETE, ROUTER, LIMITS, FAST_LEAVE, STATIC, FLOODS = (n << 4 for n in range(8))


def sw_raw(port, content):
    return bytes([port << 3]) + be(len(content), 2) + content


def sw_wrap(port, host, name):
    is_mld, _, message = MESSAGES[name]
    return bytes([1 | port << 3, is_mld, host, len(message)]) + message


def sw_report(port, host, kind, group, *sources):
    return bytes([2 | port << 3, host, kind, group, len(sources), *sources])


def sw_query(port, host, group, *sources):
    return bytes([3 | port << 3, host, group, len(sources), *sources])


def sw_data(port, host, to):
    return bytes([4 | port << 3, host, to])


def sw_time(seconds):
    return b"\5" + be(int(seconds * 50), 2)


def sw_port(port, how):
    return bytes([6 | port << 3, how])


def sw_settings(mode):
    return bytes([7, mode])


def switch_seeds():
    def script(*steps, mode=0):
        return bytes([mode]) + b"".join(steps)

    joined = sw_report(ALICE, 1, 4, 1) + sw_report(BOB, 2, 4, 1) + sw_report(NIC, 3, 4, V6 | 1)
    every = b"".join(sw_report(port, 10 + port, kind, group, *range(kind & 3)) for port in range(4)
                     for kind in range(16) for group in (1, V6 | 2))
    return {
        "empty": script(),
        "members": script(sw_time(15), joined, sw_data(TAP_PORT, 9, 1), sw_data(NIC, 9, V6 | 1), sw_data(NIC, 9, 5)),
        "expire": script(joined, sw_time(300), sw_data(TAP_PORT, 9, 1)),
        "leave": script(joined, sw_report(ALICE, 1, 3, 1), sw_report(BOB, 2, 3, 1), sw_time(3),
                        sw_data(TAP_PORT, 9, 1)),
        "sources": script(sw_report(ALICE, 1, 1, 1, 1, 2), sw_report(ALICE, 2, 2, 1, 2, 3),
                          sw_report(ALICE, 1, 6, 1, 1), sw_report(ALICE, 1, 5, 1, 4), sw_time(2),
                          *(sw_data(TAP_PORT, s, 1) for s in range(6))),
        "every-record": script(every, sw_time(5), every),
        "every-record-small": script(every, sw_time(5), every, mode=SMALL),
        "every-record-backwards": script(every[::-1], every),
        "older": script(sw_report(NIC, 1, 0, 1), sw_report(NIC, 2, 8, 1), sw_report(NIC, 3, 4, 1),
                        sw_report(NIC, 1, 7, 1), sw_report(NIC, 1, 0, V6 | 1), sw_report(NIC, 1, 7, V6 | 1),
                        sw_time(300)),
        "queriers": script(sw_query(NIC, 1, 0), sw_query(NIC, 1, V6), sw_query(TAP_PORT, 200, 0), sw_time(300)),
        "queriers-of-peers": script(sw_query(ALICE, 1, 0), sw_port(ALICE, ROUTER), sw_query(ALICE, 1, 0), sw_time(300)),
        "specific-queries": script(joined, sw_query(NIC, 1, 0), sw_query(NIC, 1, 1), sw_query(NIC, 1, 1 | S_FLAG),
                                   sw_query(NIC, 1, 1, 1, 2), sw_query(NIC, 1, V6 | 1 | OLDER), sw_time(12)),
        "no-querier": script(sw_data(NIC, 1, 1), joined, sw_query(NIC, 1, 0), sw_data(NIC, 1, 1), mode=NO_QUERIER),
        "unregistered-flood": script(sw_time(20), sw_data(NIC, 1, 9), mode=UNREG_FLOOD),
        "unregistered-drop": script(sw_time(20), sw_data(NIC, 1, 9), mode=UNREG_DROP | BEFORE),
        "old-queries": script(joined, sw_report(ALICE, 1, 3, 1), sw_time(300), mode=OLD_QUERIES),
        "not-snooped": script(joined, sw_data(NIC, 1, 1), sw_data(NIC, 1, V6 | 1), mode=OFF),
        "router-ports": script(sw_port(ALICE, ROUTER | 2), joined, sw_data(NIC, 1, 7), sw_port(ALICE, ROUTER | 1)),
        "router-port-unasked": script(sw_port(NIC, ROUTER | 2), sw_data(TAP_PORT, 9, 7)),
        "macs": script(*(sw_data(p, h, UNICAST | h + 1) for p in range(4) for h in range(8)), sw_time(300), mode=SMALL),
        "macs-move": script(sw_data(TAP_PORT, 1, UNICAST | 2), sw_data(ALICE, 1, UNICAST | 2), sw_time(11),
                            sw_data(ALICE, 1, UNICAST | 2), sw_data(BOB, 3, UNICAST | 1),
                            sw_data(ALICE, 3, UNICAST | 1)),
        "macs-static": script(sw_port(NIC, STATIC | 1), sw_port(NIC, STATIC | 2), sw_data(BOB, 1, UNICAST | 2),
                              sw_data(BOB, 2, UNICAST | 1)),
        "ports": script(joined, sw_port(ALICE, DOWN), sw_data(NIC, 1, 1), sw_port(ALICE, UP), sw_port(BOB, DELETE),
                        sw_data(BOB, 1, 1), sw_port(BOB, 0), sw_time(2)),
        "port-limits": script(sw_port(ALICE, LIMITS | 1), *(sw_report(ALICE, h, 4, h) for h in range(4)),
                              sw_port(ALICE, LIMITS)),
        "port-settings": script(joined, sw_port(ALICE, FAST_LEAVE | 1), sw_report(ALICE, 1, 3, 1),
                                sw_port(BOB, FAST_LEAVE | 2), sw_report(BOB, 2, 3, 1), sw_time(3),
                                *(sw_port(NIC, FLOODS | n) for n in (0, 3, 8, 15))),
        "settings": script(joined, *(sw_settings(1 << n) + sw_time(1) + sw_data(NIC, 1, 1) for n in range(8)), every),
        "wrapped": script(*(sw_wrap(port, 1, name) for name in MESSAGES for port in (NIC, ALICE)), sw_time(3)),
        "frames": script(*(sw_raw(NIC, content[3:]) for content in list(frame_seeds().values())[:30])),
        "pim": script(sw_raw(NIC, frame_seeds()["pim4"][3:]), sw_raw(TAP_PORT, frame_seeds()["pim6"][3:]),
                      sw_data(ALICE, 1, 1)),
    }
