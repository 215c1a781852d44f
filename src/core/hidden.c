#include "core/hidden.h"

#include "core/xalloc.h"

#include <libgen.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_secret(enum hidden_kind kind)
{
	return kind == HIDDEN_MAIL || kind == HIDDEN_CA_SECRET || kind == HIDDEN_SECRET;
}

/* To be freed; NULL if there is nothing to hide. */
static char *common_path(enum hidden_kind kind, const char *path)
{
	struct stat st;
	if (!is_secret(kind))
		return xstrdup(path);
	/* what another process calls /dev/fd/3 is something else, and pipes and terminals are no places */
	return stat(path, &st) == 0 && S_ISREG(st.st_mode) ? realpath(path, NULL) : NULL;
}

/* Takes path over. */
static void append(struct hidden_list *l, enum hidden_kind kind, char *path)
{
	l->place = xrealloc(l->place, l->n + 1, sizeof *l->place);
	l->place[l->n++] = (struct hidden_place){kind, path};
}

void hidden_add(struct hidden_list *l, enum hidden_kind kind, const char *path)
{
	char *common = path != NULL && *path != '\0' ? common_path(kind, path) : NULL;
	if (common != NULL)
		append(l, kind, common);
}

void hidden_copy(struct hidden_list *ret, const struct hidden_list *l)
{
	*ret = (struct hidden_list){NULL, 0};
	for (size_t i = 0; i < l->n; i++)
		append(ret, l->place[i].kind, xstrdup(l->place[i].path));
}

void hidden_free(struct hidden_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->place[i].path);
	free(l->place);
	*l = (struct hidden_list){NULL, 0};
}

void hidden_put(struct rpc_msg *m, const struct hidden_place *place, size_t n)
{
	rpc_put_u32(m, (uint32_t)n);
	for (size_t i = 0; i < n; i++) {
		rpc_put_u32(m, place[i].kind);
		rpc_put_str(m, place[i].path);
	}
}

void hidden_get(struct rpc_msg *m, struct hidden_list *ret)
{
	uint32_t n = rpc_get_u32(m);
	m->bad = m->bad || n > HIDDEN_PLACES_MAX;
	hidden_free(ret);
	for (uint32_t i = 0; i < n && !m->bad; i++) {
		uint32_t kind = rpc_get_u32(m);
		append(ret, (enum hidden_kind)kind, rpc_get_strdup(m, PATH_MAX));
		m->bad = m->bad || kind >= HIDDEN_KIND_COUNT;
	}
}

/* ---- what that is in the file system */

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

/* What SQLite and the store keep beside the database, or is kept there for it, has its name, or that of what it is a
 * link to. */
static void add_family(struct pathset *h, const char *database)
{
	static const char *const endings[] = {"",     "-journal", "-wal", "-shm", "-lock",
					      "-new", "-turn",    ".v1",  ".v2",  ".after-crl"};
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

char *hidden_home(void)
{
	const char *path = getenv("HOME");
	return path != NULL ? pathset_resolve(path) : NULL;
}

static void add_if_apart(struct pathset *h, const char *path, const struct pathset *needed)
{
	char *real = pathset_resolve(path), *at_home = hidden_home();
	bool is_home = real != NULL && at_home != NULL && pathset_within(real, at_home);
	bool is_needed =
	    real != NULL && needed != NULL && (pathset_leads(needed, real) || pathset_holder(needed, real) != NULL);
	free(at_home);
	if (real != NULL && !is_home && !is_needed && !pathset_leads(h, real) && !leads_through_shared(h, real))
		pathset_add(h, real);
	else
		free(real);
}

void hidden_resolve(struct pathset *ret, const struct hidden_list *l, unsigned kinds, const struct pathset *needed)
{
	/* in the order of the kinds: what is hidden anyway decides what else can be */
	static void (*const always[])(struct pathset * h, const char *path) = {
	    [HIDDEN_PKI] = add_pki,     [HIDDEN_KEY] = add,          [HIDDEN_MODULE] = add,
	    [HIDDEN_STORE] = add_store, [HIDDEN_UNUSED] = add_store, [HIDDEN_KIND_COUNT] = NULL,
	};
	for (unsigned kind = 0; kind < HIDDEN_KIND_COUNT; kind++) {
		for (size_t i = 0; l != NULL && i < l->n; i++) {
			if (l->place[i].kind != kind || (kinds & HIDDEN_BIT(kind)) == 0)
				continue;
			if (always[kind] != NULL)
				always[kind](ret, l->place[i].path);
			else
				add_if_apart(ret, l->place[i].path, needed);
		}
	}
}
