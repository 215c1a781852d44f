#include "handover/files.h"
#include "core/file.h"
#include "core/share.h"
#include "core/xalloc.h"
#include "handover/text.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_BYTES_MAX ((size_t)64 << 20)
#define FILES_MAX 500
#define DEPTH_MAX 8

struct walk {
	struct files *files;
	char root[PATH_MAX]; /* the folder's real path */
	struct err *e;
};

void files_add(struct files *f, char *name, struct blob *data)
{
	f->v = xrealloc(f->v, f->n + 1, sizeof *f->v);
	f->v[f->n++] = (struct file_item){name, *data};
	*data = (struct blob)BLOB_INIT;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file_item *)a)->name, ((const struct file_item *)b)->name);
}

void files_sort(struct files *f)
{
	if (f->n > 1)
		qsort(f->v, f->n, sizeof *f->v, by_name);
}

void files_free(struct files *f)
{
	for (size_t i = 0; i < f->n; i++) {
		free(f->v[i].name);
		blob_free(&f->v[i].data);
	}
	free(f->v);
	*f = (struct files){NULL, 0};
}

char *files_template_folder(const struct config *cfg)
{
	static const char company[] = SYSCONF_DIR "/templates";
	if (cfg->vpn.templates != NULL)
		return xstrdup(cfg->vpn.templates);
	return access(company, F_OK) == 0 ? xstrdup(company) : share_path("templates");
}

bool files_is_pinletter(const char *name)
{
	return strncmp(name, "letter.", sizeof "letter." - 1) == 0 && text_has_suffix(name, ".pango");
}

/* What an editor or a packager has left there, and what does not go into a bundle. */
static bool is_no_template(const char *name)
{
	static const char *const ends[] = {"~",         ".bak",       ".orig",     ".rej",     ".swp",   ".tmp",
					   ".dpkg-old", ".dpkg-dist", ".dpkg-new", ".rpmsave", ".rpmnew"};
	if (name[0] == '.' || name[0] == '#' || files_is_pinletter(name))
		return true;
	for (size_t i = 0; i < sizeof ends / sizeof *ends; i++) {
		if (text_has_suffix(name, ends[i]))
			return true;
	}
	return false;
}

static int refuse(struct walk *w, const char *path, const char *why, const char *next)
{
	err_set(w->e, ERR_TEMPLATE, "%s %s", path, why);
	return err_next(w->e, "%s", next);
}

/* A link out of the folder would put some other file of this machine into every bundle. */
static int check_link(struct walk *w, const char *path, struct stat *st)
{
	char real[PATH_MAX];
	size_t n = strlen(w->root);
	if (realpath(path, real) == NULL || stat(real, st) != 0)
		return refuse(w, path, "is a symbolic link that leads nowhere", "remove it from the template folder");
	if (strncmp(real, w->root, n) != 0 || real[n] != '/')
		return refuse(w, path, "is a symbolic link that leads out of the template folder",
			      "put a copy of the file there instead");
	if (!S_ISREG(st->st_mode))
		return refuse(w, path, "is a symbolic link to something that is not a file",
			      "put the files themselves there instead");
	return 0;
}

static int add_file(struct walk *w, const char *path, const char *name)
{
	struct blob data = BLOB_INIT;
	if (w->files->n == FILES_MAX)
		return refuse(w, w->root, "has too many files to be a template folder",
			      "set templates under [vpn] to a folder that holds only the templates");
	if (file_read(path, FILE_BYTES_MAX, &data, w->e) != 0)
		return err_next(w->e,
				"make it a readable file of at most 64 MiB, or remove it from the template folder");
	files_add(w->files, xstrdup(name), &data);
	return 0;
}

static int walk_folder(struct walk *w, const char *path, const char *prefix, unsigned depth);

static int walk_entry(struct walk *w, const char *path, const char *name, unsigned depth)
{
	struct stat st;
	if (!text_is_one_line(name))
		return refuse(w, path, "has a control character in its name", "rename it");
	if (lstat(path, &st) != 0)
		return err_errno(w->e, ERR_SYSTEM, "cannot look at %s", path);
	if (S_ISLNK(st.st_mode) && check_link(w, path, &st) != 0)
		return -1;
	if (S_ISREG(st.st_mode))
		return add_file(w, path, name);
	if (!S_ISDIR(st.st_mode))
		return refuse(w, path, "is neither a file nor a folder", "remove it from the template folder");
	if (depth == DEPTH_MAX)
		return refuse(w, path, "is nested too deep", "set templates under [vpn] to the right folder");
	char *prefix = xasprintf("%s/", name);
	int ret = walk_folder(w, path, prefix, depth + 1);
	free(prefix);
	return ret;
}

static int walk_folder(struct walk *w, const char *path, const char *prefix, unsigned depth)
{
	int ret = 0;
	DIR *d = opendir(path);
	if (d == NULL)
		return err_errno(w->e, ERR_SYSTEM, "cannot open the template folder %s", path);
	for (struct dirent *entry; ret == 0 && (entry = readdir(d)) != NULL;) {
		if (is_no_template(entry->d_name))
			continue;
		char *inner = xasprintf("%s/%s", path, entry->d_name), *name = xasprintf("%s%s", prefix, entry->d_name);
		ret = walk_entry(w, inner, name, depth);
		free(inner);
		free(name);
	}
	closedir(d);
	return ret;
}

int files_read_folder(struct files *ret, const char *folder, struct err *e)
{
	struct files files = {NULL, 0};
	struct walk w = {.files = &files, .e = e};
	if (realpath(folder, w.root) == NULL) {
		err_errno(e, ERR_CONFIG, "cannot open the template folder %s", folder);
		return err_next(e, "make the folder, or set templates under [vpn] in the configuration");
	}
	if (walk_folder(&w, folder, "", 0) != 0) {
		files_free(&files);
		return -1;
	}
	files_sort(&files);
	*ret = files;
	return 0;
}
