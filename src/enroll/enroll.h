/*
 * enroll: the state machine from an empty token to a delivered credential.
 *
 *   planned -> keyed -> requested -> issued -> written -> proven -> delivered
 *
 * Each state is in the journal before the next step begins, and each step can
 * be repeated: after any failure the same call goes on where the last one
 * stopped. Runs in the parent. Tokens, CA, journal and handover are known as
 * tables of functions (ports.h), and people as a struct enroll_ui; nothing
 * here prints or asks by itself.
 */
#ifndef ENROLL_ENROLL_H
#define ENROLL_ENROLL_H

#include "ca/signer.h"
#include "core/config.h"
#include "core/secret.h"
#include "enroll/discover.h"
#include "enroll/ports.h"
#include "enroll/worker.h"
#include "store/store.h"

#include <stdbool.h>

struct enroll_options {
	const char *user;
	enum cred_way way;           /* CRED_WAY_RENEW and _REKEY: from the credential that there is */
	bool no_token;               /* renew: issue now, to be written later */
	const char *serial, *reader; /* which token; NULL: find out */
	const char *token_label;     /* and of a card with several PINs which of them; NULL */
	const char *module;          /* path or p11-kit name; NULL: the configuration's, else all that p11-kit knows */
	enum keytype key_type;       /* KEYTYPE_NONE: the configuration's */
	long days;                   /* 0: the CA's */
	bool replace;                /* revoke what this user has and make it anew */
	bool csr_only;               /* stop at requested */
	const char *cert_file;       /* go on with a certificate that was signed elsewhere */
	bool init;                   /* a blank token may be initialized without asking */
	const char *label;           /* for a blank token; NULL: the user's name */
	bool keep_factory_pins;      /* PIN, SO PIN and PUK that the token was delivered with stay */
	bool last_try;               /* the last PIN try may be spent */
	const char *client_module;   /* on the laptops; NULL: as configured, or by the token's profile */
	/* a recovery key, in a file or on a token: the SO PIN is taken out of escrow; at most one of both */
	const char *recovery_file;
	const struct p11_uri *recovery_uri;
	bool so_pin_given;  /* in a file */
	bool pin_given;     /* not typed: a second question would have the same answer */
	bool replace_pin;   /* the PIN that is given is for the way here only: the token gets another one */
	bool new_pin_typed; /* by a person, who may take long: with replace_pin the token takes the old one before */
	bool new_pin_kept;  /* that one is the same each time it is asked for, as one out of a file is */
	const char *new_pin_file; /* NULL: not from a file */
	bool verbose;
};

/* How the state machine talks to the person in charge. */
struct enroll_ui {
	void *arg;
	/* The PIN of a token. ERR_SECRET_NEEDED when there is no way to get it. */
	int (*pin)(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret, struct err *e);
	/* The SO PIN of a token that wants its security officer to make keys or write certificates. */
	int (*so_pin)(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret,
		      struct err *e);
	/* The passphrase of the recovery key, or the PIN of the token that it is on. */
	int (*recovery_passphrase)(void *arg, struct secret *ret, struct err *e);
	int (*recovery_pin)(void *arg, const struct worker_token *t, struct secret *ret, struct err *e);
	/* SO PIN and PIN for a blank token, asked or made as the policy says. One that waits for its user PIN
	 * (WORKER_TOKEN_NO_PIN) has its SO PIN: that is asked for. What either has already is kept. */
	int (*new_pins)(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret_so_pin,
			struct secret *ret_pin, struct err *e);
	/* A user PIN for a token that has one of the factory's, asked or made as the policy says. */
	int (*new_pin)(void *arg, const struct worker_token *t, const struct profile *p, struct secret *ret,
		       struct err *e);
	/* Shows what new_pins or new_pin has made at random; it is sent to the token next. */
	int (*show_pins)(void *arg, struct err *e);
	/* May this token be set up, which is blank, or was left without a user PIN by somebody else? */
	int (*confirm_init)(void *arg, const struct worker_token *t, struct err *e);
	/* May this user, whose certificate with this serial the CA has revoked, get a new one? ERR_REVOKED if not. */
	int (*confirm_revoked)(void *arg, const char *serial, struct err *e);
	/* May the last try be spent? */
	int (*confirm_last_try)(void *arg, const struct worker_token *t, struct err *e);
	/* The CA passphrase; attempt counts from 0. ERR_CA_PASSPHRASE when there is no further one to try. */
	int (*passphrase)(void *arg, const struct ca_info *ca, unsigned attempt, struct secret *ret, struct err *e);
	/* Which of several tokens. ERR_SEVERAL_TOKENS lists them when nobody can be asked. */
	int (*choose)(void *arg, const struct enroll_candidate *list, size_t n, size_t *ret_index, struct err *e);
	/* This token was taken. */
	void (*chosen)(void *arg, const struct worker_token *t);
	/* The token has taken the PIN that pin gave for it. NULL: nobody wants to know. */
	void (*taken)(void *arg);
	/* A step begins, and ends; detail may be "". If it did not end well, detail says how where that is no failure.
	 */
	void (*begin)(void *arg, const char *step);
	void (*end)(void *arg, bool ok, const char *detail);
	void (*note)(void *arg, const char *text);
	/* One about the CA or this machine, which is the same with each token. NULL: as note. */
	void (*note_shared)(void *arg, const char *text);
};

static inline rpc_note_fn *enroll_shared_note(const struct enroll_ui *ui)
{
	return ui->note_shared != NULL ? ui->note_shared : ui->note;
}

struct enroll_result {
	struct store_credential cred;
	bool already;           /* nothing had to be made */
	bool proved;            /* the token signed a challenge in this run */
	bool initialized;       /* the token was blank, or had no user PIN */
	bool so_pin_sealed;     /* its SO PIN was made at random and is in escrow */
	bool pins_sent;         /* it may have the new PINs, also if that failed */
	unsigned replaced_pins; /* 1 << enum profile_secret: those of the factory's that were changed */
	bool shortened;         /* the certificate ends with the CA */
	char replaced[CA_SERIAL_HEX_MAX];
	struct store_credential old; /* the one that a renewal or rekeying takes over from */
	bool waits;                  /* the certificate is issued, and is still to be written to the token */
	size_t n_due;                /* certificates that were revoked because their overlap is over, whoever's */
	bool crl_published;          /* a fresh CRL is where the VPN server reads it */
	char *request_path;          /* with csr_only */
	char *folder, *tar_gz, *zip;
};

/* One enrollment, from wherever the journal says it is. ret is filled as far as it got, also on failure. */
int enroll_run(const struct enroll_ports *ports, const struct config *cfg, const struct enroll_options *opt,
	       const struct enroll_ui *ui, struct enroll_result *ret, struct err *e);

/*
 * Profiles, guides and bundle of a user's finished enrollment again, and the mail. Where opt->client_module is another
 * one than before and has not named the key yet, the token has to be plugged in, and asks for no PIN.
 */
int enroll_bundle(const struct enroll_ports *ports, const struct config *cfg, const struct enroll_options *opt,
		  const struct enroll_ui *ui, struct enroll_result *ret, struct err *e);

void enroll_result_free(struct enroll_result *r);

#endif
