#include "store/escrow.h"
#include "store/escrow_text.h"

#include "core/keyfile.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/cms.h>
#include <openssl/err.h>

/* What came of trying a key with a recipient. */
enum tried { NOT_IT, OPENED, NOT_OPENED };

static int damaged(const struct store_token *t, struct err *e)
{
	err_openssl(e, ERR_ESCROW, "what is in escrow for token %s is damaged", t->serial);
	return err_next(e, "a backup of the database may have the value as it was put there");
}

static enum tried try_rsa(CMS_ContentInfo *cms, CMS_RecipientInfo *ri, EVP_PKEY *key, X509 *cert)
{
	if (cert != NULL && CMS_RecipientInfo_ktri_cert_cmp(ri, cert) != 0)
		return NOT_IT;
	/* it takes a reference, and gives it back when it gets the next */
	if (EVP_PKEY_up_ref(key) != 1)
		return NOT_OPENED;
	CMS_RecipientInfo_set0_pkey(ri, key);
	bool opened = CMS_RecipientInfo_decrypt(cms, ri) == 1;
	CMS_RecipientInfo_set0_pkey(ri, NULL);
	return opened ? OPENED : NOT_OPENED;
}

static enum tried try_agreed(CMS_ContentInfo *cms, CMS_RecipientInfo *ri, CMS_RecipientEncryptedKey *rek, EVP_PKEY *key,
			     X509 *cert)
{
	if (cert != NULL && CMS_RecipientEncryptedKey_cert_cmp(rek, cert) != 0)
		return NOT_IT;
	bool opened =
	    CMS_RecipientInfo_kari_set0_pkey(ri, key) == 1 && CMS_RecipientInfo_kari_decrypt(cms, ri, rek) == 1;
	CMS_RecipientInfo_kari_set0_pkey(ri, NULL);
	return opened ? OPENED : NOT_OPENED;
}

static enum tried try_ec(CMS_ContentInfo *cms, CMS_RecipientInfo *ri, EVP_PKEY *key, X509 *cert)
{
	STACK_OF(CMS_RecipientEncryptedKey) *reks = CMS_RecipientInfo_kari_get0_reks(ri);
	enum tried best = NOT_IT;
	for (int i = 0; best != OPENED && i < sk_CMS_RecipientEncryptedKey_num(reks); i++) {
		enum tried one = try_agreed(cms, ri, sk_CMS_RecipientEncryptedKey_value(reks, i), key, cert);
		best = one != NOT_IT ? one : best;
	}
	return best;
}

/* By hand and not by CMS_decrypt_set1_pkey, which does not tell a key that opens nothing from a damaged value: it goes
 * on with a random key, against oracles that do not exist here. */
static enum tried try_all(CMS_ContentInfo *cms, EVP_PKEY *key, X509 *cert)
{
	STACK_OF(CMS_RecipientInfo) *ris = CMS_get0_RecipientInfos(cms);
	enum tried best = NOT_IT;
	for (int i = 0; best != OPENED && i < sk_CMS_RecipientInfo_num(ris); i++) {
		CMS_RecipientInfo *ri = sk_CMS_RecipientInfo_value(ris, i);
		enum tried one = NOT_IT;
		if (CMS_RecipientInfo_type(ri) == CMS_RECIPINFO_TRANS && EVP_PKEY_get_base_id(key) == EVP_PKEY_RSA)
			one = try_rsa(cms, ri, key, cert);
		if (CMS_RecipientInfo_type(ri) == CMS_RECIPINFO_AGREE && EVP_PKEY_get_base_id(key) == EVP_PKEY_EC)
			one = try_ec(cms, ri, key, cert);
		best = one != NOT_IT ? one : best;
	}
	return best;
}

/* What CMS_decrypt does, but for its own copy of the plain text on the stack. Text counts only once the tag was
 * checked. */
static int decipher(struct secret *ret, CMS_ContentInfo *cms)
{
	BIO *chain = CMS_dataInit(cms, NULL);
	int got = chain != NULL ? 1 : 0;
	secret_clear(ret);
	while (got > 0 && ret->len < SECRET_MAX) {
		got = BIO_read(chain, ret->bytes + ret->len, (int)(SECRET_MAX - ret->len));
		ret->len += got > 0 ? (size_t)got : 0;
	}
	bool ok = chain != NULL && got <= 0 && BIO_get_cipher_status(chain) == 1;
	BIO_free_all(chain);
	return ok ? 0 : -1;
}

