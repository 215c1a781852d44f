/*
 * names: what a template can say. Three kinds come together here: the facts
 * of one enrollment, the free names of [template] in the configuration, and a
 * few optional names that the shipped templates ask for.
 *
 *     user                                            who gets the bundle
 *     token_label token_serial token_model token_manufacturer
 *     key_type cert_serial ca                         "ec:P-256", uppercase hex, PEM
 *     issued expires                                  YYYY-MM-DD, UTC
 *     pin_each_time                                   only as a section: the token wants its PIN for each signature
 *     module_linux module_windows module_macos        paths of the client's PKCS#11 modules
 *     platform pkcs11_id pkcs11_module                only in a profile: of its system
 *     linux windows macos                             only in a profile, and only as sections
 *     remote server_name company admin_contact tls_auth tls_crypt tls_crypt_v2
 *                                                     from [template], empty without; all others there, too
 *
 * What comes from a token is made harmless for the place it goes to; what
 * would break a profile and can't be made harmless is refused.
 */
#ifndef HANDOVER_NAMES_H
#define HANDOVER_NAMES_H

#include "core/config.h"
#include "core/err.h"
#include "handover/extras.h"
#include "handover/handover.h"

#include <stdbool.h>
#include <stddef.h>

enum name_kind {
	NAME_UNKNOWN,
	NAME_UNSET,     /* known, but the configuration gives it no value */
	NAME_ELSEWHERE, /* has a value only in a profile, which is made once per system */
	NAME_FLAG_OFF,  /* linux, windows, macos, pin_each_time: only for sections */
	NAME_FLAG_ON,
	NAME_TEXT
};

struct names;

/* The names for one system's profile, or, with PLATFORM_COUNT, for a file that is the same on every system.
 * Borrows extras and f, which have to live longer. ERR_CONFIG, ERR_FAILED for a value that must not stand in a profile.
 */
int names_new(struct names **ret, const struct extras *extras, const struct handover_facts *f,
	      enum config_platform target, struct err *e);

/* A name of whoever makes the text, and its value. */
struct names_value {
	const char *name;
	enum name_kind kind; /* NAME_TEXT, or a flag */
	const char *value; /* of NAME_TEXT; NULL or "": that of [template] stands in, if it has one, else it is empty */
};

/* The names for a text that is no part of a bundle: these n, the first of a name only, then those of [template].
 * Borrows extras, user and the names themselves; the values are made fit for one line. */
void names_new_values(struct names **ret, const struct extras *extras, const char *user, const struct names_value *v,
		      size_t n);

void names_free(struct names **n);

/* Looks a name of len bytes up. *ret_value is set for NAME_TEXT and stays the property of n. */
enum name_kind names_find(const struct names *n, const char *name, size_t len, const char **ret_value);

/* Whether tokenroll sets this name itself in a profile, so that nothing else may. */
bool names_is_own(const char *name);

/* The user, whom the legacy placeholder stands for. */
const char *names_user(const struct names *n);

#endif
