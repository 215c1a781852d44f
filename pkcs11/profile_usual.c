#include "core/share.h"
#include "pkcs11/profile.h"

#include <stdlib.h>
#include <unistd.h>

int profiles_load_usual(struct profiles **ret, const char *own, struct err *e)
{
	char *first = share_path("profiles");
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
