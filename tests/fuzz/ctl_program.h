/* The program behind the control socket in the ctl target: its commands, a clock that only the script moves, and memory
 * that is short when the script says so.  One runs at a time.
 *
 * Commands: echo gives its "value" back, fail has it as the reason, big gives an answer of so many times 16 KiB.
 */
#ifndef CASTSWITCH_TESTS_FUZZ_CTL_PROGRAM_H
#define CASTSWITCH_TESTS_FUZZ_CTL_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "ctl_impl.h"

struct ctl *program_start(void);
void program_end(struct ctl *ctl);
/* One turn of its loop. */
void program_turn(struct ctl *ctl);
/* What becomes of a connection once it is accepted. */
void program_connect(struct ctl *ctl, int fd);

int64_t program_now_ms(void);
void program_wait(int64_t ms);

/* The n-th allocation from here on fails, counted from 1: of libevent, jansson and src/ctl. */
void program_fail_allocation(unsigned n);
/* Whether it has, since the last time this was asked. */
bool program_was_short(void);

/* The bytes of all big answers so far. */
size_t program_big_bytes(void);
/* The bytes that the answer to a line has at most, of which this is the start. */
size_t program_answer_max(const char *start, size_t n, size_t len);

#endif
