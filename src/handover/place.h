/*
 * place: whether the bundle folder has room for what a user gets.
 *
 * A user U has the folder U there, the archives U.tar.gz and U.zip, and after
 * --csr-only the request U.req. A user whose own name is "alice.zip" has a
 * folder of that name, so one bundle folder cannot serve him and alice.
 */
#ifndef HANDOVER_PLACE_H
#define HANDOVER_PLACE_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

enum place_use { PLACE_BUNDLE, PLACE_REQUEST };

/*
 * Whether dir can be written to, or made, and nothing of another user is where this one's things will be. Writes
 * nothing; to be asked before anything is made. ERR_CONFIG for the folder itself, ERR_FOREIGN for what is in the way.
 */
int place_check(const char *dir, const char *user, enum place_use use, struct err *e);

/* If this name is another user's with the end of one of that user's files, how many bytes of it are that user's; else
 * 0. */
size_t place_other_user(const char *user);

#endif
