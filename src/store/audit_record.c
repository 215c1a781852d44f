#include "store/audit_record.h"

#include <string.h>

static int no_hash(struct err *e)
{
	return err_openssl(e, ERR_FAILED, "cannot compute a SHA-256 for the audit trail");
}

/* Fetched by hand: each EVP_DigestInit_ex with EVP_sha256() would search for it anew. */
int audit_hasher_open(struct audit_hasher *h, struct err *e)
{
	h->sha256 = EVP_MD_fetch(NULL, "SHA256", NULL);
	h->md = EVP_MD_CTX_new();
	return h->sha256 && h->md ? 0 : no_hash(e);
}

void audit_hasher_close(struct audit_hasher *h)
{
	EVP_MD_CTX_free(h->md);
	EVP_MD_free(h->sha256);
	*h = (struct audit_hasher)AUDIT_HASHER_INIT;
}

static int hash_field(EVP_MD_CTX *md, const void *data, size_t len)
{
	unsigned char head[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8),
				 (unsigned char)len};

	return EVP_DigestUpdate(md, head, sizeof(head)) && EVP_DigestUpdate(md, data, len);
}

static int hash_int(EVP_MD_CTX *md, int64_t v)
{
	unsigned char b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (unsigned char)((uint64_t)v >> (56 - 8 * i));
	return hash_field(md, b, sizeof(b));
}

int audit_record_hash(const struct audit_hasher *h, const struct audit_record *r, int64_t id,
		      unsigned char ret[AUDIT_HASH_LEN], struct err *e)
{
	static const char domain[] = "tokenroll audit record 1";
	int ok = EVP_DigestInit_ex(h->md, h->sha256, NULL) && EVP_DigestUpdate(h->md, domain, strlen(domain)) &&
		 hash_int(h->md, id) && hash_int(h->md, r->at);

	for (int i = 0; ok && i < AUDIT_TEXTS; i++)
		ok = hash_field(h->md, r->text[i], r->len[i]);
	ok = ok && hash_field(h->md, r->prev, AUDIT_HASH_LEN) && EVP_DigestFinal_ex(h->md, ret, NULL);
	return ok ? 0 : no_hash(e);
}

void audit_record_read(struct query *q, struct audit_record *ret)
{
	ret->id = query_int(q, 0);
	ret->at = query_int(q, 1);
	for (int i = 0; i < AUDIT_TEXTS; i++) {
		ret->text[i] = (const char *)sqlite3_column_text(q->st, 2 + i);
		ret->len[i] = (size_t)sqlite3_column_bytes(q->st, 2 + i);
		if (!ret->text[i])
			ret->text[i] = "";
	}
	query_bytes(q, 2 + AUDIT_TEXTS, ret->prev, AUDIT_HASH_LEN);
	query_bytes(q, 3 + AUDIT_TEXTS, ret->hash, AUDIT_HASH_LEN);
}
