/*
 * bundle_read: what is in an archive that was found in the place of a bundle.
 */
#include "core/xalloc.h"
#include "handover/bundle.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_BYTES 16384

/* The name of a folder ends with a '/'; it is ours if one of our files is in it. */
static bool is_ours(const char *name, const char *root, const struct files *files)
{
	size_t n = strlen(root);
	if (name == NULL || strncmp(name, root, n) != 0 || name[n] != '/')
		return false;
	name += n + 1;
	size_t len = strlen(name);
	bool folder = len == 0 || name[len - 1] == '/';
	for (size_t i = 0; i < files->n; i++) {
		if (folder ? strncmp(files->v[i].name, name, len) == 0 : strcmp(files->v[i].name, name) == 0)
			return true;
	}
	return false;
}

bool bundle_has_only(const char *path, const char *root, const struct files *files)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	bool ours = a != NULL && archive_read_support_filter_gzip(a) == ARCHIVE_OK &&
		    archive_read_support_format_tar(a) == ARCHIVE_OK &&
		    archive_read_support_format_zip(a) == ARCHIVE_OK &&
		    archive_read_open_filename(a, path, BLOCK_BYTES) == ARCHIVE_OK;
	int got = ARCHIVE_OK;
	while (ours && (got = archive_read_next_header(a, &entry)) == ARCHIVE_OK)
		ours = is_ours(archive_entry_pathname(entry), root, files);
	archive_read_free(a);
	return ours && got == ARCHIVE_EOF;
}
