#include "handover/digest.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <unistd.h>

static bool digest_text(char hex[DIGEST_HEX], EVP_MD_CTX *ctx)
{
	static const char digits[] = "0123456789abcdef";
	unsigned char md[EVP_MAX_MD_SIZE];
	unsigned n = 0;
	if (EVP_DigestFinal_ex(ctx, md, &n) != 1 || 2 * n + 1 != DIGEST_HEX)
		return false;
	for (unsigned i = 0; i < n; i++) {
		hex[2 * i] = digits[md[i] >> 4];
		hex[2 * i + 1] = digits[md[i] & 15];
	}
	hex[2 * n] = '\0';
	return true;
}

/* Of all that can be read there; false with errno if that is not all. */
static bool digest_fd(int fd, EVP_MD_CTX *ctx)
{
	unsigned char buf[16384];
	ssize_t n;
	while ((n = read(fd, buf, sizeof buf)) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 || EVP_DigestUpdate(ctx, buf, (size_t)n) != 1)
			return false;
	}
	return true;
}

bool digest_file(char hex[DIGEST_HEX], const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = fd >= 0 && ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 && digest_fd(fd, ctx) &&
		    digest_text(hex, ctx);
	EVP_MD_CTX_free(ctx);
	if (fd >= 0)
		close(fd);
	return good;
}

bool digest_blob(char hex[DIGEST_HEX], const struct blob *b)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	bool good = ctx != NULL && EVP_DigestInit_ex(ctx, EVP_sha256(), NULL) == 1 &&
		    EVP_DigestUpdate(ctx, b->data, b->len) == 1 && digest_text(hex, ctx);
	EVP_MD_CTX_free(ctx);
	return good;
}
