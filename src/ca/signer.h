/*
 * signer: the parent's handle on the process that holds the CA key.
 *
 * The signer process owns the easy-rsa directory while it runs: it alone
 * reads and writes it. It loads no PKCS#11 module of a token. All functions
 * here are called in the parent and are one call over the socket each.
 */
#ifndef CA_SIGNER_H
#define CA_SIGNER_H

#include "core/blob.h"
#include "core/config.h"
#include "core/err.h"
#include "core/rpc.h"
#include "core/secret.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define CA_SERIAL_HEX_MAX 41 /* 20 bytes in uppercase hex and a NUL (RFC 5280, 4.1.2.2) */
#define CA_USER_MAX 65
#define CA_ATTESTATION_MAX \
	((size_t)16 << 10) /* bytes of a token's proof; a YubiKey's certificates are below 3,100 each */
#define CA_TOKEN_SERIAL_MAX 65
#define CA_DATABASE_MAX 1024
#define CA_HASH_LEN 32
#define CA_ATTESTED_MAX 160
#define CA_NAME_MAX 256
#define CA_REASON_MAX 32
#define CA_NUMBER_MAX 64

struct signer;
struct ca_hsm_port;

/* The HSM that has the CA's key; all "" and false for a key in a file. */
struct ca_hsm_info {
	char name[80];                                /* "NAME" (serial), for people */
	char manufacturer[33], model[17], serial[17]; /* of the token */
	bool wants_pin;                               /* somebody has to type it */
	bool pin_pad;                                 /* it is typed on the HSM's reader */
	bool last_try; /* one try is left: a secret, also an empty one, is the yes to spend it */
	bool fails;    /* it cannot be used: signer_unlock_end tells why, before anything is asked */
};

struct ca_info {
	char subject[512];     /* one line, for people */
	char pki[512];         /* the folder */
	time_t not_after;      /* of the CA certificate, or of one above it that ends before */
	bool has_key;          /* a private key is at hand, so certificates can be issued here */
	bool needs_passphrase; /* it is encrypted; or on an HSM whose PIN has to be typed, or its last try agreed to */
	struct blob chain_pem; /* the CA certificate and those above it as PEM without text, for the profile */
	struct ca_hsm_info hsm;
	unsigned published; /* CRLs, by a signer that is joined, before that */
};

struct ca_certificate {
	char serial[CA_SERIAL_HEX_MAX];
	time_t not_before, not_after;
	struct blob der;  /* the certificate */
	struct blob spki; /* its SubjectPublicKeyInfo, DER */
};

/* What the token says of the key (attestation.h). All zero: nothing. */
struct ca_proof {
	const struct blob *attestation; /* DER certificates one after the other: the statement, then its issuers; NULL
					   or empty if the token gave none */
	const char *token_serial;       /* as PKCS#11 shows it; NULL or "" if it shows none */
};

/* What a certificate is good for, as far as that matters to whoever revokes it: a server's takes its connections with
 * it, an authority's all that it has signed. */
enum ca_kind { CA_CLIENT, CA_SERVER, CA_AUTHORITY, CA_KIND_COUNT };

struct ca_request {
	const char *user;
	enum ca_kind kind;      /* CA_CLIENT or CA_SERVER */
	const struct blob *csr; /* PKCS#10, DER */
	long days;              /* 0: the CA's own */
	bool replace;           /* revoke a valid certificate of that name (superseded) first, and publish a CRL */
	const char *beside; /* serials of those that may stay valid beside it, blanks between; NULL or "" for none */
	unsigned char serial[16]; /* proposed by the journal, used unless the PKI counts its serials */
	struct ca_proof proof;
};

struct ca_issued {
	struct ca_certificate cert;
	bool existed;   /* it had been issued before for this name and public key; nothing was written */
	bool shortened; /* it would have outlived the CA */
	char replaced[CA_SERIAL_HEX_MAX]; /* serial that was revoked for it, or "" */
	char attested[CA_ATTESTED_MAX]; /* what came of the proof, one line of ASCII for the journal, see signer_attest
					 */
};

/* Where an audit trail stands, see checkpoint.h. */
struct ca_checkpoint {
	char database[CA_DATABASE_MAX]; /* whose trail, for people: a line of text */
	uint64_t record;
	unsigned char hash[CA_HASH_LEN];
	time_t time; /* when it was signed */
};

