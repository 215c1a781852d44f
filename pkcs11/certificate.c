#include "core/clean.h"
#include "core/day.h"
#include "pkcs11/aside.h"
#include "pkcs11/ckr.h"
#include "pkcs11/object.h"
#include "pkcs11/ours.h"

#include <openssl/x509.h>
#include <string.h>

/* DER of the parts of a certificate that its object repeats as attributes */
struct parts {
	struct blob subject, issuer, serial;
};

static void parts_free(struct parts *p)
{
	blob_free(&p->subject);
	blob_free(&p->issuer);
	blob_free(&p->serial);
}

static X509 *parse(const struct blob *der)
{
	const unsigned char *p = der->data;
	return d2i_X509(NULL, &p, (long)der->len);
}

static int parts_read(struct parts *ret, const struct blob *der, struct err *e)
{
	X509 *x = parse(der);
	if (x == NULL)
		return err_openssl(e, ERR_CERT_MISMATCH, "what should go onto the token is not a certificate");
	unsigned char *out = NULL;
	int n = i2d_X509_NAME(X509_get_subject_name(x), &out);
	blob_set(&ret->subject, out, n > 0 ? (size_t)n : 0);
	OPENSSL_free(out);
	out = NULL;
	n = i2d_X509_NAME(X509_get_issuer_name(x), &out);
	blob_set(&ret->issuer, out, n > 0 ? (size_t)n : 0);
	OPENSSL_free(out);
	out = NULL;
	n = i2d_ASN1_INTEGER(X509_get0_serialNumber(x), &out);
	blob_set(&ret->serial, out, n > 0 ? (size_t)n : 0);
	OPENSSL_free(out);
	X509_free(x);
	return 0;
}

static CK_RV create(const struct p11_token *t, struct p11_template *want)
{
	/* what some tokens refuse, in the order in which it is missed least */
	static const CK_ATTRIBUTE_TYPE optional[] = {CKA_PRIVATE, CKA_LABEL, CKA_SERIAL_NUMBER, CKA_ISSUER};
	CK_OBJECT_HANDLE made;
	CK_FUNCTION_LIST *f = p11_token_functions(t);
	if (p11_token_profile(t)->key.label_ignored)
		p11_template_drop(want, CKA_LABEL);
	CK_RV rv = f->C_CreateObject(p11_token_session(t), want->a, want->n, &made);
	for (size_t i = 0; ckr_is_template(rv) && i < sizeof optional / sizeof *optional; i++) {
		p11_template_drop(want, optional[i]);
		rv = f->C_CreateObject(p11_token_session(t), want->a, want->n, &made);
	}
	return rv;
}

static int write_object(const struct p11_token *t, const struct blob *cka_id, const char *label, const struct blob *der,
			struct err *e)
{
	static const CK_OBJECT_CLASS class = CKO_CERTIFICATE;
	static const CK_ULONG x509 = CKC_X_509;
	struct parts p = {BLOB_INIT, BLOB_INIT, BLOB_INIT};
	if (parts_read(&p, der, e) != 0)
		return -1;
	struct p11_template want = P11_TEMPLATE_INIT;
	p11_template_add_ulong(&want, CKA_CLASS, &class);
	p11_template_add_ulong(&want, CKA_CERTIFICATE_TYPE, &x509);
	p11_template_add_bool(&want, CKA_TOKEN, true);
	p11_template_add_bool(&want, CKA_PRIVATE, false);
	p11_template_add(&want, CKA_ID, cka_id->data, cka_id->len);
	p11_template_add(&want, CKA_LABEL, label, strlen(label));
	p11_template_add(&want, CKA_SUBJECT, p.subject.data, p.subject.len);
	p11_template_add(&want, CKA_ISSUER, p.issuer.data, p.issuer.len);
	p11_template_add(&want, CKA_SERIAL_NUMBER, p.serial.data, p.serial.len);
	p11_template_add(&want, CKA_VALUE, der->data, der->len);
	CK_RV rv = create(t, &want);
	parts_free(&p);
	return rv == CKR_OK
		   ? 0
		   : ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot write the certificate to token %s", p11_token_name(t));
}

/* The private key with this CKA_ID, if there is exactly one. */
static CK_OBJECT_HANDLE only_key(const struct p11_token *t, const struct blob *cka_id)
{
	struct p11_objects found = {NULL, 0};
	if (p11_object_find(t, CKO_PRIVATE_KEY, cka_id, &found, NULL) != 0)
		return CK_INVALID_HANDLE;
	CK_OBJECT_HANDLE key = found.n == 1 ? found.handle[0] : CK_INVALID_HANDLE;
	p11_objects_free(&found);
	return key;
}

/*
 * OpenSC takes no certificate for a CKA_ID under which one was cut off while it was written, and does not show what is
 * left of that, either, so that it could be deleted. While the key has another CKA_ID its certificate can be written,
 * in the same place; with the next session it has that of its key.
 */
