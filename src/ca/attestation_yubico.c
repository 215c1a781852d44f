/*
 * attestation_yubico: what a YubiKey's PIV application says of a key.
 *
 * developers.yubico.com, "PIV attestation": the extensions below hold their
 * bytes as they are, but for the serial, which is a DER INTEGER. Keys of
 * YubiKeys before 5.0 are attested without a serial and a form factor.
 */
#include "ca/attestation_impl.h"

#include <openssl/asn1.h>
#include <openssl/objects.h>
#include <stdlib.h>
#include <string.h>

#define OID_FIRMWARE "1.3.6.1.4.1.41482.3.3"
#define OID_SERIAL "1.3.6.1.4.1.41482.3.7"
#define OID_POLICIES "1.3.6.1.4.1.41482.3.8"
#define OID_FORM_FACTOR "1.3.6.1.4.1.41482.3.9"

#define SERIAL_BYTES_MAX 9 /* 64 bits and the sign */
#define FIRMWARE_WITH_SERIAL 5

static const char unreadable[] = "tells in no way that can be read";

struct bytes {
	const unsigned char *data;
	size_t len;
};

/* How many extensions of this name there are; *ret is the first. */
static int find(const X509 *cert, const char *oid, struct bytes *ret)
{
	ASN1_OBJECT *name = OBJ_txt2obj(oid, 1);
	int n = 0;
	for (int at = -1; name != NULL && (at = X509_get_ext_by_OBJ(cert, name, at)) >= 0; n++) {
		const ASN1_OCTET_STRING *value = X509_EXTENSION_get_data(X509_get_ext(cert, at));
		if (n == 0)
			*ret = (struct bytes){ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
	}
	ASN1_OBJECT_free(name);
	return n;
}

static int bad(struct err *e, const char *fault, const char *what, const char *oid)
{
	err_set(e, ERR_CA_REFUSED, "the attestation %s the %s (extension %s)", fault, what, oid);
	return err_next(e, "take another token: this one's firmware makes statements that nobody can judge");
}

/* The extension if it is there, which it must be unless it is optional; of len bytes unless len is 0. */
static int get(const X509 *cert, const char *what, const char *oid, size_t len, bool optional, struct bytes *ret,
	       struct err *e)
{
	*ret = (struct bytes){NULL, 0};
	int n = find(cert, oid, ret);
	if (n == 0 && !optional)
		return bad(e, "does not tell", what, oid);
	return n > 1 || (n == 1 && len != 0 && ret->len != len) ? bad(e, unreadable, what, oid) : 0;
}

static int read_firmware(struct attestation *ret, const X509 *cert, unsigned *ret_major, struct err *e)
{
	struct bytes b;
	if (get(cert, "token's firmware", OID_FIRMWARE, 3, false, &b, e) != 0)
		return -1;
	snprintf(ret->firmware, sizeof ret->firmware, "%u.%u.%u", b.data[0], b.data[1], b.data[2]);
	*ret_major = b.data[0];
	return 0;
}

/* By hand: OpenSSL takes no INTEGER that is longer than it has to be, of which nobody knows that no YubiKey makes it.
 */
static int read_serial(struct attestation *ret, const X509 *cert, bool optional, struct err *e)
{
	static const char what[] = "token's serial";
	struct bytes b;
	unsigned long long serial = 0;
	if (get(cert, what, OID_SERIAL, 0, optional, &b, e) != 0)
		return -1;
	if (b.data == NULL)
		return 0;
	if (b.len < 3 || b.len > 2 + SERIAL_BYTES_MAX || b.data[0] != V_ASN1_INTEGER || b.data[1] != b.len - 2 ||
	    b.data[2] >= 0x80 || (b.data[1] == SERIAL_BYTES_MAX && b.data[2] != 0))
		return bad(e, unreadable, what, OID_SERIAL);
	for (size_t i = 2; i < b.len; i++)
		serial = serial << 8 | b.data[i];
	snprintf(ret->serial, sizeof ret->serial, "%llu", serial);
	return 0;
}

static int read_policies(struct attestation *ret, const X509 *cert, struct err *e)
{
	static const enum keypolicy_pin pins[] = {
	    [1] = KEYPOLICY_PIN_NEVER,      [2] = KEYPOLICY_PIN_ONCE,         [3] = KEYPOLICY_PIN_ALWAYS,
	    [4] = KEYPOLICY_PIN_MATCH_ONCE, [5] = KEYPOLICY_PIN_MATCH_ALWAYS,
	};
	static const enum keypolicy_touch touches[] = {
	    [1] = KEYPOLICY_TOUCH_NEVER, [2] = KEYPOLICY_TOUCH_ALWAYS, [3] = KEYPOLICY_TOUCH_CACHED};
	struct bytes b;
	if (get(cert, "key's PIN and touch policy", OID_POLICIES, 2, false, &b, e) != 0)
		return -1;
	if (b.data[0] < sizeof pins / sizeof *pins)
		ret->pin = pins[b.data[0]];
	if (b.data[1] < sizeof touches / sizeof *touches)
		ret->touch = touches[b.data[1]];
	if (ret->pin != KEYPOLICY_PIN_UNKNOWN && ret->touch != KEYPOLICY_TOUCH_UNKNOWN)
		return 0;
	err_set(e, ERR_CA_REFUSED,
		"the attestation has a PIN or touch policy that this version does not know (%02x %02x)", b.data[0],
		b.data[1]);
	return err_next(e, "take another token, or a newer tokenroll");
}

static int read_form_factor(struct attestation *ret, const X509 *cert, struct err *e)
{
	struct bytes b;
	if (get(cert, "token's form factor", OID_FORM_FACTOR, 1, true, &b, e) != 0)
		return -1;
	ret->form_factor = b.data != NULL ? b.data[0] : 0;
	return 0;
}

/* The common name if there is just one, without a NUL in it. */
static bool common_name(const X509 *cert, char *ret, size_t size)
{
	const X509_NAME *name = X509_get_subject_name(cert);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	if (at < 0 || X509_NAME_get_index_by_NID(name, NID_commonName, at) >= 0)
		return false;
	const ASN1_STRING *s = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at));
	size_t len = (size_t)ASN1_STRING_length(s);
	if (len >= size || memchr(ASN1_STRING_get0_data(s), '\0', len) != NULL)
		return false;
	memcpy(ret, ASN1_STRING_get0_data(s), len);
	ret[len] = '\0';
	return true;
}

