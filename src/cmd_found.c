/*
 * tokenroll found: a token that was reported lost is in stock again. Its
 * certificate stays revoked.
 */
#include "certui.h"
#include "core/clean.h"
#include "core/day.h"
#include "lifeui.h"
#include "report.h"

#include <jansson.h>

static int work(struct lifeui *u, void *result, struct err *e)
{
	return life_found(&u->life, result, e);
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct life_found *f = result;
	const struct life_revoked cert = {.cert = f->cert, .already = true};
	char since[DAY_SIZE] = "";
	(void)u;
	if (f->lost != 0)
		day_format(since, f->lost);
	json_t *doc = json_pack("{s:b, s:o, s:o, s:o, s:o}", "ok", error == NULL, "user", report_json_text(f->user),
				"serial", report_json_text(f->token.serial), "was_lost", report_json_text(since),
				"certificate", certui_json(&cert));
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return doc;
}

static void print(const struct lifeui *u, const void *result)
{
	const struct life_found *f = result;
	const struct life_revoked cert = {.cert = f->cert, .already = true};
	char line[600], text[600], since[DAY_SIZE];
	(void)u;
	day_format(since, f->lost);
	if (f->lost != 0)
		snprintf(line, sizeof line, "Token %s, reported lost on %s, is back in stock.", f->token.serial, since);
	else
		snprintf(line, sizeof line, "Token %s is not reported lost; nothing was changed.", f->token.serial);
	clean_text(text, sizeof text, line);
	puts(text);
	if (f->lost != 0 && f->cert.revoked) {
		certui_text(&cert, text, sizeof text);
		printf("  certificate  %s, and stays so\n", text);
		printf("  next         `tokenroll %s` makes a new key on it, `tokenroll wipe` empties it\n", f->user);
	}
}

static int check(const struct options *o, struct err *e)
{
	if (lifeui_arguments(o, 1, e) != 0)
		return -1;
	if ((o->n_args == 1) != (o->serial != NULL))
		return 0;
	if (o->n_args == 0)
		err_set(e, ERR_USAGE, "which token has come back? Name its user, or give --serial");
	else
		err_set(e, ERR_USAGE, "a user and --serial do not go together: one of them says which token it is");
	if (o->json)
		report_error_json(e);
	return -1;
}

int cmd_found(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct life_found f = {.lost = 0};
	return check(o, e) != 0 ? -1 : lifeui_run(&verb, o, o->n_args == 1 ? o->args[0] : NULL, &f, e);
}
