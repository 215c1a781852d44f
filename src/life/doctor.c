#include "life/doctor_impl.h"

#include "core/xalloc.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TEXT_MAX 2048

static const struct {
	const char *name, *title;
} parts[DOCTOR_PART_COUNT] = {
    [DOCTOR_VERSIONS] = {"versions", "Versions"},
    [DOCTOR_CONFIGURATION] = {"configuration", "Configuration"},
    [DOCTOR_PROCESS] = {"process", "User and process"},
    [DOCTOR_READERS] = {"readers", "Readers"},
    [DOCTOR_MODULES] = {"modules", "Modules and tokens"},
    [DOCTOR_CA] = {"ca", "CA"},
    [DOCTOR_HANDOVER] = {"handover", "Templates and bundles"},
    [DOCTOR_DATABASE] = {"database", "Database"},
    [DOCTOR_MAIL] = {"mail", "Mail"},
};

const char *doctor_part_name(enum doctor_part p)
{
	return parts[p].name;
}

const char *doctor_part_title(enum doctor_part p)
{
	return parts[p].title;
}

const char *doctor_level_name(enum doctor_level l)
{
	static const char *const names[] = {[DOCTOR_OK] = "ok", [DOCTOR_NOTE] = "note", [DOCTOR_WRONG] = "wrong"};
	return names[l];
}

static struct doctor_check *add(struct doctor *d, enum doctor_part part, enum doctor_level level, const char *name)
{
	d->list = xrealloc(d->list, d->n + 1, sizeof *d->list);
	struct doctor_check *c = &d->list[d->n++];
	*c = (struct doctor_check){.part = part, .level = level, .name = xstrdup(name)};
	c->code = level == DOCTOR_WRONG ? ERR_FAILED : ERR_NONE;
	return c;
}

void doctor_say(struct doctor_run *r, enum doctor_part part, enum doctor_level level, const char *name, const char *fmt,
		...)
{
	char text[TEXT_MAX];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	add(r->d, part, level, name)->text = xstrdup(text);
}

void doctor_trouble(struct doctor_run *r, enum doctor_part part, enum doctor_level level, const char *name,
		    const struct err *e)
{
	bool native = e->native[0] != '\0';
	doctor_say(r, part, level, name, "%s%s%s%s", e->what, native ? " (" : "", e->native, native ? ")" : "");
	doctor_next(r, err_advice(e));
	doctor_code(r, e->code);
}

void doctor_next(struct doctor_run *r, const char *next)
{
	struct doctor_check *c = &r->d->list[r->d->n - 1];
	free(c->next);
	c->next = next[0] != '\0' ? xstrdup(next) : NULL;
}

void doctor_code(struct doctor_run *r, enum err_code code)
{
	struct doctor_check *c = &r->d->list[r->d->n - 1];
	c->code = c->level == DOCTOR_WRONG ? code : ERR_NONE;
}

int doctor_check_folder(const char *path, const char *what, const char *key, struct err *e)
{
	char *there = xstrdup(path);
	char *slash;
	/* what is missing is made, with its parents */
	while (access(there, F_OK) != 0 && errno == ENOENT && (slash = strrchr(there, '/')) != NULL && slash != there)
		*slash = '\0';
	int ret = access(there, W_OK | X_OK);
	if (ret != 0) {
		err_errno(e, ERR_SYSTEM, "%s %s cannot be written to: this user has no right to that in %s", what, path,
			  there);
		err_next(e, "run tokenroll as the user whom it belongs to, or correct %s", key);
	}
	free(there);
	return ret;
}

static void unlooked(struct doctor_run *r, enum doctor_part part)
{
	doctor_say(r, part, DOCTOR_NOTE, parts[part].name, "not looked at: what to look at is in the configuration");
}

static void look_at_configured(struct doctor_run *r)
{
	static const struct {
		enum doctor_part part;
		void (*look)(struct doctor_run *r);
	} all[] = {{DOCTOR_CA, doctor_ca},
		   {DOCTOR_HANDOVER, doctor_handover},
		   {DOCTOR_DATABASE, doctor_database},
		   {DOCTOR_MAIL, doctor_mail}};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
		if (r->cfg != NULL)
			all[i].look(r);
		else
			unlooked(r, all[i].part);
	}
}

void doctor_look(struct doctor **ret, const struct doctor_request *req)
{
	struct doctor_run r = {.d = xcalloc(1, sizeof(struct doctor)), .req = req};
	struct config *cfg = NULL;
	struct err why = ERR_INIT;
	doctor_versions(&r);
	if (config_read(&cfg, req->config, &why) == 0)
		doctor_say(&r, DOCTOR_CONFIGURATION, DOCTOR_OK, "file", "%s", req->config);
	else
		doctor_trouble(&r, DOCTOR_CONFIGURATION, DOCTOR_WRONG, "file", &why);
	r.cfg = cfg;
	doctor_process(&r);
	doctor_tokens(&r);
	look_at_configured(&r);
	config_free(&cfg);
	*ret = r.d;
}

void doctor_free(struct doctor **d)
{
	if (*d == NULL)
		return;
	for (size_t i = 0; i < (*d)->n; i++) {
		free((*d)->list[i].name);
		free((*d)->list[i].text);
		free((*d)->list[i].next);
	}
	free((*d)->list);
	free(*d);
	*d = NULL;
}

size_t doctor_count(const struct doctor *d, enum doctor_level l)
{
	size_t n = 0;
	for (size_t i = 0; i < d->n; i++)
		n += d->list[i].level == l;
	return n;
}

int doctor_exit_status(const struct doctor *d)
{
	for (size_t i = 0; i < d->n; i++) {
		if (d->list[i].level == DOCTOR_WRONG)
			return err_exit_status(d->list[i].code);
	}
	return 0;
}
