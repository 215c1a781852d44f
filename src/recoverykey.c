#include "recoverykey.h"
#include "core/clean.h"
#include "enroll/worker.h"

#include <string.h>

int recoverykey_parse(struct recoverykey *ret, const struct options *o, struct err *e)
{
	static const struct p11_uri_use use = {ERR_USAGE, "the recovery key",
					       "asked for, or read from --recovery-pin-file"};
	memset(ret, 0, sizeof *ret);
	bool on_token = p11_uri_is(o->recovery_key);
	if (o->recovery_pin_file != NULL && !on_token) {
		err_set(e, ERR_USAGE, "--recovery-pin-file is for a recovery key on a token");
		return err_next(e, "name that with --recovery-key 'pkcs11:…'; the passphrase of a key in a file goes "
				   "into --recovery-pass-file");
	}
	if (o->recovery_pass_file != NULL && on_token) {
		err_set(e, ERR_USAGE, "--recovery-pass-file is for a recovery key in a file");
		return err_next(e, "the PIN of a token goes into --recovery-pin-file");
	}
	if (!on_token) {
		ret->file = o->recovery_key;
		return 0;
	}
	if (p11_uri_parse(&ret->own, o->recovery_key, &use, e) != 0)
		return -1;
	if (ret->own.has_slot) {
		err_set(e, ERR_USAGE, "the slot-id in the URI of the recovery key says nothing lasting of a token");
		return err_next(e, "name it by token (its label) or serial");
	}
	ret->uri = &ret->own;
	ret->pin_file = o->recovery_pin_file != NULL ? o->recovery_pin_file : ret->own.pin_file;
	return 0;
}

void recoverykey_clear(struct recoverykey *k)
{
	p11_uri_clear(&k->own);
	memset(k, 0, sizeof *k);
}

void recoverykey_question(char *ret, size_t size, const struct worker_token *t)
{
	char line[200];
	snprintf(line, sizeof line, "PIN of the recovery token \"%s\" (%s): ", t->label, t->serial);
	clean_text(ret, size, line);
}
