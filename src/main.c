/*
 * tokenroll: dispatches to a verb.
 */
#include "cmd.h"
#include "core/process.h"
#include "credentials.h"
#include "report.h"
#include "screen.h"

#include <stdlib.h>
#include <string.h>

const struct verb verbs[] = {
    {"enroll", VERB_ENROLL, "USER", "make a key on the user's token, have it certified, and pack what the user needs",
     cmd_enroll},
    {"renew", VERB_RENEW, "USER", "another certificate for the key on the user's token", cmd_renew},
    {"rekey", VERB_REKEY, "USER", "another key on the user's token, and its certificate", cmd_rekey},
    {"tokens", VERB_TOKENS, "", "what is plugged in, and whose it is", cmd_tokens},
    {"init", VERB_INIT, "", "initialize a token: label, SO PIN and PIN", cmd_init},
    {"pin", VERB_PIN, "[USER]", "change a token's PIN", cmd_pin},
    {"unblock", VERB_UNBLOCK, "[USER]", "give a token a new PIN, with its SO PIN or PUK", cmd_unblock},
    {"wipe", VERB_WIPE, "", "empty a token and revoke what was on it", cmd_wipe},
    {"escrow", VERB_ESCROW, "show", "show SO PIN and PUK of a token that are kept for the day they are needed",
     cmd_escrow},
    {"bundle", VERB_BUNDLE, "USER", "make a user's profiles and guides again", cmd_bundle},
    {"audit", VERB_AUDIT, "[FILE]", "who did what to which token and certificate; verify that, have the CA sign it",
     cmd_audit},
    {"list", VERB_LIST, "", "the inventory: who has which certificate on which token", cmd_list},
    {"show", VERB_SHOW, "USER", "every certificate and token that a user ever had", cmd_show},
    {"status", VERB_STATUS, "", "what expires, what is half done, what is wrong; for monitoring, too", cmd_status},
    {"adopt", VERB_ADOPT, "", "bring an existing PKI, and tokens enrolled by hand, into the inventory", cmd_adopt},
    {"revoke", VERB_REVOKE, "[USER]", "revoke a certificate, whoever issued it, and publish the CRL", cmd_revoke},
    {"lost", VERB_LOST, "USER", "a token is lost: revoke what is on it, publish the CRL, note it", cmd_lost},
    {"found", VERB_FOUND, "[USER]", "a token that was reported lost has come back", cmd_found},
    {"crl", VERB_CRL, "", "make and publish a fresh CRL, or check the one there is", cmd_crl},
    {"roster", VERB_ROSTER, "FILE", "check a roster, the CSV file of the people who are to get tokens", cmd_roster},
    {"station", VERB_STATION, "ROSTER.csv", "enroll the people on a roster, at many readers at once", cmd_station},
    {"letter", VERB_LETTER, "", "print a sample of the letter that people get their PIN in", cmd_letter},
    {"report", VERB_REPORT, "[ROSTER.csv]", "who on a roster got what, who did not and why, and who is left",
     cmd_report},
    {"doctor", VERB_DOCTOR, "", "why it does not work here: versions, permissions, readers, modules, CA, templates",
     cmd_doctor},
    {"setup", VERB_SETUP, "", "first use: find the PKI, or make a CA, and write the configuration", cmd_setup},
    {NULL, 0, NULL, NULL, NULL},
};

const char *cmd_config_path(const struct options *o)
{
	const char *path = o->config != NULL ? o->config : getenv("TOKENROLL_CONFIG");
	return path != NULL && *path != '\0' ? path : CONFIG_PATH_DEFAULT;
}

int cmd_config(struct config **ret, const struct options *o, struct err *e)
{
	if (config_read(ret, cmd_config_path(o), e) != 0)
		return -1;
	credentials_hide(*ret, o);
	return 0;
}

static int run(const struct options *o, struct err *e)
{
	if (o->version) {
		puts("tokenroll " TOKENROLL_VERSION);
		return 0;
	}
	if (o->help) {
		options_help(stdout, o->verb_named ? verb_find(o->verb) : NULL);
		return 0;
	}
	if (process_harden(e) != 0)
		return -1;
	process_catch_signals();
	return verb_find(o->verb)->run(o, e);
}

/* To those that ask for what was found 1 and 2 are that. */
#define STATUS_UNKNOWN 3

/* By the words alone, for a command line that cannot be understood as a whole. */
static bool tells_by_status(char **argv)
{
	const struct verb *v = NULL;
	bool check = false;
	for (; *argv != NULL; argv++) {
		v = v == NULL ? verb_find(*argv) : v;
		check = check || strcmp(*argv, "--check") == 0;
	}
	return v != NULL && (v->bit == VERB_STATUS || v->bit == VERB_REPORT || (v->bit == VERB_CRL && check));
}

static int fail(const struct options *o, char **argv, const struct err *e)
{
	struct screen s;
	screen_init(&s, o);
	screen_error(&s, e);
	return tells_by_status(argv) ? STATUS_UNKNOWN : err_exit_status(e->code);
}

/* Also where the command line cannot be understood as a whole. */
static bool asks_for_json(char **argv)
{
	while (*argv != NULL && strcmp(*argv, "--") != 0 && strcmp(*argv, "--json") != 0)
		argv++;
	return *argv != NULL && strcmp(*argv, "--json") == 0;
}

int main(int argc, char **argv)
{
	struct options o;
	struct err e = ERR_INIT;
	process_fill_descriptors();
	if (options_parse(&o, argc, argv, &e) != 0) {
		if (asks_for_json(argv))
			report_error_json(&e);
		return fail(&o, argv, &e);
	}
	if (argc == 1) {
		options_help(stderr, NULL);
		return 2;
	}
	int ret = run(&o, &e);
	if (ret == 0 && (fflush(stdout) != 0 || ferror(stdout)))
		ret = err_errno(&e, ERR_SYSTEM, "the work is done, but its result could not be written to stdout");
	return ret >= 0 ? ret : fail(&o, argv, &e);
}
