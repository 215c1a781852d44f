/*
 * tokenroll bundle USER: profiles and guides again, e.g. after a template was
 * changed, or for laptops with another PKCS#11 module.
 */
#include "cmd.h"
#include "enroll/enroll.h"
#include "report.h"
#include "screen.h"

static void ui_note(void *arg, const char *text)
{
	screen_note(arg, text);
}

static int check(const struct options *o, struct err *e)
{
	if (o->n_args == 1)
		return config_check_user(o->args[0], e);
	return o->n_args == 0 ? err_set(e, ERR_USAGE, "whose bundle is it? No user name was given")
			      : err_set(e, ERR_USAGE, "'%s' is one argument too many", o->args[1]);
}

static int make(const struct options *o, const struct config *cfg, struct screen *s, struct enroll_result *result,
		struct err *e)
{
	const struct enroll_ui ui = {.arg = s, .note = ui_note};
	const struct enroll_options opt = {
	    .user = o->args[0], .client_module = o->client_module, .verbose = o->verbose};
	return enroll_bundle(&enroll_ports_real, cfg, &opt, &ui, result, e);
}

int cmd_bundle(const struct options *o, struct err *e)
{
	struct config *cfg = NULL;
	struct screen s;
	struct enroll_result result = {.already = false};
	const struct report_secrets none = {.pin = NULL};
	if (check(o, e) != 0 || cmd_config(&cfg, o, e) != 0) {
		if (o->json)
			report_error_json(e);
		return -1;
	}
	screen_init(&s, o);
	int got = make(o, cfg, &s, &result, e);
	screen_free(&s);
	struct err unsaid = ERR_INIT;
	if (report_enrollment(o, &result, &none, got == 0 ? NULL : e, &unsaid) != 0 && got == 0) {
		*e = unsaid;
		got = -1;
	}
	enroll_result_free(&result);
	config_free(&cfg);
	return got;
}
