#include "ca/confine.h"

#include "ca/pki.h"
#include "core/landlock.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

/* What is made where it writes, it may read. */
#define OWN (LANDLOCK_READ | LANDLOCK_CHANGE)

/* The folders in it are named as well, for those that are links to another place; and of the files the one that is
 * written to, and not replaced. */
static void allow_pki(struct landlock *l, const struct ca *ca)
{
	static const char *const parts[] = {
	    ".",       "certs_by_serial", "issued",       "private",  "reqs", "renewed/issued",
	    "revoked", "renewed/private", "renewed/reqs", "index.txt"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char *path = pki_path(ca, "%s", parts[i]);
		landlock_allow(l, path, OWN);
		free(path);
	}
}

static void allow_crl(struct landlock *l, const struct ca *ca)
{
	const char *slash = ca->crl_file != NULL ? strrchr(ca->crl_file, '/') : NULL;
	if (slash == NULL)
		return;
	char *folder = xasprintf("%.*s/", (int)(slash - ca->crl_file), ca->crl_file);
	landlock_allow(l, folder, OWN);
	free(folder);
}

/* A reader or a TPM is written to as a device. */
static void allow_hsm(struct landlock *l, const struct pathset *writes)
{
	landlock_allow(l, "/dev", LANDLOCK_CHANGE);
	for (size_t i = 0; i < writes->n; i++)
		landlock_allow(l, writes->path[i], OWN);
}

/* The files outside of the PKI that it reads again: a folder of bundles may have them in it. */
static void find_needed(struct pathset *ret, const struct config_ca *cfg)
{
	const char *const files[] = {cfg->cert,
				     cfg->chain,
				     config_key_on_hsm(cfg) ? NULL : cfg->key,
				     cfg->vars,
				     cfg->x509_types,
				     cfg->crl,
				     cfg->attestation_roots};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		if (files[i] != NULL)
			pathset_add(ret, pathset_resolve(files[i]));
	}
}

/* An HSM's module may need whatever there is, so this is done for both signers alike. */
static void allow_reading(struct landlock *l, const struct config_ca *cfg)
{
	struct pathset hidden = PATHSET_INIT, needed = PATHSET_INIT;
	find_needed(&needed, cfg);
	hidden_resolve(&hidden, cfg->hidden, HIDDEN_ALL & ~HIDDEN_BIT(HIDDEN_CA_SECRET), &needed);
	landlock_allow_all_but(l, &hidden, LANDLOCK_READ);
	/* a folder on the way to a hidden file that we may pass, but not list, has them in it unseen */
	for (size_t i = 0; i < needed.n; i++)
		landlock_allow(l, needed.path[i], LANDLOCK_READ);
	pathset_free(&needed);
	pathset_free(&hidden);
}

bool ca_confine(const struct ca *ca, const struct config_ca *cfg, const struct pathset *hsm_writes)
{
	struct landlock *l = NULL;
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE | LANDLOCK_EXECUTE))
		return false;
	allow_reading(l, cfg);
	allow_pki(l, ca);
	allow_crl(l, ca);
	if (ca->on_hsm)
		allow_hsm(l, hsm_writes);
	return landlock_enforce(&l);
}