static int opens_none(const struct store_escrow *v, struct err *e)
{
	return err_openssl(e, ERR_RECOVERY_KEY, "this key opens none of the recipients: they are %s",
			   v->recipients != NULL && v->recipients[0] != '\0' ? v->recipients : "not known");
}

/* The key is a recipient's, but a key on a token can do only what its token lets it do. */
static int refused(const struct store_token *t, struct err *e)
{
	err_openssl(e, ERR_ESCROW, "what is in escrow for token %s is damaged, or the recovery key must not decrypt",
		    t->serial);
	return err_next(e, "see that the recovery key may be used to decrypt (RSA) or derive (EC); a backup of the "
			   "database may have the value as it was put there");
}

static int open_text(struct secret *ret, const struct store_escrow *v, const struct store_token *t,
		     CMS_ContentInfo *cms, struct err *e)
{
	struct secret *text = secret_new();
	/* what other recipients' keys were tried for is over */
	ERR_clear_error();
	int rc = decipher(text, cms) == 0 ? escrow_text_read(ret, text, t, v->kind, e) : damaged(t, e);
	secret_free(&text);
	return rc;
}

static int open_message(struct secret *ret, const struct store_escrow *v, const struct store_token *t, EVP_PKEY *key,
			X509 *cert, CMS_ContentInfo *cms, struct err *e)
{
	enum tried tried = try_all(cms, key, cert);
	if (tried == OPENED)
		return open_text(ret, v, t, cms, e);
	/* only with a certificate is it known that the key should have opened it */
	return tried == NOT_OPENED && cert != NULL ? refused(t, e) : opens_none(v, e);
}

int escrow_open_with(struct secret *ret, const struct store_escrow *v, const struct store_token *t, EVP_PKEY *key,
		     X509 *cert, struct err *e)
{
	const unsigned char *p = v->cms.data;
	if (cert != NULL && EVP_PKEY_eq(X509_get0_pubkey(cert), key) != 1) {
		ERR_clear_error();
		return err_set(e, ERR_RECOVERY_KEY, "the recovery key is not the one of its certificate");
	}
	ERR_clear_error();
	CMS_ContentInfo *cms = d2i_CMS_ContentInfo(NULL, &p, (long)v->cms.len);
	/* no other kind of message: one that is not authenticated could have been altered */
	bool ours = cms != NULL && p == v->cms.data + v->cms.len &&
		    OBJ_obj2nid(CMS_get0_type(cms)) == NID_id_smime_ct_authEnvelopedData;
	int rc = ours ? open_message(ret, v, t, key, cert, cms, e) : damaged(t, e);
	CMS_ContentInfo_free(cms);
	return rc;
}

static int load_key(EVP_PKEY **ret, const char *path, const struct secret *passphrase, struct err *e)
{
	switch (keyfile_load(ret, path, passphrase)) {
	case KEYFILE_OK:
		/* one without a passphrase opens everything to whoever can read it */
		if (passphrase != NULL || secret_file_check(path, e) == 0)
			return 0;
		EVP_PKEY_free(*ret);
		*ret = NULL;
		return -1;
	case KEYFILE_UNREADABLE:
		return errno != 0 ? err_errno(e, ERR_RECOVERY_KEY, "the recovery key %s cannot be read", path)
				  : err_set(e, ERR_RECOVERY_KEY, "the recovery key %s %s", path, keyfile_fault(path));
	case KEYFILE_PASSPHRASE_NEEDED:
		ERR_clear_error();
		return err_set(e, ERR_RECOVERY_PASSPHRASE_NEEDED,
			       "the recovery key %s is encrypted and no passphrase was given", path);
	case KEYFILE_PASSPHRASE_WRONG:
		return err_openssl(e, ERR_RECOVERY_PASSPHRASE, "the passphrase does not open the recovery key %s",
				   path);
	default:
		return err_openssl(e, ERR_RECOVERY_KEY, "%s is not a private key in PEM form, or is damaged", path);
	}
}

int escrow_open(struct secret *ret, const struct store_escrow *v, const struct store_token *t, const char *key_file,
		const struct secret *passphrase, struct err *e)
{
	EVP_PKEY *key = NULL;
	if (load_key(&key, key_file, passphrase, e) != 0)
		return -1;
	int rc = escrow_open_with(ret, v, t, key, NULL, e);
	EVP_PKEY_free(key);
	return rc;
}
