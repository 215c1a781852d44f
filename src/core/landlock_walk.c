/* Landlock knows no "all but": whatever is allowed for a folder holds for all that is in it. */
#include "core/landlock.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

/* Allows what lies in a folder on the way, but for what is left out and what leads on. */
static void allow_beside(struct landlock *l, const struct pathset *but, const char *folder, unsigned rights)
{
	DIR *d = opendir(*folder != '\0' ? folder : "/");
	const struct dirent *entry;
	char path[PATH_MAX];
	if (d == NULL)
		return;
	for (size_t n = 0; n < LANDLOCK_ENTRIES_MAX && (entry = readdir(d)) != NULL; n++) {
		const char *name = entry->d_name;
		/* a link leads to a place that has a rule of its own */
		if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || entry->d_type == DT_LNK)
			continue;
		int len = snprintf(path, sizeof path, "%s/%s", folder, name);
		if (len < (int)sizeof path && !pathset_leads(but, path) && pathset_holder(but, path) == NULL)
			landlock_allow_at(l, dirfd(d), name, rights, entry->d_type == DT_REG);
	}
	closedir(d);
}

/* Whether this folder is on the way to an earlier place, too, and was listed for that. */
static bool was_seen(const struct pathset *but, size_t i, const char *folder)
{
	const struct pathset earlier = {but->path, i};
	return pathset_leads(&earlier, folder);
}

void landlock_allow_all_but(struct landlock *l, const struct pathset *but, unsigned rights)
{
	char folder[PATH_MAX];
	if (but->n == 0)
		landlock_allow(l, "/", rights);
	for (size_t i = 0; i < but->n; i++) {
		const char *path = but->path[i];
		for (const char *slash = path; slash != NULL; slash = strchr(slash + 1, '/')) {
			snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
			if (!was_seen(but, i, folder) && pathset_holder(but, folder) == NULL)
				allow_beside(l, but, folder, rights);
		}
	}
}
