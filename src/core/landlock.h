/*
 * landlock: what a process may still do to the file system, by the kernel's
 * Landlock (landlock(7); Linux 5.19 or later). Rights are first taken away
 * everywhere, then given back for single files or for folders with all that
 * is in them, then that is enforced, for this process and all that it starts,
 * for good. A process under it can also not look into one that is not
 * (ptrace, /proc/PID/mem), nor mount anything, not even as root.
 *
 * It decides when a file is opened, made, moved or removed. Not covered are
 * names (stat, listing a folder), modes, owners and times, sockets, what is
 * open already, and before Linux 6.2 cutting a file (truncate). Any process may
 * use this.
 */
#ifndef CORE_LANDLOCK_H
#define CORE_LANDLOCK_H

#include "core/pathset.h"

#include <stdbool.h>

enum landlock_right {
	LANDLOCK_READ = 1,    /* what is in files */
	LANDLOCK_CHANGE = 2,  /* write, cut, make, rename, link, remove */
	LANDLOCK_EXECUTE = 4, /* run programs */
};

struct landlock;

/* Begins with these rights (LANDLOCK_… together) taken away everywhere. Returns false, and leaves *ret alone, where the
 * kernel has no such thing. */
bool landlock_begin(struct landlock **ret, unsigned rights);

/* Gives rights back, for a file or for a folder with all that is and will be in it. A path that does not exist is
 * passed over. */
void landlock_allow(struct landlock *l, const char *path, unsigned rights);

/* The same for a name in an open folder; a symbolic link is not followed. file: it is known to be no folder. */
void landlock_allow_at(struct landlock *l, int folder, const char *name, unsigned rights, bool file);

/*
 * Gives rights back for everything there is, but for these places and all that is in them. Each folder that leads to
 * one, from the root on, is listed, and each entry beside the way is allowed. So directly in a folder on the way
 * nothing can be made or removed, and what appears there later cannot be opened. That also goes for a place that does
 * not exist yet. Costs about 4 us an entry; in a folder on the way with more than LANDLOCK_ENTRIES_MAX of them the rest
 * is not allowed, and none where it cannot be listed.
 */
void landlock_allow_all_but(struct landlock *l, const struct pathset *but, unsigned rights);

#define LANDLOCK_ENTRIES_MAX 16384

/* From here on it is so; frees *l. Also gives up new privileges (no_new_privs). Returns whether it took effect. To be
 * called before a second thread is started: only the caller's is bound. */
bool landlock_enforce(struct landlock **l);

/* Accepts NULL. */
void landlock_free(struct landlock **l);

#endif
