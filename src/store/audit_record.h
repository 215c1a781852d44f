/*
 * audit_record: one record of the audit trail as it is in the database, and
 * its hash (see audit.h for what is hashed). Only for the files of this folder.
 */
#ifndef STORE_AUDIT_RECORD_H
#define STORE_AUDIT_RECORD_H

#include "core/err.h"
#include "store/db.h"

#include <openssl/evp.h>

#define AUDIT_HASH_LEN 32
#define AUDIT_TEXTS 8

/* the columns of text, in the order in which they are hashed */
enum audit_text {
	AUDIT_LOGIN,
	AUDIT_SUDO_USER,
	AUDIT_HOST,
	AUDIT_ACTION,
	AUDIT_USER,
	AUDIT_TOKEN_SERIAL,
	AUDIT_CERT_SERIAL,
	AUDIT_DETAIL
};

struct audit_record {
	int64_t id, at;
	const char *text[AUDIT_TEXTS]; /* borrowed; len counts, they may have a NUL in them */
	size_t len[AUDIT_TEXTS];
	unsigned char prev[AUDIT_HASH_LEN], hash[AUDIT_HASH_LEN];
};

/* What audit_record_read expects of a query. */
#define AUDIT_COLUMNS "id, at, login, sudo_user, host, action, user, token_serial, cert_serial, detail, prev, hash"

/* The current row of a query over AUDIT_COLUMNS; its texts live until the next row. */
void audit_record_read(struct query *q, struct audit_record *ret);

/* SHA-256, set up once for any number of records. */
struct audit_hasher {
	EVP_MD *sha256;
	EVP_MD_CTX *md;
};

#define AUDIT_HASHER_INIT  \
	{                  \
		NULL, NULL \
	}

int audit_hasher_open(struct audit_hasher *h, struct err *e);
void audit_hasher_close(struct audit_hasher *h);

/* The hash that a record should have, as number id. */
int audit_record_hash(const struct audit_hasher *h, const struct audit_record *r, int64_t id,
		      unsigned char ret[AUDIT_HASH_LEN], struct err *e);

#endif
