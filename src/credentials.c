#include "credentials.h"
#include "core/prompt.h"

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

int credentials_passphrase(const struct options *o, const char *text, unsigned attempt, struct secret *ret,
			   struct err *e)
{
	bool given = o->ca_pass_file != NULL || o->ca_pass_fd >= 0;
	if (attempt > 0 && (given || attempt >= PASSPHRASE_ATTEMPTS))
		return err_set(e, ERR_CA_PASSPHRASE, "the passphrase of the CA key is wrong");
	if (o->ca_pass_file != NULL)
		return secret_read_file(ret, o->ca_pass_file, e);
	if (o->ca_pass_fd >= 0)
		return secret_read_fd(ret, (int)o->ca_pass_fd, e);
	if (prompt_possible())
		return prompt_secret(ret, text, e);
	err_set(e, ERR_CA_PASSPHRASE_NEEDED,
		"the CA key's passphrase is needed and there is no terminal to ask for it");
	return err_next(e, "give it with --ca-pass-file FILE or --ca-pass-fd N");
}
