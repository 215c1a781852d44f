#include "store/escrow.h"
#include "store/escrow_text.h"

int escrow_seal(struct blob *ret, const struct recipients *r, const struct store_token *t, enum escrow_kind kind,
		const struct secret *value, struct err *e)
{
	struct secret *text = secret_new();
	int rc = escrow_text_make(text, t, kind, value, e);
	if (rc == 0 && recipients_seal(ret, r, text->bytes, text->len, ERR_ESCROW, e) != 0) {
		err_next(e, "try another recovery certificate; " RECOVERY_HOW ", tells how to make one");
		rc = -1;
	}
	secret_free(&text);
	return rc;
}
