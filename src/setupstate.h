/*
 * setupstate: what the files of `tokenroll setup` share: what is wanted, what
 * there is, and what this run has made.
 */
#ifndef SETUPSTATE_H
#define SETUPSTATE_H

#include "ca/create.h"
#include "core/config.h"
#include "options.h"
#include "screen.h"
#include "setup/vpn.h"

/* A certificate or a file that there is now. */
struct setup_thing {
	char name[1024]; /* a path, or the server's name */
	time_t not_after;
	bool there, made; /* made: by this run */
};

struct setup {
	const struct options *o;
	struct screen screen;
	char *conf_path;
	struct config *cfg; /* of the file that is there; else of conf_text */
	bool configured;    /* the file is there */
	char *conf_text;

	/* what is to be; NULL for what is left as it is */
	char *pki, *ca_key;
	char *store, *bundles;
	char *ca_name, *server, *remote, *crl, *tls_name, *tls_file;
	enum keytype key_type;
	long days;

	/* what there is */
	struct ca_ground ground;
	struct signer *creator; /* for a CA that is not there yet */
	struct signer *signer;
	struct ca_info ca;
	size_t rows, valid, revoked; /* of index.txt */
	bool young;                  /* nothing was ever issued: a new CA, or one that a run was cut off behind */
	struct setup_vpn vpn;
	struct secret *passphrase; /* of the new CA */
	struct setup_thing server_cert, tls, published, conf;
	bool made_ca, unlocked;
};

/* A remark of a signer process, or of setup itself; arg is the struct setup. */
void setup_note(void *arg, const char *text);

/* Opens the CA by the configuration, as far as there is one. */
int setup_open_ca(struct setup *s, struct err *e);

/* The value of a name of [template], as written; NULL. */
const char *setup_from_template(const struct config *c, const char *name);

/* setupmake.c: makes what is missing of CA, configuration, server's certificate, CRL and tls-crypt key. */
int setup_make(struct setup *s, struct err *e);

#endif
