/*
 * handover: what the employee and the admin get. Renders every file of the
 * template folder, packs the bundle, mails it. Runs in the courier; knows no
 * token, no CA and no database, only the facts it is given. Nothing here is
 * secret except the tls-auth/tls-crypt material, which goes into files of
 * mode 0600.
 */
#ifndef HANDOVER_HANDOVER_H
#define HANDOVER_HANDOVER_H

#include "core/config.h"
#include "core/err.h"
#include "handover/files.h"

#include <time.h>

struct handover_client {
	const char *module;    /* path of the PKCS#11 module on that system */
	const char *pkcs11_id; /* legacy form, as pkcs11-helper serializes it */
};

/* What the guides can say of a kind of token, by language; the same order as in a profile of tokens. */
enum handover_language { HANDOVER_EN, HANDOVER_DE, HANDOVER_RU, HANDOVER_LANGUAGE_COUNT };
enum handover_remark { HANDOVER_TOKEN, HANDOVER_INSERT, HANDOVER_PIN, HANDOVER_INSTALL, HANDOVER_REMARK_COUNT };

struct handover_facts {
	const char *user;
	const char *token_manufacturer, *token_model, *token_serial, *token_label;
	const char *key_type;    /* "ec:P-256" */
	const char *cert_serial; /* uppercase hex */
	time_t issued, not_after;
	const char *ca_pem; /* one or more certificates */
	bool pin_each_time; /* the token wants its PIN for each signature */
	struct handover_client clients[PLATFORM_COUNT];
	const char *remarks[HANDOVER_LANGUAGE_COUNT][HANDOVER_REMARK_COUNT]; /* NULL: the guide's own words do */
};

struct handover_result {
	char *folder; /* DIR/USER, 0700: the rendered files, 0600 */
	char *tar_gz; /* DIR/USER.tar.gz */
	char *zip;    /* DIR/USER.zip */
	char **files; /* names of the rendered files, relative to folder, sorted */
	size_t n_files;
};

/* Before a token is touched: every template parses and its names are known, every @file can be read, this user's
 * profile would be accepted with the longest values that can come; and then mail_check. Writes nothing. Unless it is
 * NULL *ret is what would be in the bundle, with the right names and those values, also if it is only mail that is
 * wrong. ERR_TEMPLATE, ERR_CONFIG. */
int handover_check(const struct config *cfg, const char *user, struct files *ret, struct err *e);

/* A bundle that is rendered and packed, in a hidden folder beside its place. One at a time for a user. */
struct handover_draft;

int handover_draft_make(struct handover_draft **ret, const struct config *cfg, const struct handover_facts *f,
			struct err *e);

/* Puts it in its place: what was there for this user is replaced as a whole, by rename; ERR_FOREIGN if something there
 * is not the handover's own (owned.h). */
int handover_draft_put(struct handover_draft *d, struct handover_result *ret, struct err *e);
void handover_draft_free(struct handover_draft **d);

/* Both at once. */
int handover_make(const struct config *cfg, const struct handover_facts *f, struct handover_result *ret, struct err *e);

/* Mails both archives to [mail] to; does nothing if there is none. ERR_MAIL with the server's words. */
int handover_mail(const struct config *cfg, const struct handover_facts *f, const struct handover_result *r,
		  struct err *e);

void handover_result_free(struct handover_result *r);

#endif
