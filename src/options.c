#include "options.h"
#include "core/config.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

/* the verbs that make or go on with a credential */
#define VERB_MAKE (VERB_ENROLL | VERB_RENEW | VERB_REKEY)

/* the verbs that are about one token */
#define VERB_LIFE (VERB_INIT | VERB_PIN | VERB_UNBLOCK | VERB_WIPE)

/* those that enroll, too */
#define VERB_ENROLLS (VERB_MAKE | VERB_LOST)

enum kind { FLAG, TEXT, DESCRIPTOR, DAYS };

struct option_def {
	const char *name;
	char letter; /* 0: none */
	enum kind kind;
	unsigned verbs;
	size_t offset;
	const char *argument, *help;
};

#define OPT(name, letter, kind, verbs, field, argument, help)                              \
	{                                                                                  \
		name, letter, kind, verbs, offsetof(struct options, field), argument, help \
	}

static const struct option_def defs[] = {
    OPT("serial", 0, TEXT, VERB_ENROLLS | VERB_LIFE | VERB_ESCROW | VERB_AUDIT | VERB_FOUND, serial, "S",
	"the token with this serial number"),
    OPT("reader", 0, TEXT, VERB_ENROLLS | VERB_LIFE, reader, "R", "the token in this reader or slot"),
    OPT("token-label", 0, TEXT, VERB_ENROLLS | VERB_LIFE, token_label, "L",
	"the token with this label, where a card with several PINs is shown as several"),
    OPT("pins", 0, TEXT, VERB_STATION, pins, "HOW",
	"random (printed), typed (by the employee), pad (at the reader) or keep; default: [station] pins"),
    OPT("pick", 0, FLAG, VERB_STATION, pick, NULL, "ask whose each token becomes, instead of taking the next in line"),
    OPT("allow-foreign", 0, FLAG, VERB_STATION, allow_foreign, NULL,
	"enroll tokens that hold other keys, too; these are left alone"),
    OPT("plain", 0, FLAG, VERB_STATION, plain, NULL, "print lines instead of a screen"),
    OPT("pki", 0, TEXT, VERB_SETUP, pki, "DIR", "easy-rsa's pki folder, or where a new one is to be made"),
    OPT("ca-name", 0, TEXT, VERB_SETUP, ca_name, "NAME", "the common name of a new CA"),
    OPT("ca-key", 0, TEXT, VERB_SETUP, ca_key, "URI", "the CA's key is on an HSM, or to be made there"),
    OPT("server", 0, TEXT, VERB_SETUP, server, "NAME", "the VPN server that gets a certificate, if it has none"),
    OPT("remote", 0, TEXT, VERB_SETUP, remote, "R", "where laptops reach it: \"HOST PORT PROTO\""),
    OPT("openvpn", 0, TEXT, VERB_SETUP, openvpn, "DIR",
	"where the VPN server's configuration is (default /etc/openvpn)"),
    OPT("data", 0, TEXT, VERB_SETUP, data, "DIR",
	"where database and bundles are to be kept (default /var/lib/tokenroll)"),
    OPT("key-type", 0, TEXT, VERB_ENROLL | VERB_REKEY | VERB_LOST | VERB_SETUP, key_type, "T",
	"ec:P-256, ec:P-384, rsa:2048, rsa:3072 or rsa:4096 (setup: a new CA's, ec:P-384 or rsa:3072 on)"),
    OPT("days", 0, DAYS, VERB_MAKE | VERB_SETUP, days, "N", "how long the certificate is valid (setup: a new CA's)"),
    OPT("replace", 0, FLAG, VERB_ENROLL | VERB_STATION, replace, NULL,
	"revoke the user's valid certificate (superseded) and make a new one"),
    OPT("csr-only", 0, FLAG, VERB_ENROLL, csr_only, NULL, "stop when the request is made and write it to a file"),
    OPT("cert", 0, TEXT, VERB_ENROLL, cert_file, "FILE", "go on with a certificate that was signed elsewhere"),
    OPT("no-token", 0, FLAG, VERB_RENEW, no_token, NULL,
	"issue the certificate now, to be written when the token is plugged in"),
    OPT("init", 0, FLAG, VERB_ENROLL | VERB_LOST | VERB_STATION, init, NULL, "initialize a blank token without asking"),
    OPT("label", 0, TEXT, VERB_ENROLL | VERB_LOST | VERB_INIT, label, "L",
	"the label of a token that is initialized (enroll: by default the user)"),
    OPT("keep-factory-pins", 0, FLAG, VERB_ENROLLS | VERB_STATION, keep_factory_pins, NULL,
	"leave PIN, PUK and SO PIN as the token was delivered"),
    OPT("new-pin-file", 0, TEXT, VERB_ENROLLS | VERB_INIT | VERB_PIN | VERB_UNBLOCK, new_pin_file, "F",
	"the PIN that a token is to get"),
    OPT("random-pin", 0, FLAG, VERB_INIT | VERB_PIN | VERB_UNBLOCK, random_pin, NULL,
	"make the new PIN at random and show it once"),
    OPT("last-try", 0, FLAG, VERB_ENROLLS | VERB_LIFE | VERB_REVOKE | VERB_CRL | VERB_AUDIT | VERB_SETUP, last_try,
	NULL, "the token's last PIN try may be spent"),
    OPT("since", 0, TEXT, VERB_AUDIT | VERB_REPORT, since, "WHEN",
	"from this day on (2026-11-01), or for so long back (7d, 12h)"),
    OPT("user", 0, TEXT, VERB_AUDIT | VERB_LIST, user, "U",
	"this user; for list * and ? stand for text and a character"),
    OPT("csv", 0, FLAG, VERB_AUDIT | VERB_LIST | VERB_SHOW | VERB_REPORT, csv, NULL,
	"print the result as CSV (RFC 4180)"),
    OPT("verify", 0, FLAG, VERB_AUDIT, verify, NULL, "look whether any record was changed, removed or inserted"),
    OPT("checkpoint-file", 0, TEXT, VERB_AUDIT, checkpoint_file, "FILE",
	"with --verify: a checkpoint that was kept elsewhere"),
    OPT("checkpoint", 0, FLAG, VERB_AUDIT, checkpoint, NULL,
	"have the CA key sign where the trail stands, and write that to FILE"),
    OPT("expiring", 0, TEXT, VERB_LIST, expiring, "DAYS", "certificates that end within so many days: 30d, 6w"),
    OPT("state", 0, TEXT, VERB_LIST, state, "STATE",
	"valid, expired, unfinished, revoked, superseded, abandoned, all, or a step"),
    OPT("model", 0, TEXT, VERB_LIST, model, "M", "tokens of this model; * and ? stand for text and a character"),
    OPT("html", 0, TEXT, VERB_STATUS | VERB_REPORT, html, "FILE", "also write it as a page for a browser"),
    OPT("module", 0, TEXT, VERB_ALL, module, "M", "PKCS#11 module: a path, or a name that p11-kit knows"),
    OPT("config", 'c', TEXT, VERB_ALL, config, "FILE", "configuration (default " CONFIG_PATH_DEFAULT ")"),
    OPT("pin-file", 0, TEXT, VERB_ALL, pin_file, "F", "read the token's PIN from the first line of a file"),
    OPT("pin-fd", 0, DESCRIPTOR, VERB_ALL, pin_fd, "N", "read the token's PIN from an open descriptor"),
    OPT("so-pin-file", 0, TEXT, VERB_ENROLLS | VERB_INIT | VERB_UNBLOCK | VERB_WIPE | VERB_STATION, so_pin_file, "F",
	"the token's SO PIN or management key, or the one that a blank token is to get"),
    OPT("puk-file", 0, TEXT, VERB_UNBLOCK, puk_file, "F", "the token's PUK"),
    OPT("recovery-key", 0, TEXT, VERB_ENROLLS | VERB_INIT | VERB_UNBLOCK | VERB_WIPE | VERB_ESCROW, recovery_key, "KEY",
	"use what is in escrow: the private key of a recovery certificate, a file or a pkcs11: URI"),
    OPT("recovery-pass-file", 0, TEXT, VERB_ENROLLS | VERB_INIT | VERB_UNBLOCK | VERB_WIPE | VERB_ESCROW,
	recovery_pass_file, "F", "read the passphrase of that key from a file"),
    OPT("recovery-pin-file", 0, TEXT, VERB_ENROLLS | VERB_INIT | VERB_UNBLOCK | VERB_WIPE | VERB_ESCROW,
	recovery_pin_file, "F", "read the PIN of the token that this key is on from a file"),
    OPT("wipe", 0, FLAG, VERB_INIT, wipe, NULL, "also where there are objects on the token: they are destroyed"),
    OPT("confirm", 0, TEXT, VERB_INIT | VERB_WIPE, confirm, "S",
	"the serial number once more, instead of typing it in"),
    OPT("no-revoke", 0, FLAG, VERB_WIPE, no_revoke, NULL, "leave the certificates valid that were on the token"),
    OPT("cert-serial", 0, TEXT, VERB_REVOKE, cert_serial, "HEX", "the certificate with this serial number"),
    OPT("all", 0, FLAG, VERB_REVOKE, all, NULL, "every valid certificate of the user"),
    OPT("reason", 0, TEXT, VERB_REVOKE | VERB_LOST, reason, "R",
	"why, as in easyrsa revoke (lost: by default keyCompromise)"),
    OPT("temporary", 0, DAYS, VERB_LOST, temporary, "DAYS",
	"enroll the spare token that is plugged in, for so many days"),
    OPT("check", 0, FLAG, VERB_CRL, check, NULL, "only look how long the CRL is good, for monitoring"),
    OPT("test", 0, FLAG, VERB_LETTER, test, NULL, "print a sample letter, with a PIN that is made up"),
    OPT("language", 0, TEXT, VERB_LETTER, language, "L", "the letter in this language, e.g. de"),
    OPT("client-module", 0, TEXT, VERB_ENROLLS | VERB_BUNDLE, client_module, "M",
	"the PKCS#11 module on the employee's Linux computer"),
    OPT("ca-pass-file", 0, TEXT, VERB_ALL, ca_pass_file, "F",
	"read the CA key's passphrase, or its HSM's PIN, from a file"),
    OPT("ca-pass-fd", 0, DESCRIPTOR, VERB_ALL, ca_pass_fd, "N",
	"read the CA key's passphrase, or its HSM's PIN, from an open descriptor"),
    OPT("json", 0, FLAG, VERB_ALL, json, NULL, "print the result as one JSON document"),
    OPT("quiet", 'q', FLAG, VERB_ALL, quiet, NULL, "print errors and notes only"),
    OPT("verbose", 'v', FLAG, VERB_ALL, verbose, NULL, "let modules write to stderr"),
    OPT("yes", 0, FLAG, VERB_ALL, yes, NULL, "answer yes where a plain yes or no is asked"),
    OPT("help", 'h', FLAG, VERB_ALL, help, NULL, "show this"),
    OPT("version", 0, FLAG, VERB_ALL, version, NULL, "show the version"),
};

