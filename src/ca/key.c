#include "ca/key.h"
#include "core/keyfile.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>
#include <unistd.h>

static const char restore[] = "the CA's key is what `easyrsa build-ca` wrote; restore it from a backup";

static int no_key(struct err *e, const char *path)
{
	err_openssl(e, ERR_CA_PKI, "%s is not a private key in PEM form, or is damaged", path);
	return err_next(e, "%s", restore);
}

/* errno is keyfile_map's. */
static int cannot_map(struct err *e, const char *path)
{
	if (errno == 0) {
		err_set(e, ERR_CA_PKI, "the CA key %s %s", path, keyfile_fault(path));
		return err_next(e, "%s", restore);
	}
	err_errno(e, ERR_CA_PKI, "the CA key %s cannot be read", path);
	return err_next(e, "run tokenroll as the owner of the PKI");
}

int ca_key_check_access(const char *path, struct err *e)
{
	return access(path, R_OK) == 0 ? 0 : cannot_map(e, path);
}

int ca_key_probe(const char *path, bool *ret_has, bool *ret_encrypted, struct err *e)
{
	struct keyfile m = KEYFILE_INIT;
	char *name = NULL, *header = NULL;
	unsigned char *data = NULL;
	long len = 0;
	if (keyfile_map(&m, path) != 0) {
		*ret_has = false;
		*ret_encrypted = false;
		if (errno == ENOENT)
			return 0;
		return cannot_map(e, path);
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
	keyfile_unmap(&m);
	if (!found)
		return no_key(e, path);
	ERR_clear_error();
	*ret_has = true;
	*ret_encrypted = encrypted;
	return 0;
}

int ca_key_load(EVP_PKEY **ret, const char *path, const struct secret *passphrase, struct err *e)
{
	switch (keyfile_load(ret, path, passphrase)) {
	case KEYFILE_OK:
		return 0;
	case KEYFILE_UNREADABLE:
		return cannot_map(e, path);
	case KEYFILE_CIPHER_UNSUPPORTED:
		err_openssl(e, ERR_CA_PKI, "the CA key %s is encrypted in a way that OpenSSL does not read any more",
			    path);
		return err_next(e,
				"encrypt it anew: `openssl pkcs8 -topk8 -v2 aes-256-cbc -provider legacy -provider "
				"default -in '%s' -out '%s.new'`, and put that in its place",
				path, path);
	case KEYFILE_PASSPHRASE_NEEDED:
		return err_set(e, ERR_CA_PASSPHRASE_NEEDED, "the CA key %s is encrypted and no passphrase was given",
			       path);
	case KEYFILE_PASSPHRASE_WRONG:
		return err_openssl(e, ERR_CA_PASSPHRASE, "the passphrase does not open the CA key %s", path);
	default:
		return no_key(e, path);
	}
}
