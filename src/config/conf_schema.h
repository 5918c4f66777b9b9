/* The options there are: one table of rows that drives parsing, range errors, defaults and printing.
 *
 * Private to src/config.  A new option is a row in conf_schema.c and a field in conf.h, nothing else.
 */
#ifndef CONF_SCHEMA_H
#define CONF_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which program knows a block or an option; bits. */
enum {
	CONF_SERVER = 1,
	CONF_CLIENT = 2,
	CONF_BOTH = 3,
	/* Of a row: not an option there, but the field has this default. */
	CONF_SERVER_HIDDEN = CONF_SERVER << 2,
	CONF_CLIENT_HIDDEN = CONF_CLIENT << 2,
};

enum conf_block_id {
	CONF_BLOCK_TOP, /* outside of any block */
	CONF_BLOCK_TAP,
	CONF_BLOCK_NIC,
	CONF_BLOCK_SWITCH,
	CONF_BLOCK_LISTEN,
	CONF_BLOCK_IDENTITY,
	CONF_BLOCK_SNOOPING,
	CONF_BLOCK_TUNNEL,
	CONF_BLOCK_PEERS,
	CONF_BLOCK_PEER,
	CONF_BLOCK_STATIC_GROUP,
	CONF_BLOCK_STATIC_MAC,
	CONF_BLOCK_PULL,
	CONF_BLOCK_CONTROL,
	CONF_BLOCK_LOG,
	CONF_BLOCKS,
};

enum { CONF_ROWS_MAX = 128 }; /* more than there are rows */

enum {
	CONF_TITLED = 1, /* has a title: tap "cast0" { */
	CONF_MULTI = 2,  /* several of them, with different titles */
	/* Without the block there is nothing, not even defaults.  Its struct begins with a bool: present. */
	CONF_OPTIONAL = 4,
	CONF_REPEATS = 8, /* with CONF_MULTI: also with the same title */
};

struct conf_block {
	const char *name;
	unsigned programs;
	unsigned flags;
	unsigned max; /* with CONF_MULTI: how many */
};

/* By enum conf_block_id. */
extern const struct conf_block conf_blocks[CONF_BLOCKS];

enum conf_type {
	CONF_BOOL,     /* bool */
	CONF_UINT,     /* uint8_t, uint16_t or uint32_t; 'words' stand for max + 1, max + 2, ... */
	CONF_DURATION, /* nsec_t */
	CONF_WORD,     /* an enum: index into 'words' */
	CONF_STRING,   /* char *; one line; min..max bytes */
	CONF_NAME,     /* char[]; one line; min..max bytes */
	CONF_PEM,      /* char *; a path or PEM text; min 0: it may be empty */
	CONF_KEY,      /* char *; a path or 64 hex digits, or empty */
	CONF_PIN,      /* bool and behind it uint8_t[CONF_FINGERPRINT_LEN] */
	CONF_ADDR,     /* bool and behind it struct ipaddr */
	CONF_PORT,     /* char[CONF_PEER_NAME_MAX + 1]: the name of a port */
	/* Lists of min..max values: first a pointer to them, then their number; but for CONF_RESERVED. */
	CONF_ADDRS,    /* struct conf_addrs */
	CONF_PREFIXES, /* struct conf_prefixes */
	CONF_GROUPS,   /* struct conf_prefixes of multicast networks; an address is one, too */
	CONF_REMOTES,  /* struct conf_remotes */
	CONF_PINS,     /* struct conf_fingerprints */
	CONF_PORTS,    /* char (*)[CONF_PEER_NAME_MAX + 1] and behind it size_t */
	CONF_DOMAINS, /* struct conf_domains */
	CONF_RESERVED, /* uint16_t; bit n: the MAC address 01:80:c2:00:00:0n */
};

/* What an option's field is relative to: a block's own struct, or the part that ports have in common. */
enum conf_base {
	CONF_BASE_SELF, /* struct conf_tap, conf_switch, ..., conf_server for peers, conf_client for the top */
	CONF_BASE_PEER, /* struct conf_peer */
	CONF_BASE_PORT, /* struct conf_port */
	CONF_BASES,
};

enum {
	CONF_ZERO_IS_AUTO = 1, /* the word "auto" stands for 0 */
	CONF_BARE_ADDRESS = 2, /* a prefix list whose addresses need no prefix length: CONF_NO_LENGTH then */
	CONF_SECRET = 4,       /* never printed when given inline */
	CONF_NETWORKS = 8,     /* a prefix list of networks, as messages say */
	CONF_ZERO_IS_NONE = 16, /* 0 is what it is when not given; not printed */
};

enum { CONF_NO_LENGTH = 255 };

struct conf_row {
	unsigned blocks;   /* bits 1 << enum conf_block_id */
	unsigned programs;
	const char *name;
	enum conf_type type;
	uint64_t min, max;
	const char *def; /* as in a file; NULL = none (zero, empty) */
	const char *unit; /* of a number, for messages; or NULL */
	const char *const *words;
	unsigned flags;
	enum conf_base base;
	size_t offset, size; /* of the field */
};

struct conf_server;

extern const struct conf_row conf_rows[];
extern const size_t conf_rows_n;

static inline bool
conf_type_is_list(enum conf_type t)
{
	return t >= CONF_ADDRS;
}

/* Whether an option may stand in this block in this program's file. */
static inline bool
conf_row_applies(const struct conf_row *row, enum conf_block_id block, unsigned program)
{
	return (row->blocks & (1u << block)) && (row->programs & program);
}

/* Whether the field exists in this block, as an option of either program or as a hidden default. */
static inline bool
conf_row_is_in(const struct conf_row *row, enum conf_block_id block, unsigned program)
{
	return (row->blocks & (1u << block)) && (row->programs & (program | program << 2));
}

/* The option called name[0..len), or NULL. */
const struct conf_row *conf_row_find(enum conf_block_id block, unsigned program, const char *name, size_t len);
/* The block called name[0..len), or CONF_BLOCKS. */
enum conf_block_id conf_block_find(unsigned program, const char *name, size_t len);

/* The structs that one block's options are relative to; unused ones are NULL. */
struct conf_place {
	void *base[CONF_BASES];
};

/* The field of an option. */
static inline void *
conf_field(const struct conf_place *at, const struct conf_row *row)
{
	return (char *)at->base[row->base] + row->offset;
}

/* Where a block's options live in a struct conf_server or struct conf_client.  'index' counts blocks of a CONF_MULTI
 * kind.  All bases are NULL for a block that the program does not have. */
struct conf_place conf_place_of(void *model, unsigned program, enum conf_block_id block, size_t index);

/* The blocks of a CONF_MULTI kind that the model has. */
size_t conf_place_count(const struct conf_server *c, enum conf_block_id block);
/* Makes n of them, all zero, where there are none; -ENOMEM. */
int conf_place_alloc(struct conf_server *c, enum conf_block_id block, size_t n);

#endif
