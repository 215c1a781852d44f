/*
 * tokenroll adopt: an existing PKI comes into the inventory, and tokens that
 * somebody enrolled by hand, as far as they are plugged in. Changes neither,
 * and can be run again and again.
 */
#include "core/clean.h"
#include "life/adopt.h"
#include "lifeui.h"
#include "report.h"

#include <jansson.h>

static int work(struct lifeui *u, void *result, struct err *e)
{
	return life_adopt(&u->life, result, e);
}

static size_t adopted(const struct life_adopted *a)
{
	size_t n = 0;
	for (size_t i = 0; i < a->n_tokens; i++)
		n += a->tokens[i].cert_serial[0] != '\0';
	return n;
}

static json_t *token_json(const struct life_adopted_token *t)
{
	return json_pack("{s:o, s:o, s:o, s:o, s:o}", "serial", report_json_text(t->token.serial), "model",
			 report_json_text(t->token.model), "user", report_json_text(t->user), "certificate",
			 report_json_text(t->cert_serial), "refused",
			 t->refused.code != ERR_NONE ? report_json_error(&t->refused) : json_null());
}

static json_t *document(const struct lifeui *u, const void *result, const struct err *error)
{
	const struct life_adopted *a = result;
	json_t *tokens = json_array();
	(void)u;
	for (size_t i = 0; i < a->n_tokens; i++)
		json_array_append_new(tokens, token_json(&a->tokens[i]));
	json_t *doc =
	    json_pack("{s:b, s:I, s:I, s:I, s:I, s:I, s:I, s:I, s:o}", "ok", error == NULL, "rows", (json_int_t)a->rows,
		      "added", (json_int_t)a->counts.added, "changed", (json_int_t)a->counts.changed, "known",
		      (json_int_t)a->counts.known, "without_file", (json_int_t)a->without_file, "tokens_looked_at",
		      (json_int_t)a->looked_at, "tokens_unreadable", (json_int_t)a->unreadable, "tokens", tokens);
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return doc;
}

static void print_token(const struct life_adopted_token *t)
{
	char line[1600], text[1600];
	if (t->cert_serial[0] != '\0')
		snprintf(line, sizeof line, "%s (%s): %s, certificate %s", t->token.serial, t->token.model, t->user,
			 t->cert_serial);
	else
		snprintf(line, sizeof line, "%s (%s): left out: %s%s%s", t->token.serial, t->token.model,
			 t->refused.what, err_advice(&t->refused)[0] != '\0' ? "; " : "", err_advice(&t->refused));
	clean_text(text, sizeof text, line);
	printf("  token        %s\n", text);
}

static void print(const struct lifeui *u, const void *result)
{
	const struct life_adopted *a = result;
	(void)u;
	printf("The inventory has all %zu rows of index.txt: %zu are new, %zu have changed, %zu were known.\n", a->rows,
	       a->counts.added, a->counts.changed, a->counts.known);
	if (a->without_file != 0)
		printf("  note         of %zu the PKI has no certificate file: their tokens cannot be found\n",
		       a->without_file);
	printf("Of %zu tokens that are plugged in %zu came into the inventory.\n", a->looked_at, adopted(a));
	if (a->unreadable != 0)
		printf("  note         %zu could not be looked at: `tokenroll tokens` tells why\n", a->unreadable);
	for (size_t i = 0; i < a->n_tokens; i++)
		print_token(&a->tokens[i]);
}

int cmd_adopt(const struct options *o, struct err *e)
{
	static const struct lifeui_verb verb = {work, document, print};
	struct life_adopted a = {.rows = 0};
	int got = lifeui_arguments(o, 0, e) != 0 ? -1 : lifeui_run(&verb, o, NULL, &a, e);
	life_adopted_free(&a);
	return got;
}