/* One certificate of the PKI, by its row in index.txt. */
struct ca_known {
	char serial[CA_SERIAL_HEX_MAX];
	char name[CA_NAME_MAX];    /* its common name in UTF-8; as index.txt has it where no file has the certificate */
	char subject[CA_NAME_MAX]; /* one line, for people */
	enum ca_kind kind;         /* CA_CLIENT where no file has the certificate */
	time_t not_after;
	bool revoked;
	bool on_crl;                /* it is, and the CRL that the VPN server reads says so */
	time_t when;                /* it was revoked */
	char reason[CA_REASON_MAX]; /* reason.h; "unspecified" where the row has none */
};

/* A CRL that was made. */
struct ca_crl {
	char path[512];             /* in the PKI */
	char number[CA_NUMBER_MAX]; /* decimal */
	uint64_t entries;
	time_t this_update, next_update;
};

/* What there is about the file that a VPN server reads beside the dates of this CA's CRL (crlserved.h). */
struct ca_crl_served {
	char closed[512];   /* the part of its path that lets nobody in but root and us; "" */
	char above[256];    /* the CA above whose CRL in there ends first; "" if there is none */
	time_t above_until; /* ... when */
	uint64_t lacking;   /* revoked and not expired by index.txt, and not on it; 0 where index.txt cannot be read */
	char lacks[CA_SERIAL_HEX_MAX]; /* the first of these */
};

/* What is wrong with the CRL that a VPN server reads; in the order in which it is asked. */
enum ca_crl_fault {
	CA_CRL_FINE,
	CA_CRL_MISSING,
	CA_CRL_NOT_OURS, /* or damaged */
	CA_CRL_NOT_YET,  /* it begins in the future */
	CA_CRL_EXPIRED,
	CA_CRL_ABOVE,    /* that of a CA above in the same file has expired */
	CA_CRL_OUTDATED, /* the PKI has a newer one */
	CA_CRL_LACKING,  /* somebody who is revoked is on neither */
	CA_CRL_CLOSED,   /* a server that does not stay root cannot read it */
	CA_CRL_FAULT_COUNT
};

struct ca_crl_state {
	enum ca_crl_fault fault;
	struct ca_crl
	    crl; /* path is the file it is about; the rest is known from CA_CRL_NOT_YET on, and if it is fine */
	struct ca_crl_served served; /* likewise */
};

/* Starts the process, another one for a key on an HSM, and has it open the PKI: vars, CA certificate and key file,
 * index.txt, attestation-roots are read and checked. In two halves, so that tokens can be looked for meanwhile. Notes
 * (rpc_note) go to note. */
int signer_start(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note, void *note_arg,
		 struct err *e);

/*
 * One signer for several processes: signer_admit_begin gives a socket for another one, which calls signer_join with it
 * instead of signer_start, and then signer_open as after that. A key that was unlocked is so for all:
 * signer_unlock_begin wants no passphrase then. Its memory is locked from the first of these on (mlockall(2)). The
 * socket is the caller's; signer_stop closes what signer_join was given, and ends no process.
 *
 * In two halves, because the signer may be busy: signer_admit_end is to be called once for each, when signer_fd can be
 * read or before any other call. When signer_fd can be read and nothing was asked, the signer is gone.
 */
int signer_admit_begin(struct signer *s, int *ret_fd, struct err *e);
int signer_admit_end(struct signer *s, struct err *e);
int signer_fd(const struct signer *s);
int signer_join(struct signer **ret, int fd, const struct config_ca *cfg, rpc_note_fn *note, void *note_arg,
		struct err *e);

/*
 * A key (32 bytes) for a purpose, e.g. for what a station keeps sealed, which is the same whenever it is asked for and
 * is known to nobody who cannot use the CA key: HKDF-SHA256 (RFC 5869) of the private key, or of an RSA signature by it
 * where it is on an HSM. Nothing about the private key follows from it. The key must be unlocked. ERR_UNSUPPORTED for
 * an EC key on an HSM, whose signatures are never the same.
 */
int signer_derive(struct signer *s, const char *purpose, struct secret *ret, struct err *e);

/* Waits until the PKI is open; to be called once, before any other. ERR_CA_PKI, ERR_CA_LOCKED, ERR_CONFIG. */
int signer_open(struct signer *s, struct ca_info *ret, struct err *e);

