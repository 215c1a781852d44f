/*
 * tokenroll crl: a fresh CRL where the VPN server reads it, after what is due
 * was revoked; the daily timer's command. With --check it only says how long
 * the one there is good (crlcheck.c).
 */
#include "certui.h"
#include "core/day.h"
#include "crlcheck.h"
#include "lifeui.h"
#include "report.h"

#include <inttypes.h>
#include <jansson.h>

static int work(struct lifeui *u, void *result, struct err *e)
{
	lifeui_may_publish(u);
	return life_crl(&u->life, result, e);
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct life_crl *r = result;
	bool published = u->cfg != NULL && (error == NULL || error->code == ERR_HOOK);
	json_t *doc = json_pack("{s:b, s:o, s:o, s:o}", "ok", error == NULL, "crl", certui_crl_json(&r->crl),
				"published", report_json_text(published ? u->cfg->ca.crl : NULL), "revoked",
				certui_list_json(r->due, r->n_due));
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return doc;
}

static void print(const struct lifeui *u, const void *result)
{
	const struct life_crl *r = result;
	char text[600], until[DAY_SIZE];
	day_format(until, r->crl.next_update);
	printf("A fresh CRL is in %s.\n", u->cfg->ca.crl != NULL ? u->cfg->ca.crl : r->crl.path);
	printf("  number       %s\n  entries      %" PRIu64 "\n  next update  %s\n", r->crl.number, r->crl.entries,
	       until);
	for (size_t i = 0; i < r->n_due; i++) {
		certui_text(&r->due[i], text, sizeof text);
		printf("  revoked      %s\n", text);
	}
}

int cmd_crl(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct life_crl r = {.n_due = 0};
	if (lifeui_arguments(o, 0, e) != 0)
		return -1;
	if (o->check)
		return crlcheck(o);
	int got = lifeui_run(&verb, o, NULL, &r, e);
	life_crl_free(&r);
	return got;
}
