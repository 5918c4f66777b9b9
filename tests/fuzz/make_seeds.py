#!/usr/bin/env python3
"""Writes the hand-made inputs of the fuzz targets into tests/fuzz/corpus/<target>/.

usage: make_seeds.py [DIRECTORY]

The files are committed: they are sources.  A seed's name says what it is; files named by 40 hexadecimal digits beside
them were found by a fuzzer and are not touched.  Each target's layout of input is told at the top of fuzz_<target>.c.
"""

import os
import sys

import seeds_conf
import seeds_switch
import seeds_text
import seeds_tunnel
import seeds_wire

CORPUS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus")

SEEDS = {
    "addr": seeds_wire.addr_seeds,
    "castctl": seeds_text.castctl_seeds,
    "conf": lambda: {**seeds_text.conf_seeds(), **seeds_conf.conf_seeds()},
    "ctl": seeds_text.ctl_seeds,
    "frame": seeds_wire.frame_seeds,
    "gm": seeds_wire.gm_seeds,
    "handshake": seeds_tunnel.handshake_seeds,
    "hosts": seeds_switch.hosts_seeds,
    "switch": seeds_switch.switch_seeds,
    "tmsg": seeds_wire.tmsg_seeds,
}


def main():
    top = sys.argv[1] if len(sys.argv) > 1 else CORPUS
    for target, make in SEEDS.items():
        folder = os.path.join(top, target)
        os.makedirs(folder, exist_ok=True)
        for name, content in make().items():
            with open(os.path.join(folder, name), "wb") as f:
                f.write(content)


if __name__ == "__main__":
    main()
