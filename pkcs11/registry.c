#include "pkcs11/registry.h"

#include "core/file.h"
#include "core/xalloc.h"

#include <dirent.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifndef P11_MODULE_CONFIGS
#define P11_MODULE_CONFIGS "/usr/share/p11-kit/modules"
#endif
#ifndef P11_MODULE_PATH
#define P11_MODULE_PATH "/usr/lib/pkcs11"
#endif
#define SYSTEM_FOLDER "/etc/pkcs11"
#define ENDING ".module"
#define FILE_BYTES_MAX ((size_t)64 << 10)
#define VALUE_MAX 512

enum user_mode { USER_NONE, USER_MERGE, USER_ONLY };

/* What the files of one name say together; the first that says something counts. */
struct entry {
	char name[64];
	char module[VALUE_MAX], trust[VALUE_MAX], only_in[VALUE_MAX];
};

struct entries {
	struct entry *list;
	size_t n;
};

/* The rest of a line "key: value" without the blanks around it; false if it is another line. */
static bool read_value(const char *line, size_t len, const char *key, char ret[VALUE_MAX])
{
	size_t k = strlen(key);
	if (len <= k || strncmp(line, key, k) != 0)
		return false;
	const char *p = line + k, *end = line + len;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p++ != ':')
		return false;
	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	while (end > p && strchr(" \t\r", end[-1]) != NULL)
		end--;
	snprintf(ret, VALUE_MAX, "%.*s", (int)(end - p), p);
	return true;
}

/* The value of a key in a file; "" if there is none. */
static void find_value(const struct blob *text, const char *key, char ret[VALUE_MAX])
{
	const char *p = (const char *)text->data;
	*ret = '\0';
	while (p != NULL && *p != '\0') {
		size_t len = strcspn(p, "\n");
		const char *line = p + strspn(p, " \t");
		if (line < p + len && read_value(line, len - (size_t)(line - p), key, ret))
			return;
		p += len + (p[len] == '\n');
	}
}

static enum user_mode read_mode(const char *folder, enum user_mode otherwise)
{
	char *path = xasprintf("%s/pkcs11.conf", folder), value[VALUE_MAX] = "";
	struct blob text = BLOB_INIT;
	if (file_read(path, FILE_BYTES_MAX, &text, NULL) == 0)
		find_value(&text, "user-config", value);
	blob_free(&text);
	free(path);
	return strcmp(value, "none") == 0    ? USER_NONE
	       : strcmp(value, "merge") == 0 ? USER_MERGE
	       : strcmp(value, "only") == 0  ? USER_ONLY
					     : otherwise;
}

/* To be freed; NULL for root, whose own p11-kit does not look at. */
static char *user_folder(void)
{
	const char *xdg = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	if (getuid() == 0)
		return NULL;
	if (xdg != NULL && *xdg == '/')
		return xasprintf("%s/pkcs11", xdg);
	return home != NULL && *home == '/' ? xasprintf("%s/.config/pkcs11", home) : NULL;
}

static struct entry *entry_of(struct entries *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++) {
		if (strcmp(all->list[i].name, name) == 0)
			return &all->list[i];
	}
	all->list = xrealloc(all->list, all->n + 1, sizeof *all->list);
	struct entry *e = &all->list[all->n++];
	memset(e, 0, sizeof *e);
	snprintf(e->name, sizeof e->name, "%s", name);
	return e;
}

static void read_file(struct entries *all, const char *folder, const char *file)
{
	char *path = xasprintf("%s/%s", folder, file), *name = xstrdup(file);
	struct blob text = BLOB_INIT;
	name[strlen(name) - strlen(ENDING)] = '\0';
	if (file_read(path, FILE_BYTES_MAX, &text, NULL) == 0) {
		struct entry *e = entry_of(all, name);
		if (e->module[0] == '\0')
			find_value(&text, "module", e->module);
		if (e->trust[0] == '\0')
			find_value(&text, "trust-policy", e->trust);
		if (e->only_in[0] == '\0')
			find_value(&text, "enable-in", e->only_in);
	}
	blob_free(&text);
	free(path);
	free(name);
}

static int is_registration(const struct dirent *d)
{
	size_t n = strlen(d->d_name), ending = strlen(ENDING);
	return n > ending && strcmp(d->d_name + n - ending, ENDING) == 0;
}

static void read_folder(struct entries *all, const char *folder)
{
	struct dirent **files = NULL;
	int n = scandir(folder, &files, is_registration, alphasort);
	for (int i = 0; i < n; i++) {
		read_file(all, folder, files[i]->d_name);
		free(files[i]);
	}
	if (n >= 0)
		free(files);
}

static void read_all(struct entries *all)
{
	char *own = user_folder();
	enum user_mode mode = read_mode(SYSTEM_FOLDER, USER_MERGE);
	if (own != NULL && mode != USER_NONE) {
		mode = read_mode(own, mode);
		char *modules = xasprintf("%s/modules", own);
		if (mode != USER_NONE)
			read_folder(all, modules);
		free(modules);
	}
	if (own == NULL || mode != USER_ONLY) {
		read_folder(all, SYSTEM_FOLDER "/modules");
		read_folder(all, P11_MODULE_CONFIGS);
	}
	free(own);
}

static bool is_for_us(const struct entry *e)
{
	return e->module[0] != '\0' && strcmp(e->trust, "yes") != 0 && e->only_in[0] == '\0' &&
	       strstr(e->module, "p11-kit-proxy") == NULL;
}

void p11_registry_read(struct p11_module_name **ret, size_t *ret_n)
{
	struct entries all = {NULL, 0};
	read_all(&all);
	struct p11_module_name *list = xcalloc(all.n, sizeof *list);
	size_t n = 0;
	for (size_t i = 0; i < all.n; i++) {
		const struct entry *e = &all.list[i];
		if (!is_for_us(e))
			continue;
		memcpy(list[n].name, e->name, sizeof list[n].name);
		snprintf(list[n].path, sizeof list[n].path, "%s%s", e->module[0] == '/' ? "" : P11_MODULE_PATH "/",
			 e->module);
		n++;
	}
	free(all.list);
	*ret = list;
	*ret_n = n;
}
