/*
 * extras: the free names of [template] with their values, read once per run:
 * plain text, or with a leading @ the content of a file.
 *
 * tls_auth, tls_crypt and tls_crypt_v2 are the exception to "free": the file
 * has to be an OpenVPN key of that kind, of which the PEM block is taken. From
 * the server's tls-crypt-v2 key each call makes a new client key by openvpn
 * itself: the server keeps none of them, so an older bundle goes on working.
 */
#ifndef HANDOVER_EXTRAS_H
#define HANDOVER_EXTRAS_H

#include "core/config.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

struct extra {
	const char *name; /* the configuration's */
	char *value;
	int line;     /* in the configuration */
	bool literal; /* a person's, who may have none: it may be empty */
};

struct extras {
	struct extra *v;
	size_t n;
	const char *file; /* the configuration's path, for messages */
};

/* Borrows from cfg, which has to live longer. ERR_CONFIG with file and line. */
int extras_load(struct extras *ret, const struct config *cfg, struct err *e);
void extras_free(struct extras *x);

/* By a name of len bytes; NULL if there is none. */
const struct extra *extras_find(const struct extras *x, const char *name, size_t len);

#endif