#define N_DEFS ((int)(sizeof defs / sizeof *defs))
#define LONG_BASE 256

static int set_number(long *field, const struct option_def *d, const char *text, struct err *e)
{
	/* the configuration's [ca] days has the same limits */
	long min = d->kind == DAYS ? 1 : 0, max = d->kind == DAYS ? 36500 : 1000000;
	char *end;
	errno = 0;
	long v = strtol(text, &end, 10);
	if (end == text || *end != '\0' || errno != 0 || v < min || v > max)
		return err_set(e, ERR_USAGE, "--%s wants a number from %ld to %ld, not '%s'", d->name, min, max, text);
	/* looked at now: later that number may be one of our own sockets, and what is read there no PIN */
	if (d->kind == DESCRIPTOR && fcntl((int)v, F_GETFD) < 0) {
		err_errno(e, ERR_USAGE, "--%s: descriptor %ld is not open", d->name, v);
		return err_next(e, "open it in the shell, as in: tokenroll --%s %ld alice %ld<FILE", d->name, v, v);
	}
	*field = v;
	return 0;
}

/* An unset variable of a script must not come to mean something: the blank token has an empty serial number. */
static int set_text(const char **field, const struct option_def *d, const char *text, struct err *e)
{
	if (*text == '\0') {
		err_set(e, ERR_USAGE, "the value of --%s is empty", d->name);
		return err_next(e, "give it one, or leave the option out; is a variable of the script not set?");
	}
	*field = text;
	return 0;
}

