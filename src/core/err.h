/*
 * err: how a failure travels from the place that met it to the person who has
 * to do something about it.
 *
 * A fallible function returns 0 or -1 and fills the caller's struct err. The
 * struct is plain data owned by the caller and crosses process borders in a
 * message (see rpc.h). Only verbs print it. Any process may use this module.
 */
#ifndef CORE_ERR_H
#define CORE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>

enum err_code {
	ERR_NONE = 0,
	/* exit status 1: failed */
	ERR_FAILED,
	ERR_SYSTEM,
	ERR_HOOK,
	ERR_MAIL,
	ERR_STORE,
	ERR_ESCROW,
	ERR_PRINTER, /* letters wait until it works */
	ERR_LETTER,  /* this one cannot be made */
	/* 2: usage or configuration */
	ERR_USAGE,
	ERR_CONFIG,
	ERR_TEMPLATE,
	ERR_ROSTER,
	ERR_SECRET_NEEDED,
	ERR_SECRET_FILE,
	ERR_RECOVERY_MISSING,
	ERR_RECOVERY_KEY,
	ERR_RECOVERY_PASSPHRASE,
	ERR_RECOVERY_PASSPHRASE_NEEDED,
	/* 3: token */
	ERR_READERS,
	ERR_MODULE,
	ERR_NO_TOKEN,
	ERR_SEVERAL_TOKENS,
	ERR_TOKEN_BLANK,
	ERR_REMOVED,
	ERR_TOKEN_FULL,
	ERR_TOKEN_READ_ONLY,
	ERR_UNSUPPORTED,
	ERR_TOKEN_FAILED,
	ERR_KEY_GONE,
	ERR_PROOF,
	/* 4: PIN */
	ERR_PIN_WRONG,
	ERR_PIN_LAST_TRY,
	ERR_PIN_LOCKED,
	ERR_PIN_NEEDED,
	ERR_PIN_RULES,
	/* 5: certificate authority */
	ERR_CA_PKI,
	ERR_CA_PASSPHRASE,
	ERR_CA_PASSPHRASE_NEEDED,
	ERR_CA_LOCKED,
	ERR_CA_REFUSED,
	ERR_CA_FAILED,
	ERR_CA_HSM,
	ERR_CRL_UNPUBLISHED,
	ERR_CERT_MISMATCH,
	/* 6: refused, to protect something */
	ERR_NAME_TAKEN,
	ERR_TOKEN_TAKEN,
	ERR_KEY_EXISTS,
	ERR_FOREIGN,
	ERR_REVOKED,
	ERR_SERVER,
	ERR_TOKEN_LOST,
	ERR_BUSY,
	ERR_AUDIT_CHANGED,
	/* 7: interrupted, the same command goes on */
	ERR_INTERRUPTED,
	ERR_CODE_COUNT
};

#define ERR_NATIVE_SIZE 96

struct err {
	enum err_code code;
	char what[768];               /* what was attempted and why it failed, one sentence */
	char native[ERR_NATIVE_SIZE]; /* CKR_ name, OpenSSL reason or errno text; may be "" */
	char next[512];               /* what to do next; "" takes the code's own advice */
};

#define ERR_INIT                     \
	{                            \
		ERR_NONE, "", "", "" \
	}

#define ERR_PRINTF(a, b) __attribute__((format(printf, a, b)))

/* Fills *e (which may be NULL) and returns -1, so that a caller can `return err_set(...)`. */
int err_set(struct err *e, enum err_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* As err_set, with errno's text as the native reason, and for a full disk the advice that goes with it. */
int err_errno(struct err *e, enum err_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* As err_set, with the oldest reason in OpenSSL's error queue as the native one, and behind it what the newest entry
 * that names anything is about; empties the queue. */
int err_openssl(struct err *e, enum err_code code, const char *fmt, ...) ERR_PRINTF(3, 4);

/* Puts the native reason's name beside an error already set. Returns -1. */
int err_native(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Replaces the code's standard advice in an error already set. Returns -1. */
int err_next(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

/* Puts "text: " before what an error already says. Returns -1. */
int err_prefix(struct err *e, const char *fmt, ...) ERR_PRINTF(2, 3);

void err_clear(struct err *e);

/* The exit status of the command line for a code: 0 to 7, as the manual lists them. */
int err_exit_status(enum err_code code);

/* The code's stable name in JSON, e.g. "PIN_WRONG". Never NULL. */
const char *err_code_name(enum err_code code);

/* Whether a token was sent secrets and has said no to them: then it has those that it had. */
bool err_is_secret_refused(const struct err *e);

/* What to do next: the error's own advice, else its code's; "" if there is none. */
const char *err_advice(const struct err *e);

#endif
