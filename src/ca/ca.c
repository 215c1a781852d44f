#include "ca/ca.h"

#include "ca/beside.h"
#include "ca/certificate.h"
#include "ca/chain.h"
#include "ca/key.h"
#include "ca/lock.h"
#include "ca/names.h"
#include "ca/pki.h"
#include "ca/policy.h"
#include "ca/redo.h"
#include "ca/revoke.h"
#include "ca/session.h"
#include "ca/subject.h"
#include "ca/sweep.h"
#include "ca/trial.h"
#include "core/xalloc.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SETTLE_ROUNDS 10

static int under_lock(struct ca *ca, int (*fn)(struct ca *, struct err *), struct err *e)
{
	struct pki_lock *lock = NULL;
	if (pki_lock_take(&lock, ca->pki, ca->lock_wait, ca->note, ca->note_arg, e) != 0)
		return -1;
	if (pki_lock_was_stale(lock))
		sweep_pki(ca->pki, true);
	int ret = fn(ca, e);
	pki_lock_release(&lock);
	return ret;
}

/* index.txt as it is, or completed if a record says that a run ended in the middle. */
static int read_index(struct ca *ca, struct err *e)
{
	char *path = pki_path(ca, "index.txt"), *record = pki_path(ca, "index.txt.tokenroll");
	int ret = -1;
	if (pki_exists(record))
		ret = under_lock(ca, redo_row, e);
	else if (ca->index != NULL)
		ret = index_refresh(ca->index, e);
	else
		ret = index_open(&ca->index, path, e);
	if (ret != 0 && pki_exists(record)) /* another tokenroll was just at it */
		ret = under_lock(ca, redo_row, e);
	free(record);
	free(path);
	return ret;
}

static int open_database(struct ca *ca, struct err *e)
{
	char *path = pki_path(ca, "index.txt");
	bool there = pki_exists(path);
	free(path);
	if (!there && ca->has_key) {
		err_set(e, ERR_CA_PKI, "the PKI %s is incomplete: it has a CA key but no index.txt", ca->pki);
		return err_next(e, "was `easyrsa build-ca` run to its end? Else restore index.txt from a backup");
	}
	if (!there)
		return 0;
	return ca->has_key && pki_check_folders(ca, e) != 0 ? -1 : read_index(ca, e);
}

static int check_pki_folder(struct ca *ca, const struct config_ca *cfg, struct err *e)
{
	struct stat st;
	ca->pki = realpath(cfg->pki, NULL);
	if (ca->pki != NULL && stat(ca->pki, &st) == 0 && !S_ISDIR(st.st_mode)) {
		err_set(e, ERR_CA_PKI, "the PKI %s is not a folder", cfg->pki);
		return err_next(e, "set [ca] pki to the folder that `easyrsa init-pki` made");
	}
	if (ca->pki != NULL && access(ca->pki, R_OK | X_OK) == 0)
		return 0;
	err_errno(e, ERR_CA_PKI, "the PKI folder %s cannot be opened", cfg->pki);
	return err_next(e, errno == EACCES ? "run tokenroll as the owner of the PKI"
					   : "set [ca] pki to the folder that `easyrsa init-pki` made");
}

/* The file that a link leads to: that is what is replaced, not the link. Of one that is not there yet, its folder's
 * own name; absolute if the folder is there. */
static char *follow(const char *path)
{
	char *real = realpath(path, NULL);
	if (real != NULL)
		return real;
	const char *slash = strrchr(path, '/'), *name = slash != NULL ? slash + 1 : path;
	char *folder = slash != NULL ? xasprintf("%.*s", (int)(name - path), path) : xstrdup(".");
	real = realpath(folder, NULL);
	char *ret = real != NULL ? xasprintf("%s/%s", real, name) : xstrdup(path);
	free(real);
	free(folder);
	return ret;
}

