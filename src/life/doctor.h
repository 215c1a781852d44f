/*
 * doctor: why tokenroll does not work on this machine, or that nothing is in
 * its way: what each command rests on, looked at part by part. What fails in
 * one part is told there, and the others are looked at all the same. Asks for
 * no secret, needs no token, and changes and makes nothing. Runs in the parent;
 * modules, PKI and templates are looked at by the processes that work with
 * them.
 */
#ifndef LIFE_DOCTOR_H
#define LIFE_DOCTOR_H

#include "core/err.h"

#include <stdbool.h>
#include <stddef.h>

enum doctor_part {
	DOCTOR_VERSIONS,      /* of tokenroll and of what it works with */
	DOCTOR_CONFIGURATION, /* its file */
	DOCTOR_PROCESS,       /* who runs it, and what the kernel lets it do for secrets */
	DOCTOR_READERS,       /* PC/SC */
	DOCTOR_MODULES,       /* PKCS#11, with the tokens that they show */
	DOCTOR_CA,            /* PKI, key, CRL */
	DOCTOR_HANDOVER,      /* templates and bundles */
	DOCTOR_DATABASE,
	DOCTOR_MAIL,
	DOCTOR_PART_COUNT
};

enum doctor_level {
	DOCTOR_OK,
	DOCTOR_NOTE, /* good to know; it may be meant so */
	DOCTOR_WRONG /* keeps a command from its work */
};

struct doctor_check {
	enum doctor_part part;
	enum doctor_level level;
	enum err_code code; /* of what is wrong; ERR_NONE */
	char *name;         /* what of the part it is about: a word of ours, or the name of a reader or module */
	char *text;         /* what was found; may hold what a token says of itself */
	char *next;         /* what to do; NULL */
};

struct doctor {
	struct doctor_check *list; /* by part */
	size_t n;
};

struct doctor_request {
	const char *config; /* the configuration's file */
	const char *module; /* instead of the configuration's; NULL */
	bool verbose;       /* modules may write to stderr */
};

void doctor_look(struct doctor **ret, const struct doctor_request *req);
void doctor_free(struct doctor **d);

/* How many checks are of this level. */
size_t doctor_count(const struct doctor *d, enum doctor_level l);

/* The exit status of the first that is wrong; 0 if none is. */
int doctor_exit_status(const struct doctor *d);

/* "versions", "configuration", ...; "ok", "note", "wrong". */
const char *doctor_part_name(enum doctor_part p);
const char *doctor_level_name(enum doctor_level l);

/* What a part is called by people: "CA". */
const char *doctor_part_title(enum doctor_part p);

#endif
