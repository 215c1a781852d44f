#include "ca/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define KEY_FILE_MAX 262144

struct mapped {
	void *data;
	size_t len;
	BIO *bio;
};

static void unmap_key(struct mapped *m)
{
	BIO_free(m->bio);
	if (m->data != NULL)
		munmap(m->data, m->len);
	*m = (struct mapped){NULL, 0, NULL};
}

static const char restore[] = "the CA's key is what `easyrsa build-ca` wrote; restore it from a backup";

/* What is wrong with the file itself, as the end of a sentence; NULL if nothing is. */
static const char *fault_of_file(const struct stat *st)
{
	if (!S_ISREG(st->st_mode))
		return "is not a regular file";
	if (st->st_size == 0)
		return "is empty";
	return st->st_size > KEY_FILE_MAX ? "is too large for a key" : NULL;
}

/* Returns -1 with errno; that is 0 if *ret_fault says why. */
static int map_key(struct mapped *m, const char *path, const char **ret_fault)
{
	struct stat st;
	*ret_fault = NULL;
	/* nobody may ever write into a named pipe */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) == 0 && (*ret_fault = fault_of_file(&st)) == NULL) {
		void *data = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (data != MAP_FAILED)
			*m = (struct mapped){data, (size_t)st.st_size, NULL};
	}
	int saved = *ret_fault != NULL ? 0 : errno;
	close(fd);
	errno = saved;
	if (m->data != NULL)
		m->bio = BIO_new_mem_buf(m->data, (int)m->len);
	return m->bio != NULL ? 0 : -1;
}

static int no_key(struct err *e, const char *path)
{
	err_openssl(e, ERR_CA_PKI, "%s is not a private key in PEM form, or is damaged", path);
	return err_next(e, "%s", restore);
}

/* errno and fault are map_key's. */
static int cannot_map(struct err *e, const char *path, const char *fault)
{
	if (fault != NULL) {
		err_set(e, ERR_CA_PKI, "the CA key %s %s", path, fault);
		return err_next(e, "%s", restore);
	}
	err_errno(e, ERR_CA_PKI, "the CA key %s cannot be read", path);
	return err_next(e, "run tokenroll as the owner of the PKI");
}

int ca_key_probe(const char *path, bool *ret_has, bool *ret_encrypted, struct err *e)
{
	struct mapped m = {NULL, 0, NULL};
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;
	const char *fault;
	if (map_key(&m, path, &fault) != 0) {
		*ret_has = false;
		*ret_encrypted = false;
		if (errno == ENOENT)
			return 0;
		return cannot_map(e, path, fault);
	}
	bool found = false, encrypted = false;
	while (!found && PEM_read_bio(m.bio, &name, &header, &data, &len) == 1) {
		size_t n = strlen(name);
		found = n >= 11 && strcmp(name + n - 11, "PRIVATE KEY") == 0;
		encrypted = strncmp(name, "ENCRYPTED", 9) == 0 || strstr(header, "ENCRYPTED") != NULL;
		OPENSSL_free(name);
		OPENSSL_free(header);
		OPENSSL_clear_free(data, (size_t)len);
	}
	unmap_key(&m);
	if (!found)
		return no_key(e, path);
	ERR_clear_error();
	*ret_has = true;
	*ret_encrypted = encrypted;
	return 0;
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

int ca_key_load(EVP_PKEY **ret, const char *path, const struct secret *passphrase, struct err *e)
{
	struct mapped m = {NULL, 0, NULL};
	struct ask ask = {passphrase, false};
	const char *fault;
	if (map_key(&m, path, &fault) != 0)
		return cannot_map(e, path, fault);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(m.bio, NULL, give_passphrase, &ask);
	unmap_key(&m);
	if (key != NULL) {
		*ret = key;
		return 0;
	}
	if (!ask.asked)
		return no_key(e, path);
	if (passphrase == NULL)
		return err_set(e, ERR_CA_PASSPHRASE_NEEDED, "the CA key %s is encrypted and no passphrase was given",
			       path);
	if (is_unsupported()) {
		err_openssl(e, ERR_CA_PKI, "the CA key %s is encrypted in a way that OpenSSL does not read any more",
			    path);
		return err_next(e,
				"encrypt it anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider "
				"default -in '%s' -out '%s.new'`, and put that in its place",
				path, path);
	}
	return err_openssl(e, ERR_CA_PASSPHRASE, "the passphrase does not open the CA key %s", path);
}