static void read_slot(struct attestation *ret, const X509 *cert)
{
	static const char prefix[] = "YubiKey PIV Attestation ";
	char cn[64];
	if (!common_name(cert, cn, sizeof cn) || strncmp(cn, prefix, sizeof prefix - 1) != 0)
		return;
	const char *slot = cn + sizeof prefix - 1;
	if (strlen(slot) == 2 && strspn(slot, "0123456789abcdefABCDEF") == 2)
		memcpy(ret->slot, slot, 3);
}

static int read_statement(struct attestation *ret, const X509 *statement, struct err *e)
{
	unsigned major = 0;
	read_slot(ret, statement);
	if (read_firmware(ret, statement, &major, e) != 0 ||
	    read_serial(ret, statement, major < FIRMWARE_WITH_SERIAL, e) != 0)
		return -1;
	return read_policies(ret, statement, e) != 0 ? -1 : read_form_factor(ret, statement, e);
}

static bool is_statement(const X509 *cert)
{
	struct bytes b;
	return find(cert, OID_POLICIES, &b) != 0 || find(cert, OID_SERIAL, &b) != 0;
}

/*
 * The certificate of slot F9, as Yubico made them until 2024. A statement is none: it is a certificate, too, and
 * whoever has the PIN can sign whatever he likes with its key.
 */
static bool is_device(const X509 *cert)
{
	char cn[64];
	return common_name(cert, cn, sizeof cn) && strcmp(cn, "Yubico PIV Attestation") == 0 && !is_statement(cert);
}

/* A statement that lacks what makes it one is told what it lacks: the firmware alone will do. */
static bool looks_like_statement(const X509 *cert)
{
	struct bytes b;
	return is_statement(cert) || find(cert, OID_FIRMWARE, &b) != 0;
}

const struct attestation_format attestation_yubico = {
    .name = "yubico",
    .is_statement = looks_like_statement,
    .read = read_statement,
    .is_device = is_device,
    .roots_advice = "for YubiKeys these are yubico-piv-ca-1.pem, and from firmware 5.7.4 on yubico-ca-1.pem with "
		    "yubico-intermediate.pem, from developers.yubico.com/PKI",
};
