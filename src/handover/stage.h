/*
 * stage: puts a user's bundle in place. Everything is written and synced in a
 * hidden folder beside its destination first; then the folder and each archive
 * change places with the old ones in one rename each. So a full disk or a kill
 * leaves the old bundle, and what a killed run left is removed by the next one.
 */
#ifndef HANDOVER_STAGE_H
#define HANDOVER_STAGE_H

#include "core/err.h"
#include "handover/files.h"

struct stage;

/* Makes dir (0700) if it is missing, removes what killed runs for this user left there, and makes the hidden folder.
 * Only one process at a time may do this for a user. ERR_SYSTEM. */
int stage_open(struct stage **ret, const char *dir, const char *user, struct err *e);

/* The place for a file that will become DIR/NAME. The caller frees it. */
char *stage_path(const struct stage *s, const char *name);

/* Writes the files below the folder that will become DIR/USER. ERR_SYSTEM. */
int stage_write(const struct stage *s, const struct files *files, struct err *e);

/* Has all that is in the hidden folder on the disk, before it is moved into place. ERR_SYSTEM. */
int stage_sync(const struct stage *s, struct err *e);

/* Moves the folder DIR/USER into place, then each of the n names. ERR_SYSTEM. */
int stage_commit(const struct stage *s, const char *const *names, size_t n, struct err *e);

/* Writes the file DIR/NAME as a whole, through the hidden folder. ERR_SYSTEM. */
int stage_replace(const struct stage *s, const char *name, const struct blob *data, struct err *e);

/* Removes the hidden folder and what is still in it. Accepts NULL and nulls the pointer. */
void stage_close(struct stage **s);

#endif
