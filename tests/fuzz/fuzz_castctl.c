/* What castctl does with an answer: every command's renderer on the same JSON.
 *
 * Input: a result as JSON text.  What is shown goes to a terminal: whole lines without a control character.
 */
#include "fuzz/fuzz.h"

#include <string.h>

#include "castswitch/castctl.h"

static void
check_shown(const struct sbuf *out)
{
	const char *text = sbuf_str(out);

	FUZZ_CHECK(strlen(text) == out->len && !sbuf_failed(out));
	FUZZ_CHECK(out->len == 0 || text[out->len - 1] == '\n');
	for (size_t i = 0; i < out->len; i++)
		FUZZ_CHECK(text[i] == '\n' || ((unsigned char)text[i] >= ' ' && text[i] != 0x7f));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	json_t *result = json_loadb((const char *)data, size, JSON_DECODE_ANY, NULL);

	for (size_t i = 0; result && i < castctl_commands_n; i++) {
		struct sbuf out;

		sbuf_init(&out);
		if (castctl_commands[i].render(result, &out))
			check_shown(&out);
		sbuf_free(&out);
	}
	json_decref(result);
	return 0;
}
