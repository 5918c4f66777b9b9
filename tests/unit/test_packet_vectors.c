/* The packets at the end of castswitch-protocol(7), made and opened by our own parts: the order of keys, the header,
 * the nonce, both ciphers.  tests/test_vectors.py does the same with another implementation.
 */
#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "castswitch/aead_openssl.h"
#include "castswitch/tmsg.h"

enum { TEXT_MAX = 64 * 1024, BYTES_MAX = 256, VECTORS = 8, EXPORTED_LEN = 2 * AEAD_KEY_LEN + 2 * AEAD_IV_LEN };

struct bytes {
	uint8_t b[BYTES_MAX];
	size_t len;
};

struct vector {
	unsigned cipher;
	bool from_client;
	unsigned long long counter;
	struct bytes sealed, datagram;
};

struct page {
	struct bytes exported, client_id, server_id;
	struct vector v[VECTORS];
	size_t n;
};

/* --- the page --- */

static char *
read_page(void)
{
	const char *top = getenv("top_srcdir");
	char path[4096];

	snprintf(path, sizeof(path), "%s/src/man/castswitch-protocol.7", top ? top : ".");
	FILE *f = fopen(path, "r");
	assert_non_null(f);
	char *text = calloc(1, TEXT_MAX);
	assert_non_null(text);
	assert_true(fread(text, 1, TEXT_MAX - 1, f) > 0 && feof(f));
	fclose(f);
	return text;
}

static void
add_hex(struct bytes *to, const char *hex)
{
	for (; isxdigit((unsigned char)hex[0]) && isxdigit((unsigned char)hex[1]); hex += 2) {
		const char byte[3] = { hex[0], hex[1], 0 };

		assert_true(to->len < BYTES_MAX);
		to->b[to->len++] = (uint8_t)strtoul(byte, NULL, 16);
	}
	assert_true(*hex == '\0');
}

/* The bytes that a line which begins like this is about; NULL when it only goes on. */
static struct bytes *
subject_of(struct page *p, char *line)
{
	char from[7];

	if (strncmp(line, "exported bytes", 14) == 0)
		return &p->exported;
	if (strncmp(line, "client's", 8) == 0)
		return &p->client_id;
	if (strncmp(line, "server's", 8) == 0)
		return &p->server_id;
	if (strncmp(line, "cipher ", 7) == 0) {
		assert_true(p->n < VECTORS);
		struct vector *v = &p->v[p->n++];
		assert_int_equal(sscanf(line, "cipher %u, %6s to %*[a-z], counter %llu:", &v->cipher, from, &v->counter),
				 3);
		v->from_client = strcmp(from, "client") == 0;
	}
	return NULL;
}

static void
parse_line(struct page *p, char *line, struct bytes **at)
{
	char *word = line + strspn(line, " ");

	if (line[0] != ' ') {
		*at = subject_of(p, line);
		return;
	}
	if (p->n && strncmp(word, "sealed ", 7) == 0)
		*at = &p->v[p->n - 1].sealed;
	else if (p->n && strncmp(word, "datagram ", 9) == 0)
		*at = &p->v[p->n - 1].datagram;
	if (*at)
		add_hex(*at, strrchr(line, ' ') + 1);
}

