/*
 * look: the PKI as `tokenroll status` and `adopt` see it: how long CA and CRL
 * are good, the rows of index.txt, and the certificates that belong to them.
 * Nothing is changed and no key is needed: the signer process that only looks
 * gives up the right to write before it reads, and knows no other calls.
 *
 * The signer_ functions are called in the parent, one call over the socket
 * each; the ca_ functions are the same in the signer process.
 */
#ifndef CA_LOOK_H
#define CA_LOOK_H

#include "ca/signer.h"

#include <stdint.h>

struct ca_crl_dates {
	bool there;
	time_t this_update, next_update; /* next_update 0: it has none */
};

struct ca_look {
	char subject[512];
	char pki[512];
	time_t not_after;                    /* of the CA certificate */
	bool has_key;                        /* certificates can be issued here */
	bool has_index;                      /* else all rows are elsewhere */
	bool publishes;                      /* [ca] crl names another file than PKI/crl.pem */
	struct ca_crl_dates made, published; /* PKI/crl.pem, and what the VPN server reads */
	bool outdated;                       /* the published one is older, or lacks */
	struct ca_crl_served served;         /* of the published one, or where there is none of PKI/crl.pem */
	struct err no_index, no_crl;         /* why it cannot be read; ERR_NONE */
};

struct ca_row {
	char serial[CA_SERIAL_HEX_MAX];
	char status; /* V, R or E */
	time_t not_after, revoked;
};

/* Rows of index.txt by serial number. */
struct ca_rows {
	struct ca_row *list;
	size_t n;
	uint64_t next; /* where the next piece begins */
	bool more;
};

struct ca_detail {
	bool found;          /* index.txt has this serial */
	char name[128];      /* the common name, else the subject */
	char subject[512];   /* as in index.txt */
	char reason[32];     /* of a revoked one, "" if none is given */
	char purpose[8];     /* "client", "server", "both"; "" if it is neither, or not known */
	struct blob cert;    /* DER; empty if no file of the PKI has it */
	struct blob spki;    /* its public key, DER */
	struct blob request; /* PKCS#10, DER, if the PKI has one for this key */
};

/* Starts a signer process that only looks, in two halves. ERR_CA_PKI if there is no PKI, or no CA certificate. */
int signer_look_begin(struct signer **ret, const struct config_ca *cfg, bool verbose, rpc_note_fn *note, void *note_arg,
		      struct err *e);
int signer_look_end(struct signer *s, struct ca_look *ret, struct err *e);

/* The next piece of rows, from 0 on, in two halves. ret->next is where it begins, and is moved on; ret->list is the
 * caller's. */
int signer_rows_begin(struct signer *s, uint64_t from, struct err *e);
int signer_rows_end(struct signer *s, struct ca_rows *ret, struct err *e);

/* What belongs to these rows. *ret_n is how many of them were answered, at least one: ask again for the rest. */
int signer_details(struct signer *s, const char (*serials)[CA_SERIAL_HEX_MAX], size_t n, struct ca_detail *ret,
		   size_t *ret_n, struct err *e);

void ca_rows_free(struct ca_rows *r);
void ca_detail_free(struct ca_detail *d);

/* ---- in the signer process */

struct ca;

int ca_look(struct ca **ret, const struct config_ca *cfg, struct ca_look *ret_look, struct err *e);
/* Compares two struct span, as the inventory's serial numbers are compared. */
int look_by_serial(const void *a, const void *b);
int ca_look_rows(struct ca *ca, uint64_t from, size_t most, struct ca_rows *ret, struct err *e);
int ca_look_detail(struct ca *ca, const char *serial, struct ca_detail *ret, struct err *e);

/* The calls; the state is a struct ca **. */
rpc_handler_fn look_op_open, look_op_rows, look_op_details;

#endif
