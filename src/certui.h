/*
 * certui: how the verbs about certificates ask, and what they say of one.
 */
#ifndef CERTUI_H
#define CERTUI_H

#include "life/life.h"
#include "options.h"

struct json_t;

/* The serial number that a person has typed, as index.txt writes it: openssl shows some in lowercase, and with colons.
 * ERR_USAGE. */
int certui_serial(char ret[CA_SERIAL_HEX_MAX], const char *typed, struct err *e);

/* May a server's or a CA's certificate be revoked? A yes on the terminal or --yes; ERR_SERVER without. */
int certui_confirm(const struct options *o, const struct ca_known *k, struct err *e);

/* {"serial", "subject", "kind", "not_after", "revoked": {"already", "on", "reason"}} */
struct json_t *certui_json(const struct life_revoked *r);
struct json_t *certui_list_json(const struct life_revoked *list, size_t n);

/* {"path", "number", "entries", "this_update", "next_update"} */
struct json_t *certui_crl_json(const struct ca_crl *c);

/* "12AB of alice is revoked (keyCompromise)", or that it was, and when; without control characters. */
void certui_text(const struct life_revoked *r, char *ret, size_t size);

#endif
