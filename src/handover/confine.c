#include "handover/confine.h"

#include "core/landlock.h"
#include "core/xalloc.h"

#include <stdlib.h>

/* The key alone, not its folder: easy-rsa keeps the tls-crypt key in there as well, which goes into profiles. */
static void add_keys(struct hidden_list *l, const struct config_ca *ca)
{
	char *usual = xasprintf("%s/private/ca.key", ca->pki);
	hidden_add(l, HIDDEN_KEY, usual);
	if (!config_key_on_hsm(ca))
		hidden_add(l, HIDDEN_KEY, ca->key);
	free(usual);
}

bool handover_hide(const struct config *cfg, unsigned kinds)
{
	struct landlock *l = NULL;
	struct hidden_list places;
	struct pathset hidden = PATHSET_INIT, needed = PATHSET_INIT;
	/* changing as well: what has no right to move files between folders cannot be given it again */
	if (!landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE))
		return false;
	hidden_copy(&places, &cfg->hidden);
	add_keys(&places, &cfg->ca);
	/* nothing could be made in a folder that leads to a hidden file */
	pathset_add(&needed, pathset_resolve(cfg->bundle.dir));
	if (cfg->letter.folder != NULL)
		pathset_add(&needed, pathset_resolve(cfg->letter.folder));
	hidden_resolve(&hidden, &places, kinds, &needed);
	pathset_free(&needed);
	hidden_free(&places);
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
