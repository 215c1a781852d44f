#include "ca/crlfile.h"

#include "core/xalloc.h"

#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <stdlib.h>
#include <string.h>

static const char begin_mark[] = "-----BEGIN X509 CRL-----", end_mark[] = "-----END X509 CRL-----";

/* The place of the mark, or end. The marks are looked for anywhere: a file that was put together may lack the end of
 * a line between two of them, and in base64 there is no hyphen. */
static const char *find_mark(const char *p, const char *end, const char *mark)
{
	const char *hit = memmem(p, (size_t)(end - p), mark, strlen(mark));
	return hit != NULL ? hit : end;
}

static const char *block_end(const char *begin, const char *end)
{
	const char *body = begin + sizeof begin_mark - 1;
	const char *next = find_mark(body, end, begin_mark), *close = find_mark(body, next, end_mark);
	if (close == next)
		return next;
	close += sizeof end_mark - 1;
	close += close < end && *close == '\r';
	return close + (close < end && *close == '\n');
}

/* With what is above it, as a server reads it. */
bool crlfile_is_whole(const struct crlfile_block *b)
{
	BIO *in = BIO_new_mem_buf(b->text, (int)b->len);
	X509_CRL *crl = in != NULL ? PEM_read_bio_X509_CRL(in, NULL, NULL, NULL) : NULL;
	bool whole = crl != NULL;
	X509_CRL_free(crl);
	BIO_free(in);
	ERR_clear_error();
	return whole;
}

bool crlfile_has_any(const struct blob *file)
{
	const char *p = (const char *)file->data, *end = p + file->len;
	return file->len > 0 && find_mark(p, end, begin_mark) != end;
}

bool crlfile_next(const struct blob *file, size_t *pos, struct crlfile_block *ret)
{
	if (*pos >= file->len)
		return false;
	const char *p = (const char *)file->data + *pos, *end = (const char *)file->data + file->len;
	const char *begin = find_mark(p, end, begin_mark);
	bool is_crl = begin != end;
	size_t len = (size_t)((is_crl ? block_end(begin, end) : end) - p);
	*ret = (struct crlfile_block){p, len, is_crl, is_crl ? certlist_read(p, len) : NULL};
	*pos += len;
	return true;
}

/* What the lines from p on say in base64, up to the first that says nothing. Returns how many bytes that is. */
static size_t decode(const char *p, const char *end, unsigned char *ret)
{
	EVP_ENCODE_CTX *ctx = EVP_ENCODE_CTX_new();
	size_t len = 0;
	if (ctx != NULL)
		EVP_DecodeInit(ctx);
	for (int got = 1; ctx != NULL && got > 0 && p < end;) {
		const char *lf = memchr(p, '\n', (size_t)(end - p)), *next = lf != NULL ? lf + 1 : end;
		int n = 0;
		got = EVP_DecodeUpdate(ctx, ret + len, &n, (const unsigned char *)p, (int)(next - p));
		len += (size_t)n;
		p = next;
	}
	EVP_ENCODE_CTX_free(ctx);
	return len;
}

bool crlfile_names(const struct crlfile_block *b, const X509_NAME *issuer)
{
	const unsigned char *name;
	size_t name_len;
	const char *end = b->text + b->len, *begin = find_mark(b->text, end, begin_mark);
	if (begin == end || X509_NAME_get0_der(issuer, &name, &name_len) != 1)
		return false;
	unsigned char *der = xcalloc(1, b->len + 1);
	const char *body = begin + sizeof begin_mark - 1;
	while (body < end && (*body == '\r' || *body == '\n'))
		body++;
	size_t len = decode(body, end, der);
	bool found = memmem(der, len, name, name_len) != NULL;
	free(der);
	ERR_clear_error();
	return found;
}