static int write_aside(const struct p11_token *t, const struct blob *cka_id, const char *label, const struct blob *der)
{
	struct err unsaid = ERR_INIT;
	struct blob aside = BLOB_INIT;
	CK_OBJECT_HANDLE key = only_key(t, cka_id);
	int ret = -1;
	if (key != CK_INVALID_HANDLE && p11_aside_id(cka_id, &aside, &unsaid) == 0 &&
	    p11_aside_set(t, key, &aside, &unsaid) == 0) {
		ret = write_object(t, &aside, label, der, &unsaid);
		if (p11_aside_set(t, key, cka_id, &unsaid) != 0)
			ret = -1;
	}
	blob_free(&aside);
	return ret;
}

static int write_anyhow(const struct p11_token *t, const struct blob *cka_id, const char *label, const struct blob *der,
			bool key_is_old, struct err *e)
{
	struct err why = ERR_INIT;
	if (write_object(t, cka_id, label, der, &why) == 0)
		return 0;
	bool may_help = key_is_old && why.code == ERR_TOKEN_FAILED && p11_token_profile(t)->key.certificate_follows;
	if (may_help && write_aside(t, cka_id, label, der) == 0)
		return 0;
	if (e != NULL)
		*e = why;
	return -1;
}

/* The public key of a certificate as SubjectPublicKeyInfo; empty if it is no certificate. */
static void spki_of(const struct blob *der, struct blob *ret)
{
	X509 *x = parse(der);
	unsigned char *out = NULL;
	int n = x != NULL ? i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &out) : 0;
	blob_set(ret, out, n > 0 ? (size_t)n : 0);
	OPENSSL_free(out);
	X509_free(x);
}

static bool has_public_key(const struct blob *der, const struct blob *spki)
{
	struct blob own = BLOB_INIT;
	spki_of(der, &own);
	bool same = own.len != 0 && blob_equal(&own, spki);
	blob_free(&own);
	return same;
}

/* What a walk over certificates looks for and what it found. */
struct walk {
	const struct blob *der;   /* a whole certificate, or NULL */
	const struct blob *spki;  /* or a public key */
	const struct blob *known; /* which others are ours */
	size_t seen;              /* how many objects held exactly der */
	size_t gone, kept;        /* how many were deleted; and not, because they are not ours */
	struct blob *ret_cka_id;
	char *text; /* the last one that was met, for people */
	size_t text_size;
};

/* Called for each certificate that is somebody's. */
typedef int visit_fn(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *value, struct walk *w,
		     struct err *e);

static int each_certificate(const struct p11_token *t, const struct blob *cka_id, visit_fn *visit, struct walk *w,
			    struct err *e)
{
	struct p11_objects found = {NULL, 0};
	if (p11_object_find(t, CKO_CERTIFICATE, cka_id, &found, e) != 0)
		return -1;
	int ret = 0;
	for (size_t i = 0; ret == 0 && i < found.n; i++) {
		struct blob value = BLOB_INIT;
		if (p11_object_is_nobodys(t, found.handle[i]))
			continue;
		CK_RV rv = p11_attribute_read(t, found.handle[i], CKA_VALUE, &value);
		if (rv == CKR_OK)
			ret = visit(t, found.handle[i], &value, w, e);
		/* gone with one that was deleted here, as the attestation of a place with its certificate */
		else if (rv != CKR_ATTRIBUTE_TYPE_INVALID && rv != CKR_OBJECT_HANDLE_INVALID)
			ret = ckr_error(e, rv, ERR_TOKEN_FAILED, "cannot read a certificate on token %s",
					p11_token_name(t));
		blob_free(&value);
	}
	p11_objects_free(&found);
	return ret;
}

static int visit_find(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *value, struct walk *w,
		      struct err *e)
{
	(void)e;
	if (!blob_equal(value, w->der))
		return 0;
	w->seen++;
	if (w->ret_cka_id != NULL && p11_attribute_read(t, object, CKA_ID, w->ret_cka_id) != CKR_OK)
		blob_set(w->ret_cka_id, NULL, 0);
	return 0;
}

static bool is_ours(const struct walk *w, const struct blob *value)
{
	return ours_certificate(value, w->known) || (w->der != NULL && ours_certificate(value, w->der));
}

static int delete_ours(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *value, struct walk *w,
		       struct err *e)
{
	if (!has_public_key(value, w->spki))
		return 0;
	bool ours = is_ours(w, value);
	w->kept += !ours;
	w->gone += ours;
	return ours ? p11_object_delete(t, object, e) : 0;
}

static int visit_delete_older(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *value,
			      struct walk *w, struct err *e)
{
	/* a run that was killed while writing may have left the same one twice */
	if (blob_equal(value, w->der))
		return w->seen++ == 0 ? 0 : p11_object_delete(t, object, e);
	return delete_ours(t, object, value, w, e);
}

/* One with our CKA_ID that holds no certificate is what is left of one that was cut off while it was written; some
 * modules take no other one beside it. */
static int visit_delete_broken(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *value,
			       struct walk *w, struct err *e)
{
	(void)w;
	return ours_is_whole(value) ? 0 : p11_object_delete(t, object, e);
}

