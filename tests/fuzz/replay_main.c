/* Stands in for libFuzzer: runs a fuzz target over files, and says so in TAP.
 *
 * usage: fuzz_TARGET [FILE|DIRECTORY]...
 *
 * Without arguments the target's corpus is replayed, $top_srcdir/tests/fuzz/corpus/TARGET.  Each input is named before
 * it runs, so the last line of the log is the one that crashed.
 */
#include "fuzz/fuzz.h"

#include <dirent.h>
#include <errno.h>
#include <string.h>
#include <sys/stat.h>

static void
fail(const char *path)
{
	printf("Bail out! %s: %s\n", path, strerror(errno));
	exit(1);
}

/* A copy of exactly the file's size, so that the address sanitizer sees every read past the end. */
static uint8_t *
read_file(const char *path, size_t *ret_size)
{
	FILE *f = fopen(path, "rb");
	struct stat st;

	if (!f || fstat(fileno(f), &st))
		fail(path);
	const size_t size = (size_t)st.st_size;
	uint8_t *data = malloc(size ? size : 1);

	if (!data || fread(data, 1, size, f) != size)
		fail(path);
	fclose(f);
	*ret_size = size;
	return data;
}

static unsigned
replay_file(const char *path)
{
	size_t size;
	uint8_t *data = read_file(path, &size);

	printf("# %s\n", path);
	fflush(stdout);
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static int
visible(const struct dirent *entry)
{
	return entry->d_name[0] != '.';
}

static unsigned
replay_directory(const char *path)
{
	struct dirent **entries;
	unsigned inputs = 0;
	int n = scandir(path, &entries, visible, alphasort);

	if (n < 0)
		fail(path);
	for (int i = 0; i < n; i++) {
		char *file = NULL;

		if (asprintf(&file, "%s/%s", path, entries[i]->d_name) < 0)
			fail(path);
		inputs += replay_file(file);
		free(file);
		free(entries[i]);
	}
	free(entries);
	return inputs;
}

static bool
replay(int test, const char *path)
{
	struct stat st;

	if (stat(path, &st))
		fail(path);
	const unsigned inputs = S_ISDIR(st.st_mode) ? replay_directory(path) : replay_file(path);

	printf("%sok %d - %s: %u inputs\n", inputs ? "" : "not ", test, path, inputs);
	return inputs > 0;
}

/* "/build/tests/fuzz/fuzz_frame" -> "SRCDIR/tests/fuzz/corpus/frame" */
static char *
corpus_of(const char *program)
{
	const char *srcdir = getenv("top_srcdir");
	const char *target = strrchr(program, '_');
	char *path = NULL;

	if (!target || asprintf(&path, "%s/tests/fuzz/corpus/%s", srcdir ? srcdir : ".", target + 1) < 0)
		fail(program);
	return path;
}

int
main(int argc, char **argv)
{
	bool good = true;

	if (argc < 2) {
		char *corpus = corpus_of(argv[0]);

		printf("1..1\n");
		good = replay(1, corpus);
		free(corpus);
		return good ? 0 : 1;
	}
	printf("1..%d\n", argc - 1);
	for (int i = 1; i < argc; i++)
		good = replay(i, argv[i]) && good;
	return good ? 0 : 1;
}
