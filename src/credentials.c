#include "credentials.h"
#include "core/clean.h"
#include "core/prompt.h"
#include "pkcs11/uri.h"
#include "recoverykey.h"

#include <stdio.h>

#define PASSPHRASE_ATTEMPTS 3u

bool credentials_has_pin(const struct options *o)
{
	return o->pin_file != NULL || o->pin_fd >= 0;
}

int credentials_pin(const struct options *o, const char *text, struct secret *ret, struct err *e)
{
	if (o->pin_file != NULL)
		return secret_read_file(ret, o->pin_file, e);
	if (o->pin_fd >= 0)
		return secret_read_fd(ret, (int)o->pin_fd, e);
	if (prompt_possible())
		return prompt_secret(ret, text, e);
	err_set(e, ERR_SECRET_NEEDED, "the token's PIN is needed and there is no terminal to ask for it");
	return err_next(e, "give it with --pin-file FILE or --pin-fd N");
}

int credentials_other(const char *file, const char *option, const char *what, const char *text, struct secret *ret,
		      struct err *e)
{
	if (file != NULL)
		return secret_read_file(ret, file, e);
	if (prompt_possible())
		return prompt_secret(ret, text, e);
	err_set(e, ERR_SECRET_NEEDED, "the %s is needed and there is no terminal to ask for it", what);
	return err_next(e, "give it with %s FILE", option);
}

int credentials_so_pin(const struct options *o, const char *text, struct secret *ret, struct err *e)
{
	return credentials_other(o->so_pin_file, "--so-pin-file", "token's SO PIN", text, ret, e);
}

static int get_ca_secret(const struct options *o, const struct ca_info *ca, struct secret *ret, struct err *e)
{
	char line[700], text[700];
	bool hsm = ca->hsm.name[0] != '\0';
	if (o->ca_pass_file != NULL)
		return secret_read_file(ret, o->ca_pass_file, e);
	if (o->ca_pass_fd >= 0)
		return secret_read_fd(ret, (int)o->ca_pass_fd, e);
	if (prompt_possible()) {
		snprintf(line, sizeof line, hsm ? "PIN of the CA's HSM %s: " : "Passphrase of the CA key (%s): ",
			 hsm ? ca->hsm.name : ca->subject);
		clean_text(text, sizeof text, line);
		return hsm ? prompt_secret(ret, text, e) : prompt_passphrase(ret, text, e);
	}
	err_set(e, ERR_CA_PASSPHRASE_NEEDED, "%s is needed and there is no terminal to ask for it",
		hsm ? "the PIN of the CA's HSM" : "the CA key's passphrase");
	return err_next(e, "give it with --ca-pass-file FILE or --ca-pass-fd N");
}

/* --yes is for plain questions; this one is not. */
static int agree_to_last_try(const struct options *o, const struct ca_info *ca, struct err *e)
{
	bool yes = o->last_try;
	char line[200], text[200];
	snprintf(line, sizeof line, "The CA's HSM %s has ONE PIN try left; a wrong PIN locks it. Try it? [y/N] ",
		 ca->hsm.name);
	clean_text(text, sizeof text, line);
	if (!yes && prompt_possible() && prompt_yes(&yes, text, e) != 0)
		return -1;
	return yes ? 0
		   : err_set(e, ERR_PIN_LAST_TRY, "the CA's HSM %s has one PIN try left, which was not spent",
			     ca->hsm.name);
}

int credentials_ca(const struct options *o, const struct ca_info *ca, unsigned attempt, struct secret *ret,
		   struct err *e)
{
	bool given = o->ca_pass_file != NULL || o->ca_pass_fd >= 0;
	if (attempt > 0 && (given || attempt >= PASSPHRASE_ATTEMPTS))
		return err_set(e, ERR_CA_PASSPHRASE, "the passphrase of the CA key is wrong");
	if (ca->hsm.last_try && agree_to_last_try(o, ca, e) != 0)
		return -1;
	bool typed = ca->hsm.name[0] == '\0' || ca->hsm.wants_pin;
	return typed ? get_ca_secret(o, ca, ret, e) : 0;
}

static void hide_fd(struct config *cfg, enum hidden_kind kind, long fd)
{
	char path[32];
	snprintf(path, sizeof path, "/dev/fd/%ld", fd);
	if (fd >= 0)
		hidden_add(&cfg->hidden, kind, path);
}

/* What is wrong with the URI is for the signer to say. */
static void hide_hsm_pin(struct config *cfg)
{
	static const struct p11_uri_use use = {ERR_CONFIG, "[ca] key", ""};
	struct p11_uri uri = {.pin_file = NULL};
	if (!config_key_on_hsm(&cfg->ca))
		return;
	if (p11_uri_parse(&uri, cfg->ca.key, &use, NULL) == 0)
		hidden_add(&cfg->hidden, HIDDEN_CA_SECRET, uri.pin_file);
	p11_uri_clear(&uri);
}

/* Whether it can be used is looked at where it is used. */
static void hide_recovery(struct config *cfg, const struct options *o)
{
	struct recoverykey k = {.file = NULL};
	if (recoverykey_parse(&k, o, NULL) == 0) {
		hidden_add(&cfg->hidden, HIDDEN_SECRET, k.file);
		hidden_add(&cfg->hidden, HIDDEN_SECRET, k.pin_file);
	}
	recoverykey_clear(&k);
}

void credentials_hide(struct config *cfg, const struct options *o)
{
	const char *const files[] = {o->pin_file, o->new_pin_file, o->so_pin_file, o->puk_file, o->recovery_pass_file};
	for (size_t i = 0; i < sizeof files / sizeof *files; i++)
		hidden_add(&cfg->hidden, HIDDEN_SECRET, files[i]);
	hide_fd(cfg, HIDDEN_SECRET, o->pin_fd);
	hidden_add(&cfg->hidden, HIDDEN_CA_SECRET, o->ca_pass_file);
	hide_fd(cfg, HIDDEN_CA_SECRET, o->ca_pass_fd);
	hide_recovery(cfg, o);
	hide_hsm_pin(cfg);
}
