/* Fingerprints of certificates: text <-> bytes. */
#include "conf_fingerprint.h"

#include <string.h>

static int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

bool
conf_fingerprint_parse(const char *text, uint8_t ret[CONF_FINGERPRINT_LEN])
{
	uint8_t out[CONF_FINGERPRINT_LEN];

	for (size_t i = 0; i < sizeof(out); i++) {
		if (i && *text == ':')
			text++;
		const int high = hex_digit(text[0]);
		const int low = high < 0 ? -1 : hex_digit(text[1]);
		if (low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
		text += 2;
	}
	if (*text)
		return false;
	memcpy(ret, out, sizeof(out));
	return true;
}

void
conf_fingerprint_print(const uint8_t fingerprint[CONF_FINGERPRINT_LEN], struct sbuf *out)
{
	for (size_t i = 0; i < CONF_FINGERPRINT_LEN; i++)
		sbuf_printf(out, "%s%02X", i ? ":" : "", fingerprint[i]);
}
