#include "ca/key.h"
#include "core/keyfile.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

static int no_key(struct err *e, const char *path)
{
	err_openssl(e, ERR_CA_PKI, "%s is not a private key in PEM form, or is damaged", path);
	return err_next(e, "the CA's key is what `easyrsa build-ca` wrote; restore it from a backup");
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
		err_errno(e, ERR_CA_PKI, "the CA key %s cannot be read", path);
		return err_next(e, "run tokenroll as the owner of the PKI");
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
		return err_errno(e, ERR_CA_PKI, "the CA key %s cannot be read", path);
	case KEYFILE_PASSPHRASE_NEEDED:
		return err_set(e, ERR_CA_PASSPHRASE_NEEDED, "the CA key %s is encrypted and no passphrase was given",
			       path);
	case KEYFILE_PASSPHRASE_WRONG:
		return err_openssl(e, ERR_CA_PASSPHRASE, "the passphrase does not open the CA key %s", path);
	default:
		return no_key(e, path);
	}
}
