/*
 * object: finding, writing and deleting what is on a token. Nothing here
 * deletes an object only because of its CKA_ID, which other programs may use,
 * too. Worker process only.
 */
#ifndef PKCS11_OBJECT_H
#define PKCS11_OBJECT_H

#include "pkcs11/template.h"

struct p11_objects {
	CK_OBJECT_HANDLE *handle; /* from malloc */
	size_t n;
};

/* All objects of a class (or of every class: CKA_CLASS_ANY) with this CKA_ID (NULL: with any or none). */
#define P11_CLASS_ANY ((CK_OBJECT_CLASS)-1)
int p11_object_find(const struct p11_token *t, CK_OBJECT_CLASS class, const struct blob *cka_id,
		    struct p11_objects *ret, struct err *e);
void p11_objects_free(struct p11_objects *o);

/* C_DestroyObject. */
int p11_object_delete(const struct p11_token *t, CK_OBJECT_HANDLE object, struct err *e);

/* Whether any object of somebody's carries this CKA_ID. */
int p11_object_id_taken(const struct p11_token *t, const struct blob *cka_id, bool *ret, struct err *e);

/*
 * Whether an object is nobody's: the profile says so (a place-holder, what the module makes up), or it describes the
 * token itself. Such are not foreign, and are never deleted: with ykcs11 an attestation is deleted together with the
 * certificate whose CKA_ID it shares.
 */
bool p11_object_is_nobodys(const struct p11_token *t, CK_OBJECT_HANDLE object);

/* What became of the objects that were to be deleted: kept are those that are not ours. Functions add to it. */
struct p11_deleted {
	size_t gone, kept;
};

struct p11_writing {
	const struct blob *cka_id;
	const char *label;
	const struct blob *der;
	const struct blob *known; /* the inventory's certificates of this token, see ours.h */
	/* the key was not made in this session, so that what is in the certificate's place may be left of a run that
	 * was cut off */
	bool key_is_old;
	bool keep_older;
};

/*
 * Writes an X.509 certificate (DER) as a public token object with CKA_ID, CKA_LABEL, CKA_SUBJECT, CKA_ISSUER and
 * CKA_SERIAL_NUMBER (PKCS#11 v2.40, 4.6.3). If the very same certificate is there under this CKA_ID, nothing is
 * written. What is no whole certificate under this CKA_ID is deleted before, and afterwards every other one of ours
 * with this CKA_ID whose public key is the same, unless keep_older: OpenVPN would take the one that ends last. Where a
 * certificate follows its key there is room for one only, and that is made before. ERR_FOREIGN as
 * p11_certificate_check_place.
 */
int p11_certificate_write(const struct p11_token *t, const struct p11_writing *want, struct p11_deleted *ret,
			  struct err *e);

/* ERR_FOREIGN where a key has one place for a certificate, and in that of this CKA_ID is one that is not ours: it would
 * be overwritten by the next one, and with some modules by the next key. */
int p11_certificate_check_place(const struct p11_token *t, const struct blob *cka_id, const struct blob *known,
				struct err *e);

/* The CKA_ID of the object that holds exactly this certificate; empty if there is none. */
int p11_certificate_find(const struct p11_token *t, const struct blob *der, struct blob *ret_cka_id, struct err *e);

/* Says, for people, which certificate with this CKA_ID OpenVPN may take instead of this one (DER): one that is not ours
 * and does not end before it. "" if there is none. */
#define P11_CERTIFICATE_TEXT_MAX 256
int p11_certificate_rival(const struct p11_token *t, const struct blob *cka_id, const struct blob *der,
			  const struct blob *known, char *ret, size_t size, struct err *e);

/* Deletes those of our certificates with this CKA_ID that are for this public key (SPKI, DER). */
int p11_certificate_delete(const struct p11_token *t, const struct blob *cka_id, const struct blob *spki,
			   const struct blob *known, struct p11_deleted *ret, struct err *e);

#endif
