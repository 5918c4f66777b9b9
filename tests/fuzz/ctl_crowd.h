/* Many clients of the control socket at once, in the ctl target.
 *
 * The script is a sequence of operations of one byte: three bits what, five bits which client (of those that are
 * connected) or how much.  After each the program's loop has one turn.
 *
 *   0 CONNECT  so many clients and one more; more than the program takes are turned away or get a silent one's place
 *   1 SAY      u8: which of the lines in ctl_crowd.c
 *   2 TEXT     u8 length, then these bytes
 *   3 READ     the client takes its answers, until it has all
 *   4 SHUT     it says no more
 *   5 GO       it goes, without waiting for its answers
 *   6 WAIT     time passes, see the steps in ctl_crowd.c
 *   7 SHORT    the allocation after so many more fails
 *
 * Whoever goes, stays or is turned away must have a reason in the limits of ctl.h.
 */
#ifndef CASTSWITCH_TESTS_FUZZ_CTL_CROWD_H
#define CASTSWITCH_TESTS_FUZZ_CTL_CROWD_H

#include <stddef.h>
#include <stdint.h>

enum crowd_end {
	CROWD_READS,   /* everything, then goes */
	CROWD_HANGS_UP,
	CROWD_IS_LEFT, /* the program goes first */
};

void crowd_run(const uint8_t *script, size_t len, enum crowd_end end);

#endif
