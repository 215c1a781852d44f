#include "core/process.h"
#include "core/xalloc.h"
#include "pkcs11/profile.h"

#include <limits.h>
#include <stdlib.h>
#include <unistd.h>

/* The shipped ones: beside this program, as it is built; in ../share/tokenroll, as it is installed, also in another
 * root; else where it was to be installed. */
static char *shipped(void)
{
	static const char *const near[] = {"profiles", "../share/tokenroll/profiles"};
	char folder[PATH_MAX];
	for (size_t i = 0; i < sizeof near / sizeof *near && process_folder(folder, NULL) == 0; i++) {
		char *path = xasprintf("%s/%s", folder, near[i]);
		if (access(path, R_OK) == 0)
			return path;
		free(path);
	}
	return xstrdup(PROFILE_DIR_SHIPPED);
}

int profiles_load_usual(struct profiles **ret, const char *own, struct err *e)
{
	char *first = shipped();
	const char *const folders[] = {first, own != NULL ? own : PROFILE_DIR_LOCAL};
	int got = 0;
	if (own != NULL && access(own, R_OK | X_OK) != 0) {
		err_errno(e, ERR_CONFIG, "the folder with profiles of tokens, %s, cannot be read", own);
		got = err_next(e, "make it, or correct [token] profiles in the configuration");
	}
	if (got == 0)
		got = profiles_load(ret, folders, 2, e);
	free(first);
	return got;
}
