#include "enroll/cards.h"
#include "core/xalloc.h"
#include "enroll/discover.h"
#include "pkcs11/opensc.h"

#include <stdlib.h>
#include <string.h>

static const char *file_name(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash != NULL ? slash + 1 : path;
}

bool cards_same_library(const char *a, const char *b)
{
	size_t n = strcspn(file_name(a), ".");
	return n == strcspn(file_name(b), ".") && strncmp(file_name(a), file_name(b), n) == 0;
}

bool discover_enrolls(const struct profile *p, const struct worker_module *m)
{
	for (size_t i = 0; i < p->module.enroll.n; i++) {
		const char *name = p->module.enroll.v[i];
		if (strcmp(name, m->name) == 0 || cards_same_library(name, m->path))
			return true;
	}
	return p->module.enroll.n == 0;
}

char *cards_module_for(const struct profile *p)
{
	char *path = NULL;
	for (size_t i = 0; i < p->module.enroll.n && path == NULL; i++)
		path = profile_module_path(p->module.enroll.v[i]);
	return path;
}

/* Whether a card is none of this module's business: it can only be enrolled with another one, which is here and looks
 * at this reader. */
static bool is_anothers(const struct profile *p, const struct worker_module *m, const char *reader)
{
	if (!p->module.required || discover_enrolls(p, m) || !profile_looks_at(p, reader))
		return false;
	char *other = cards_module_for(p);
	free(other);
	return other != NULL;
}

char *cards_describe(const struct reader *readers, size_t n, const struct profiles *profiles,
		     const struct worker_module *m, bool module_given, const char *only)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = opensc_is_module(m->path) ? open_memstream(&text, &len) : NULL;
	if (f == NULL)
		return xstrdup("");
	for (size_t i = 0; i < n; i++) {
		const struct reader *r = &readers[i];
		struct profile_token facts = {.fact = {[PROFILE_READER] = r->name, [PROFILE_ATR] = r->atr}};
		const struct profile *p = profiles_match(profiles, &facts);
		bool left_out = only[0] == '\0' && reader_is_ambiguous(readers, n, r);
		if (r->present && (left_out || (!module_given && is_anothers(p, m, r->name))))
			fprintf(f, OPENSC_IGNORE "%s\n", r->name);
		else if (r->present && p->module.opensc_driver != NULL && ftell(f) < OPENSC_CARDS_MAX / 2)
			fprintf(f, OPENSC_DRIVER "%s %s\n", r->atr, p->module.opensc_driver);
	}
	fclose(f);
	return text;
}
