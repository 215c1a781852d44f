/* uri_module: the module of a PKCS#11 URI. Without loading anything: p11-kit could tell by its registered names, but
 * would load every module for that. */
#include "pkcs11/uri.h"

#include "core/xalloc.h"
#include "pkcs11/profile.h"

#include <stdlib.h>
#include <string.h>

char *p11_uri_module_path(const struct p11_uri *u)
{
	static const char *const before[] = {"", "lib"};
	if (u->module == NULL || strchr(u->module, '/') != NULL)
		return u->module != NULL ? profile_module_path(u->module) : NULL;
	const char *ending = strstr(u->module, ".so") != NULL ? "" : ".so";
	for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
		char *name = xasprintf("%s%s%s", before[i], u->module, ending);
		char *path = profile_module_path(name);
		free(name);
		if (path != NULL)
			return path;
	}
	return NULL;
}
