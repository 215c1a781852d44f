/*
 * owned: which of the things in a user's place in the bundle folder are the
 * handover's own, so that it replaces them and nothing else.
 *
 * DIR/.USER.made lists them, as sha256sum(1) does, by names below DIR. What is
 * not listed, or was changed since, is foreign. It is written before the new
 * bundle changes places with the old one, with both in it, and once more when
 * that is done: so it is right whenever the power fails. Where there is no
 * list, an older version's bundle is known by its names.
 */
#ifndef HANDOVER_OWNED_H
#define HANDOVER_OWNED_H

#include "core/err.h"
#include "handover/files.h"
#include "handover/stage.h"

struct owned;

/* Whether all that is in the place of this user's bundle is the handover's own; rendered is what would be put there.
 * Writes nothing. ERR_FOREIGN names the first thing that is not. */
int owned_check(const char *dir, const char *user, const struct files *rendered, struct err *e);

/* owned_check, and then the list for what is staged, the rendered files and the archives under these two names: writes
 * it, with what is there now in it. ERR_FOREIGN, ERR_SYSTEM. */
int owned_begin(struct owned **ret, const struct stage *s, const char *dir, const char *user,
		const struct files *rendered, const char *const archives[2], struct err *e);

/* All has its place: takes what was there before out of the list. If that fails the list says more than there is, which
 * does no harm. */
void owned_end(const struct owned *o, const struct stage *s);
void owned_free(struct owned **o);

/*
 * Compares what the list has with what is there, and writes nothing. What has no list, or one that cannot be read,
 * counts as whole. *ret_name: what is missing or, if nothing is, what was changed, from malloc; NULL if all is whole.
 */
enum owned_state { OWNED_WHOLE, OWNED_MISSING, OWNED_CHANGED };
enum owned_state owned_compare(const char *dir, const char *user, char **ret_name);

#endif
