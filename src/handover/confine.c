#include "handover/confine.h"

#include "core/landlock.h"
#include "core/xalloc.h"

#include <stdlib.h>
#include <string.h>

static void add(struct pathset *h, const char *path, const char *ending)
{
	char *real = path != NULL && *path == '/' ? pathset_resolve(path) : NULL;
	if (real != NULL)
		pathset_add(h, xasprintf("%s%s", real, ending));
	free(real);
}

/* The key alone, not its folder: easy-rsa keeps the tls-crypt key in there as well, which goes into profiles. */
static void add_keys(struct pathset *h, const struct config_ca *ca)
{
	char *usual = xasprintf("%s/private/ca.key", ca->pki);
	add(h, usual, "");
	add(h, ca->key, "");
	free(usual);
}

bool handover_hide(const struct config *cfg)
{
	struct landlock *l = NULL;
	struct pathset hidden = PATHSET_INIT;
	/* changing as well: what has no right to move files between folders cannot be given it again */
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE))
		return false;
	add_keys(&hidden, &cfg->ca);
	add(&hidden, cfg->store_path, "");
	add(&hidden, cfg->store_path, "-wal");
	add(&hidden, cfg->store_path, ".v1");
	add(&hidden, cfg->store_path, ".v2");
	landlock_allow_all_but(l, &hidden, LANDLOCK_READ | LANDLOCK_CHANGE);
	pathset_free(&hidden);
	return landlock_enforce(&l);
}

bool handover_confine(const char *folder)
{
	struct landlock *l = NULL;
	if (!landlock_begin(&l, LANDLOCK_CHANGE))
		return false;
	landlock_allow(l, folder, LANDLOCK_CHANGE);
	landlock_allow(l, "/dev/null", LANDLOCK_CHANGE);
	return landlock_enforce(&l);
}