static struct page
parse_page(void)
{
	struct page p = { 0 };
	struct bytes *at = NULL;
	char *text = read_page(), *save = NULL;
	char *section = strstr(text, "\n.SH TEST VECTORS\n");

	assert_non_null(section);
	for (char *line = strtok_r(section, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		parse_line(&p, line, &at);
	free(text);
	assert_int_equal(p.n, VECTORS);
	assert_int_equal(p.exported.len, EXPORTED_LEN);
	assert_true(p.client_id.len == 4 && p.server_id.len == 4);
	return p;
}

static uint32_t
id_of(const struct bytes *b)
{
	return (uint32_t)b->b[0] << 24 | (uint32_t)b->b[1] << 16 | (uint32_t)b->b[2] << 8 | b->b[3];
}

/* --- packets --- */

static struct aead *
keyed(const struct page *p, const struct vector *v, bool seal)
{
	const uint8_t *key = p->exported.b + (v->from_client ? 0 : AEAD_KEY_LEN);
	const uint8_t *iv = p->exported.b + 2 * AEAD_KEY_LEN + (v->from_client ? 0 : AEAD_IV_LEN);
	struct aead *a = aead_openssl()->create((uint8_t)v->cipher, key, iv, seal);

	assert_non_null(a);
	return a;
}

static void
check_seal(const struct page *p, const struct vector *v)
{
	const struct aead_backend *be = aead_openssl();
	uint32_t receiver = id_of(v->from_client ? &p->server_id : &p->client_id);
	uint8_t out[BYTES_MAX + TMSG_OVERHEAD];
	struct aead *a = keyed(p, v, true);

	assert_int_equal(v->datagram.len, v->sealed.len + TMSG_DATA_HDR + TMSG_TAG);
	tmsg_data_write(out, receiver, v->counter);
	assert_true(be->seal(a, v->counter, out, TMSG_DATA_HDR, v->sealed.b, v->sealed.len, out + TMSG_DATA_HDR));
	assert_memory_equal(out, v->datagram.b, v->datagram.len);
	be->destroy(a);
}

static void
check_open(const struct page *p, const struct vector *v)
{
	const struct aead_backend *be = aead_openssl();
	struct bytes d = v->datagram;
	struct aead *a = keyed(p, v, false);
	struct tmsg_data hdr;

	assert_int_equal(tmsg_classify(d.b, d.len), TMSG_CLASS_DATA);
	assert_true(tmsg_data_parse(d.b, d.len, &hdr));
	assert_int_equal(hdr.receiver, id_of(v->from_client ? &p->server_id : &p->client_id));
	assert_true(hdr.counter == v->counter);
	assert_true(be->open(a, hdr.counter, d.b, TMSG_DATA_HDR, d.b + TMSG_DATA_HDR, d.len - TMSG_DATA_HDR));
	assert_memory_equal(d.b + TMSG_DATA_HDR, v->sealed.b, v->sealed.len);
	be->destroy(a);
}

static void
test_vectors(void **state)
{
	struct page p = parse_page();

	(void)state;
	for (size_t i = 0; i < p.n; i++) {
		check_seal(&p, &p.v[i]);
		check_open(&p, &p.v[i]);
	}
}

/* Both ciphers, both directions, and counters at the edges. */
static void
test_choice(void **state)
{
	struct page p = parse_page();
	unsigned have[3][2] = { { 0 } };
	bool first = false, last = false;

	(void)state;
	for (size_t i = 0; i < p.n; i++) {
		assert_in_range(p.v[i].cipher, TMSG_AEAD_AES_256_GCM, TMSG_AEAD_CHACHA20_POLY1305);
		have[p.v[i].cipher][p.v[i].from_client]++;
		first = first || p.v[i].counter == 1;
		last = last || p.v[i].counter == (UINT64_C(1) << 48) - 1;
	}
	for (unsigned cipher = 1; cipher <= 2; cipher++)
		assert_true(have[cipher][0] >= 2 && have[cipher][1] >= 2);
	assert_true(first && last);
}

/* What is sealed in them is what their lines say. */
static void
test_contents(void **state)
{
	struct page p = parse_page();
	struct tmsg_control c;
	struct tmsg_pad pad;

	(void)state;
	for (size_t i = 0; i < p.n; i++) {
		const struct bytes *s = &p.v[i].sealed;

		switch (s->b[0]) {
		case TMSG_PAD:
			assert_true(tmsg_pad_parse(s->b + 1, s->len - 1, &pad));
			assert_int_equal(pad.flags, p.v[i].from_client ? TMSG_PAD_REQUEST : TMSG_PAD_REPLY);
			assert_true(pad.id == UINT64_C(0x0102030405060708));
			break;
		case TMSG_CONTROL:
			assert_true(tmsg_control_parse(s->b + 1, s->len - 1, &c));
			assert_int_equal(c.type, TMSG_BYE);
			assert_int_equal(c.bye.reason, TMSG_REASON_SHUTDOWN);
			break;
		default:
			assert_int_equal(s->b[0], TMSG_FRAME);
		}
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_choice),
		cmocka_unit_test(test_contents),
	};
	return cmocka_run_group_tests_name("packet_vectors", tests, NULL, NULL);
}
