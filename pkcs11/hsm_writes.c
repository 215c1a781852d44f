/* hsm_writes: SoftHSM keeps its tokens in a folder that its configuration names, and writes there also to log in. */
#include "core/file.h"
#include "core/xalloc.h"
#include "pkcs11/hsm.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CONFIG_MAX ((size_t)64 << 10)

/* Where SoftHSM looks (softhsm2.conf(5)). */
static char *config_path(void)
{
	const char *named = getenv("SOFTHSM2_CONF"), *home = getenv("HOME");
	if (named != NULL)
		return xstrdup(named);
	char *own = xasprintf("%s/.config/softhsm2/softhsm2.conf", home != NULL ? home : "");
	if (access(own, F_OK) == 0)
		return own;
	free(own);
	return access("/etc/softhsm/softhsm2.conf", F_OK) == 0 ? xstrdup("/etc/softhsm/softhsm2.conf")
							       : xstrdup("/etc/softhsm2.conf");
}

/* The value of a line "NAME = VALUE", to be freed, or NULL. */
static char *value_of(const char *line, size_t len, const char *name)
{
	static const char blank[] = " \t\r";
	char *text = xasprintf("%.*s", (int)len, line), *ret = NULL;
	char *p = text + strspn(text, blank);
	size_t n = strlen(name);
	if (strncmp(p, name, n) == 0 && p[n + strspn(p + n, blank)] == '=') {
		char *value = strchr(p, '=') + 1;
		value += strspn(value, blank);
		size_t end = strlen(value);
		while (end > 0 && strchr(blank, value[end - 1]) != NULL)
			end--;
		ret = xasprintf("%.*s", (int)end, value);
	}
	free(text);
	return ret;
}

void p11_hsm_writes(const struct p11_uri *uri, struct pathset *ret)
{
	struct blob text = BLOB_INIT;
	char *module = p11_uri_module_path(uri), *path = config_path();
	bool is_softhsm = module != NULL && strstr(module, "softhsm") != NULL;
	if (is_softhsm && file_read(path, CONFIG_MAX, &text, NULL) == 0) {
		const char *p = (const char *)text.data, *end = p + text.len;
		for (const char *lf; p < end; p = lf < end ? lf + 1 : end) {
			lf = memchr(p, '\n', (size_t)(end - p));
			lf = lf != NULL ? lf : end;
			char *folder = value_of(p, (size_t)(lf - p), "directories.tokendir");
			if (folder != NULL)
				pathset_add(ret, pathset_resolve(folder));
			free(folder);
		}
	}
	blob_free(&text);
	free(path);
	free(module);
}
