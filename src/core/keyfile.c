#include "core/keyfile.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
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

int keyfile_map(struct keyfile *ret, const char *path)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	*ret = (struct keyfile)KEYFILE_INIT;
	if (fd < 0)
		return -1;
	errno = EINVAL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size > 0 && st.st_size <= KEYFILE_MAX) {
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
	return passphrase == NULL ? KEYFILE_PASSPHRASE_NEEDED : KEYFILE_PASSPHRASE_WRONG;
}
