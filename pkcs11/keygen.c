#include "pkcs11/ckr.h"
#include "pkcs11/key.h"

#include <openssl/ec.h>
#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

struct pair_template {
	struct p11_template public, private;
};

/* Attributes that a token may refuse, in the order in which they are left out. */
static const struct {
	bool private;
	CK_ATTRIBUTE_TYPE type;
} optional[] = {
    {true, CKA_EXTRACTABLE}, {true, CKA_SIGN},  {false, CKA_VERIFY}, {true, CKA_PRIVATE},
    {false, CKA_LABEL},      {true, CKA_LABEL}, {false, CKA_TOKEN},  {false, CKA_PUBLIC_EXPONENT},
};

#define N_OPTIONAL (sizeof optional / sizeof *optional)

static void drop(struct pair_template *p, size_t i)
{
	p11_template_drop(optional[i].private ? &p->private : &p->public, optional[i].type);
}

static CK_RV generate_once(const struct p11_token *t, CK_MECHANISM_TYPE type, struct pair_template *p,
			   struct p11_key_pair *ret)
{
	CK_MECHANISM mech = {type, NULL, 0};
	return p11_token_functions(t)->C_GenerateKeyPair(p11_token_session(t), &mech, p->public.a, p->public.n,
							 p->private.a, p->private.n, &ret->public, &ret->private);
}

/* The whole template; then without each optional attribute alone; then without more and more of them. */
static CK_RV generate(const struct p11_token *t, CK_MECHANISM_TYPE type, const struct pair_template *whole,
		      struct p11_key_pair *ret)
{
	struct pair_template p = *whole;
	CK_RV rv = generate_once(t, type, &p, ret);
	for (size_t i = 0; ckr_is_template(rv) && i < N_OPTIONAL; i++) {
		p = *whole;
		drop(&p, i);
		rv = generate_once(t, type, &p, ret);
	}
	p = *whole;
	for (size_t i = 0; ckr_is_template(rv) && i < N_OPTIONAL; i++) {
		drop(&p, i);
		rv = generate_once(t, type, &p, ret);
	}
	return rv;
}

static int curve_oid(enum keytype type, unsigned char **ret, size_t *ret_len, struct err *e)
{
	ASN1_OBJECT *o = OBJ_txt2obj(keytype_curve(type), 0);
	int n = o != NULL ? i2d_ASN1_OBJECT(o, ret) : -1;
	ASN1_OBJECT_free(o);
	if (n <= 0)
		return err_openssl(e, ERR_FAILED, "no OID for the curve of %s", keytype_name(type));
	*ret_len = (size_t)n;
	return 0;
}

static void common(struct p11_template *t, const struct blob *cka_id, const char *label)
{
	p11_template_add_bool(t, CKA_TOKEN, true);
	p11_template_add(t, CKA_ID, cka_id->data, cka_id->len);
	p11_template_add(t, CKA_LABEL, label, strlen(label));
}

static int unsupported(const struct p11_token *t, enum keytype type, CK_RV rv, struct err *e)
{
	/* what its list promises is worth naming, except the type that was just refused */
	char has[128];
	keytype_names(p11_token_key_types(t) & ~KEYTYPE_BIT(type), has, sizeof has);
	ckr_error(e, rv, ERR_UNSUPPORTED, "token %s does not make keys of type %s", p11_token_name(t),
		  keytype_name(type));
	if (has[0] == '\0')
		return err_next(e, "take another token");
	return err_next(e, "it has %s: add --key-type, or take another token", has);
}

static void drop_each(struct p11_template *t, const struct profile_types *types)
{
	for (size_t i = 0; i < types->n; i++)
		p11_template_drop(t, types->v[i]);
}

/* class and type are the values of attributes whose value depends on the key. */
static void add_each(struct p11_template *t, const struct profile_attributes *more, const CK_OBJECT_CLASS *class,
		     const CK_KEY_TYPE *type)
{
	for (size_t i = 0; i < more->n; i++) {
		const struct profile_attribute *a = &more->v[i];
		p11_template_drop(t, a->type);
		if (a->computed)
			p11_template_add_ulong(t, a->type, a->type == CKA_CLASS ? class : type);
		else
			p11_template_add(t, a->type, a->value, a->len);
	}
}

/* What is known of this kind of token spares it templates that it refuses. */
static void suit(struct pair_template *p, const struct profile *profile, bool rsa)
{
	static const CK_OBJECT_CLASS public = CKO_PUBLIC_KEY, private = CKO_PRIVATE_KEY;
	static const CK_KEY_TYPE type_rsa = CKK_RSA, type_ec = CKK_EC;
	const struct profile_key *k = &profile->key;
	drop_each(&p->public, &k->omit_public);
	drop_each(&p->private, &k->omit_private);
	if (k->label_ignored) {
		p11_template_drop(&p->public, CKA_LABEL);
		p11_template_drop(&p->private, CKA_LABEL);
	}
	add_each(&p->public, &k->add_public, &public, rsa ? &type_rsa : &type_ec);
	add_each(&p->private, &k->add_private, &private, rsa ? &type_rsa : &type_ec);
}

int p11_key_generate(const struct p11_token *t, enum keytype type, const struct blob *cka_id, const char *label,
		     struct p11_key_pair *ret, struct err *e)
{
	static const unsigned char exponent[] = {1, 0, 1};
	struct pair_template p = {P11_TEMPLATE_INIT, P11_TEMPLATE_INIT};
	unsigned char *oid = NULL;
	size_t oid_len = 0;
	CK_ULONG bits = keytype_rsa_bits(type);
	if (bits == 0 && curve_oid(type, &oid, &oid_len, e) != 0)
		return -1;
	common(&p.public, cka_id, label);
	p11_template_add_bool(&p.public, CKA_VERIFY, true);
	if (bits != 0) {
		p11_template_add_ulong(&p.public, CKA_MODULUS_BITS, &bits);
		p11_template_add(&p.public, CKA_PUBLIC_EXPONENT, exponent, sizeof exponent);
	} else {
		p11_template_add(&p.public, CKA_EC_PARAMS, oid, oid_len);
	}
	common(&p.private, cka_id, label);
	p11_template_add_bool(&p.private, CKA_PRIVATE, true);
	p11_template_add_bool(&p.private, CKA_SENSITIVE, true);
	p11_template_add_bool(&p.private, CKA_EXTRACTABLE, false);
	p11_template_add_bool(&p.private, CKA_SIGN, true);
	suit(&p, p11_token_profile(t), bits != 0);
	CK_RV rv = generate(t, bits != 0 ? CKM_RSA_PKCS_KEY_PAIR_GEN : CKM_EC_KEY_PAIR_GEN, &p, ret);
	OPENSSL_free(oid);
	if (rv == CKR_OK)
		return 0;
	ckr_error(e, rv, ERR_TOKEN_FAILED, "token %s could not make the key pair", p11_token_name(t));
	return e != NULL && e->code == ERR_UNSUPPORTED ? unsupported(t, type, rv, e) : -1;
}
