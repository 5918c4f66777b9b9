/* castpki revoke and list: what the index knows, and the CRL made from it.
 *
 * The index is the truth and the CRL is made anew from all of it each time, so a run that was interrupted between the
 * two is mended by the next one.
 */
#include "castswitch/ca.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "ca_private.h"

enum { DAY_S = 86400 };

struct revocation {
	const struct ca_revoke_params *p;
	struct ca_authority ca;
	struct ca_index index;
	struct ca_row *rows;
	size_t n_rows;
	int64_t now;
	BIO *out; /* what was done, for people */
};

/* Upper case without colons and leading zeros; false when it is no serial. */
static bool
normalize_serial(const char *text, char ret[CERT_SERIAL_SIZE])
{
	size_t n = 0;

	for (; *text; text++) {
		if (*text == ':')
			continue;
		if (!isxdigit((unsigned char)*text) || n + 1 >= CERT_SERIAL_SIZE)
			return false;
		if (n > 0 || *text != '0')
			ret[n++] = (char)toupper((unsigned char)*text);
	}
	ret[n] = 0;
	return n > 0;
}

bool
ca_revoke_check(const struct ca_revoke_params *p, char *err)
{
	char serial[CERT_SERIAL_SIZE];

	if (!p->name && !p->serial)
		return ca_fail(err, "NAME is missing: whose certificates are to be revoked? (or --serial HEX for one)");
	if (p->name && !ca_check_name(p->name, err))
		return false;
	if (p->serial && !normalize_serial(p->serial, serial))
		return ca_fail(err, "--serial '%.100s': not a serial number in hex", p->serial);
	return ca_check_days(p->days, err);
}

static bool
is_wanted(const struct ca_revoke_params *p, const struct ca_row *row)
{
	char wanted[CERT_SERIAL_SIZE], serial[CERT_SERIAL_SIZE];

	if (row->damaged || (p->name && strcmp(row->name, p->name) != 0))
		return false;
	if (!p->serial)
		return true;
	return normalize_serial(p->serial, wanted) && normalize_serial(row->serial, serial) &&
	       strcmp(wanted, serial) == 0;
}

static bool
fail_unknown(const struct ca_revoke_params *p, char *err)
{
	if (!p->serial)
		return ca_fail(err, "'%s' has no certificate of this CA: see castpki list --dir %s", p->name, p->dir);
	if (!p->name)
		return ca_fail(err, "this CA has no certificate with serial %.64s: see castpki list --dir %s",
			       p->serial, p->dir);
	return ca_fail(err, "'%s' has no certificate with serial %.64s: see castpki list --dir %s", p->name, p->serial,
		       p->dir);
}

static void
tell(const struct revocation *r, const struct ca_row *row, bool fresh)
{
	char until[CERT_DATE_SIZE], revoked[CERT_DATE_SIZE], server[CERT_SERIAL_SIZE];

	cert_day(row->not_after, until);
	cert_day(row->revoked_at, revoked);
	BIO_printf(r->out, "%s, serial %s: ", row->name, row->serial);
	if (!row->revoked_at)
		BIO_printf(r->out, "has expired on %s, nothing to revoke\n", until);
	else if (!fresh)
		BIO_printf(r->out, "was revoked on %s already\n", revoked);
	else
		BIO_printf(r->out, "revoked, would have been valid until %s\n", until);
	cert_serial(X509_get0_serialNumber(r->ca.server), server);
	if (row->revoked_at && strcmp(row->serial, server) == 0)
		BIO_printf(r->out, "note: this is the server's certificate; a client only sees that when its own "
				   "profile has identity { crl = ... }\n");
}

/* Marks the rows and records them in the index. */
static bool
record(struct revocation *r, char *err)
{
	struct ca_row *changed = calloc(r->n_rows + 1, sizeof(*changed));
	size_t n = 0, found = 0;
	int rc = changed ? 0 : -ENOMEM;

	for (size_t i = 0; changed && i < r->n_rows; i++) {
		struct ca_row *row = &r->rows[i];
		if (!is_wanted(r->p, row))
			continue;
		found++;
		bool fresh = !row->revoked_at && row->not_after > r->now;
		if (fresh) {
			row->revoked_at = r->now;
			changed[n++] = *row;
		}
		tell(r, row, fresh);
	}
	if (n > 0)
		rc = ca_index_add(&r->index, changed, n);
	free(changed);
	if (rc < 0)
		return ca_fail(err, "%s/index.txt: %s", r->p->dir, strerror(-rc));
	return found > 0 || fail_unknown(r->p, err);
}

static size_t
count_revoked(const struct revocation *r)
{
	size_t n = 0;

	for (size_t i = 0; i < r->n_rows; i++)
		n += r->rows[i].revoked_at != 0 && !r->rows[i].damaged;
	return n;
}

