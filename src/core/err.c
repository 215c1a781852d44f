#include "core/err.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

struct code_info {
	const char *name;
	int exit_status;
	const char *advice;
};

static const struct code_info codes[ERR_CODE_COUNT] = {
    [ERR_NONE] = {"NONE", 0, ""},
    [ERR_FAILED] = {"FAILED", 1, ""},
    [ERR_SYSTEM] = {"SYSTEM", 1, ""},
    [ERR_HOOK] = {"HOOK", 1, "see to it that [ca] after-crl works, then run `tokenroll crl`, which runs it again"},
    [ERR_MAIL] = {"MAIL", 1, "everything else is done; the same command sends the mail again"},
    [ERR_STORE] = {"STORE", 1, ""},
    [ERR_ESCROW] = {"ESCROW", 1, "a backup of the database may have the value as it was put there"},
    [ERR_PRINTER] = {"PRINTER", 1, "see to it that the printer works, then print the letter again"},
    [ERR_LETTER] = {"LETTER", 1, ""},
    [ERR_USAGE] = {"USAGE", 2, "see tokenroll --help"},
    [ERR_CONFIG] = {"CONFIG", 2, "correct the configuration; nothing was changed"},
    [ERR_TEMPLATE] = {"TEMPLATE", 2, "correct the template; nothing was changed on the token or in the CA"},
    [ERR_ROSTER] = {"ROSTER", 2, "correct the roster and run the same command again; nothing was begun"},
    [ERR_SECRET_NEEDED] = {"SECRET_NEEDED", 2, "run it on a terminal, or name a file or descriptor to read it from"},
    [ERR_SECRET_FILE] = {"SECRET_FILE", 2, "make the file readable by its owner alone (chmod 600)"},
    [ERR_READERS] = {"READERS", 3, ""},
    [ERR_RECOVERY_MISSING] = {"RECOVERY_MISSING", 2,
			      "name a recovery certificate as recovery in section [escrow]; tokenroll(8), "
			      "\"Recovery certificates\", tells how to make one"},
    [ERR_RECOVERY_KEY] = {"RECOVERY_KEY", 2, "name the private key of one of the recovery certificates"},
    [ERR_RECOVERY_PASSPHRASE] = {"RECOVERY_PASSPHRASE", 2, "run the same command with the right passphrase"},
    [ERR_RECOVERY_PASSPHRASE_NEEDED] = {"RECOVERY_PASSPHRASE_NEEDED", 2,
					"run it on a terminal, or name a file or descriptor to read it from"},
    [ERR_MODULE] = {"MODULE", 3,
		    "check the module's path and that its packages are installed; pull the token, put it in "
		    "again, and run the same command"},
    [ERR_NO_TOKEN] = {"NO_TOKEN", 3, "put the token in and run the same command again"},
    [ERR_SEVERAL_TOKENS] = {"SEVERAL_TOKENS", 3,
			    "name one with --serial or --reader, and where these are the same with --token-label"},
    [ERR_TOKEN_BLANK] =
	{"TOKEN_BLANK", 3,
	 "put in the token that is meant; or, to initialize this one, run it on a terminal, or with --init"},
    [ERR_REMOVED] = {"REMOVED", 3, "put the same token in again and run the same command; it goes on where it stopped"},
    [ERR_TOKEN_FULL] = {"TOKEN_FULL", 3, "free some room on the token, or take another one"},
    [ERR_TOKEN_READ_ONLY] = {"TOKEN_READ_ONLY", 3, "take a token that can be written to"},
    [ERR_UNSUPPORTED] = {"UNSUPPORTED", 3, "take another key type or another token"},
    [ERR_TOKEN_FAILED] = {"TOKEN_FAILED", 3,
			  "put the token in again and run the same command; it goes on where it stopped"},
    [ERR_KEY_GONE] = {"KEY_GONE", 3, "make a new key with `tokenroll rekey USER` or `tokenroll enroll --replace USER`"},
    [ERR_CERT_MISMATCH] = {"CERT_MISMATCH", 5,
			   "have the request signed again by this CA, as a client certificate for this user"},
    [ERR_PROOF] = {"PROOF", 3,
		   "do not hand this token out; run the same command again, and take another token if it stays so"},
    [ERR_PIN_WRONG] = {"PIN_WRONG", 4,
		       "it was tried once and is not tried again by itself; run the command again with the right PIN"},
    [ERR_PIN_LAST_TRY] = {"PIN_LAST_TRY", 4,
			  "if you are sure of the PIN, run it on a terminal and say yes, or add --last-try"},
    [ERR_PIN_LOCKED] = {"PIN_LOCKED", 4, "unlock the PIN with the token's SO PIN or PUK, then run the same command"},
    [ERR_PIN_NEEDED] = {"PIN_NEEDED", 4,
			"set it with `tokenroll init` or change it with `tokenroll pin`, then run the same command"},
    [ERR_PIN_RULES] = {"PIN_RULES", 4, ""},
    [ERR_CA_PKI] = {"CA_PKI", 5, "nothing was changed; check the PKI folder and [ca] in the configuration"},
    [ERR_CA_PASSPHRASE] = {"CA_PASSPHRASE", 5, "run the same command with the right passphrase"},
    [ERR_CA_PASSPHRASE_NEEDED] = {"CA_PASSPHRASE_NEEDED", 2,
				  "run it on a terminal, or use --ca-pass-file or --ca-pass-fd"},
    [ERR_CA_LOCKED] = {"CA_LOCKED", 5, "let the other program finish, then run the same command"},
    [ERR_CA_REFUSED] = {"CA_REFUSED", 5, ""},
    [ERR_CA_FAILED] = {"CA_FAILED", 5, "run the same command again; no second certificate is issued"},
    [ERR_CA_HSM] = {"CA_HSM", 5,
		    "see that the CA's HSM is plugged in and answers, then run the same command again; it goes on "
		    "where it stopped"},
    [ERR_CRL_UNPUBLISHED] = {"CRL_UNPUBLISHED", 5, "let tokenroll write [ca] crl, then run the same command again"},
    [ERR_NAME_TAKEN] = {"NAME_TAKEN", 6,
			"add --replace to revoke the old certificate as superseded and issue a new one"},
    [ERR_TOKEN_TAKEN] = {"TOKEN_TAKEN", 6, "take another token"},
    [ERR_KEY_EXISTS] = {"KEY_EXISTS", 6,
			"delete the key that is not the user's with the tool that made it, or make a new one with "
			"`tokenroll enroll --replace USER`"},
    [ERR_FOREIGN] = {"FOREIGN", 6, ""},
    [ERR_REVOKED] = {"REVOKED", 6,
		     "index.txt of the PKI says when and why; if this user may get in again, run it on a terminal and "
		     "say yes, or add --replace or --yes"},
    [ERR_SERVER] = {"SERVER", 6, "if that is meant, run it on a terminal and say yes, or add --yes"},
    [ERR_TOKEN_LOST] = {"TOKEN_LOST", 6, ""},
    [ERR_BUSY] = {"BUSY", 6, "wait for it to finish, then run the same command"},
    [ERR_AUDIT_CHANGED] = {"AUDIT_CHANGED", 6,
			   "somebody has changed the database by other means: keep it as it is, and compare it with a "
			   "backup"},
    [ERR_INTERRUPTED] = {"INTERRUPTED", 7, "run the same command again; it goes on where it stopped"},
};

