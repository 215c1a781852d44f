#include "core/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEYFILE_MAX 262144

void keyfile_unmap(struct keyfile *m)
{
	BIO_free(m->bio);
	if (m->data != NULL)
		munmap(m->data, m->len);
	*m = (struct keyfile)KEYFILE_INIT;
}

static const char *fault_of(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_size == 0)
		return "is empty";
	return st->st_size > KEYFILE_MAX ? "is too large for a key" : NULL;
}

const char *keyfile_fault(const char *path)
{
	struct stat st;
	const char *fault = stat(path, &st) == 0 ? fault_of(&st) : NULL;
	return fault != NULL ? fault : "cannot be read";
}

int keyfile_map(struct keyfile *ret, const char *path)
{
	struct stat st;
	/* nobody may ever write into a named pipe */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	*ret = (struct keyfile)KEYFILE_INIT;
	if (fd < 0)
		return -1;
	bool fit = fstat(fd, &st) == 0 && fault_of(&st) == NULL;
	errno = fit ? errno : 0;
	if (fit) {
		void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data != MAP_FAILED)
			*ret = (struct keyfile){data, (size_t)st.st_size, NULL};
	}
	int saved = errno;
	close(fd);
	errno = saved;
	if (ret->data != NULL)
		ret->bio = BIO_new_mem_buf(ret->data, (int)ret->len);
	return ret->bio != NULL ? 0 : -1;
}

struct ask {
	const struct secret *secret;
	bool asked;
};

static int give_passphrase(char *buf, int size, int rwflag, void *arg)
{
	struct ask *a = arg;
	(void)rwflag;
	a->asked = true;
	if (a->secret == NULL || a->secret->len > (size_t)size)
		return -1;
	memcpy(buf, a->secret->bytes, a->secret->len);
	return (int)a->secret->len;
}

/* OpenSSL 3 leaves DES, RC2 and RC4 to a provider that is not loaded; it finds out behind the passphrase, and says so
 * last. */
static bool is_unsupported(void)
{
	unsigned long n = ERR_peek_last_error();
	return ERR_GET_LIB(n) == ERR_LIB_EVP && ERR_GET_REASON(n) == ERR_R_UNSUPPORTED;
}

enum keyfile_result keyfile_load(EVP_PKEY **ret, const char *path, const struct secret *passphrase)
{
	struct keyfile m;
	struct ask ask = {passphrase, false};
	if (keyfile_map(&m, path) != 0) {
		int saved = errno;
		keyfile_unmap(&m);
		errno = saved;
		return KEYFILE_UNREADABLE;
	}
	EVP_PKEY *key = PEM_read_bio_PrivateKey(m.bio, NULL, give_passphrase, &ask);
	keyfile_unmap(&m);
	if (key != NULL) {
		*ret = key;
		return KEYFILE_OK;
	}
	if (!ask.asked)
		return KEYFILE_NO_KEY;
	if (passphrase != NULL && is_unsupported())
		return KEYFILE_CIPHER_UNSUPPORTED;
	return passphrase == NULL ? KEYFILE_PASSPHRASE_NEEDED : KEYFILE_PASSPHRASE_WRONG;
}