/* What cannot be published in any run is no reason to begin one. */
static int check_crl_place(const struct ca *ca, const struct config_ca *cfg, struct err *e)
{
	struct stat st;
	if (ca->crl_file == NULL || stat(ca->crl_file, &st) != 0 || !S_ISDIR(st.st_mode))
		return 0;
	err_set(e, ERR_CONFIG, "[ca] crl = %s is a folder, not the file in which the CRL is published", cfg->crl);
	return err_next(e,
			"name the file that the VPN server's crl-verify names; with `crl-verify DIR dir` it reads no "
			"CRL at all, so have it read a file");
}

/* Of one on an HSM it is known later whether it is there. */
static int look_for_key(struct ca *ca, const struct config_ca *cfg, struct err *e)
{
	ca->on_hsm = config_key_on_hsm(cfg);
	ca->has_key = ca->on_hsm;
	return ca->on_hsm ? 0 : ca_key_probe(ca->key_file, &ca->has_key, &ca->encrypted, e);
}

static void take_config(struct ca *ca, const struct config_ca *cfg)
{
	ca->cert_file = cfg->cert != NULL ? xstrdup(cfg->cert) : pki_path(ca, "ca.crt");
	ca->key_file = cfg->key != NULL ? xstrdup(cfg->key) : pki_path(ca, "private/ca.key");
	ca->crl_file = cfg->crl != NULL && cfg->crl[0] != '\0' ? follow(cfg->crl) : NULL;
	ca->key_types = cfg->key_types;
	ca->days = cfg->days;
	ca->lock_wait = cfg->lock_wait;
	ca->require_attestation = cfg->require_attestation;
	ca->attestation = (struct attestation_policy){cfg->attestation_pins, cfg->attestation_touch};
}

/* Now, and not when there is something to judge: a fault in it shows before a key is made, and this process may read
 * less later. */
static int read_roots(struct ca *ca, const struct config_ca *cfg, struct err *e)
{
	if (cfg->attestation_roots != NULL)
		return attestation_roots_read(&ca->roots, cfg->attestation_roots, e);
	if (!cfg->require_attestation)
		return 0;
	return err_set(e, ERR_CONFIG, "[ca] require-attestation = yes needs attestation-roots to judge by");
}

static void describe(const struct ca *ca, struct blob *chain, struct ca_info *ret)
{
	memset(ret, 0, sizeof *ret);
	X509_NAME_oneline(X509_get_subject_name(ca->cert), ret->subject, sizeof ret->subject);
	snprintf(ret->pki, sizeof ret->pki, "%s", ca->pki);
	ret->not_after = ca->not_after;
	ret->has_key = ca->has_key && ca->index != NULL;
	ret->needs_passphrase = ca->encrypted;
	ret->chain_pem = *chain;
	*chain = (struct blob)BLOB_INIT;
}

int ca_open(struct ca **ret, const struct config_ca *cfg, rpc_note_fn *note, void *note_arg, struct ca_info *ret_info,
	    struct err *e)
{
	struct ca *ca = xcalloc(1, sizeof *ca);
	struct blob chain = BLOB_INIT;
	int status = -1;
	ca->note = note;
	ca->note_arg = note_arg;
	if (check_pki_folder(ca, cfg, e) != 0)
		goto out;
	take_config(ca, cfg);
	if (read_roots(ca, cfg, e) != 0 || check_crl_place(ca, cfg, e) != 0)
		goto out;
	if (chain_read(ca, cfg, &chain, e) != 0 || vars_load(&ca->vars, cfg->vars, ca->pki, e) != 0 ||
	    pki_find_ext_dir(&ca->ext_dir, cfg, ca->vars, ca->pki, e) != 0 || look_for_key(ca, cfg, e) != 0 ||
	    open_database(ca, e) != 0)
		goto out;
	describe(ca, &chain, ret_info);
	*ret = ca;
	ca = NULL;
	status = 0;
out:
	blob_free(&chain);
	ca_close(&ca);
	return status;
}

