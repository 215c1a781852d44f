#include "core/landlock.h"
#include "core/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

/* newer than the kernel headers of Debian 12 */
#ifndef LANDLOCK_ACCESS_FS_TRUNCATE
#define LANDLOCK_ACCESS_FS_TRUNCATE (1ULL << 14)
#endif

/* Before this version no file could be moved from one folder to another at all, as revoking does. */
#define ABI_WITH_REFER 2
#define ABI_WITH_TRUNCATE 3

#define WRITES (LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_TRUNCATE)
#define MAKES                                                                                         \
	(LANDLOCK_ACCESS_FS_MAKE_REG | LANDLOCK_ACCESS_FS_MAKE_DIR | LANDLOCK_ACCESS_FS_MAKE_SYM |    \
	 LANDLOCK_ACCESS_FS_MAKE_FIFO | LANDLOCK_ACCESS_FS_MAKE_SOCK | LANDLOCK_ACCESS_FS_MAKE_CHAR | \
	 LANDLOCK_ACCESS_FS_MAKE_BLOCK)
#define MOVES (LANDLOCK_ACCESS_FS_REMOVE_FILE | LANDLOCK_ACCESS_FS_REMOVE_DIR | LANDLOCK_ACCESS_FS_REFER)

/* the only ones that a rule for a single file may name */
#define OF_A_FILE (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_EXECUTE | WRITES)

struct landlock {
	int ruleset;
	uint64_t known; /* the kernel's rights that this one has */
};

static uint64_t accesses(unsigned rights)
{
	static const struct {
		unsigned right;
		uint64_t access;
	} map[] = {
	    {LANDLOCK_READ, LANDLOCK_ACCESS_FS_READ_FILE},
	    {LANDLOCK_CHANGE, WRITES | MAKES | MOVES},
	    {LANDLOCK_EXECUTE, LANDLOCK_ACCESS_FS_EXECUTE},
	};
	uint64_t ret = 0;
	for (size_t i = 0; i < sizeof map / sizeof *map; i++)
		ret |= (rights & map[i].right) != 0 ? map[i].access : 0;
	return ret;
}

bool landlock_begin(struct landlock **ret, unsigned rights)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
	if (abi < ABI_WITH_REFER)
		return false;
	uint64_t known = abi < ABI_WITH_TRUNCATE ? ~(uint64_t)LANDLOCK_ACCESS_FS_TRUNCATE : ~(uint64_t)0;
	const struct landlock_ruleset_attr attr = {.handled_access_fs = accesses(rights) & known};
	int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attr, sizeof attr, 0);
	if (ruleset < 0)
		return false;
	*ret = xcalloc(1, sizeof **ret);
	**ret = (struct landlock){.ruleset = ruleset, .known = attr.handled_access_fs};
	return true;
}

static bool add(const struct landlock *l, int fd, uint64_t access)
{
	const struct landlock_path_beneath_attr rule = {.allowed_access = access & l->known, .parent_fd = fd};
	return syscall(SYS_landlock_add_rule, l->ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

static void allow(const struct landlock *l, int fd, unsigned rights, bool file)
{
	if (fd < 0)
		return;
	if (file || (!add(l, fd, accesses(rights)) && errno == EINVAL))
		(void)add(l, fd, accesses(rights) & OF_A_FILE);
	close(fd);
}

void landlock_allow(struct landlock *l, const char *path, unsigned rights)
{
	allow(l, open(path, O_PATH | O_CLOEXEC), rights, false);
}

void landlock_allow_at(struct landlock *l, int folder, const char *name, unsigned rights, bool file)
{
	allow(l, openat(folder, name, O_PATH | O_NOFOLLOW | O_CLOEXEC), rights, file);
}

bool landlock_enforce(struct landlock **l)
{
	bool done =
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && syscall(SYS_landlock_restrict_self, (*l)->ruleset, 0) == 0;
	landlock_free(l);
	return done;
}

void landlock_free(struct landlock **l)
{
	if (l == NULL || *l == NULL)
		return;
	close((*l)->ruleset);
	free(*l);
	*l = NULL;
}
