#include "setup/pkis.h"

#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A CA certificate, and index.txt: what easy-rsa calls a PKI with a CA. */
static void add(struct config_list *l, const char *path)
{
	char *real = realpath(path, NULL), *cert = xasprintf("%s/ca.crt", path),
	     *index = xasprintf("%s/index.txt", path);
	bool known = real == NULL || access(cert, F_OK) != 0 || access(index, F_OK) != 0;
	for (size_t i = 0; !known && i < l->n; i++)
		known = strcmp(l->text[i], real) == 0;
	if (known)
		free(real);
	else
		config_list_add(l, real);
	free(index);
	free(cert);
}

void setup_pkis(struct config_list *ret)
{
	static const char *const usual[] = {
	    "pki",
	    "/etc/easy-rsa/pki",
	    "/etc/openvpn/easy-rsa/pki",
	    "/etc/openvpn/server/easy-rsa/pki",
	    "/etc/openvpn/pki",
	    "/usr/share/easy-rsa/pki",
	    "/usr/local/share/easy-rsa/pki",
	    "/var/lib/easy-rsa/pki",
	};
	static const char *const at_home[] = {"easy-rsa/pki", "easyrsa/pki", "openvpn-ca/pki", "ca/pki", "pki"};
	const char *named = getenv("EASYRSA_PKI"), *home = getenv("HOME");
	if (named != NULL && *named != '\0')
		add(ret, named);
	for (size_t i = 0; i < sizeof usual / sizeof *usual; i++)
		add(ret, usual[i]);
	for (size_t i = 0; home != NULL && *home == '/' && i < sizeof at_home / sizeof *at_home; i++) {
		char *path = xasprintf("%s/%s", home, at_home[i]);
		add(ret, path);
		free(path);
	}
}