static bool
write_crl(struct revocation *r, char *err)
{
	struct ca_crl crl = { r->rows, r->n_rows, 0, r->now, r->p->days ? r->p->days : CA_CRL_DAYS };
	char path[4096], until[CERT_DATE_SIZE];
	size_t n = count_revoked(r);

	snprintf(path, sizeof(path), "%s/ca.crl", r->p->dir);
	/* one that is lost or damaged had a number below this one */
	crl.number = ca_crl_number(path, &crl.number) ? crl.number + 1 : (uint64_t)r->now;
	BIO *pem = ca_crl_new(&r->ca.root, &crl);
	int rc = pem ? ca_replace_file(r->ca.dirfd, "ca.crl", 0644, pem) : -ENOMEM;
	BIO_free(pem);
	if (rc < 0)
		return ca_fail(err, "%s: %s (the index is done: run this again)", path, strerror(-rc));
	cert_day(r->now + (int64_t)crl.days * DAY_S, until);
	BIO_printf(r->out, "%s: written, number %llu, %zu revoked certificate%s, valid until %s\n", path,
		   (unsigned long long)crl.number, n, n == 1 ? "" : "s", until);
	return true;
}

static bool
open_all(struct revocation *r, char *err)
{
	int rc;

	if (!ca_authority_open(&r->ca, r->p->dir, err))
		return false;
	rc = ca_index_open(&r->index, r->ca.dirfd, true);
	if (rc == 0)
		rc = ca_index_rows(&r->index, &r->rows, &r->n_rows);
	r->out = BIO_new(BIO_s_mem());
	if (rc == 0 && !r->out)
		rc = -ENOMEM;
	return rc == 0 || ca_fail(err, "%s/index.txt: %s", r->p->dir, strerror(-rc));
}

/* The text in a BIO, or NULL with err set; takes over the BIO. */
static char *
take_text(BIO *bio, char *err)
{
	char *data, *text;
	long len = BIO_get_mem_data(bio, &data);

	text = strndup(len > 0 ? data : "", len > 0 ? (size_t)len : 0);
	BIO_free(bio);
	if (!text)
		ca_fail(err, "%s", strerror(ENOMEM));
	return text;
}

char *
ca_revoke(const struct ca_revoke_params *p, char *err)
{
	struct revocation r = { .p = p, .ca = { .dirfd = -1 }, .index = { .fd = -1 }, .now = (int64_t)time(NULL) };
	char *text = NULL;

	if (ca_revoke_check(p, err) && open_all(&r, err) && record(&r, err) && write_crl(&r, err)) {
		text = take_text(r.out, err);
		r.out = NULL;
	}
	BIO_free(r.out);
	free(r.rows);
	ca_index_close(&r.index);
	ca_authority_close(&r.ca);
	return text;
}

/* --- list --- */

static void
state_text(const struct ca_row *row, int64_t now, char *ret, size_t size)
{
	char date[CERT_DATE_SIZE];

	cert_day(row->revoked_at, date);
	if (row->damaged)
		snprintf(ret, size, "damaged");
	else if (row->revoked_at)
		snprintf(ret, size, "revoked on %s", date);
	else
		snprintf(ret, size, row->not_after > now ? "valid" : "expired");
}

static void
put_table(BIO *out, const struct ca_row *rows, size_t n, int64_t now)
{
	int name = 4, serial = 6, state = 5;
	char text[32], until[CERT_DATE_SIZE];

	for (size_t i = 0; i < n; i++) {
		state_text(&rows[i], now, text, sizeof(text));
		name = (int)strlen(rows[i].name) > name ? (int)strlen(rows[i].name) : name;
		serial = (int)strlen(rows[i].serial) > serial ? (int)strlen(rows[i].serial) : serial;
		state = (int)strlen(text) > state ? (int)strlen(text) : state;
	}
	BIO_printf(out, "%-*s  %-*s  %-11s  %-*s  %s\n", name, "NAME", serial, "SERIAL", "VALID-UNTIL", state, "STATE",
		   "FINGERPRINT");
	for (size_t i = 0; i < n; i++) {
		const struct ca_row *row = &rows[i];
		state_text(row, now, text, sizeof(text));
		cert_day(row->not_after, until);
		BIO_printf(out, "%-*s  %-*s  %-11s  %-*s  %s\n", name, *row->name ? row->name : "?", serial,
			   *row->serial ? row->serial : "?", row->damaged ? "?" : until, state, text,
			   row->damaged ? "?" : row->sha256);
	}
}

char *
ca_list(const char *dir, char *err)
{
	struct ca_index index = { .fd = -1 };
	struct ca_row *rows = NULL;
	int dirfd = ca_open_dir(dir, err), rc;
	BIO *out = BIO_new(BIO_s_mem());
	char *text = NULL;
	size_t n;

	if (dirfd >= 0) {
		rc = ca_index_open(&index, dirfd, false);
		if (rc == 0)
			rc = ca_index_rows(&index, &rows, &n);
		if (rc == 0 && !out)
			rc = -ENOMEM;
		if (rc < 0) {
			ca_fail(err, "%s/index.txt: %s", dir, strerror(-rc));
		} else {
			put_table(out, rows, n, (int64_t)time(NULL));
			text = take_text(out, err);
			out = NULL;
		}
		close(dirfd);
	}
	BIO_free(out);
	free(rows);
	ca_index_close(&index);
	return text;
}