static int err_vset(struct err *e, enum err_code code, const char *native, const char *fmt, va_list ap)
{
	if (e == NULL)
		return -1;
	/* formatted aside first: the text may quote the error that it replaces */
	char what[sizeof e->what];
	vsnprintf(what, sizeof what, fmt, ap);
	char kept[sizeof e->native];
	snprintf(kept, sizeof kept, "%s", native);
	err_clear(e);
	e->code = code;
	memcpy(e->what, what, sizeof what);
	memcpy(e->native, kept, sizeof kept);
	return -1;
}

int err_set(struct err *e, enum err_code code, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	err_vset(e, code, "", fmt, ap);
	va_end(ap);
	return -1;
}

int err_errno(struct err *e, enum err_code code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;
	va_start(ap, fmt);
	err_vset(e, code, strerror(saved), fmt, ap);
	va_end(ap);
	if (saved == ENOSPC || saved == EDQUOT)
		err_next(e, "make room on that disk, then run the same command again; it goes on where it stopped");
	errno = saved;
	return -1;
}

/* The oldest entry of the queue is the reason; it was raised deep down. What was worked at is known above: the newest
 * entry that names something, e.g. "name=keyUsage, value=nonsense". */
static void openssl_reason(char *ret, size_t size)
{
	const char *data;
	int flags;
	unsigned long oldest = ERR_peek_error();
	const char *reason = oldest != 0 ? ERR_reason_error_string(oldest) : NULL;
	char about[128] = "";
	while (ERR_get_error_all(NULL, NULL, NULL, &data, &flags) != 0) {
		if ((flags & ERR_TXT_STRING) == 0 || data == NULL || data[0] == '\0')
			continue;
		snprintf(about, sizeof about, "%s", data);
	}
	snprintf(ret, size, "%s%s%s", reason != NULL ? reason : "", reason != NULL && about[0] != '\0' ? ": " : "",
		 about);
}

int err_openssl(struct err *e, enum err_code code, const char *fmt, ...)
{
	char reason[ERR_NATIVE_SIZE];
	va_list ap;
	openssl_reason(reason, sizeof reason);
	va_start(ap, fmt);
	err_vset(e, code, reason, fmt, ap);
	va_end(ap);
	return -1;
}

int err_native(struct err *e, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->native, sizeof e->native, fmt, ap);
	va_end(ap);
	return -1;
}

int err_next(struct err *e, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(e->next, sizeof e->next, fmt, ap);
	va_end(ap);
	return -1;
}

int err_prefix(struct err *e, const char *fmt, ...)
{
	if (e == NULL)
		return -1;
	char head[sizeof e->what], whole[sizeof e->what];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(head, sizeof head, fmt, ap);
	va_end(ap);
	size_t n = strlen(head);
	memcpy(whole, head, n + 1);
	snprintf(whole + n, sizeof whole - n, ": %s", e->what);
	memcpy(e->what, whole, sizeof whole);
	return -1;
}

void err_clear(struct err *e)
{
	if (e != NULL)
		memset(e, 0, sizeof *e);
}

static const struct code_info *code_info(enum err_code code)
{
	return code >= ERR_NONE && code < ERR_CODE_COUNT ? &codes[code] : &codes[ERR_FAILED];
}

int err_exit_status(enum err_code code)
{
	return code_info(code)->exit_status;
}

const char *err_code_name(enum err_code code)
{
	return code_info(code)->name;
}

bool err_is_secret_refused(const struct err *e)
{
	return e->code == ERR_PIN_WRONG || e->code == ERR_PIN_RULES || e->code == ERR_PIN_LOCKED;
}

const char *err_advice(const struct err *e)
{
	return e->next[0] != '\0' ? e->next : code_info(e->code)->advice;
}
