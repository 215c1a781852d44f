#include "handover/owned.h"
#include "core/xalloc.h"
#include "handover/bundle.h"
#include "handover/digest.h"
#include "handover/owned_list.h"
#include "handover/text.h"

#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* One look at a user's place. */
struct look {
	const char *dir, *user;
	const struct files *rendered;
	struct blob list; /* begins with a line end, so that each line has one on both sides; empty: there is no list */
	struct blob seen; /* lines for all that is there */
	struct err *e;
};

struct owned {
	char *name; /* of the list, below the folder */
	struct blob now;
	bool had_old;
};

static void put_line(struct blob *list, const char *hex, const char *folder, const char *name)
{
	char *line = xasprintf("%s  %s%s%s\n", hex, folder, *folder != '\0' ? "/" : "", name);
	text_append(list, line, strlen(line));
	free(line);
}

static bool is_rendered(const struct look *l, const char *name)
{
	for (size_t i = 0; i < l->rendered->n; i++) {
		if (strcmp(l->rendered->v[i].name, name) == 0)
			return true;
	}
	return false;
}

/* Whether a folder, named with a '/' at its end, is on the way to one of our files. */
static bool leads_to_ours(const struct look *l, const char *name)
{
	char *part = xasprintf("  %s/%s", l->user, name);
	bool ret = l->list.len != 0 && owned_has_text(&l->list, part);
	free(part);
	for (size_t i = 0; !ret && l->list.len == 0 && i < l->rendered->n; i++)
		ret = strncmp(l->rendered->v[i].name, name, strlen(name)) == 0;
	return ret;
}

static int foreign(const struct look *l, const char *path)
{
	err_set(l->e, ERR_FOREIGN,
		"%s was not made by tokenroll, or was changed since, and the bundle of %s would take "
		"its place",
		path, l->user);
	return err_next(l->e,
			"move it out of the way, and all else there that is to be kept; then run the same command");
}

/* A file is ours if the list has it with these very bytes, or where there is no list, if by_name says so. */
static int look_at_file(struct look *l, const char *path, const char *name, bool by_name)
{
	char hex[DIGEST_HEX];
	if (!digest_file(hex, path))
		return err_errno(l->e, ERR_SYSTEM, "cannot read %s", path);
	char *line = xasprintf("\n%s  %s\n", hex, name);
	bool ours = l->list.len != 0 ? owned_has_text(&l->list, line) : by_name;
	if (ours)
		text_append(&l->seen, line + 1, strlen(line + 1));
	free(line);
	return ours ? 0 : foreign(l, path);
}

static int look_into(struct look *l, const char *folder, const char *prefix);

/* name is below the user's folder. */
static int look_at(struct look *l, const char *path, const char *name)
{
	struct stat st;
	if (lstat(path, &st) != 0)
		return err_errno(l->e, ERR_SYSTEM, "cannot look at %s", path);
	char *listed = xasprintf("%s/%s", l->user, name), *inner = xasprintf("%s/", name);
	int ret = 0;
	if (S_ISREG(st.st_mode))
		ret = look_at_file(l, path, listed, is_rendered(l, name));
	else
		ret = S_ISDIR(st.st_mode) && leads_to_ours(l, inner) ? look_into(l, path, inner) : foreign(l, path);
	free(inner);
	free(listed);
	return ret;
}

static int no_folder(const struct look *l, const char *path)
{
	if (errno != ENOTDIR)
		return err_errno(l->e, ERR_SYSTEM, "cannot open %s", path);
	err_set(l->e, ERR_FOREIGN, "%s is in the way: it is not a folder", path);
	return err_next(l->e, "move it away and run the same command again");
}

static int look_into(struct look *l, const char *folder, const char *prefix)
{
	int ret = 0;
	DIR *d = opendir(folder);
	if (d == NULL)
		return errno == ENOENT ? 0 : no_folder(l, folder);
	for (struct dirent *entry; ret == 0 && (entry = readdir(d)) != NULL;) {
		if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
			continue;
		char *path = xasprintf("%s/%s", folder, entry->d_name),
		     *name = xasprintf("%s%s", prefix, entry->d_name);
		ret = look_at(l, path, name);
		free(name);
		free(path);
	}
	closedir(d);
	return ret;
}

static int look_at_archive(struct look *l, const char *suffix)
{
	struct stat st;
	char *name = xasprintf("%s%s", l->user, suffix), *path = xasprintf("%s/%s", l->dir, name);
	int ret = 0;
	if (lstat(path, &st) == 0 && !S_ISREG(st.st_mode))
		ret = foreign(l, path);
	else if (lstat(path, &st) == 0)
		ret = look_at_file(l, path, name, l->list.len == 0 && bundle_has_only(path, l->user, l->rendered));
	free(path);
	free(name);
	return ret;
}

/* *ret_seen: lines for all that is there. */
static int look(struct blob *ret_seen, const char *dir, const char *user, const struct files *rendered, struct err *e)
{
	struct look l = {.dir = dir, .user = user, .rendered = rendered, .e = e};
	char *folder = xasprintf("%s/%s", dir, user);
	int ret = owned_read_list(&l.list, dir, user, e);
	if (ret == 0)
		ret = look_into(&l, folder, "");
	if (ret == 0)
		ret = look_at_archive(&l, ".tar.gz");
	if (ret == 0)
		ret = look_at_archive(&l, ".zip");
	free(folder);
	blob_free(&l.list);
	*ret_seen = l.seen;
	return ret;
}

int owned_check(const char *dir, const char *user, const struct files *rendered, struct err *e)
{
	struct blob seen = BLOB_INIT;
	int ret = look(&seen, dir, user, rendered, e);
	blob_free(&seen);
	return ret;
}

static int list_new(struct blob *ret, const struct stage *s, const char *user, const struct files *rendered,
		    const char *const archives[2], struct err *e)
{
	char hex[DIGEST_HEX];
	bool good = true;
	for (size_t i = 0; good && i < rendered->n; i++) {
		good = digest_blob(hex, &rendered->v[i].data);
		if (good)
			put_line(ret, hex, user, rendered->v[i].name);
	}
	for (size_t i = 0; good && i < 2; i++) {
		char *path = stage_path(s, archives[i]);
		good = digest_file(hex, path);
		if (good)
			put_line(ret, hex, "", archives[i]);
		free(path);
	}
	return good ? 0 : err_openssl(e, ERR_SYSTEM, "cannot list what is in the bundle of %s", user);
}

int owned_begin(struct owned **ret, const struct stage *s, const char *dir, const char *user,
		const struct files *rendered, const char *const archives[2], struct err *e)
{
	struct owned *o = xcalloc(1, sizeof *o);
	struct blob both = BLOB_INIT;
	o->name = owned_list_name(user);
	int status = look(&both, dir, user, rendered, e);
	o->had_old = both.len != 0;
	if (status == 0)
		status = list_new(&o->now, s, user, rendered, archives, e);
	if (status == 0) {
		text_append(&both, o->now.data, o->now.len);
		status = stage_replace(s, o->name, &both, e);
	}
	blob_free(&both);
	if (status == 0)
		*ret = o;
	else
		owned_free(&o);
	return status;
}

void owned_end(const struct owned *o, const struct stage *s)
{
	if (o->had_old)
		(void)stage_replace(s, o->name, &o->now, NULL);
}

void owned_free(struct owned **o)
{
	if (*o == NULL)
		return;
	free((*o)->name);
	blob_free(&(*o)->now);
	free(*o);
	*o = NULL;
}
