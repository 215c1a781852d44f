#include "ca/sweep.h"

#include "core/xalloc.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* NAME.tmp-XXXXXX, as mkstemp completes it */
static bool is_temp(const char *name)
{
	static const char mark[] = ".tmp-";
	const char *p = strstr(name, mark);
	if (p == NULL || strlen(p) != sizeof mark - 1 + 6)
		return false;
	for (p += sizeof mark - 1; *p != '\0'; p++) {
		if (!isalnum((unsigned char)*p))
			return false;
	}
	return true;
}

/* lock.file.PID of a process that is gone; that of a living one is about to become lock.file */
static bool is_dead_lock(const char *name)
{
	static const char prefix[] = "lock.file.";
	char *end;
	if (strncmp(name, prefix, sizeof prefix - 1) != 0)
		return false;
	long pid = strtol(name + sizeof prefix - 1, &end, 10);
	return *end == '\0' && pid > 0 && pid != (long)getpid() && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
}

static void sweep_folder(const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *entry;
	while (d != NULL && (entry = readdir(d)) != NULL) {
		const char *name = entry->d_name;
		if (is_temp(name) || is_dead_lock(name) || strcmp(name, "index.txt.tokenroll-new") == 0 ||
		    strcmp(name, "index.txt.tokenroll-old") == 0)
			(void)unlinkat(dirfd(d), name, 0);
	}
	if (d != NULL)
		closedir(d);
}

void sweep_beside(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash != NULL ? slash + 1 : path;
	size_t n = strlen(base);
	char *folder = slash != NULL ? xasprintf("%.*s", (int)(base - path), path) : xstrdup(".");
	DIR *d = opendir(folder);
	const struct dirent *entry;
	while (d != NULL && (entry = readdir(d)) != NULL) {
		const char *name = entry->d_name;
		if (strncmp(name, base, n) == 0 && name[n] == '.' && strchr(name + n + 1, '.') == NULL &&
		    is_temp(name + n))
			(void)unlinkat(dirfd(d), name, 0);
	}
	if (d != NULL)
		closedir(d);
	free(folder);
}

void sweep_pki(const char *pki, bool after_crash)
{
	static const char *const folders[] = {"certs_by_serial", "issued", "reqs"};
	sweep_folder(pki);
	for (size_t i = 0; after_crash && i < sizeof folders / sizeof *folders; i++) {
		char *path = xasprintf("%s/%s", pki, folders[i]);
		sweep_folder(path);
		free(path);
	}
}