static int set_field(struct options *o, const struct option_def *d, const char *text, struct err *e)
{
	char *field = (char *)o + d->offset;
	switch (d->kind) {
	case FLAG:
		*(bool *)field = true;
		return 0;
	case TEXT:
		return set_text((const char **)(void *)field, d, text, e);
	default:
		return set_number((long *)(void *)field, d, text, e);
	}
}

static void fill_getopt(struct option *longs, char *shorts)
{
	*shorts++ = ':';
	for (int i = 0; i < N_DEFS; i++) {
		longs[i] = (struct option){defs[i].name, defs[i].kind == FLAG ? no_argument : required_argument, NULL,
					   LONG_BASE + i};
		if (defs[i].letter == 0)
			continue;
		*shorts++ = defs[i].letter;
		if (defs[i].kind != FLAG)
			*shorts++ = ':';
	}
	*shorts = '\0';
	longs[N_DEFS] = (struct option){NULL, 0, NULL, 0};
}

static const struct option_def *find_def(int c)
{
	for (int i = 0; i < N_DEFS; i++) {
		if (c == LONG_BASE + i || c == defs[i].letter)
			return &defs[i];
	}
	return NULL;
}

static int bad_option(int c, char **argv, struct err *e)
{
	const char *word = argv[optind - 1];
	if (c == ':')
		return err_set(e, ERR_USAGE, "%s wants a value", word);
	if (optopt > 0 && optopt < LONG_BASE)
		return err_set(e, ERR_USAGE, "there is no option -%c", optopt);
	return err_set(e, ERR_USAGE, "there is no option %s, or it takes no value", word);
}