/* Unlocks the CA key, in two halves so that the token can work meanwhile. passphrase is NULL for a key that
 * needs none. ERR_CA_PASSPHRASE when it is wrong: the caller may try again. For a key on an HSM it is the PIN, which is
 * tried once: ERR_PIN_WRONG, ERR_PIN_LAST_TRY, ERR_PIN_LOCKED; ERR_CA_HSM if the HSM or the key on it is not there, and
 * ERR_CA_PKI if it is another key than the CA's. Then looks whether a certificate could be
 * issued at all: ERR_CA_PKI if the PKI cannot be written; one that another program has locked is waited for, with a
 * note, and ERR_CA_LOCKED says in the end who holds it. For the user whose subject was asked for before, all else is
 * tried, too, but the signature: ERR_CA_PKI or ERR_NAME_TAKEN if signer_issue would fail for what is in the PKI, or a
 * VPN server would not accept the certificate. */
int signer_unlock_begin(struct signer *s, struct secret *passphrase, struct err *e);
int signer_unlock_end(struct signer *s, struct err *e);

/* The subject that a request of this user has to carry, X509_NAME DER, by the vars' DN mode. */
int signer_subject(struct signer *s, const char *user, struct blob *ret_name, struct err *e);

/* The valid certificate of that name, by index.txt; *ret_found false if there is none. */
int signer_find(struct signer *s, const char *user, bool *ret_found, struct ca_certificate *ret, struct err *e);

/* The same, but for those with these serials (blanks between). */
int signer_find_other(struct signer *s, const char *user, const char *except, bool *ret_found,
		      struct ca_certificate *ret, struct err *e);

/*
 * Whether signer_issue would issue a certificate of that name beside those with these serials. To be asked before
 * anything is made for it. ERR_NAME_TAKEN for a valid one that is not among them; ERR_CA_PKI if index.txt.attr allows
 * no second valid one, with which easyrsa could not read the index any more. Changes nothing, and needs no key.
 */
int signer_renewable(struct signer *s, const char *user, const char *beside, struct err *e);

/* Whether what is valid under that name could be revoked and replaced by signer_issue; true of nothing. To be asked
 * before a key is made. ERR_NAME_TAKEN for a server's certificate; ERR_CA_PKI if the CA's certificate does not let its
 * key sign CRLs, or the PKI's files could not be replaced. Changes nothing, and needs no key. */
int signer_replaceable(struct signer *s, const char *user, struct err *e);

/* Whether index.txt says of this serial that it is revoked; false for one that it does not know. */
int signer_revoked(struct signer *s, const char *serial, bool *ret, struct err *e);

/*
 * Revokes the certificate with this serial (uppercase hex) of this user for this reason (reason.h), as `easyrsa revoke
 * NAME REASON` does, makes a fresh CRL and publishes it; signer_publish afterwards says if the server has not got it.
 * Needs the key, unlocked without signer_subject before it: what keeps a certificate from being issued is no reason not
 * to revoke one. To be called again after a failure or a kill, which goes on.
 *
 * *ret_already says that it had been revoked before: its date and reason stay, of which a note tells if it is another
 * reason, and the CRL is made and published anew. One that has expired is revoked like any other, as easy-rsa does it,
 * with a note.
 *
 * ERR_USAGE for a reason that easy-rsa has not, which lists them, or a malformed serial. ERR_CA_REFUSED for a serial
 * that the PKI does not know. ERR_NAME_TAKEN for somebody else's certificate and for one that is not a client's.
 * ERR_CA_PKI if there is no CA key, the CA's certificate does not let it sign CRLs, or the PKI's files could not be
 * replaced. ERR_CA_LOCKED, ERR_CA_FAILED.
 */
int signer_revoke(struct signer *s, const char *user, const char *serial, const char *reason, bool *ret_already,
		  struct err *e);

/*
 * The certificates of that common name, or the one with that serial number (uppercase hex); one of the two is NULL.
 * Where no certificate has the name, the one of the file issued/NAME.crt. In the order of index.txt, at most 256; *ret
 * is one block, to be freed, NULL where there is none. Needs no key.
 */
int signer_known(struct signer *s, const char *name, const char *serial, struct ca_known **ret, size_t *ret_n,
		 struct err *e);

/*
 * As signer_revoke, of whoever's certificate it is: also with a name that is no user's, and, if any_kind is true, of a
 * server's or another CA's; else ERR_SERVER for these. *ret is what is known of it afterwards.
 */
int signer_revoke_serial(struct signer *s, const char *serial, const char *reason, bool any_kind, bool *ret_already,
			 struct ca_known *ret, struct err *e);

/* Makes a fresh CRL from index.txt and publishes it; signer_publish_fresh afterwards says if the server has not got it.
 * Needs the key. ERR_CA_PKI, ERR_CA_LOCKED, ERR_CA_FAILED. */
