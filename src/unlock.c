#include "unlock.h"

#include "credentials.h"

static int try_once(struct signer *s, struct secret *passphrase, struct err *e)
{
	return signer_unlock_begin(s, passphrase, e) == 0 ? signer_unlock_end(s, e) : -1;
}

/* 1: it was the wrong one. */
static int ask_and_try(struct signer *s, const struct ca_info *ca, const struct options *o, unsigned attempt,
		       struct err *e)
{
	struct secret *pass = ca->needs_passphrase ? secret_new() : NULL;
	int got = pass != NULL ? credentials_ca(o, ca, attempt, pass, e) : 0;
	/* that no more are asked for is no answer of the signer */
	bool gave_up = got != 0;
	if (got == 0)
		got = try_once(s, pass, e);
	secret_free(&pass);
	if (got == 0)
		return 0;
	return gave_up || e->code != ERR_CA_PASSPHRASE ? -1 : 1;
}

int unlock_signer(struct signer *s, const struct ca_info *ca, const struct options *o, struct secret *given,
		  rpc_note_fn *note, void *note_arg, struct err *e)
{
	int got = 1;
	if (given != NULL)
		return try_once(s, ca->needs_passphrase ? given : NULL, e);
	for (unsigned attempt = 0; got == 1; attempt++) {
		got = ask_and_try(s, ca, o, attempt, e);
		if (got == 1)
			note(note_arg, e->what);
	}
	return got;
}