/* Names that verbs will have: a user of such a name would be enrolled by mistake. */
static int check_name(const struct options *o, struct err *e)
{
	static const char *const reserved[] = {"help"};
	for (size_t i = 0; !o->verb_named && o->n_args > 0 && i < sizeof reserved / sizeof *reserved; i++) {
		if (strcmp(o->args[0], reserved[i]) != 0)
			continue;
		err_set(e, ERR_USAGE, "this version of tokenroll has no verb '%s'", o->args[0]);
		return err_next(e, "see tokenroll --help; a user of that name is enrolled by `tokenroll enroll %s`",
				o->args[0]);
	}
	return 0;
}

static int check_secrets(const struct options *o, struct err *e)
{
	if (o->pin_file != NULL && o->pin_fd >= 0)
		return err_set(e, ERR_USAGE, "the PIN is either in --pin-file or on --pin-fd");
	if (o->ca_pass_file != NULL && o->ca_pass_fd >= 0)
		return err_set(e, ERR_USAGE, "the passphrase is either in --ca-pass-file or on --ca-pass-fd");
	return 0;
}

static int check_verb(const struct options *o, const bool *given, struct err *e)
{
	const struct verb *v = verb_find(o->verb);
	for (int i = 0; i < N_DEFS; i++) {
		if (given[i] && (defs[i].verbs & v->bit) == 0)
			return err_set(e, ERR_USAGE, "--%s does not belong to '%s'", defs[i].name, v->name);
	}
	return 0;
}

