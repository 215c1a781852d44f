/*
 * files: a handful of files in memory, with names relative to one folder. The
 * template folder is read into such a list, another one is what goes into the
 * bundle's folder and its archives.
 */
#ifndef HANDOVER_FILES_H
#define HANDOVER_FILES_H

#include "core/blob.h"
#include "core/config.h"
#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

struct file_item {
	char *name; /* relative, with '/' between its parts */
	struct blob data;
};

struct files {
	struct file_item *v;
	size_t n;
};

/* Takes over name and the bytes of data, which is left empty. */
void files_add(struct files *f, char *name, struct blob *data);

/* By name, as bytes, so in the same order everywhere. */
void files_sort(struct files *f);
void files_free(struct files *f);

/* Where the templates are: [vpn] templates, else the folder beside the configuration, else the shipped one. To be
 * freed. */
char *files_template_folder(const struct config *cfg);

/* Whether a file of that folder is the template of a letter with a PIN, which is no part of a bundle. */
bool files_is_pinletter(const char *name);

/*
 * Reads all regular files under folder, in sub-folders too, sorted. Hidden files, what editors and package
 * managers leave behind and templates of letters are skipped. A symbolic link counts if it leads to a file inside the
 * folder. ERR_TEMPLATE for other links, for what is neither file nor folder, for names with control characters, for a
 * file over 64 MiB and for more than 500 files.
 */
int files_read_folder(struct files *ret, const char *folder, struct err *e);

#endif