int signer_crl(struct signer *s, struct ca_crl *ret, struct err *e);

/* As signer_publish, for whoever is on it: ERR_CRL_UNPUBLISHED whenever the server's is older than PKI/crl.pem and
 * stays so. */
int signer_publish_fresh(struct signer *s, struct err *e);

/* Whether a fresh CRL was put where the VPN server reads it since signer_start or signer_join, or into PKI/crl.pem if
 * [ca] crl names no place. */
int signer_published(struct signer *s, bool *ret, struct err *e);

/* What the VPN server reads, or PKI/crl.pem if [ca] crl names no place. A process of its own, for this call; needs
 * neither index.txt nor the key, but says more where index.txt can be read. Errors are what keeps it from being told.
 */
int signer_crl_state(const struct config_ca *cfg, bool verbose, struct ca_crl_state *ret, struct err *e);

/* Issues. Checks the request's own signature, its subject and its key against the CA's policy first, then the token's
 * proof as signer_attest does, also for a certificate that exists already. Idempotent by (name, public key), except for
 * the certificates of req->beside: a renewal has the key of the one before. Where one of those is in issued/NAME.crt,
 * it is put aside as `easyrsa renew` does, so that `easyrsa revoke-renewed` finds it. ERR_NAME_TAKEN, ERR_CA_REFUSED,
 * ERR_CA_LOCKED, ERR_CA_FAILED. */
int signer_issue(struct signer *s, const struct ca_request *req, struct ca_issued *ret, struct err *e);

/*
 * Publishes PKI/crl.pem at [ca] crl, if the file there is missing or older, or lacks a certificate of this user's that
 * is revoked; the two files tell. A revocation publishes its CRL itself: this makes sure, and needs no key.
 * ERR_CRL_UNPUBLISHED if it fails while the VPN server still lets in a revoked certificate of this user's; for others
 * a failure is a note.
 */
int signer_publish(struct signer *s, const char *user, struct err *e);

/* Checks a certificate that was signed elsewhere: for this public key (SPKI DER) and user, from this CA, a
 * client certificate, valid now and, where the index is at hand, not revoked. cert is DER or PEM. ERR_CERT_MISMATCH
 * says which of these failed, or what there is instead of a certificate. */
int signer_check(struct signer *s, const char *user, const struct blob *spki, const struct blob *cert,
		 struct ca_certificate *ret, struct err *e);

/*
 * Judges a token's proof that the key with this SPKI (DER) was made inside it, for a certificate that is signed
 * elsewhere. ret_attested says what came of it: the statement in short ("yubico: serial 1234567, firmware 5.4.3, PIN
 * once, touch never"), "not verified: no attestation-roots", or "none: the token gave no proof". ERR_CA_REFUSED for a
 * proof that does not fit, and for none with [ca] require-attestation. Changes nothing, and needs no key.
 */
int signer_attest(struct signer *s, const char *user, const struct blob *spki, const struct ca_proof *proof,
		  char ret_attested[CA_ATTESTED_MAX], struct err *e);

/* Makes sure, when all else is done, that the row of this certificate is still in index.txt: easy-rsa before
 * 3.2.3 takes no lock and may have written an older copy over it. */
int signer_settle(struct signer *s, const char *serial, struct err *e);

/* Signs where an audit trail stands with the CA key, which has to be unlocked: CMS in DER. Sets c->time. ERR_CA_FAILED.
 */
int signer_checkpoint(struct signer *s, struct ca_checkpoint *c, struct blob *ret_cms, struct err *e);

/* What a checkpoint, in DER or PEM, says, if this CA's key has signed it; needs no key. ERR_USAGE for what is no
 * checkpoint, ERR_AUDIT_CHANGED for one that another CA has signed or that was changed. */
int signer_checkpoint_check(struct signer *s, const struct blob *cms, struct ca_checkpoint *ret, struct err *e);

/* Nothing more will be asked: it ends while the caller goes on. Accepts NULL. */
void signer_dismiss(struct signer *s);

/* Ends the process; accepts NULL. */
void signer_stop(struct signer **s);

void ca_info_free(struct ca_info *i);
void ca_certificate_free(struct ca_certificate *c);

/* The role's entry point: serves the calls above on RPC_FD. hsm is what a process has for a key on an HSM (hsm.h), NULL
 * for the ordinary one. Returns the exit status. */
int signer_main(const struct ca_hsm_port *hsm);

#endif
