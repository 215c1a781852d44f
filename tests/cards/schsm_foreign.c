#include "schsm.h"

#include <stdlib.h>
#include <string.h>

/* The driver's description of a key (PKCS#15 v1.1, 6.3 and 6.4): label, flags, PIN; CKA_ID, usage, number; size. */
static void put_description(struct buf *out, const char *label, uint8_t number, EVP_PKEY *pair)
{
	static const uint8_t flags[] = {0x06, 0xC0}, usage[] = {0x06, 0x20, 0x40}; /* sign, non-repudiation */
	const uint8_t id[] = {0x51, number}, pin = 1;
	size_t all = tlv_begin(out, crypt_is_rsa(pair) ? 0x30 : 0xA0), part = tlv_begin(out, 0x30), sequence;

	tlv_put(out, 0x0C, bytes_of_text(label));
	tlv_put(out, 0x03, (struct bytes){flags, sizeof(flags)});
	tlv_put(out, 0x04, (struct bytes){&pin, 1});
	tlv_end(out, part);
	part = tlv_begin(out, 0x30);
	tlv_put(out, 0x04, (struct bytes){id, sizeof(id)});
	tlv_put(out, 0x03, (struct bytes){usage, sizeof(usage)});
	tlv_put_byte(out, 0x02, number);
	tlv_end(out, part);
	part = tlv_begin(out, 0xA1);
	sequence = tlv_begin(out, 0x30);
	tlv_put(out, 0x30, (struct bytes){(const uint8_t[]){0x04, 0x00}, 2}); /* an empty path */
	tlv_put_u16(out, 0x02, (uint16_t)EVP_PKEY_get_bits(pair));
	tlv_end(out, sequence);
	tlv_end(out, part);
	tlv_end(out, all);
}

static int add_file(struct schsm *card, uint8_t prefix, uint8_t number, struct buf *data)
{
	return schsm_write_file(card, (uint16_t)(prefix << 8 | number), 0, buf_bytes(data)) == SW_OK ? 0 : -1;
}

static int add_one(struct schsm *card, const char *type, uint8_t number)
{
	EVP_PKEY *pair = crypt_generate(type);
	struct buf description = {0}, certificate = {0};
	char label[32];
	int rc = -1;

	snprintf(label, sizeof(label), "Qualified signature %u", number + 1U);
	if (pair && crypt_certificate(pair, label, &certificate) == 0) {
		put_description(&description, label, number, pair);
		rc = schsm_add_key(card, number, pair) == SW_OK ? 0 : -1;
	} else {
		EVP_PKEY_free(pair);
	}
	if (rc == 0)
		rc = add_file(card, SCHSM_KEY_DESCRIPTION, number, &description);
	if (rc == 0)
		rc = add_file(card, SCHSM_CERTIFICATE, number, &certificate);
	buf_free(&description);
	buf_free(&certificate);
	return rc;
}

int schsm_add_foreign(struct schsm *card, const char *types)
{
	char *list = strdup(types), *save = NULL;
	int rc = list ? 0 : -1;
	uint8_t number = 0;

	for (char *type = list ? strtok_r(list, ",", &save) : NULL; type && rc == 0; type = strtok_r(NULL, ",", &save))
		rc = add_one(card, type, number++);
	free(list);
	return rc;
}
