/*
 * guard: the CA's HSM is kept apart from tokens. A worker is shut off from the
 * HSM's PKCS#11 module, unless that is the module it is for, and what is named
 * by [ca] key is never taken for a token of somebody's. Runs in the parent.
 */
#ifndef ENROLL_GUARD_H
#define ENROLL_GUARD_H

#include "core/config.h"
#include "enroll/worker.h"
#include "pkcs11/uri.h"

struct guard {
	bool on;      /* the CA's key is on an HSM */
	char *module; /* the file of its module; NULL if it is not here */
	struct p11_uri uri;
};

/* What is wrong with [ca] key is for the signer to say. ca may be NULL. */
void guard_init(struct guard *g, const struct config_ca *ca);
void guard_free(struct guard *g);

/* Whether this is the module of the CA's HSM, under whatever name. path may be NULL. */
bool guard_is_module(const struct guard *g, const char *path);

/* Adds the places of the HSM to those that a worker is shut off from: the file of its PIN, and its module, unless the
 * worker is for that one. Borrows from g. */
void guard_hide(const struct guard *g, const char *module, struct worker_settings *s);

/* Adds what the configuration knows of to those places. Borrows from cfg. */
void guard_hide_known(const struct config *cfg, struct worker_settings *s);

/* Whether a token, as this module shows it, is the one that [ca] key names. False if that names none; another module
 * than the HSM's is believed only if a serial number is named. */
bool guard_is_hsm(const struct guard *g, const struct worker_token *t, const char *module);

#endif
