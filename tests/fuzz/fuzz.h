/* What the fuzz targets share.
 *
 * A target is one function that takes any bytes and must neither crash nor find one of its own checks broken.  It is
 * linked with libFuzzer (configure --enable-fuzzer, tools/fuzz) or with replay_main.c, which gives it the files of
 * tests/fuzz/corpus/<target>/ under "make check".
 */
#ifndef CASTSWITCH_TESTS_FUZZ_H
#define CASTSWITCH_TESTS_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A promise of the code under test that no input may break; stays in without debugging. */
#define FUZZ_CHECK(condition) ((condition) ? (void)0 : fuzz_fail(__FILE__, __LINE__, #condition))

static inline void
fuzz_fail(const char *file, int line, const char *condition)
{
	fprintf(stderr, "%s:%d: broken: %s\n", file, line, condition);
	abort();
}

#endif
