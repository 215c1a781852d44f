#include "report.h"
#include "core/clean.h"
#include "core/day.h"

#include <errno.h>
#include <jansson.h>
#include <malloc.h>
#include <openssl/crypto.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int write_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, bytes, len);
		if (n < 0 && errno != EINTR)
			return -1;
		if (n > 0) {
			bytes += n;
			len -= (size_t)n;
		}
	}
	return 0;
}

/* From the locked page, not through stdio, which would keep a copy. */
static int show_secret(int fd, const char *name, const struct secret *s)
{
	if (s == NULL)
		return 0;
	return write_all(fd, name, strlen(name)) != 0 || write_all(fd, s->bytes, s->len) != 0 ? -1
											      : write_all(fd, "\n", 1);
}

int report_new_pins(const struct options *o, const struct report_secrets *s, struct err *e)
{
	FILE *out = o->json ? stderr : stdout;
	if (s->so_pin == NULL && s->pin == NULL)
		return 0;
	fputs(s->so_pin != NULL
		  ? "New PINs of this token, shown this once. Keep the SO PIN where lost PINs can be helped:\n"
		  : "New PIN of this token, shown this once:\n",
	      out);
	if (fflush(out) != 0 || ferror(out) || show_secret(fileno(out), "  SO PIN       ", s->so_pin) != 0 ||
	    show_secret(fileno(out), "  PIN          ", s->pin) != 0)
		return err_errno(e, ERR_SYSTEM, "the new PINs cannot be shown, so they were not set");
	return 0;
}

/* As it is if it is UTF-8, which JSON can hold whatever it says; what a token says of itself may not be. */
static json_t *text_or_null(const char *s)
{
	if (s == NULL || *s == '\0')
		return json_null();
	json_t *j = json_string(s);
	if (j != NULL)
		return j;
	char *clean = clean_dup(s);
	j = json_string(clean);
	free(clean);
	return j;
}

static json_t *error_json(const struct err *e)
{
	return json_pack("{s:s, s:i, s:o, s:o, s:o}", "code", err_code_name(e->code), "exit_status",
			 err_exit_status(e->code), "message", text_or_null(e->what), "reason", text_or_null(e->native),
			 "next", text_or_null(err_advice(e)));
}

#define PRETTY JSON_INDENT(2)

static int write_json(const char *bytes, size_t len, void *fd)
{
	return write_all(*(const int *)fd, bytes, len);
}

/* In ASCII, so that nothing in it is a command to a terminal, and past stdio, as there may be PINs in it. */
static int print_json(json_t *doc, size_t how)
{
	int fd = STDOUT_FILENO;
	int ret = json_dump_callback(doc, write_json, &fd, how | JSON_ENSURE_ASCII);
	json_decref(doc);
	return ret == 0 ? write_all(fd, "\n", 1) : -1;
}

/* That it cannot be said, either, changes nothing. */
static void print_error(const struct err *e, size_t how)
{
	(void)print_json(json_pack("{s:b, s:o}", "ok", 0, "error", error_json(e)), how);
}

void report_error_json(const struct err *e)
{
	print_error(e, PRETTY);
}

void report_error_json_line(const struct err *e)
{
	print_error(e, JSON_COMPACT);
}

/* For what held a PIN. */
static void wipe_and_free(void *p)
{
	if (p != NULL)
		OPENSSL_cleanse(p, malloc_usable_size(p));
	free(p);
}

static int unwritten(struct err *e)
{
	return err_errno(e, ERR_SYSTEM, "the work is done, but its result could not be written to stdout");
}

int report_json(struct json_t *doc, struct err *e)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
	return print_json(doc, PRETTY) == 0 ? 0 : unwritten(e);
}

struct json_t *report_json_text(const char *s)
{
	return text_or_null(s);
}

struct json_t *report_json_error(const struct err *e)
{
	return error_json(e);
}

int report_secret(int fd, const char *name, const struct secret *s)
{
	return show_secret(fd, name, s);
}

static json_t *token_json(const struct store_token *t)
{
	return json_pack("{s:o, s:o, s:o, s:o}", "serial", text_or_null(t->serial), "model", text_or_null(t->model),
			 "manufacturer", text_or_null(t->manufacturer), "label", text_or_null(t->label));
}

