/*
 * doctor_place: templates, bundles, database and mail: where the work goes that
 * is neither on the token nor in the PKI.
 */
#include "life/doctor_impl.h"

#include "core/xalloc.h"
#include "handover/courier.h"
#include "handover/mail.h"
#include "store/store.h"

#include <inttypes.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>

/* For whom a bundle is rendered to see whether it can be: a verb, so hardly a user. */
#define SAMPLE_USER "doctor"

/* The courier looks at [mail] once the templates are right, and that is told of mail. */
static bool is_about_mail(const struct doctor_run *r, const struct err *e)
{
	struct err mail = ERR_INIT;
	return mail_check(r->cfg, &mail) != 0 && strcmp(mail.what, e->what) == 0;
}

/* Returns whether there is a bundle to ask about. */
static bool look_at_templates(struct doctor_run *r, struct courier *c)
{
	struct err why = ERR_INIT;
	if (courier_check(c, &why) != 0 && !is_about_mail(r, &why)) {
		doctor_trouble(r, DOCTOR_HANDOVER, DOCTOR_WRONG, "templates", &why);
		return false;
	}
	doctor_say(r, DOCTOR_HANDOVER, DOCTOR_OK, "templates", "those in %s can be rendered",
		   r->cfg->vpn.templates != NULL ? r->cfg->vpn.templates : "the usual folder");
	return true;
}

static void look_at_bundles(struct doctor_run *r, struct courier *c)
{
	const char *dir = r->cfg->bundle.dir;
	struct err why = ERR_INIT;
	if (doctor_check_folder(dir, "the folder of bundles", "dir in section [bundle]", &why) != 0 ||
	    (c != NULL && courier_room(c, &why) != 0))
		doctor_trouble(r, DOCTOR_HANDOVER, DOCTOR_WRONG, "bundles", &why);
	else
		doctor_say(r, DOCTOR_HANDOVER, DOCTOR_OK, "bundles", "they can be put into %s", dir);
}

void doctor_handover(struct doctor_run *r)
{
	struct courier *c = NULL;
	struct err why = ERR_INIT;
	if (courier_start(&c, r->cfg, SAMPLE_USER, r->req->verbose, &why) != 0) {
		doctor_trouble(r, DOCTOR_HANDOVER, DOCTOR_WRONG, "templates", &why);
		return;
	}
	bool rendered = look_at_templates(r, c);
	look_at_bundles(r, rendered ? c : NULL);
	courier_stop(&c);
}

static void say_version(struct doctor_run *r, const struct store_peek *p)
{
	const char *path = r->cfg->store_path, *log = p->in_use ? ", in use, or not closed by who used it last" : "";
	if (p->version < p->known)
		doctor_say(r, DOCTOR_DATABASE, DOCTOR_OK, "database",
			   "%s, version %" PRId64 "%s; the next command brings it to version %" PRId64
			   " and keeps a copy",
			   path, p->version, log, p->known);
	else
		doctor_say(r, DOCTOR_DATABASE, DOCTOR_OK, "database", "%s, version %" PRId64 "%s", path, p->version,
			   log);
}

void doctor_database(struct doctor_run *r)
{
	struct store_peek p;
	struct err why = ERR_INIT;
	char *copy = xstrdup(r->cfg->store_path);
	int got = store_peek(r->cfg->store_path, &p, &why);
	/* the log is beside it */
	if (got == 0)
		got =
		    doctor_check_folder(dirname(copy), "the folder of the database,", "path in section [store]", &why);
	if (got != 0)
		doctor_trouble(r, DOCTOR_DATABASE, DOCTOR_WRONG, "database", &why);
	else if (p.there)
		say_version(r, &p);
	else
		doctor_say(r, DOCTOR_DATABASE, DOCTOR_OK, "database",
			   "%s is not there yet: the first command that needs it makes it", r->cfg->store_path);
	free(copy);
}

void doctor_mail(struct doctor_run *r)
{
	const struct config_mail *m = &r->cfg->mail;
	struct err why = ERR_INIT;
	if (m->to == NULL)
		doctor_say(r, DOCTOR_MAIL, DOCTOR_OK, "mail", "none is configured");
	else if (mail_check(r->cfg, &why) != 0)
		doctor_trouble(r, DOCTOR_MAIL, DOCTOR_WRONG, "mail", &why);
	else
		doctor_say(r, DOCTOR_MAIL, DOCTOR_OK, "mail", "to %s by %s; the server was not asked", m->to, m->smtp);
}
