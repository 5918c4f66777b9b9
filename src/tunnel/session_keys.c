/* The packet cipher of a session: which one, and its keys (DESIGN section 7, data packets). */
#include <string.h>

#include "castswitch/cursor.h"
#include "secure_zero.h"
#include "session_impl.h"

/* Key block of the exporter, in this order (DESIGN section 7). */
enum {
	KEYS_C2S_KEY = 0,
	KEYS_S2C_KEY = KEYS_C2S_KEY + AEAD_KEY_LEN,
	KEYS_C2S_IV = KEYS_S2C_KEY + AEAD_KEY_LEN,
	KEYS_S2C_IV = KEYS_C2S_IV + AEAD_IV_LEN,
	KEYS_LEN = KEYS_S2C_IV + AEAD_IV_LEN,
	KEYS_CONTEXT_LEN = 10,
};

/* --- choice --- */

static bool
list_has(const uint8_t *list, uint8_t n, uint8_t id)
{
	return memchr(list, id, n) != NULL;
}

bool
session_offers_aead(const struct session *s, uint8_t id)
{
	return list_has(s->params.aeads, s->params.n_aeads, id);
}

/* AES-256-GCM when it is both sides' first choice, which means that both have hardware for it. */
uint8_t
session_choose_aead(const struct session *s, const struct tmsg_hello *h)
{
	const struct session_params *p = &s->params;

	if (p->n_aeads && h->n_aeads && p->aeads[0] == TMSG_AEAD_AES_256_GCM && h->aeads[0] == TMSG_AEAD_AES_256_GCM)
		return TMSG_AEAD_AES_256_GCM;
	if (list_has(p->aeads, p->n_aeads, TMSG_AEAD_CHACHA20_POLY1305) &&
	    list_has(h->aeads, h->n_aeads, TMSG_AEAD_CHACHA20_POLY1305))
		return TMSG_AEAD_CHACHA20_POLY1305;
	for (unsigned i = 0; i < h->n_aeads; i++)
		if (list_has(p->aeads, p->n_aeads, h->aeads[i]))
			return h->aeads[i];
	return TMSG_AEAD_NONE;
}

/* --- keys --- */

void
session_drop_tx_key(struct session *s)
{
	if (s->tx)
		s->aead->destroy(s->tx);
	s->tx = NULL;
}

void
session_drop_keys(struct session *s)
{
	session_drop_tx_key(s);
	if (s->rx)
		s->aead->destroy(s->rx);
	s->rx = NULL;
}

static bool
session_create_aeads(struct session *s, uint8_t id, const uint8_t block[KEYS_LEN])
{
	bool client = s->role == SESSION_CLIENT;
	const uint8_t *tx_key = block + (client ? KEYS_C2S_KEY : KEYS_S2C_KEY);
	const uint8_t *rx_key = block + (client ? KEYS_S2C_KEY : KEYS_C2S_KEY);
	const uint8_t *tx_iv = block + (client ? KEYS_C2S_IV : KEYS_S2C_IV);
	const uint8_t *rx_iv = block + (client ? KEYS_S2C_IV : KEYS_C2S_IV);

	s->tx = s->aead->create(id, tx_key, tx_iv, true);
	s->rx = s->aead->create(id, rx_key, rx_iv, false);
	if (s->tx && s->rx)
		return true;
	session_drop_keys(s);
	return false;
}

/* Both sides' ids and the choice are part of the context: sides that disagree about them get different keys. */
bool
session_derive_keys(struct session *s, uint8_t id)
{
	bool client = s->role == SESSION_CLIENT;
	uint8_t context[KEYS_CONTEXT_LEN], block[KEYS_LEN];
	struct wcur w = wcur_of(context, sizeof(context));
	bool ok;

	wcur_u8(&w, TMSG_PROTOCOL);
	wcur_u8(&w, id);
	wcur_u32(&w, client ? s->local_id : s->remote_id);
	wcur_u32(&w, client ? s->remote_id : s->local_id);
	ok = s->sec->ops->keying(s->sec, SESSION_EXPORT_LABEL, context, sizeof(context), block, sizeof(block)) &&
	     session_create_aeads(s, id, block);
	secure_zero(block, sizeof(block));
	if (ok)
		s->aead_id = id;
	return ok;
}
