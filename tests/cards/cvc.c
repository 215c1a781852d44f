#include "cvc.h"

enum {
	TAG_OID = 0x06,
	TAG_CAR = 0x42,
	TAG_REQUEST = 0x67,
	TAG_MODULUS = 0x81,
	TAG_EXPONENT = 0x82,
	TAG_POINT = 0x86,
	TAG_COFACTOR = 0x87,
	TAG_CHR = 0x5F20,
	TAG_PROFILE = 0x5F29,
	TAG_SIGNATURE = 0x5F37,
	TAG_CERTIFICATE = 0x7F21,
	TAG_PUBLIC_KEY = 0x7F49,
	TAG_BODY = 0x7F4E
};

/* id-TA-ECDSA-SHA-256 */
static const uint8_t ecdsa_sha256[] = {0x04, 0x00, 0x7F, 0x00, 0x07, 0x02, 0x02, 0x02, 0x02, 0x03};

static int put_point(struct buf *out, EVP_PKEY *key)
{
	size_t begun = tlv_begin(out, TAG_POINT);
	int rc = crypt_ec_point(key, out);

	tlv_end(out, begun);
	return rc;
}

static int put_rsa(struct buf *out, struct bytes oid, EVP_PKEY *key)
{
	struct buf modulus = {0}, exponent = {0};
	int rc = crypt_rsa_public(key, &modulus, &exponent);

	tlv_put(out, TAG_OID, oid);
	tlv_put(out, TAG_MODULUS, buf_bytes(&modulus));
	tlv_put(out, TAG_EXPONENT, buf_bytes(&exponent));
	buf_free(&modulus);
	buf_free(&exponent);
	return rc;
}

/* The objects of the domain as they came, in the order of their tags, with the point among them. */
static int put_ec(struct buf *out, struct bytes wanted, EVP_PKEY *key)
{
	struct bytes value;
	unsigned tag;
	int rc = -1;

	while (tlv_next(&wanted, &tag, &value) == 1) {
		if (tag == TAG_COFACTOR)
			rc = put_point(out, key);
		tlv_put(out, tag, value);
	}
	return rc;
}

int cvc_put_public_key(struct buf *out, struct bytes wanted, EVP_PKEY *key)
{
	struct bytes oid;

	if (!tlv_find(wanted, TAG_OID, &oid))
		return -1;
	return crypt_is_rsa(key) ? put_rsa(out, oid, key) : put_ec(out, wanted, key);
}

static void put_body(struct buf *out, struct bytes car, struct bytes chr, struct bytes public_key)
{
	size_t begun = tlv_begin(out, TAG_BODY);

	tlv_put_byte(out, TAG_PROFILE, 0);
	tlv_put(out, TAG_CAR, car);
	tlv_put(out, TAG_PUBLIC_KEY, public_key);
	tlv_put(out, TAG_CHR, chr);
	tlv_end(out, begun);
}

static int put_signed(struct buf *out, struct bytes car, struct bytes chr, struct bytes public_key, EVP_PKEY *signer)
{
	struct buf body = {0}, signature = {0};
	size_t begun = tlv_begin(out, TAG_CERTIFICATE);
	int rc;

	put_body(&body, car, chr, public_key);
	rc = crypt_sign(signer, buf_bytes(&body), &signature);
	buf_put_bytes(out, buf_bytes(&body));
	tlv_put(out, TAG_SIGNATURE, buf_bytes(&signature));
	tlv_end(out, begun);
	buf_free(&body);
	buf_free(&signature);
	return rc;
}

int cvc_put_certificate(struct buf *out, struct bytes car, struct bytes chr, EVP_PKEY *key, EVP_PKEY *issuer)
{
	struct buf public_key = {0};
	int rc;

	tlv_put(&public_key, TAG_OID, (struct bytes){ecdsa_sha256, sizeof(ecdsa_sha256)});
	rc = put_point(&public_key, key);
	if (rc == 0)
		rc = put_signed(out, car, chr, buf_bytes(&public_key), issuer);
	buf_free(&public_key);
	return rc;
}

int cvc_put_request(struct buf *out, struct bytes car, struct bytes chr, struct bytes public_key, EVP_PKEY *key,
		    struct bytes outer, EVP_PKEY *device)
{
	struct buf inner = {0}, signature = {0};
	size_t begun = tlv_begin(out, TAG_REQUEST);
	int rc = put_signed(&inner, car, chr, public_key, key);

	tlv_put(&inner, TAG_CAR, outer);
	if (rc == 0)
		rc = crypt_sign(device, buf_bytes(&inner), &signature);
	buf_put_bytes(out, buf_bytes(&inner));
	tlv_put(out, TAG_SIGNATURE, buf_bytes(&signature));
	tlv_end(out, begun);
	buf_free(&inner);
	buf_free(&signature);
	return rc;
}