static json_t *certificate_json(const struct enroll_result *r)
{
	char until[DAY_SIZE];
	if (r->cred.cert_serial[0] == '\0')
		return json_null();
	day_format(until, r->cred.not_after);
	return json_pack("{s:s, s:s, s:b, s:o}", "serial", r->cred.cert_serial, "not_after", until, "shortened_to_ca",
			 r->shortened, "replaced", text_or_null(r->replaced));
}

/* The one that a renewal or rekeying takes over from. */
static json_t *replaces_json(const struct enroll_result *r)
{
	const struct store_credential *old = &r->old;
	char at[DAY_SIZE] = "", when[DAY_SIZE] = "";
	if (old->id == 0)
		return json_null();
	if (old->revoke_at != 0)
		day_format(at, old->revoke_at);
	if (old->revoked != 0)
		day_format(when, old->revoked);
	return json_pack("{s:s, s:s, s:o, s:o, s:o}", "serial", old->cert_serial, "state", cred_state_name(old->state),
			 "revoke_at", text_or_null(at), "revoked", text_or_null(when), "reason",
			 text_or_null(old->reason));
}

static json_t *bundle_json(const struct enroll_result *r)
{
	if (r->folder == NULL)
		return json_null();
	return json_pack("{s:o, s:o, s:o}", "folder", text_or_null(r->folder), "tar_gz", text_or_null(r->tar_gz), "zip",
			 text_or_null(r->zip));
}

static void put_secret(json_t *doc, const char *name, const struct secret *s)
{
	if (s != NULL)
		json_object_set_new(doc, name, json_stringn(s->bytes, s->len));
}

struct json_t *report_enrollment_json(const struct options *o, const struct enroll_result *r,
				      const struct report_secrets *s, const struct err *error)
{
	char hex[64];
	hex_encode(hex, sizeof hex, r->cred.cka_id.data, r->cred.cka_id.len);
	/* there is no state before something was planned */
	const char *state = r->cred.id != 0 ? cred_state_name(r->cred.state) : NULL;
	json_t *doc =
	    json_pack("{s:b, s:s, s:s?, s:b, s:b, s:b}", "ok", error == NULL, "user", o->n_args > 0 ? o->args[0] : "",
		      "state", state, "already", r->already, "proved", r->proved, "initialized", r->initialized);
	json_object_set_new(doc, "token", r->cred.id != 0 ? token_json(&r->cred.token) : json_null());
	json_object_set_new(doc, "key_type",
			    r->cred.id != 0 ? json_string(keytype_name(r->cred.key_type)) : json_null());
	json_object_set_new(doc, "key_attributes", text_or_null(r->cred.key_attributes));
	json_object_set_new(doc, "cka_id", text_or_null(hex));
	json_object_set_new(doc, "certificate", certificate_json(r));
	json_object_set_new(doc, "way", json_string(cred_way_name(r->cred.way)));
	json_object_set_new(doc, "replaces", replaces_json(r));
	json_object_set_new(doc, "waits_for_token", json_boolean(r->waits));
	json_object_set_new(doc, "pkcs11_id", text_or_null(r->cred.pkcs11_id));
	json_object_set_new(doc, "enroll_id", text_or_null(r->cred.enroll_id));
	json_object_set_new(doc, "attestation", text_or_null(r->cred.attested));
	json_object_set_new(doc, "bundle", bundle_json(r));
	json_object_set_new(doc, "request", text_or_null(r->request_path));
	json_object_set_new(doc, "so_pin_in_escrow", json_boolean(r->so_pin_sealed));
	put_secret(doc, "so_pin", r->pins_sent ? s->so_pin : NULL);
	put_secret(doc, "pin", r->pins_sent ? s->pin : NULL);
	if (error != NULL)
		json_object_set_new(doc, "error", error_json(error));
	return doc;
}

