#include "crlcheck.h"
#include "certui.h"
#include "cmd.h"
#include "core/clean.h"
#include "core/day.h"
#include "report.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <time.h>

#define DAY_S ((time_t)24 * 60 * 60)

enum level { FINE, WARNING, CRITICAL, UNKNOWN };

struct check {
	struct config *cfg;
	struct ca_crl_state state;
	struct err why; /* it cannot be told */
	enum level level;
	long days; /* left, of those that have begun */
	char text[700];
};

static void say_fault(struct check *c)
{
	static const struct {
		const char *before, *after;
	} faults[CA_CRL_FAULT_COUNT] = {
	    [CA_CRL_MISSING] = {"there is no CRL at ", ""},
	    [CA_CRL_NOT_OURS] = {"", " is no CRL of this CA, or damaged"},
	    [CA_CRL_NOT_YET] = {"the CRL ", " is not valid yet: it begins in the future"},
	    [CA_CRL_EXPIRED] = {"the CRL ", " has expired: nobody connects any more"},
	    [CA_CRL_OUTDATED] = {"the CRL ", " is older than the one in the PKI: who was revoked since is let in"},
	};
	const struct ca_crl_served *s = &c->state.served;
	/* whether the server stays root is not known here */
	c->level = c->state.fault == CA_CRL_CLOSED ? WARNING : CRITICAL;
	if (c->state.fault == CA_CRL_ABOVE)
		snprintf(c->text, sizeof c->text, "the CRL of %s in %s has expired: nobody connects any more", s->above,
			 c->state.crl.path);
	else if (c->state.fault == CA_CRL_LACKING)
		snprintf(c->text, sizeof c->text,
			 "the CRL %s lacks %" PRIu64 " of index.txt's revoked certificates (%s%s): they are let in",
			 c->state.crl.path, s->lacking, s->lacks, s->lacking > 1 ? ", ..." : "");
	else if (c->state.fault == CA_CRL_CLOSED)
		snprintf(c->text, sizeof c->text,
			 "%s is closed to others: a server that does not stay root cannot read the CRL %s anew, and "
			 "lets in who was revoked",
			 s->closed, c->state.crl.path);
	else
		snprintf(c->text, sizeof c->text, "%s%s%s", faults[c->state.fault].before, c->state.crl.path,
			 faults[c->state.fault].after);
}

/* The first one that ends keeps everybody out. */
static time_t good_until(const struct ca_crl_state *s)
{
	bool above = s->served.above[0] != '\0' && s->served.above_until < s->crl.next_update;
	return above ? s->served.above_until : s->crl.next_update;
}

static void judge(struct check *c)
{
	const struct ca_crl *crl = &c->state.crl;
	time_t until = good_until(&c->state), left = until - time(NULL);
	char day[DAY_SIZE], of[300] = "";
	if (crl->next_update != 0)
		c->days = (long)(left / DAY_S);
	if (left < c->cfg->crl.critical_days * DAY_S)
		c->level = CRITICAL;
	else if (left < c->cfg->crl.warn_days * DAY_S)
		c->level = WARNING;
	if (c->state.fault != CA_CRL_FINE && (c->state.fault != CA_CRL_CLOSED || c->level == FINE)) {
		say_fault(c);
		return;
	}
	if (until != crl->next_update)
		snprintf(of, sizeof of, "of %s in ", c->state.served.above);
	day_format(day, until);
	snprintf(c->text, sizeof c->text, "the CRL %s%s is good until %s, %ld day%s from now", of, crl->path, day,
		 c->days, c->days == 1 ? "" : "s");
}

static int check_thresholds(const struct config *cfg, struct err *e)
{
	if (cfg->crl.critical_days <= cfg->crl.warn_days)
		return 0;
	return err_set(e, ERR_CONFIG, "%s: [crl] critical-days is more than warn-days", cfg->path);
}

static void look(struct check *c, const struct options *o)
{
	c->level = FINE;
	if (cmd_config(&c->cfg, o, &c->why) == 0 && check_thresholds(c->cfg, &c->why) == 0 &&
	    enroll_ports_real.ca.crl_state(&c->cfg->ca, o->verbose, &c->state, &c->why) == 0) {
		judge(c);
		return;
	}
	c->level = UNKNOWN;
	snprintf(c->text, sizeof c->text, "%s", c->why.what);
}

static int report(const struct check *c, const struct options *o)
{
	static const char *const words[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	static const char *const names[] = {"ok", "warning", "critical", "unknown"};
	struct err unsaid = ERR_INIT;
	if (!o->json) {
		char *text = clean_dup(c->text);
		printf("CRL %s: %s\n", words[c->level], text);
		free(text);
		return fflush(stdout) == 0 && ferror(stdout) == 0 ? 0 : -1;
	}
	json_t *doc = json_pack("{s:b, s:s, s:i, s:o, s:o, s:o}", "ok", c->level == FINE, "status", names[c->level],
				"exit_status", c->level, "message", report_json_text(c->text), "days_left",
				c->state.crl.next_update != 0 ? json_integer(c->days) : json_null(), "crl",
				certui_crl_json(&c->state.crl));
	if (c->level == UNKNOWN)
		json_object_set_new(doc, "error", report_json_error(&c->why));
	return report_json(doc, &unsaid);
}

int crlcheck(const struct options *o)
{
	struct check c = {.why = ERR_INIT};
	look(&c, o);
	if (report(&c, o) != 0)
		c.level = UNKNOWN;
	config_free(&c.cfg);
	return c.level;
}