/* p11-kit looks for a relative path in a folder of its own, and the journal outlives this working folder. */
static void make_absolute(const char **path, char room[PATH_MAX])
{
	const char *p = *path;
	if (p != NULL && p[0] != '/' && strchr(p, '/') != NULL && realpath(p, room) != NULL)
		*path = room;
}

int options_parse(struct options *ret, int argc, char **argv, struct err *e)
{
	struct option longs[N_DEFS + 1];
	char shorts[3 * N_DEFS + 2];
	bool given[N_DEFS];
	memset(given, 0, sizeof given);
	*ret = (struct options){.pin_fd = -1, .ca_pass_fd = -1};
	fill_getopt(longs, shorts);
	opterr = 0;
	int c;
	while ((c = getopt_long(argc, argv, shorts, longs, NULL)) != -1) {
		const struct option_def *d = c == '?' || c == ':' ? NULL : find_def(c);
		if (d == NULL)
			return bad_option(c, argv, e);
		given[d - defs] = true;
		if (set_field(ret, d, optarg, e) != 0)
			return -1;
	}
	make_absolute(&ret->module, ret->module_path);
	make_absolute(&ret->client_module, ret->client_module_path);
	ret->args = (const char **)(void *)(argv + optind);
	ret->n_args = argc - optind;
	const struct verb *v = ret->n_args > 0 ? verb_find(ret->args[0]) : NULL;
	ret->verb = v != NULL ? v->name : "enroll";
	ret->verb_named = v != NULL;
	if (v != NULL) {
		ret->args++;
		ret->n_args--;
	}
	return check_verb(ret, given, e) != 0 || check_name(ret, e) != 0 ? -1 : check_secrets(ret, e);
}

const struct verb *verb_find(const char *name)
{
	for (const struct verb *v = verbs; v->name != NULL; v++) {
		if (strcmp(v->name, name) == 0)
			return v;
	}
	return NULL;
}

static void print_option(FILE *out, const struct option_def *d)
{
	char left[64];
	if (d->letter != 0)
		snprintf(left, sizeof left, "-%c, --%s%s%s", d->letter, d->name, d->argument != NULL ? " " : "",
			 d->argument != NULL ? d->argument : "");
	else
		snprintf(left, sizeof left, "    --%s%s%s", d->name, d->argument != NULL ? " " : "",
			 d->argument != NULL ? d->argument : "");
	fprintf(out, "  %-24s %s\n", left, d->help);
}

static void print_options(FILE *out, const char *title, const struct verb *v, bool common)
{
	fprintf(out, "\n%s:\n", title);
	for (int i = 0; i < N_DEFS; i++) {
		if ((defs[i].verbs == (unsigned)VERB_ALL) == common && (defs[i].verbs & v->bit) != 0)
			print_option(out, &defs[i]);
	}
}

void options_help(FILE *out, const struct verb *v)
{
	if (v == NULL) {
		fputs("usage: tokenroll USER [options]          the same as: tokenroll enroll USER\n"
		      "       tokenroll VERB [options]\n\n",
		      out);
		for (const struct verb *each = verbs; each->name != NULL; each++)
			fprintf(out, "  %-10s %-10s %s\n", each->name, each->arguments, each->summary);
		v = verbs;
	} else {
		fprintf(out, "usage: tokenroll %s %s [options]\n\n%s\n", v->name, v->arguments, v->summary);
	}
	char title[64];
	snprintf(title, sizeof title, "options of %s", v->name);
	print_options(out, title, v, false);
	print_options(out, "options of every verb", v, true);
	fputs("\nexit status: 0 done, 1 failed, 2 usage or configuration, 3 token, 4 PIN, 5 CA,\n"
	      "6 refused to protect something or audit trail changed, 7 interrupted (run it again to go on)\n",
	      out);
}
