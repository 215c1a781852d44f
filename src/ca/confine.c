#include "ca/confine.h"

#include "ca/pki.h"
#include "core/landlock.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* The folders in it are named as well, for those that are links to another place; and of the files the one that is
 * written to, and not replaced. */
static void allow_pki(struct landlock *l, const struct ca *ca)
{
	static const char *const parts[] = {
	    ".",       "certs_by_serial", "issued",       "private",  "reqs", "renewed/issued",
	    "revoked", "renewed/private", "renewed/reqs", "index.txt"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char *path = pki_path(ca, "%s", parts[i]);
		landlock_allow(l, path, LANDLOCK_CHANGE);
		free(path);
	}
}

static void allow_crl(struct landlock *l, const struct ca *ca)
{
	const char *slash = ca->crl_file != NULL ? strrchr(ca->crl_file, '/') : NULL;
	if (slash == NULL)
		return;
	char *folder = xasprintf("%.*s/", (int)(slash - ca->crl_file), ca->crl_file);
	landlock_allow(l, folder, LANDLOCK_CHANGE);
	free(folder);
}

/* A reader or a TPM is written to as a device. */
static void allow_hsm(struct landlock *l, const struct pathset *writes)
{
	landlock_allow(l, "/dev", LANDLOCK_CHANGE);
	for (size_t i = 0; i < writes->n; i++)
		landlock_allow(l, writes->path[i], LANDLOCK_CHANGE);
}

bool ca_confine(const struct ca *ca, const struct pathset *hsm_writes)
{
	struct landlock *l = NULL;
	if (!landlock_begin(&l, LANDLOCK_CHANGE | LANDLOCK_EXECUTE))
		return false;
	allow_pki(l, ca);
	allow_crl(l, ca);
	if (ca->on_hsm)
		allow_hsm(l, hsm_writes);
	return landlock_enforce(&l);
}
