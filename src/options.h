/*
 * options: the command line. One table names every option, the verbs it
 * belongs to, its field and its help; parsing and usage both come from it.
 */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "core/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

struct options {
	/* for every verb */
	const char *config;
	bool json, quiet, verbose, yes, help, version;
	const char *pin_file, *so_pin_file, *new_pin_file, *ca_pass_file;
	long pin_fd, ca_pass_fd; /* -1: not given */
	const char *module;
	/* enroll */
	const char *serial, *reader, *token_label, *key_type, *label, *cert_file;
	long days; /* 0: not given */
	bool replace, csr_only, init, last_try, keep_factory_pins;
	bool no_token; /* renew */

	/* the life of a token */
	const char *puk_file, *recovery_key, *recovery_pass_file, *recovery_pin_file, *confirm, *client_module;
	bool random_pin, wipe, no_revoke;

	/* audit */
	const char *since, *user, *checkpoint_file;
	bool csv, verify, checkpoint;
	/* the inventory */
	const char *expiring, *state, *model, *html;
	/* the life of a certificate */
	const char *cert_serial, *reason;
	long temporary; /* days; 0: not given */
	bool check, all;
	/* station */
	const char *pins;
	bool pick, allow_foreign, plain;
	/* letter */
	bool test;
	const char *language;
	/* setup */
	const char *pki, *ca_name, *ca_key, *server, *remote, *openvpn, *data;

	char module_path[PATH_MAX],
	    client_module_path[PATH_MAX]; /* room for what --module and --client-module point to */

	const char *verb;  /* never NULL after options_parse */
	bool verb_named;   /* it was written out */
	const char **args; /* what is left, without the verb; points into argv */
	int n_args;
};

struct verb {
	const char *name;
	unsigned bit; /* VERB_… */
	const char *arguments, *summary;
	/* 0, -1 with an error, or an exit status of the verb's own when all is said. */
	int (*run)(const struct options *o, struct err *e);
};

enum {
	VERB_ENROLL = 1,
	VERB_TOKENS = 2,
	VERB_INIT = 4,
	VERB_PIN = 8,
	VERB_UNBLOCK = 16,
	VERB_WIPE = 32,
	VERB_ESCROW = 64,
	VERB_BUNDLE = 128,
	VERB_AUDIT = 256,
	VERB_RENEW = 512,
	VERB_REKEY = 1024,
	VERB_LIST = 1 << 16,
	VERB_SHOW = 1 << 17,
	VERB_STATUS = 1 << 18,
	VERB_ADOPT = 1 << 19,
	VERB_REVOKE = 1 << 20,
	VERB_LOST = 1 << 21,
	VERB_FOUND = 1 << 22,
	VERB_CRL = 1 << 23,
	VERB_SETUP = 1 << 24,
	VERB_ROSTER = 1 << 25,
	VERB_REPORT = 1 << 26,
	VERB_STATION = 1 << 27,
	VERB_LETTER = 1 << 28,
	VERB_DOCTOR = 1 << 29,
	VERB_ALL = ~0
};

/* Ends with a verb without a name. */
extern const struct verb verbs[];

/* Fills *ret; a first argument that is no verb makes it `enroll`. ERR_USAGE. */
int options_parse(struct options *ret, int argc, char **argv, struct err *e);

const struct verb *verb_find(const char *name);

/* Prints the usage of a verb, or of all if v is NULL. */
void options_help(FILE *out, const struct verb *v);

#endif