/* What becomes of the certificate that was replaced. */
static void print_old(const struct store_credential *old, bool waits)
{
	char at[DAY_SIZE];
	if (old->revoked != 0)
		printf("  replaced     %s, revoked as %s\n", old->cert_serial, old->reason);
	else if (old->revoke_at > time(NULL)) {
		day_format(at, old->revoke_at);
		printf("  replaced     %s, to be revoked on %s\n", old->cert_serial, at);
	} else if (old->not_after <= time(NULL))
		printf("  replaced     %s, which has expired\n", old->cert_serial);
	else
		printf("  %s     %s, valid until the new one is %s\n", waits ? "replaces" : "replaced",
		       old->cert_serial, waits ? "on the token" : "proven");
}

static void print_waiting(const struct enroll_result *r)
{
	printf("\nIt waits for token %s: put that in and run `tokenroll renew %s`.\n", r->cred.token.serial,
	       r->cred.user);
}

static void print_bundle(const struct enroll_result *r)
{
	bool renewal = r->old.id != 0 && r->cred.way == CRED_WAY_RENEW;
	printf("  bundle       %s\n               %s\n", r->tar_gz, r->zip);
	if (renewal && strcmp(r->cred.pkcs11_id, r->old.pkcs11_id) == 0) {
		printf("\n%s goes on with the profile that is there already, and the same PIN.\n", r->cred.user);
		return;
	}
	if (renewal)
		printf("\nThe key's name for OpenVPN is not the one of the old profile: %s needs the new bundle.\n",
		       r->cred.user);
	else if (r->old.id != 0)
		printf("\nThe old key is gone, and with it the old profile: %s needs the new bundle.\n", r->cred.user);
	printf("\nTell %s: unpack the bundle, open the guide in it, put the token in, start the profile for the\n"
	       "system (%s-linux, -windows or -macos .ovpn) and type the PIN. No key is in the bundle.\n",
	       r->cred.user, r->cred.user);
}

static const char *outcome(const struct enroll_result *r)
{
	if (r->waits)
		return r->already ? "has a new certificate already" : "has a new certificate";
	if (r->already)
		return "is enrolled already; nothing was changed";
	if (r->old.id == 0)
		return "is enrolled";
	return r->cred.way == CRED_WAY_REKEY ? "has a new key and certificate" : "has a new certificate on the token";
}

static void print_enrollment(const struct enroll_result *r)
{
	char line[200], token[200], until[DAY_SIZE];
	const struct store_credential *c = &r->cred;
	/* all three come from the token */
	snprintf(line, sizeof line, "%s, \"%s\" (%s)", c->token.serial, c->token.label, c->token.model);
	clean_text(token, sizeof token, line);
	day_format(until, c->not_after);
	if (r->request_path != NULL) {
		printf("The request of %s is in %s.\nHave it signed, then run: tokenroll %s --cert FILE\n", c->user,
		       r->request_path, c->user);
		return;
	}
	printf("%s %s.\n", c->user, outcome(r));
	printf("  token        %s\n", token);
	printf("  certificate  %s, valid until %s%s\n", c->cert_serial, until,
	       r->shortened ? ", shortened: the CA certificate ends then" : "");
	if (r->so_pin_sealed)
		puts("  SO PIN       random, in escrow");
	/* what no root vouches for is nothing to boast of */
	if (c->attestation.len != 0 && c->attested[0] != '\0')
		printf("  attestation  %s\n", c->attested);
	if (r->replaced[0] != '\0')
		printf("  replaced     %s, revoked as superseded\n", r->replaced);
	if (r->old.id != 0)
		print_old(&r->old, r->waits);
	if (r->waits)
		print_waiting(r);
	if (r->folder != NULL)
		print_bundle(r);
}

int report_enrollment(const struct options *o, const struct enroll_result *r, const struct report_secrets *s,
		      const struct err *error, struct err *e)
{
	int ret = 0;
	if (o->json) {
		json_set_alloc_funcs(malloc, wipe_and_free);
		ret = print_json(report_enrollment_json(o, r, s, error), PRETTY);
	} else if (error == NULL && !o->quiet) {
		print_enrollment(r);
		ret = fflush(stdout) != 0 || ferror(stdout) ? -1 : 0;
	}
	return ret == 0 ? 0 : unwritten(e);
}