void ca_close(struct ca **ca)
{
	if (ca == NULL || *ca == NULL)
		return;
	index_close(&(*ca)->index);
	free((*ca)->serials);
	vars_free(&(*ca)->vars);
	attestation_roots_free(&(*ca)->roots);
	EVP_PKEY_free((*ca)->key);
	ca_hsm_close(&(*ca)->hsm);
	X509_free((*ca)->cert);
	sk_X509_pop_free((*ca)->above, X509_free);
	free((*ca)->pki);
	free((*ca)->key_file);
	free((*ca)->cert_file);
	free((*ca)->crl_file);
	free((*ca)->ext_dir);
	free(*ca);
	*ca = NULL;
}

static int load_file(const struct ca *ca, const struct secret *passphrase, EVP_PKEY **ret, struct err *e)
{
	EVP_PKEY *key = NULL;
	if (!ca->has_key) {
		err_set(e, ERR_CA_PKI, "there is no CA key at %s", ca->key_file);
		return err_next(e,
				"run this where the CA is, or use --csr-only here and --cert with what the CA signed");
	}
	if (ca_key_load(&key, ca->key_file, passphrase, e) != 0)
		return -1;
	if (X509_check_private_key(ca->cert, key) != 1) {
		EVP_PKEY_free(key);
		err_openssl(e, ERR_CA_PKI, "the CA key %s is not the key of %s", ca->key_file, ca->cert_file);
		return err_next(e, "one of the two is from another CA; restore the right one. Of several certificates "
				   "in a file the first one is the CA's");
	}
	*ret = key;
	return 0;
}

int ca_refresh(struct ca *ca, struct err *e)
{
	return ca->index != NULL ? read_index(ca, e) : 0;
}

bool ca_is_unlocked(const struct ca *ca)
{
	return ca->key != NULL;
}

int ca_check_ready(struct ca *ca, struct err *e)
{
	if (ca->index == NULL)
		return 0;
	return pki_check_writable(ca, e) == 0 && (ca->user[0] == '\0' || trial_run(ca, ca->user, e) == 0) ? 0 : -1;
}

int ca_unlock(struct ca *ca, const struct secret *passphrase, struct err *e)
{
	EVP_PKEY *key = NULL;
	if ((ca->on_hsm ? ca_hsm_unlock(ca, passphrase, &key, e) : load_file(ca, passphrase, &key, e)) != 0)
		return -1;
	EVP_PKEY_free(ca->key);
	ca->key = key;
	if (ca_check_ready(ca, e) == 0)
		return 0;
	EVP_PKEY_free(ca->key);
	ca->key = NULL;
	return -1;
}

int ca_subject(struct ca *ca, const char *user, struct blob *ret_name, struct err *e)
{
	X509_NAME *name = NULL;
	unsigned char *der = NULL;
	if (policy_check_name(user, e) != 0 || subject_build(&name, ca->vars, user, e) != 0)
		return -1;
	int n = i2d_X509_NAME(name, &der);
	int ret = 0;
	if (n > 0)
		blob_set(ret_name, der, (size_t)n);
	else
		ret = err_openssl(e, ERR_CA_FAILED, "cannot encode the subject of %s", user);
	OPENSSL_free(der);
	X509_NAME_free(name);
	snprintf(ca->user, sizeof ca->user, "%s", user);
	return ret;
}

int ca_find_other(struct ca *ca, const char *user, const char *except, bool *ret_found, struct ca_certificate *ret,
		  struct err *e)
{
	struct name_row row = NAME_ROW_INIT, best = NAME_ROW_INIT;
	bool found = false;
	if (ca->index != NULL && read_index(ca, e) != 0)
		return -1;
	for (size_t pos = 0; ca->index != NULL && names_next_valid(ca, user, &pos, &row);) {
		if ((found && row.not_after <= best.not_after) || beside_has(except, row.serial))
			continue;
		names_row_free(&best);
		best = row;
		row.cert = NULL;
		found = true;
	}
	struct ca_certificate c = {.not_after = best.not_after};
	memcpy(c.serial, best.serial, sizeof c.serial);
	int status = best.cert != NULL ? certificate_describe(&c, best.cert, e) : 0;
	names_row_free(&best);
	names_row_free(&row);
	if (status != 0)
		return -1;
	if (found)
		*ret = c;
	*ret_found = found;
	return 0;
}

