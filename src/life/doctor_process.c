/*
 * doctor_process: who runs it, and what the kernel does for its secrets.
 */
#include "life/doctor_impl.h"

#include "core/landlock.h"
#include "core/secret.h"
#include "core/xalloc.h"
#include "enroll/worker.h"

#include <grp.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

/* The group that udev and polkit know (udev/). */
#define GROUP "tokenroll"

/* So many are in memory at once at most: a PIN, an SO PIN and a PUK each old and new, a passphrase, a recovery key's,
 * and those that are on their way in a message. */
#define SECRETS_AT_ONCE 16

static bool session_has(gid_t group)
{
	int n = getgroups(0, NULL);
	gid_t *list = xcalloc(n > 0 ? (size_t)n : 1, sizeof *list);
	bool has = getegid() == group;
	n = getgroups(n, list);
	for (int i = 0; i < n; i++)
		has = has || list[i] == group;
	free(list);
	return has;
}

static bool group_lists(const struct group *g, const char *user)
{
	for (char **m = g->gr_mem; *m != NULL; m++) {
		if (strcmp(*m, user) == 0)
			return true;
	}
	return false;
}

static void look_at_user(struct doctor_run *r)
{
	const struct passwd *pw = getpwuid(geteuid());
	char *name = pw != NULL ? xstrdup(pw->pw_name) : xstrdup("a user without a name");
	const struct group *g = getgrnam(GROUP);
	bool has = g != NULL && session_has(g->gr_gid);
	if (g != NULL && !has && group_lists(g, name)) {
		doctor_say(r, DOCTOR_PROCESS, DOCTOR_NOTE, "user",
			   "%s (uid %u), who is in the group " GROUP ", but was not when this session began", name,
			   (unsigned)geteuid());
		doctor_next(r, "log out and in again");
	} else {
		doctor_say(r, DOCTOR_PROCESS, DOCTOR_OK, "user", "%s (uid %u)%s", name, (unsigned)geteuid(),
			   has         ? ", in the group " GROUP
			   : g != NULL ? ", not in the group " GROUP
				       : "; there is no group " GROUP);
	}
	free(name);
}

/* It is tried, as the limit is not all that counts: there are capabilities, and what other processes have locked. */
static bool can_lock(size_t bytes)
{
	void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		return false;
	bool locked = mlock(p, bytes) == 0;
	munmap(p, bytes);
	return locked;
}

static void describe_limit(char *ret, size_t size)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_MEMLOCK, &limit) != 0)
		snprintf(ret, size, "unknown");
	else if (limit.rlim_cur == RLIM_INFINITY)
		snprintf(ret, size, "none");
	else
		snprintf(ret, size, "%llu KiB", (unsigned long long)limit.rlim_cur / 1024);
}

static void look_at_locked_memory(struct doctor_run *r)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	size_t need = SECRETS_AT_ONCE * ((sizeof(struct secret) + page - 1) / page * page);
	char limit[40];
	describe_limit(limit, sizeof limit);
	if (can_lock(need)) {
		doctor_say(r, DOCTOR_PROCESS, DOCTOR_OK, "locked-memory",
			   "secrets can be locked in memory: they take %zu KiB at most, the limit is %s", need / 1024,
			   limit);
		return;
	}
	doctor_say(
	    r, DOCTOR_PROCESS, DOCTOR_NOTE, "locked-memory",
	    "not all secrets can be locked in memory (they take %zu KiB at most, the limit is %s), so they may be "
	    "written to a swap partition",
	    need / 1024, limit);
	doctor_next(r, "raise the limit of locked memory (ulimit -l, LimitMEMLOCK= in a unit)");
}

static void look_at_landlock(struct doctor_run *r)
{
	struct landlock *l = NULL;
	bool there = landlock_begin(&l, LANDLOCK_READ | LANDLOCK_CHANGE);
	landlock_free(&l);
	if (there)
		doctor_say(r, DOCTOR_PROCESS, DOCTOR_OK, "landlock",
			   "the kernel has it: a token's module is kept from the CA's files");
	else
		doctor_say(r, DOCTOR_PROCESS, DOCTOR_NOTE, "landlock", "%s", WORKER_NOT_KEPT);
}

static void look_at_core_files(struct doctor_run *r)
{
	struct rlimit limit;
	bool none = getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0 && prctl(PR_GET_DUMPABLE) == 0;
	doctor_say(r, DOCTOR_PROCESS, none ? DOCTOR_OK : DOCTOR_NOTE, "core-files",
		   none ? "none is written of this program" : "one may be written of this program, with secrets in it");
}

void doctor_process(struct doctor_run *r)
{
	look_at_user(r);
	look_at_locked_memory(r);
	look_at_landlock(r);
	look_at_core_files(r);
}
