#include "enroll/hide.h"
#include "core/file.h"
#include "core/landlock.h"
#include "core/xalloc.h"

#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define RIGHTS (LANDLOCK_READ | LANDLOCK_CHANGE)

static void add(struct pathset *h, const char *path)
{
	pathset_add(h, pathset_resolve(path));
}

/* Its keys may be links to another place. */
static void add_pki(struct pathset *h, const char *pki)
{
	static const char *const in[] = {"", "/private", "/private/ca.key"};
	for (size_t i = 0; i < sizeof in / sizeof *in; i++) {
		char *path = xasprintf("%s%s", pki, in[i]);
		add(h, path);
		free(path);
	}
}

/* What SQLite and the store keep beside the database has its name, or that of what it is a link to. */
static void add_family(struct pathset *h, const char *database)
{
	static const char *const endings[] = {"", "-journal", "-wal", "-shm", "-lock", "-new", ".v1", ".v2"};
	for (size_t i = 0; i < sizeof endings / sizeof *endings; i++)
		pathset_add(h, xasprintf("%s%s", database, endings[i]));
}

static void add_store(struct pathset *h, const char *path)
{
	char *real = pathset_resolve(path);
	char *copy = xstrdup(path);
	char *folder = pathset_resolve(dirname(copy));
	const char *slash = strrchr(path, '/');
	char *own = folder != NULL ? xasprintf("%s/%s", folder, slash != NULL ? slash + 1 : path) : NULL;
	if (own != NULL)
		add_family(h, own);
	if (real != NULL && (own == NULL || strcmp(own, real) != 0))
		add_family(h, real);
	free(own);
	free(folder);
	free(copy);
	free(real);
}

/* Whether a folder on the way there, that is on no other way yet, is one in which everybody makes files. */
static bool leads_through_shared(const struct pathset *h, const char *path)
{
	char folder[PATH_MAX];
	for (const char *slash = strchr(path + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		struct stat st;
		snprintf(folder, sizeof folder, "%.*s", (int)(slash - path), path);
		if (!pathset_leads(h, folder) && stat(folder, &st) == 0 && (st.st_mode & S_IWOTH) != 0)
			return true;
	}
	return false;
}

/* The user's home, to be freed, or NULL. */
static char *home(void)
{
	const char *path = getenv("HOME");
	return path != NULL ? pathset_resolve(path) : NULL;
}

static void add_if_apart(struct pathset *h, const char *path)
{
	char *real = pathset_resolve(path), *at_home = home();
	bool is_home = real != NULL && at_home != NULL && pathset_within(real, at_home);
	free(at_home);
	if (real != NULL && !is_home && !pathset_leads(h, real) && !leads_through_shared(h, real))
		pathset_add(h, real);
	else
		free(real);
}

/* What to hide, of all the places. */
static void resolve(struct pathset *ret, const struct worker_place *places, size_t n)
{
	/* in this order: what is hidden anyway decides what else can be */
	static const struct {
		enum worker_place_kind kind;
		void (*add)(struct pathset *h, const char *path);
	} order[] = {
	    {WORKER_PLACE_PKI, add_pki},         {WORKER_PLACE_KEY, add},          {WORKER_PLACE_MODULE, add},
	    {WORKER_PLACE_STORE, add_store},     {WORKER_PLACE_UNUSED, add_store}, {WORKER_PLACE_BUNDLES, add_if_apart},
	    {WORKER_PLACE_SECRET, add_if_apart},
	};
	for (size_t k = 0; k < sizeof order / sizeof *order; k++) {
		for (size_t i = 0; i < n; i++) {
			if (places[i].kind == order[k].kind)
				order[k].add(ret, places[i].path);
		}
	}
}

/* It may be missing from a list that is too long, or that we may not read. */
static void allow_home(struct landlock *l, const struct pathset *hidden)
{
	char *path = home();
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
	char *at = home();
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

/* The file for worker_turn, to be freed; NULL if there is no database. */
static char *turn_file(const struct worker_place *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (places[i].kind == WORKER_PLACE_STORE)
			return xasprintf("%s" WORKER_TURN_SUFFIX, places[i].path);
	}
	return NULL;
}

static bool leaves_traces(const struct worker_place *places, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (places[i].kind == WORKER_PLACE_UNUSED)
			return false;
	}
	return true;
}

int hide_start(struct rpc_msg *in, struct pathset *ret_hidden, bool *ret_took_effect)
{
	struct worker_place places[WORKER_PLACES_MAX];
	char *paths[WORKER_PLACES_MAX];
	size_t n = 0;
	for (; n < WORKER_PLACES_MAX && !in->bad && in->pos < in->len; n++) {
		places[n].kind = (enum worker_place_kind)rpc_get_u32(in);
		places[n].path = paths[n] = rpc_get_strdup(in, PATH_MAX);
	}
	bool good = rpc_msg_done(in);
	if (good) {
		char *turn = turn_file(places, n);
		resolve(ret_hidden, places, n);
		*ret_took_effect = enforce(ret_hidden, turn, leaves_traces(places, n));
		free(turn);
	}
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
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