int ca_find(struct ca *ca, const char *user, bool *ret_found, struct ca_certificate *ret, struct err *e)
{
	return ca_find_other(ca, user, "", ret_found, ret, e);
}

int ca_renewable(struct ca *ca, const char *user, const char *beside, struct err *e)
{
	if (ca->index == NULL)
		return 0;
	return read_index(ca, e) == 0 ? beside_check(ca, user, beside, e) : -1;
}

int ca_replaceable(struct ca *ca, const char *user, struct err *e)
{
	if (ca->index == NULL)
		return 0;
	return read_index(ca, e) == 0 ? revoke_check(ca, user, e) : -1;
}

static int settle_row(struct ca *ca, const char *serial, struct err *e)
{
	struct pki_lock *lock = NULL;
	struct index_row row;
	char *path = pki_path(ca, "certs_by_serial/%s.pem", serial);
	X509 *cert = certificate_read(path, NULL);
	char *user = cert != NULL ? subject_cn(X509_get_subject_name(cert)) : NULL;
	int ret = -1;
	if (user == NULL) {
		err_set(e, ERR_CA_PKI, "certs_by_serial/%s.pem cannot be read, and index.txt has no row of it any more",
			serial);
		err_next(e, "look what has changed the PKI %s, and put the row back from a backup. " INDEX_OLD_ADVICE,
			 ca->pki);
		goto out;
	}
	ret = pki_lock_take(&lock, ca->pki, ca->lock_wait, ca->note, ca->note_arg, e);
	if (ret == 0)
		ret = index_refresh(ca->index, e);
	if (ret == 0 && !index_by_serial(ca->index, serial, &row))
		ret = redo_add_row(ca, user, cert, e);
out:
	pki_lock_release(&lock);
	free(user);
	X509_free(cert);
	free(path);
	return ret;
}

/* A certificate that this PKI has never seen was signed elsewhere: it has no row to lose. */
static bool is_known(const struct ca *ca, const char *serial)
{
	char *path = pki_path(ca, "certs_by_serial/%s.pem", serial);
	bool known = access(path, F_OK) == 0;
	free(path);
	return known;
}

int ca_revoked(struct ca *ca, const char *serial, bool *ret, struct err *e)
{
	struct index_row row;
	*ret = false;
	if (ca->index == NULL)
		return 0;
	if (read_index(ca, e) != 0)
		return -1;
	*ret = index_by_serial(ca->index, serial, &row) && row.status == 'R';
	return 0;
}

int ca_settle(struct ca *ca, const char *serial, struct err *e)
{
	struct index_row row;
	struct blob hex = BLOB_INIT;
	bool good = hex_decode(&hex, serial) == 0 && strlen(serial) < CA_SERIAL_HEX_MAX;
	blob_free(&hex);
	if (!good)
		return err_set(e, ERR_FAILED, "\"%.64s\" is not a serial number", serial);
	if (ca->index == NULL)
		return 0;
	for (int i = 0; i < SETTLE_ROUNDS; i++) {
		(void)session_wait(ca);
		if (read_index(ca, e) != 0)
			return -1;
		if (index_by_serial(ca->index, serial, &row) || !is_known(ca, serial))
			return 0;
		if (settle_row(ca, serial, e) != 0)
			return -1;
	}
	return err_set(e, ERR_CA_FAILED, "another program takes the row of %s out of index.txt again and again",
		       serial);
}
