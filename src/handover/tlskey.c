#include "handover/tlskey.h"
#include "core/blob.h"
#include "core/file.h"
#include "core/process.h"
#include "core/xalloc.h"

#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define GENKEY_TIMEOUT_MS 20000

struct kind {
	const char *name;
	const char *label; /* of the PEM block in the file */
	const char *made;  /* of the PEM block that openvpn makes from it; NULL if the file's own block is used */
	const char *advice;
};

static const struct kind kinds[] = {
    {"tls_auth", "OpenVPN Static key V1", NULL, "name the file of the server's tls-auth option"},
    {"tls_crypt", "OpenVPN Static key V1", NULL, "name the file of the server's tls-crypt option"},
    {"tls_crypt_v2", "OpenVPN tls-crypt-v2 server key", "OpenVPN tls-crypt-v2 client key",
     "name the file of the server's tls-crypt-v2 option; each user gets a client key of their own made with it"},
};

static const struct kind *find_kind(const char *name)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	}
	return NULL;
}

bool tlskey_is_name(const char *name)
{
	return find_kind(name) != NULL;
}

/* A copy of the PEM block with this label, without what stands around it; NULL if it is not there in full. */
static char *pem_block(const char *text, const char *label)
{
	char *begin = xasprintf("-----BEGIN %s-----", label), *end = xasprintf("-----END %s-----", label);
	const char *from = strstr(text, begin), *to = from != NULL ? strstr(from, end) : NULL;
	char *ret = NULL;
	if (to != NULL)
		ret = xasprintf("%.*s", (int)((size_t)(to - from) + strlen(end)), from);
	free(begin);
	free(end);
	return ret;
}

/* Debian keeps openvpn in a folder that is not in the PATH of people who are not root. */
static const char *openvpn_program(void)
{
	static const char *const places[] = {"/usr/local/sbin/openvpn", "/usr/sbin/openvpn"};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (access(places[i], X_OK) == 0)
			return places[i];
	}
	return "openvpn";
}

/* Without a file name openvpn prints the key, so no temporary file is needed. */
static int make_client_key(const char *server_key, const char *label, char **ret, struct err *e)
{
	const char *const argv[] = {openvpn_program(), "--tls-crypt-v2",      server_key,
				    "--genkey",        "tls-crypt-v2-client", NULL};
	struct blob out = BLOB_INIT;
	if (process_run(argv, NULL, &out, GENKEY_TIMEOUT_MS, e) != 0) {
		err_prefix(e, "cannot make a tls-crypt-v2 client key with %s", server_key);
		return err_next(
		    e, "install openvpn 2.5 or newer on this machine, and check that the file is the server's key");
	}
	*ret = out.data != NULL ? pem_block((const char *)out.data, label) : NULL;
	blob_free(&out);
	if (*ret == NULL)
		return err_set(e, ERR_SYSTEM, "openvpn made no tls-crypt-v2 client key with %s", server_key);
	return 0;
}

int tlskey_value(const char *name, const char *path, const char *text, char **ret, struct err *e)
{
	const struct kind *k = find_kind(name);
	char *block = pem_block(text, k->label);
	if (block == NULL) {
		err_set(e, ERR_CONFIG, "%s has no \"%s\" in it", path, k->label);
		return err_next(e, "%s", k->advice);
	}
	if (k->made == NULL) {
		*ret = block;
		return 0;
	}
	free(block);
	return make_client_key(path, k->made, ret, e);
}

/* Without a file name openvpn prints this one, too. */
int tlskey_make(const char *path, struct err *e)
{
	const char *const argv[] = {openvpn_program(), "--genkey", "secret", NULL};
	struct blob out = BLOB_INIT;
	if (process_run(argv, NULL, &out, GENKEY_TIMEOUT_MS, e) != 0) {
		err_prefix(e, "cannot make a tls-crypt key");
		return err_next(e,
				"install openvpn 2.5 or newer on this machine, or copy the key file of the server's "
				"tls-crypt option to %s",
				path);
	}
	char *block = out.data != NULL ? pem_block((const char *)out.data, find_kind("tls_crypt")->label) : NULL;
	int got = -1;
	if (block != NULL) {
		char *text = xasprintf("%s\n", block);
		got = file_write(path, text, strlen(text), 0600, e);
		OPENSSL_cleanse(text, strlen(text));
		OPENSSL_cleanse(block, strlen(block));
		free(text);
	} else {
		err_set(e, ERR_SYSTEM, "openvpn made no tls-crypt key");
	}
	OPENSSL_cleanse(out.data, out.len);
	free(block);
	blob_free(&out);
	return got;
}
