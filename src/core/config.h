/*
 * config: the configuration file, read once by the parent process and handed
 * down as plain data. INI by inih; an unknown section or key, a value of the
 * wrong kind and a line that is too long are ERR_CONFIG with file and line.
 * Strings are NULL where the file says nothing and there is no default.
 */
#ifndef CORE_CONFIG_H
#define CORE_CONFIG_H

#include "core/blob.h"
#include "core/config_list.h"
#include "core/err.h"
#include "core/hidden.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#define CONFIG_PATH_DEFAULT SYSCONF_DIR "/tokenroll.conf"

enum config_pin { CONFIG_PIN_ASK, CONFIG_PIN_RANDOM, CONFIG_PIN_KEEP };
enum config_mail_tls { CONFIG_MAIL_STARTTLS, CONFIG_MAIL_TLS, CONFIG_MAIL_PLAIN };

struct config_ca {
	char *pki;                     /* easy-rsa's pki folder; default /etc/easy-rsa/pki */
	char *cert;                    /* the CA certificate; default PKI/ca.crt */
	char *chain;                   /* PEM: the CAs above this one, besides those in cert */
	char *key;                     /* default PKI/private/ca.key; or a "pkcs11:" URI, for one on an HSM */
	struct config_list hsm_env;    /* NAME=VALUE, for the HSM's module */
	struct config_list hsm_writes; /* folders that the HSM's module writes to */
	char *vars;                    /* easy-rsa's vars; default: where easy-rsa looks */
	char *x509_types;              /* folder; default: where easy-rsa looks */
	char *crl;                     /* where a fresh CRL is published, besides PKI/crl.pem */
	char *after_crl;               /* command that is run after that, in words.h's form; NULL */
	long days;                     /* 0: vars, else 825 */
	long overlap;                  /* days that a certificate stays valid after it was renewed; default 0 */
	unsigned key_types;            /* KEYTYPE_BIT set the CA accepts; default all */
	long lock_wait;                /* seconds to wait for a PKI that another program has locked; default 30 */
	bool require_attestation;   /* a key without a proof that its token made it gets no certificate; default no */
	char *attestation_roots;    /* PEM: the vendors' roots and intermediates; no proof is judged without */
	unsigned attestation_pins;  /* KEYPOLICY_PIN_BIT set a proof may say; 0 and default: any but never */
	bool attestation_touch;     /* the key must ask for a touch; default no */
	struct hidden_list *hidden; /* that of struct config; NULL: nothing */
};

struct config_token {
	char *module;      /* path or p11-kit name */
	char *profiles;    /* folder with profiles of tokens besides the shipped ones; default SYSCONF_DIR/profiles */
	unsigned key_type; /* enum keytype; default ec:P-256 */
	enum config_pin pin;
	long timeout; /* seconds for one call into a module, key generation gets ten times that; default 60 */
};

struct config_vpn {
	char *templates;
	char *client_module[3]; /* by enum config_platform */
};

enum config_platform { PLATFORM_LINUX, PLATFORM_WINDOWS, PLATFORM_MACOS, PLATFORM_COUNT };

struct config_name {
	char *name, *value; /* the value as written, with its leading @ if it has one */
	int line;
	bool literal; /* somebody's data, not the administrator's word: an @ at its beginning names no file */
};

struct config_bundle {
	char *dir;
	char *legacy_placeholder; /* default change_me; empty turns it off */
};

struct config_mail {
	char *to, *from, *smtp; /* smtp: host or host:port */
	char *user, *password_file;
	enum config_mail_tls tls;
	char *ca_file; /* PEM trust anchors for the mail server; default the system's */
};

struct config_crl {
	long warn_days, critical_days; /* days left, below which `crl --check` says so; default 14 and 3 */
};

struct config_escrow {
	struct config_list recovery; /* files with recovery certificates, PEM */
};

enum config_letter_format { CONFIG_LETTER_PDF, CONFIG_LETTER_PS };

/* How letters with PINs are printed. */
struct config_letter {
	char *command;                 /* has the page on its stdin, in words.h's form; NULL */
	long timeout;                  /* seconds that it may take; default 60 */
	char *folder;                  /* where letters are put, encrypted to the recipients; NULL */
	struct config_list recipients; /* files with certificates, PEM; some if there is a folder */
	enum config_letter_format format;
	char *templates; /* folder; default: that of [vpn] if it has any of letters, else the shipped one */
	char *language;  /* of a letter for somebody with no language of their own; default en */
};

/* What becomes of the PIN of a token that a station enrolls; in the order of the names. */
enum config_pins { CONFIG_PINS_KEEP, CONFIG_PINS_RANDOM, CONFIG_PINS_TYPED, CONFIG_PINS_PAD, CONFIG_PINS_COUNT };

struct config_station {
	enum config_pins pins; /* CONFIG_PINS_COUNT: as [token] pin, with typed for ask */
};

struct config_audit {
	bool syslog; /* each record goes to the system's log as well; default no */
};

/* From how many days on `tokenroll status` speaks of something. */
struct config_status {
	long warn_days, critical_days; /* of a certificate; default 30, 7 */
	long ca_warn_days;             /* of the CA certificate; default 180 */
};

struct config {
	char *path;       /* the file it came from */
	struct blob text; /* what was in it, for a process that needs the whole */
	struct config_ca ca;
	struct config_token token;
	struct config_vpn vpn;
	struct config_name *names; /* [template] */
	size_t n_names;
	struct config_bundle bundle;
	struct config_mail mail;
	struct config_escrow escrow;
	struct config_audit audit;
	struct config_station station;
	struct config_letter letter;
	struct config_status status;
	struct config_crl crl;
	char *store_path;
	/* What our processes have no business with, each as far as it can do without: the database, bundles, the mail
	 * server's password, and what is added of the files of secrets that options name. PKI and key are in ca. */
	struct hidden_list hidden;
};

/* Reads path. ERR_CONFIG on any fault; a missing file is one, too. */
int config_read(struct config **ret, const char *path, struct err *e);

/* The same from a text that was read already, which is moved out of *text; path is for messages. */
int config_parse(struct config **ret, const char *path, struct blob *text, struct err *e);

/* A name for templates that is not in the file; takes the place of one that is. ERR_CONFIG if it cannot be one. */
int config_add_name(struct config *c, const char *name, const char *value, struct err *e);

/* What another process has told of what is to be hidden, in the place of what the file says; moved out of *l. */
void config_hide(struct config *c, struct hidden_list *l);

/* Whether the CA's key is on an HSM: a PKCS#11 URI (RFC 7512). */
static inline bool config_key_on_hsm(const struct config_ca *ca)
{
	return ca->key != NULL && strncmp(ca->key, "pkcs11:", sizeof "pkcs11:" - 1) == 0;
}

/* Frees; accepts NULL and nulls the pointer. */
void config_free(struct config **c);

/* "keep", "random", "typed", "pad"; ERR_USAGE. */
const char *config_pins_name(enum config_pins p);
int config_pins_parse(enum config_pins *ret, const char *name, struct err *e);

/* "linux", "windows", "macos". */
const char *config_platform_name(enum config_platform p);

/* Whether a name has the form of those in [template]: 1 to CONFIG_NAME_MAX of A-Z a-z 0-9 _ -. */
#define CONFIG_NAME_MAX 48
bool config_is_template_name(const char *name);

/* User names by the rule of the manual: [A-Za-z0-9][A-Za-z0-9._@-]{0,63}. ERR_USAGE says what is wrong with this one.
 */
int config_check_user(const char *name, struct err *e);

#endif
