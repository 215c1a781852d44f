/*
 * bundle: the archives. The same files, time and name make the same bytes on
 * every machine, whatever its time zone, locale and umask are.
 */
#ifndef HANDOVER_BUNDLE_H
#define HANDOVER_BUNDLE_H

#include "core/err.h"
#include "handover/files.h"

#include <stdbool.h>
#include <time.h>

enum bundle_format { BUNDLE_TAR_GZ, BUNDLE_ZIP };

/* Writes a new file at path (0600) with the folder root/ (0700) and the sorted files in it (0600), owned
 * by root, all of time mtime. ERR_SYSTEM; a half-written file is then left for the caller to remove. That
 * it gets to the disk is the caller's, too. */
int bundle_write(const char *path, enum bundle_format format, const char *root, const struct files *files, time_t mtime,
		 struct err *e);

/* Whether path is an archive with nothing in it but root/ and files of these names in it, whatever their bytes are. */
bool bundle_has_only(const char *path, const char *root, const struct files *files);

#endif
