/*
 * tokenroll letter --test: a sample of the letter that people get their PIN in,
 * by the way that is configured, to adjust printer and template before the day.
 */
#include "cmd.h"
#include "handover/pinletter.h"
#include "report.h"
#include "screen.h"

#include <jansson.h>
#include <string.h>
#include <time.h>

/* Shows that the characters that people take for each other differ, and cannot be taken for a PIN. */
#define SAMPLE_PIN "0O1lTEST"

#define YEAR_S ((time_t)365 * 24 * 3600)

static const char *const state_names[] = {
    [PINLETTER_PRINTED] = "printed", [PINLETTER_FILED] = "filed", [PINLETTER_WAITS] = "waits"};

static int check(const struct options *o, struct err *e)
{
	if (o->n_args != 0)
		return err_set(e, ERR_USAGE, "'%s' is one argument too many", o->args[0]);
	if (o->test)
		return 0;
	err_set(e, ERR_USAGE, "a letter with somebody's PIN is printed when the PIN is made");
	return err_next(e, "tokenroll letter --test prints a sample, to try printer and template");
}

static void ui_note(void *arg, const char *text)
{
	screen_note(arg, text);
}

/* A sample in another language would say that this one works. */
static int check_language(const struct options *o, const struct pinletters *l, struct err *e)
{
	if (o->language == NULL || pinletters_has(l, o->language))
		return 0;
	err_set(e, ERR_CONFIG, "there is no letter in the language '%s'", o->language);
	return err_next(e, "put a template letter.%.8s.pango beside the others, or leave --language out", o->language);
}

static int print_sample(const struct options *o, const struct pinletters *l, struct pinletter_outcome *ret,
			struct err *e)
{
	const struct pinletter_facts facts = {.user = "sample",
					      .name = "Maxi Muster (SAMPLE)",
					      .department = "TEST",
					      .language = o->language,
					      .token_label = "SAMPLE",
					      .token_serial = "0000TEST",
					      .not_after = time(NULL) + YEAR_S};
	struct secret *pin = secret_new();
	int got = secret_set(pin, SAMPLE_PIN, strlen(SAMPLE_PIN), e);
	if (got == 0)
		got = pinletter_print(l, &facts, pin, NULL, ret, e);
	secret_free(&pin);
	return got;
}

/* A sample that waits was not printed, which is what it was to show. */
static int judge(const struct pinletter_outcome *out, struct err *e)
{
	if (out->state != PINLETTER_WAITS)
		return 0;
	*e = out->why;
	return err_next(e, "the sample waits, encrypted, in %s; see to it that the printer works, then try again",
			out->file);
}

static int work(const struct options *o, struct screen *s, struct pinletter_outcome *ret, bool *ret_sent, struct err *e)
{
	struct config *cfg = NULL;
	struct pinletters *letters = NULL;
	int got = cmd_config(&cfg, o, e);
	if (got == 0)
		got = pinletters_open(&letters, cfg, NULL, 0, o->verbose, ui_note, s, e);
	if (got == 0)
		got = check_language(o, letters, e);
	if (got == 0)
		got = print_sample(o, letters, ret, e);
	*ret_sent = got == 0;
	pinletters_close(&letters);
	config_free(&cfg);
	return got == 0 ? judge(ret, e) : got;
}

static int print_json(const struct pinletter_outcome *out, bool sent, const struct err *error, struct err *e)
{
	json_t *doc = json_pack("{s:b, s:o, s:o, s:s}", "ok", error == NULL, "state",
				report_json_text(sent ? state_names[out->state] : NULL), "file",
				report_json_text(sent && out->file[0] != '\0' ? out->file : NULL), "pin", SAMPLE_PIN);
	if (error != NULL)
		json_object_set_new(doc, "error", report_json_error(error));
	return report_json(doc, e);
}

static void print_text(const struct pinletter_outcome *out)
{
	if (out->state == PINLETTER_PRINTED)
		puts("A sample letter was given to the print command.");
	else
		printf("A sample letter, encrypted, is in %s.\n", out->file);
	puts("  PIN   " SAMPLE_PIN " (made up)\n"
	     "  fold  at the marks: the lowest part up, the uppermost back; then the name is in the window, and the "
	     "PIN\n"
	     "        inside");
}

int cmd_letter(const struct options *o, struct err *e)
{
	struct screen s;
	struct pinletter_outcome out = {.file = ""};
	struct err unsaid = ERR_INIT;
	bool sent = false;
	screen_init(&s, o);
	int got = check(o, e) == 0 ? work(o, &s, &out, &sent, e) : -1;
	screen_free(&s);
	if (o->json && print_json(&out, sent, got == 0 ? NULL : e, &unsaid) != 0 && got == 0) {
		*e = unsaid;
		got = -1;
	}
	if (!o->json && !o->quiet && got == 0)
		print_text(&out);
	return got;
}