static void name_text(char *ret, size_t size, X509_NAME *name)
{
	char cn[128] = "";
	(void)X509_NAME_get_text_by_NID(name, NID_commonName, cn, sizeof cn);
	clean_text(ret, size, cn);
}

static time_t end_of(const X509 *x)
{
	struct tm tm;
	return ASN1_TIME_to_tm(X509_get0_notAfter(x), &tm) == 1 ? timegm(&tm) : 0;
}

static void describe(const struct blob *der, struct walk *w)
{
	char subject[64] = "", issuer[64] = "", until[DAY_SIZE] = "";
	X509 *x = parse(der);
	if (x != NULL) {
		name_text(subject, sizeof subject, X509_get_subject_name(x));
		name_text(issuer, sizeof issuer, X509_get_issuer_name(x));
		day_format(until, end_of(x));
	}
	X509_free(x);
	snprintf(w->text, w->text_size, "\"%s\", issued by \"%s\", valid until %s", subject, issuer, until);
}

static int visit_foreign(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *value, struct walk *w,
			 struct err *e)
{
	(void)t;
	(void)object;
	(void)e;
	if (ours_is_whole(value) && !is_ours(w, value))
		describe(value, w);
	return 0;
}

/* Whether a does not end before b. */
static bool ends_as_late(const struct blob *a, const struct blob *b)
{
	X509 *x = parse(a), *y = parse(b);
	bool late = x != NULL && y != NULL && end_of(x) >= end_of(y);
	X509_free(x);
	X509_free(y);
	return late;
}

static int visit_rival(const struct p11_token *t, CK_OBJECT_HANDLE object, const struct blob *value, struct walk *w,
		       struct err *e)
{
	return ends_as_late(value, w->der) ? visit_foreign(t, object, value, w, e) : 0;
}

int p11_certificate_find(const struct p11_token *t, const struct blob *der, struct blob *ret_cka_id, struct err *e)
{
	struct walk w = {.der = der, .ret_cka_id = ret_cka_id};
	blob_set(ret_cka_id, NULL, 0);
	return each_certificate(t, NULL, visit_find, &w, e);
}

int p11_certificate_rival(const struct p11_token *t, const struct blob *cka_id, const struct blob *der,
			  const struct blob *known, char *ret, size_t size, struct err *e)
{
	struct walk w = {.der = der, .known = known, .text = ret, .text_size = size};
	*ret = '\0';
	return each_certificate(t, cka_id, visit_rival, &w, e);
}

int p11_certificate_check_place(const struct p11_token *t, const struct blob *cka_id, const struct blob *known,
				struct err *e)
{
	char text[P11_CERTIFICATE_TEXT_MAX] = "";
	struct walk w = {.known = known, .text = text, .text_size = sizeof text};
	const struct profile_key *k = &p11_token_profile(t)->key;
	if (k->id != PROFILE_ID_FIXED && !k->certificate_follows)
		return 0;
	if (each_certificate(t, cka_id, visit_foreign, &w, e) != 0)
		return -1;
	if (text[0] == '\0')
		return 0;
	err_set(e, ERR_FOREIGN, "the key's place on token %s has a certificate that tokenroll did not make: %s",
		p11_token_name(t), text);
	return err_next(e, "tokenroll does not overwrite it: delete it with the tool that wrote it if nobody needs it, "
			   "and run the same command again; or take another token");
}

int p11_certificate_delete(const struct p11_token *t, const struct blob *cka_id, const struct blob *spki,
			   const struct blob *known, struct p11_deleted *ret, struct err *e)
{
	struct walk w = {.spki = spki, .known = known};
	int got = each_certificate(t, cka_id, delete_ours, &w, e);
	ret->gone += w.gone;
	ret->kept += w.kept;
	return got;
}

int p11_certificate_write(const struct p11_token *t, const struct p11_writing *want, struct p11_deleted *ret,
			  struct err *e)
{
	const struct blob *id = want->cka_id;
	struct blob spki = BLOB_INIT;
	struct walk there = {.der = want->der}, older = {.der = want->der, .spki = &spki, .known = want->known};
	/* where a certificate follows its key, one of ours may still be shown under the CKA_ID that the key had aside
	 */
	bool follows = p11_token_profile(t)->key.certificate_follows;
	const struct blob *under = follows ? NULL : id;
	spki_of(want->der, &spki);
	int got = each_certificate(t, id, visit_delete_broken, NULL, e);
	if (got == 0)
		got = each_certificate(t, under, visit_find, &there, e);
	if (got == 0 && there.seen == 0)
		got = p11_certificate_check_place(t, id, want->known, e);
	/* there it stands in the way of another one, too; to put the key aside for that would take longer, and
	 * meanwhile no profile finds it */
	if (got == 0 && there.seen == 0 && follows)
		got = each_certificate(t, under, delete_ours, &older, e);
	if (got == 0 && there.seen == 0)
		got = write_anyhow(t, id, want->label, want->der, want->key_is_old, e);
	if (got == 0 && !want->keep_older)
		got = each_certificate(t, id, visit_delete_older, &older, e);
	ret->gone += older.gone;
	ret->kept += older.kept;
	blob_free(&spki);
	return got;
}
