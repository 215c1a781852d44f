#include "enroll/hide.h"
#include "core/file.h"
#include "core/landlock.h"
#include "core/xalloc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RIGHTS (LANDLOCK_READ | LANDLOCK_CHANGE)

/* It may be missing from a list that is too long, or that we may not read. */
static void allow_home(struct landlock *l, const struct pathset *hidden)
{
	char *path = hidden_home();
	if (path != NULL && !pathset_leads(hidden, path) && pathset_holder(hidden, path) == NULL)
		landlock_allow(l, path, RIGHTS);
	free(path);
}

/* The folder for caches (XDG Base Directory Specification), resolved, to be freed; NULL if there is none. */
static char *cache_folder(void)
{
	const char *xdg = getenv("XDG_CACHE_HOME");
	if (xdg != NULL && *xdg == '/')
		return pathset_resolve(xdg);
	char *at = hidden_home();
	char *path = at != NULL ? xasprintf("%s/.cache", at) : NULL;
	char *ret = path != NULL ? pathset_resolve(path) : NULL;
	free(path);
	free(at);
	return ret;
}

/* OpenSC and others make it when they first need it. */
static void make_cache(const struct pathset *hidden)
{
	char *cache = cache_folder();
	char *slash = cache != NULL ? strrchr(cache, '/') : NULL;
	struct stat st;
	if (slash != NULL && pathset_holder(hidden, cache) == NULL) {
		*slash = '\0';
		bool ours = pathset_leads(hidden, cache) && stat(cache, &st) == 0 && st.st_uid == geteuid();
		*slash = '/';
		if (ours)
			(void)mkdir(cache, 0700);
	}
	free(cache);
}

/* Without an error: whoever needs it finds out. */
static void make_file(const char *path)
{
	const char *slash = strrchr(path, '/');
	if (slash != NULL && slash > path) {
		char *folder = xasprintf("%.*s", (int)(slash - path), path);
		(void)file_mkdir(folder, 0700, NULL);
		free(folder);
	}
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0)
		close(fd);
}

/* All but the file keep, which may be NULL. traces: what is missing is made. */
static bool enforce(const struct pathset *hidden, const char *keep, bool traces)
{
	struct landlock *l = NULL;
	if (!landlock_begin(&l, RIGHTS))
		return false;
	if (keep != NULL)
		make_file(keep);
	if (traces)
		make_cache(hidden);
	landlock_allow_all_but(l, hidden, RIGHTS);
	allow_home(l, hidden);
	if (keep != NULL)
		landlock_allow_at(l, AT_FDCWD, keep, RIGHTS, true);
	return landlock_enforce(&l);
}

/* The path of the first place of this kind; NULL if there is none. */
static const char *path_of(const struct hidden_list *l, enum hidden_kind kind)
{
	for (size_t i = 0; i < l->n; i++) {
		if (l->place[i].kind == kind)
			return l->place[i].path;
	}
	return NULL;
}

int hide_start(struct rpc_msg *in, struct pathset *ret_hidden, bool *ret_took_effect)
{
	struct hidden_list places = {NULL, 0};
	hidden_get(in, &places);
	bool good = rpc_msg_done(in);
	if (good) {
		const char *store = path_of(&places, HIDDEN_STORE);
		char *turn = store != NULL ? xasprintf("%s" WORKER_TURN_SUFFIX, store) : NULL;
		hidden_resolve(ret_hidden, &places, HIDDEN_ALL, NULL);
		*ret_took_effect = enforce(ret_hidden, turn, path_of(&places, HIDDEN_UNUSED) == NULL);
		free(turn);
	}
	hidden_free(&places);
	if (good && !*ret_took_effect)
		pathset_free(ret_hidden);
	return good ? 0 : -1;
}

int hide_check_module(const struct pathset *hidden, const char *path, struct err *e)
{
	char *real = pathset_resolve(path);
	const char *place = real != NULL ? pathset_holder(hidden, real) : NULL;
	free(real);
	if (place == NULL)
		return 0;
	err_set(e, ERR_MODULE, "the PKCS#11 module %s is in %s, where no module may look", path, place);
	return err_next(e, "keep the module and its files in a folder of their own");
}
