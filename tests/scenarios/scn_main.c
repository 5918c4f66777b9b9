/* The scenario runner's program.
 *
 *	scn             all *.scn of the source tree's tests/scenarios, as TAP, with a check that the tarball has them
 *all scn DIRECTORY   all *.scn there, as TAP scn FILE ...    these; says on stderr what went wrong, exit status 1 when
 *something did
 */
#include "scn.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* --- one file --- */

static const struct scn_command *
scn_find_command(const char *name)
{
	const struct scn_command *tables[] = { scn_setup_commands, scn_commands, scn_expectations, scn_group_looks,
					       scn_looks };
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct scn_command *c = tables[i]; c->name; c++)
			if (strcmp(c->name, name) == 0)
				return c;
	return NULL;
}

static bool
scn_play_line(struct scn *s, char *line)
{
	struct scn_args a;
	if (!scn_split(s, line, &a))
		return false;
	if (a.n == 0)
		return true;
	if (s->groups)
		return scn_group_line(s, &a);
	const struct scn_command *c = scn_find_command(scn_next(&a));
	if (!c)
		return scn_fail(s, "there is no command '%s'", a.word[0]);
	if (!s->sw && c->run != scn_setup_commands[0].run && !scn_start(s))
		return false;
	return c->run(s, &a) && (switch_check(s->sw) || scn_fail(s, "the switch's tables disagree"));
}

/* Cuts the next line off; a backslash at its end joins the one behind it. */
static char *
scn_next_line(struct scn *s, char **text)
{
	char *line = *text, *p = line;
	if (!*line)
		return NULL;
	s->line++;
	for (; *p && *p != '\n'; p++) {
		if (p[0] == '\\' && p[1] == '\n') {
			p[0] = p[1] = ' ';
			p++;
			s->line++;
		}
	}
	*text = *p ? p + 1 : p;
	*p = 0;
	return line;
}

/* Plays a whole file; true when it passes, else s->failure says why not. */
static bool
scn_play(struct scn *s, char *text)
{
	char *line;
	bool ok = true;
	while (ok && (line = scn_next_line(s, &text))) {
		char *said = strdup(line);
		if (!said)
			abort();
		/* A callback of the switch may have failed the scenario while the command went on. */
		ok = scn_play_line(s, line) && s->failure.len == 0;
		if (!ok)
			scn_note(s, "in: %s", said + strspn(said, " \t"));
		free(said);
	}
	if (ok && s->groups)
		ok = scn_fail(s, "the 'end' of the groups is missing");
	if (ok && s->n_held)
		ok = scn_fail(s, "a frame is held, but no rx follows");
	return ok && scn_check_leftovers(s);
}

/* True when it passes; else *ret_why is what to say (free()). */
static bool
scn_run_file(const char *path, char **ret_why)
{
	struct scn *s = malloc(sizeof(*s));
	char *text = scn_read_file(path);
	bool ok = false;
	if (!s)
		abort();
	scn_init(s, path);
	if (text)
		ok = scn_play(s, text);
	else
		sbuf_printf(&s->failure, "%s: %s\n", path, strerror(errno));
	if (!ok)
		*ret_why = sbuf_steal(&s->failure);
	free(text);
	scn_fini(s);
	free(s);
	return ok;
}

static int
scn_run_files(char *const *paths, int n)
{
	int failed = 0;
	for (int i = 0; i < n; i++) {
		char *why = NULL;
		if (scn_run_file(paths[i], &why))
			continue;
		failed = 1;
		fputs(why ? why : "no memory\n", stderr);
		free(why);
	}
	return failed;
}

/* --- a directory --- */

static int
scn_is_scenario(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return n > 4 && d->d_name[0] != '.' && strcmp(d->d_name + n - 4, ".scn") == 0;
}

/* Says 'why' as TAP diagnostics. */
static void
scn_print_diagnostics(const char *why)
{
	for (const char *p = why; p && *p;) {
		size_t n = strcspn(p, "\n");
		printf("# %.*s\n", (int)n, p);
		p += n + (p[n] == '\n');
	}
}

static bool
scn_tap(int number, const char *name, bool ok, const char *why)
{
	printf("%s %d - %s\n", ok ? "ok" : "not ok", number, name);
	if (!ok)
		scn_print_diagnostics(why);
	return ok;
}

/* What Makefile.inc does not name is missing in the tarball. */
static bool
scn_check_list(int number, const char *dir, struct dirent **names, int n)
{
	char path[4096], want[512];
	struct sbuf missing;
	sbuf_init(&missing);
	snprintf(path, sizeof(path), "%s/Makefile.inc", dir);
	char *list = scn_read_file(path);
	for (int i = 0; i < n; i++) {
		snprintf(want, sizeof(want), "tests/scenarios/%s", names[i]->d_name);
		if (!list || !strstr(list, want))
			sbuf_printf(&missing, "%s is not in %s\n", want, path);
	}
	bool ok = scn_tap(number, "Makefile.inc names all scenarios", missing.len == 0, sbuf_str(&missing));
	sbuf_free(&missing);
	free(list);
	return ok;
}

static int
scn_run_directory(const char *dir, bool check_list)
{
	struct dirent **names;
	int n = scandir(dir, &names, scn_is_scenario, alphasort), failed = 0;
	if (n < 0) {
		fprintf(stderr, "%s: %s\n", dir, strerror(errno));
		return 2;
	}
	printf("1..%d\n", n + check_list);
	for (int i = 0; i < n; i++) {
		char path[4096], *why = NULL;
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]->d_name);
		bool ok = scn_run_file(path, &why);
		failed |= !scn_tap(i + 1, names[i]->d_name, ok, why);
		free(why);
	}
	if (check_list)
		failed |= !scn_check_list(n + 1, dir, names, n);
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
	return failed;
}

int
main(int argc, char **argv)
{
	struct stat st;
	char dir[4096];
	if (argc == 2 && stat(argv[1], &st) == 0 && S_ISDIR(st.st_mode))
		return scn_run_directory(argv[1], false);
	if (argc > 1)
		return scn_run_files(argv + 1, argc - 1);
	const char *top = getenv("top_srcdir");
	snprintf(dir, sizeof(dir), "%s/tests/scenarios", top ? top : ".");
	return scn_run_directory(dir, true);
}
