#include "enroll/why.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a card may be that no module takes; NULL if nothing about it is known. */
static const struct profile *nearest(struct discovery *d, const struct reader *r)
{
	const struct profile_token facts = {.fact = {[PROFILE_READER] = r->name, [PROFILE_ATR] = r->atr}};
	unsigned agree = 0;
	const struct profile *p = profiles_nearest(discover_profiles(d), &facts, &agree);
	return agree != 0 ? p : NULL;
}

static int held(const struct reader *r, struct err *e)
{
	err_set(e, ERR_READERS, "another program holds the card in '%s' for itself", r->name);
	return err_next(e, "end it; often it is GnuPG's scdaemon: `gpgconf --kill scdaemon`");
}

static int mute(const struct reader *r, struct err *e)
{
	err_set(e, ERR_TOKEN_FAILED, "the card in '%s' does not answer", r->name);
	return err_next(e, "turn it round, clean its contacts, or take another one; nothing was changed");
}

/* Where there is a module for such cards, it was not asked, or has not shown this one. */
static int not_shown(const char *module, struct err *e)
{
	return err_next(e,
			"pull it out, put it in again and run the same command; if that does not help, set the card up "
			"with its maker's tool, or name another module with --module (its profile names %s); nothing "
			"was changed",
			module);
}

static bool is_here(const char *module)
{
	char *path = profile_module_path(module);
	free(path);
	return path != NULL;
}

int why_not_looked_at(const struct profile *p, const char *reader, struct err *e)
{
	return err_next(
	    e,
	    "%s looks at readers called %s only, and this one is '%s': put it into such a one, or plug it in "
	    "by itself; nothing was changed",
	    p->module.enroll.v[0], p->module.readers.v[0], reader);
}

static int unknown(struct discovery *d, const struct reader *r, struct err *e)
{
	if (discover_is_pulled(d, r->name, 0))
		return err_set(e, ERR_REMOVED, "the token was pulled out of '%s' while it was looked for", r->name);
	const struct profile *p = nearest(d, r);
	const char *module = p != NULL && p->module.enroll.n != 0 ? p->module.enroll.v[0] : NULL;
	err_set(e, ERR_UNSUPPORTED, "the card in '%s' is blank, or of a kind that no module here knows (ATR %s)%s%s",
		r->name, r->atr, p != NULL ? "; the nearest profile is " : "", p != NULL ? p->name : "");
	if (module != NULL && is_here(module) && !profile_looks_at(p, r->name))
		return why_not_looked_at(p, r->name, e);
	if (module != NULL && is_here(module))
		return not_shown(module, e);
	if (module != NULL)
		return err_next(e,
				"set the card up with its maker's tool, or install %s, or name its maker's module "
				"with --module; nothing was changed",
				module);
	return err_next(e, "put the token in, or name its maker's module with --module or [token] module");
}

int why_no_card(const struct reader *r, struct err *e)
{
	return r->present && r->exclusive ? held(r, e) : r->present && r->mute ? mute(r, e) : 0;
}

int why_no_token(struct discovery *d, const char *reader, struct err *e)
{
	size_t n = 0;
	const struct err *none;
	const struct reader *list = discover_readers(d, &n, &none);
	if (none != NULL) {
		*e = *none;
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		const struct reader *r = &list[i];
		if (!r->present || (reader != NULL && strcmp(r->name, reader) != 0))
			continue;
		return why_no_card(r, e) != 0 ? -1 : unknown(d, r, e);
	}
	return 0;
}

/* The card that nobody can look at may be the one that is meant. */
static int why_hidden(struct discovery *d, const char *reader, bool none_shown, struct err *e)
{
	size_t n = 0;
	const struct err *none;
	const struct reader *list = discover_readers(d, &n, &none);
	if (none != NULL && none_shown) {
		*e = *none;
		return -1;
	}
	for (size_t i = 0; i < n; i++) {
		if (list[i].exclusive && (reader == NULL || strcmp(list[i].name, reader) == 0))
			return held(&list[i], e);
	}
	return 0;
}

int why_absent(struct discovery *d, const char *reader, size_t n_shown, bool named, struct err *e)
{
	struct err why = ERR_INIT;
	const struct err *none;
	size_t n = 0;
	(void)discover_readers(d, &n, &none);
	if (!named && (n_shown == 0 || (reader != NULL && none == NULL)))
		return why_no_token(d, reader, e);
	if (why_hidden(d, reader, n_shown == 0, &why) == 0)
		return 0;
	err_prefix(&why, "%s", e->what);
	*e = why;
	return -1;
}

int why_no_module(const struct guard *g, const char *name, struct err *e)
{
	if (g->module != NULL) {
		err_set(e, ERR_MODULE, "p11-kit knows no PKCS#11 module %s%s%s besides that of the CA's HSM",
			name != NULL ? "named '" : "", name != NULL ? name : "", name != NULL ? "'" : "");
		return err_next(e,
				"name the path of the tokens' module in [token] module; if it is that of the CA's HSM, "
				"too, that is %s",
				g->module);
	}
	if (name == NULL) {
		err_set(e, ERR_MODULE, "p11-kit knows no PKCS#11 module");
		return err_next(
		    e, "install the token's package (opensc-pkcs11, ykcs11, softhsm2 …) or set [token] module");
	}
	err_set(e, ERR_MODULE, "p11-kit knows no PKCS#11 module named '%s'", name);
	return err_next(e, "`p11-kit list-modules` shows the names; a path works, too");
}
