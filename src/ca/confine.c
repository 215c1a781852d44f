#include "ca/confine.h"

#include "ca/pki.h"
#include "core/xalloc.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifdef LANDLOCK_ACCESS_FS_REFER

/* Before this version a file could not be moved from one folder to another at all, as revoking does. */
#define ABI_WITH_REFER 2

#define CHANGES                                                                                           \
	(LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | \
	 LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM |        \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_CHAR |     \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK | LANDLOCK_ACCESS_FS_REFER)

static void allow(int ruleset, const char *folder)
{
	struct landlock_path_beneath_attr rule = {.allowed_access = CHANGES};
	rule.parent_fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (rule.parent_fd < 0)
		return;
	(void)syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	close(rule.parent_fd);
}

/* The folders in it are named as well, for those that are links to another place. */
static void allow_pki(int ruleset, const struct ca *ca)
{
	static const char *const folders[] = {".",           "certs_by_serial", "issued",  "private",
					      "reqs",        "renewed/issued",  "revoked", "renewed/private",
					      "renewed/reqs"};
	for (size_t i = 0; i < sizeof folders / sizeof *folders; i++) {
		char *path = pki_path(ca, "%s", folders[i]);
		allow(ruleset, path);
		free(path);
	}
}

static void allow_crl(int ruleset, const struct ca *ca)
{
	const char *slash = ca->crl_file != NULL ? strrchr(ca->crl_file, '/') : NULL;
	if (slash == NULL)
		return;
	char *folder = xasprintf("%.*s/", (int)(slash - ca->crl_file), ca->crl_file);
	allow(ruleset, folder);
	free(folder);
}

bool ca_confine(const struct ca *ca)
{
	const struct landlock_ruleset_attr attr = {.handled_access_fs = CHANGES | LANDLOCK_ACCESS_FS_EXECUTE};
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < ABI_WITH_REFER)
		return false;
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (ruleset < 0)
		return false;
	allow_pki(ruleset, ca);
	allow_crl(ruleset, ca);
	bool done = prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	close(ruleset);
	return done;
}

#else

bool ca_confine(const struct ca *ca)
{
	(void)ca;
	return false;
}

#endif
