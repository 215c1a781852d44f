/*
 * pki: the open easy-rsa directory, and helpers for the files in it. Only for
 * the files of this folder.
 */
#ifndef CA_PKI_H
#define CA_PKI_H

#include "ca/attestation.h"
#include "ca/ca.h"
#include "ca/hsm.h"
#include "ca/index.h"
#include "ca/vars.h"
#include "core/file_batch.h"

#include <openssl/evp.h>
#include <openssl/x509.h>

struct ca {
	char *pki; /* absolute, without links */
	char *key_file;
	char *cert_file;
	char *crl_file; /* the published copy, or NULL */
	char *ext_dir;  /* x509-types, or NULL for the built-in client extensions */
	unsigned key_types;
	long days;      /* of the configuration, 0 for those of vars */
	long lock_wait; /* seconds */
	bool require_attestation;
	struct attestation_policy attestation;
	struct attestation_roots *roots; /* NULL: no proof is judged */
	struct vars *vars;
	X509 *cert;
	STACK_OF(X509) * above; /* the other certificates of the CA's file and those of [ca] chain */
	time_t not_after;       /* what it signs is good until then, as are the CAs above */
	bool on_hsm;            /* its key is not in a file */
	struct ca_hsm hsm;
	EVP_PKEY *key;       /* from ca_unlock on */
	struct index *index; /* NULL if there is no index.txt: nothing can be issued here */
	bool has_key, encrypted;
	unsigned published;     /* how often this process has put a fresh CRL where the server reads it */
	char user[CA_USER_MAX]; /* whose subject was asked for last, "" for nobody's yet */
	rpc_note_fn *note;
	void *note_arg;
	/* look.h: it was opened to be looked at, and all else but the folder, the certificate and these is not there */
	bool looks_only;
	struct span *serials; /* of the index, sorted */
	size_t n_serials;
};

/* A path in the directory, to be freed. */
char *pki_path(const struct ca *ca, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Tells the person at the other end something, if there is one. */
void pki_note(const struct ca *ca, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* file_replace and file_batch with easy-rsa's mode, so that the PKI stays its owner's when root works on it; a failure
 * is ERR_CA_FAILED. */
int pki_add(struct file_batch *b, const char *path, const void *data, size_t len, struct err *e);
int pki_commit(struct file_batch *b, struct err *e);
int pki_write(const char *path, const void *data, size_t len, struct err *e);

/* A folder in the PKI, with its parents, 0700. */
int pki_mkdir(const struct ca *ca, const char *name, struct err *e);

/* Whether a file of the PKI could be replaced by one with the same owner (file_check_replace). ERR_CA_PKI. */
int pki_check_replace(const struct ca *ca, const char *name, struct err *e);

/* Whether this user may write where a certificate is issued, whoever has it locked. ERR_CA_PKI. Needs ca->pki. */
int pki_check_rights(const struct ca *ca, struct err *e);

/* What has to be so before anything is made for a new certificate: the PKI can be written (ERR_CA_PKI) and no other
 * program has locked it; if one has, that is waited for (ERR_CA_LOCKED). */
int pki_check_writable(const struct ca *ca, struct err *e);

/* Whether there is anything at this path. */
bool pki_exists(const char *path);

/* EASYRSA_TEMP_DIR, else the directory itself. */
const char *pki_temp_dir(const struct ca *ca);

/* The folder of the certificate types: configuration, vars, then the places where easy-rsa looks; NULL if there
 * is none, as with easy-rsa 3.2. ERR_CA_PKI if one that was named is missing. */
int pki_find_ext_dir(char **ret, const struct config_ca *cfg, const struct vars *vars, const char *pki, struct err *e);

/* That what a CA needs is all there: ERR_CA_PKI names what is missing. */
int pki_check_folders(const struct ca *ca, struct err *e);

#endif
