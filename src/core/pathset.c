#include "core/pathset.h"
#include "core/xalloc.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static char *real_or_null(const char *path)
{
	char *real = realpath(path, NULL);
	if (real != NULL && strcmp(real, "/") == 0)
		*real = '\0';
	return real;
}

/* The folder as it is, and the name in it, which does not exist. */
static char *resolve_missing(char *path)
{
	size_t n = strlen(path);
	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	char *slash = strrchr(path, '/');
	const char *name = slash != NULL ? slash + 1 : path;
	char *folder = NULL, *ret = NULL;
	if (slash == NULL) {
		folder = real_or_null(".");
	} else {
		*slash = '\0';
		folder = slash > path ? pathset_resolve(path) : xstrdup("");
	}
	if (folder != NULL)
		ret = xasprintf("%s/%s", folder, name);
	free(folder);
	return ret;
}

char *pathset_resolve(const char *path)
{
	char *real = real_or_null(path);
	if (real != NULL || errno != ENOENT || *path == '\0')
		return real;
	char *copy = xstrdup(path);
	real = resolve_missing(copy);
	free(copy);
	return real;
}

void pathset_add(struct pathset *s, char *path)
{
	if (path == NULL || *path == '\0' || pathset_holder(s, path) != NULL) {
		free(path);
		return;
	}
	s->path = xrealloc(s->path, s->n + 1, sizeof *s->path);
	s->path[s->n++] = path;
}

void pathset_free(struct pathset *s)
{
	for (size_t i = 0; i < s->n; i++)
		free(s->path[i]);
	free(s->path);
	*s = (struct pathset)PATHSET_INIT;
}

bool pathset_within(const char *folder, const char *path)
{
	size_t n = strlen(folder);
	return strncmp(folder, path, n) == 0 && (path[n] == '/' || path[n] == '\0');
}

const char *pathset_holder(const struct pathset *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++) {
		if (pathset_within(s->path[i], path))
			return s->path[i];
	}
	return NULL;
}

bool pathset_leads(const struct pathset *s, const char *path)
{
	for (size_t i = 0; i < s->n; i++) {
		if (pathset_within(path, s->path[i]))
			return true;
	}
	return false;
}
