#include "handover/stage.h"
#include "core/file.h"
#include "core/xalloc.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUFFIX_LEN 6 /* the letters that mkdtemp puts in */

struct stage {
	char *dir, *user;
	char *path;  /* the hidden folder, DIR/.USER.tmp-XXXXXX */
	char *inner; /* PATH/USER */
};

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)type;
	(void)ftw;
	remove(path); /* what can't be removed now is found again by the next run */
	return 0;
}

static void remove_tree(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

static bool is_leftover(const char *name, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncmp(name, prefix, n) == 0 && strlen(name + n) == SUFFIX_LEN && strchr(name + n, '.') == NULL;
}

static void remove_leftovers(const char *dir, const char *prefix)
{
	DIR *d = opendir(dir);
	if (d == NULL)
		return;
	for (struct dirent *entry; (entry = readdir(d)) != NULL;) {
		if (!is_leftover(entry->d_name, prefix))
			continue;
		char *path = xasprintf("%s/%s", dir, entry->d_name);
		remove_tree(path);
		free(path);
	}
	closedir(d);
}

/* A failed write with the one cause that the admin can do something about at once. */
static int fault(struct err *e, const char *what, const char *path)
{
	int saved = errno;
	err_errno(e, ERR_SYSTEM, "cannot %s %s", what, path);
	if (saved == ENOSPC || saved == EDQUOT)
		err_next(e, "make room on the disk and run the same command again");
	else if (saved == EACCES || saved == EPERM || saved == EROFS)
		err_next(e, "let this user write to the folder, or set dir under [bundle] in the configuration");
	return -1;
}

int stage_open(struct stage **ret, const char *dir, const char *user, struct err *e)
{
	struct stage *s = NULL;
	if (file_mkdir(dir, 0700, e) != 0)
		return err_next(e, "let this user write there, or set dir under [bundle] in the configuration");
	char *prefix = xasprintf(".%s.tmp-", user);
	remove_leftovers(dir, prefix);
	s = xcalloc(1, sizeof *s);
	s->dir = xstrdup(dir);
	s->user = xstrdup(user);
	char *path = xasprintf("%s/%sXXXXXX", dir, prefix);
	free(prefix);
	if (mkdtemp(path) == NULL) {
		fault(e, "make a folder in", dir);
		free(path);
		goto out;
	}
	s->path = path;
	s->inner = xasprintf("%s/%s", path, user);
	if (mkdir(s->inner, 0700) != 0) {
		fault(e, "make the folder", s->inner);
		goto out;
	}
	*ret = s;
	return 0;
out:
	stage_close(&s);
	return -1;
}

char *stage_path(const struct stage *s, const char *name)
{
	return xasprintf("%s/%s", s->path, name);
}

static int write_file(const char *path, const struct blob *data, struct err *e)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return fault(e, "make", path);
	int ret = 0;
	if (file_write_all(fd, data->data, data->len) != 0 || fchmod(fd, 0600) != 0)
		ret = fault(e, "write", path);
	if (close(fd) != 0 && ret == 0)
		ret = fault(e, "write", path);
	return ret;
}

/* Makes the folders on the way to a file; path is put back as it was. */
static int make_folders(char *path, size_t from, struct err *e)
{
	for (char *slash = strchr(path + from, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		int failed = mkdir(path, 0700) != 0 && errno != EEXIST;
		if (failed)
			fault(e, "make the folder", path);
		*slash = '/';
		if (failed)
			return -1;
	}
	return 0;
}

/* Whether done with the file or folder at path; errno says why not. */
static bool with_open(const char *path, int (*work)(int fd))
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	bool done = fd >= 0 && work(fd) == 0;
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return done;
}

/* A hint: what is on its way to the disk already needs no commit of its own in the file system's journal. */
static int begin_writing(int fd)
{
	(void)sync_file_range(fd, 0, 0, SYNC_FILE_RANGE_WRITE);
	return 0;
}

static int begin_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	return type != FTW_F || with_open(path, begin_writing) ? 0 : -1;
}

static int sync_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	(void)st;
	(void)ftw;
	if (type != FTW_F)
		return file_sync_dir(path, NULL);
	return with_open(path, fsync) ? 0 : -1;
}

int stage_write(const struct stage *s, const struct files *files, struct err *e)
{
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < files->n; i++) {
		char *path = xasprintf("%s/%s", s->inner, files->v[i].name);
		ret = make_folders(path, strlen(s->inner) + 1, e);
		if (ret == 0)
			ret = write_file(path, &files->v[i].data, e);
		free(path);
	}
	return ret;
}

int stage_sync(const struct stage *s, struct err *e)
{
	if (nftw(s->path, begin_one, 16, FTW_DEPTH | FTW_PHYS) != 0 ||
	    nftw(s->path, sync_one, 16, FTW_DEPTH | FTW_PHYS) != 0)
		return fault(e, "write to the folder", s->path);
	return 0;
}

/* Not every file system can exchange; there the old folder steps aside first, for the length of one rename. */
static int swap_folder(const struct stage *s, const char *final, struct err *e)
{
	struct stat st;
	if (lstat(final, &st) != 0)
		return rename(s->inner, final) == 0 ? 0 : fault(e, "put in place", final);
	if (!S_ISDIR(st.st_mode)) {
		err_set(e, ERR_SYSTEM, "%s is in the way: it is not a folder", final);
		return err_next(e, "move it away and run the same command again");
	}
	if (renameat2(AT_FDCWD, s->inner, AT_FDCWD, final, RENAME_EXCHANGE) == 0)
		return 0;
	char *aside = stage_path(s, ".old") /* no user name begins with a dot */;
	int ret = 0;
	if (rename(final, aside) != 0) {
		ret = fault(e, "put in place", final);
	} else if (rename(s->inner, final) != 0) {
		ret = fault(e, "put in place", final);
		rename(aside, final);
	}
	free(aside);
	return ret;
}

static int move_file(const struct stage *s, const char *name, struct err *e)
{
	char *from = stage_path(s, name), *to = xasprintf("%s/%s", s->dir, name);
	int ret = rename(from, to) == 0 ? 0 : fault(e, "put in place", to);
	free(from);
	free(to);
	return ret;
}

int stage_commit(const struct stage *s, const char *const *names, size_t n, struct err *e)
{
	char *final = xasprintf("%s/%s", s->dir, s->user);
	int ret = swap_folder(s, final, e);
	free(final);
	for (size_t i = 0; ret == 0 && i < n; i++)
		ret = move_file(s, names[i], e);
	return ret == 0 ? file_sync_dir(s->dir, e) : -1;
}

int stage_replace(const struct stage *s, const char *name, const struct blob *data, struct err *e)
{
	char *path = stage_path(s, name);
	int ret = write_file(path, data, e);
	if (ret == 0 && !with_open(path, fsync))
		ret = fault(e, "write", path);
	free(path);
	if (ret == 0)
		ret = move_file(s, name, e);
	return ret == 0 ? file_sync_dir(s->dir, e) : -1;
}

void stage_close(struct stage **s)
{
	if (*s == NULL)
		return;
	if ((*s)->path != NULL)
		remove_tree((*s)->path);
	free((*s)->dir);
	free((*s)->user);
	free((*s)->path);
	free((*s)->inner);
	free(*s);
	*s = NULL;
}
