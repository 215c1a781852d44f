#include "core/file.h"
#include "core/xalloc.h"
#include "pkcs11/profile_read.h"

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define FILE_BYTES_MAX ((size_t)256 << 10)

struct entry {
	struct profile *profile;
};

struct profiles {
	struct profile *builtin;
	struct entry *v; /* by file name */
	size_t n;
};

static int is_profile(const struct dirent *d)
{
	size_t n = strlen(d->d_name);
	return n > 5 && d->d_name[0] != '.' && strcmp(d->d_name + n - 5, ".conf") == 0;
}

/* Where a file of this id is, or belongs. */
static size_t place_of(const struct profiles *p, const char *id, bool *ret_there)
{
	size_t i = 0;
	int order = 1;
	while (i < p->n && (order = strcmp(id, p->v[i].profile->id)) > 0)
		i++;
	*ret_there = i < p->n && order == 0;
	return i;
}

/* Puts one in, or with NULL takes one out. */
static void put(struct profiles *p, const char *id, struct profile *one)
{
	bool there;
	size_t i = place_of(p, id, &there);
	if (there)
		profile_free(&p->v[i].profile);
	if (one != NULL && !there) {
		p->v = xrealloc(p->v, p->n + 1, sizeof *p->v);
		memmove(p->v + i + 1, p->v + i, (p->n - i) * sizeof *p->v);
		p->n++;
	} else if (one == NULL && there) {
		memmove(p->v + i, p->v + i + 1, (p->n - i - 1) * sizeof *p->v);
		p->n--;
		return;
	}
	if (one != NULL)
		p->v[i].profile = one;
}

static bool has_no_key(const char *text)
{
	while (*(text += strspn(text, " \t\r\n")) == ';' || *text == '#')
		text += strcspn(text, "\n");
	return *text == '\0';
}

static int load_file(struct profiles *p, const char *folder, const char *name, unsigned nth, struct err *e)
{
	struct blob text = BLOB_INIT;
	struct profile *one = NULL;
	char *path = xasprintf("%s/%s", folder, name), *id = xasprintf("%.*s", (int)strlen(name) - 5, name);
	int ret = file_read(path, FILE_BYTES_MAX, &text, e);
	if (ret != 0 && e != NULL)
		e->code = ERR_CONFIG;
	if (ret == 0 && !has_no_key((const char *)text.data))
		ret = profile_parse(&one, path, text.data, text.len, e);
	if (ret == 0) {
		if (one != NULL)
			one->folder = nth;
		put(p, id, one);
	}
	blob_free(&text);
	free(path);
	free(id);
	return ret;
}

static int load_folder(struct profiles *p, const char *folder, unsigned nth, struct err *e)
{
	struct dirent **names = NULL;
	int n = scandir(folder, &names, is_profile, alphasort);
	if (n < 0 && errno == ENOENT)
		return 0;
	if (n < 0)
		return err_errno(e, ERR_CONFIG, "the folder with profiles of tokens, %s, cannot be read", folder);
	int ret = 0;
	for (int i = 0; i < n; i++) {
		if (ret == 0)
			ret = load_file(p, folder, names[i]->d_name, nth, e);
		free(names[i]);
	}
	free(names);
	return ret;
}

struct profile *profile_builtin(void)
{
	struct profile *p = xcalloc(1, sizeof *p);
	profile_set_defaults(p);
	p->name = xstrdup("unknown token");
	struct profile_reader r = {.p = p};
	/* the arguments that the standard has for each call */
	profile_complete_calls(&r);
	return p;
}

int profiles_load(struct profiles **ret, const char *const *folders, size_t n, struct err *e)
{
	struct profiles *p = xcalloc(1, sizeof *p);
	p->builtin = profile_builtin();
	for (size_t i = 0; i < n; i++) {
		if (load_folder(p, folders[i], (unsigned)i, e) != 0) {
			profiles_free(&p);
			return -1;
		}
	}
	*ret = p;
	return 0;
}

void profiles_free(struct profiles **p)
{
	if (p == NULL || *p == NULL)
		return;
	for (size_t i = 0; i < (*p)->n; i++)
		profile_free(&(*p)->v[i].profile);
	profile_free(&(*p)->builtin);
	free((*p)->v);
	free(*p);
	*p = NULL;
}

const struct profile *profiles_at(const struct profiles *p, size_t i)
{
	return i < p->n ? p->v[i].profile : NULL;
}

const struct profile *profiles_builtin(const struct profiles *p)
{
	return p->builtin;
}
