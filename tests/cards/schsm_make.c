#include "cvc.h"
#include "schsm.h"

#include <stdlib.h>
#include <string.h>

#define PIN_TRIES 3
#define SO_PIN_TRIES 15
#define SO_PIN_DIGITS 16
#define MEMORY_KIB 76

const char schsm_options[] = "  serial=DECC0100001           8 to 11 characters\n"
			     "  blank=yes                    as before its first initialization: no PINs\n"
			     "  pin=648219                   user PIN, 6 to 16 characters\n"
			     "  so-pin=3537363231383830      SO PIN, 16 hexadecimal digits\n"
			     "  tries=3                      of the user PIN, 1 to 10\n"
			     "  label=TEXT                   else the token has none of its own\n"
			     "  memory=76                    KiB for files and keys\n"
			     "  foreign=rsa:2048,ec:P-256    keys of somebody else, each with a certificate\n";

void schsm_holder(const struct schsm *card, char ret[SCHSM_CHR_SIZE])
{
	snprintf(ret, SCHSM_CHR_SIZE, "%s00001", card->serial);
}

static int refuse(char *complaint, const char *option, const char *why)
{
	snprintf(complaint, CARD_COMPLAINT_SIZE, "%s: %s", option, why);
	return -1;
}

/* A number given as an option, else what it is without. Returns -1 if it is not one from 1 to most. */
static int number_option(char *const options[], size_t n, const char *name, unsigned most, unsigned *value)
{
	const char *text = option_value(options, n, name);
	char *end;

	if (!text)
		return 0;
	*value = (unsigned)strtoul(text, &end, 10);
	return *end || *value < 1 || *value > most ? -1 : 0;
}

static int set_pins(struct schsm *card, char *const options[], size_t n, char *complaint)
{
	const char *pin = option_value(options, n, "pin"), *so_pin = option_value(options, n, "so-pin");
	unsigned tries = PIN_TRIES;
	uint8_t so[SO_PIN_DIGITS / 2];
	size_t so_n;

	if (number_option(options, n, "tries", 10, &tries) == -1)
		return refuse(complaint, "tries", "is 1 to 10");
	if (!pin)
		pin = "648219";
	if (strlen(pin) < 6 || strlen(pin) > 16)
		return refuse(complaint, "pin", "has 6 to 16 characters");
	if (bytes_from_hex(so, sizeof(so), &so_n, so_pin ? so_pin : "3537363231383830") == -1 || so_n != sizeof(so))
		return refuse(complaint, "so-pin", "has 16 hexadecimal digits");
	card->options = SCHSM_UNBLOCK_ALLOWED;
	pin_set(&card->user, bytes_of_text(pin), tries);
	pin_set(&card->so, (struct bytes){so, sizeof(so)}, SO_PIN_TRIES);
	return 0;
}

/* PKCS#15 TokenInfo: version, label, flags (PRN generation). */
static uint16_t put_label(struct schsm *card, const char *label)
{
	static const uint8_t flags[] = {0x04, 0x10};
	struct buf info = {0};
	size_t begun = tlv_begin(&info, 0x30);
	uint16_t sw;

	tlv_put_byte(&info, 0x02, 0);
	tlv_put(&info, 0x80, bytes_of_text(label));
	tlv_put(&info, 0x03, (struct bytes){flags, sizeof(flags)});
	tlv_end(&info, begun);
	sw = schsm_write_file(card, SCHSM_TOKEN_INFO, 0, buf_bytes(&info));
	buf_free(&info);
	return sw;
}

/* Its own key and certificate, which it keeps for life. */
static int make_device(struct schsm *card)
{
	char holder[SCHSM_CHR_SIZE];
	struct buf certificate = {0};
	EVP_PKEY *issuer = crypt_generate("ec:P-256");
	int rc = -1;

	schsm_holder(card, holder);
	card->device = crypt_generate("ec:P-256");
	if (issuer && card->device &&
	    cvc_put_certificate(&certificate, bytes_of_text("UTDUMMY00001"), bytes_of_text(holder), card->device,
				issuer) == 0 &&
	    schsm_write_file(card, SCHSM_DEVICE_CERTIFICATE, 0, buf_bytes(&certificate)) == SW_OK)
		rc = 0;
	EVP_PKEY_free(issuer);
	buf_free(&certificate);
	return rc;
}

static int make(struct schsm *card, char *const options[], size_t n, char *complaint)
{
	static const char *const names[] = {"serial", "blank",  "pin",     "so-pin", "tries",
					    "label",  "memory", "foreign", NULL};
	const char *unknown = option_unknown(options, n, names), *serial = option_value(options, n, "serial");
	const char *blank = option_value(options, n, "blank"), *label = option_value(options, n, "label");
	const char *foreign = option_value(options, n, "foreign");
	unsigned memory = MEMORY_KIB;

	if (unknown)
		return refuse(complaint, unknown, "is no option of this card");
	if (!serial)
		serial = "DECC0100001";
	if (strlen(serial) < 8 || strlen(serial) > SCHSM_SERIAL_MAX)
		return refuse(complaint, "serial", "has 8 to 11 characters");
	if (number_option(options, n, "memory", 1024, &memory) == -1)
		return refuse(complaint, "memory", "is 1 to 1024 KiB");
	memcpy(card->serial, serial, strlen(serial) + 1);
	card->memory = 1024 * (size_t)memory;
	if (make_device(card) == -1)
		return refuse(complaint, "the card's own key", "cannot be made");
	if (blank && strcmp(blank, "yes") == 0)
		return 0;
	if (set_pins(card, options, n, complaint) == -1)
		return -1;
	if (label && put_label(card, label) != SW_OK)
		return refuse(complaint, "label", "does not fit");
	if (foreign && schsm_add_foreign(card, foreign) == -1)
		return refuse(complaint, "foreign", "is a list of key types, and there has to be room for them");
	return 0;
}

int schsm_create(void **ret_card, char *const options[], size_t n, char *complaint)
{
	struct schsm *card = calloc(1, sizeof(*card));
	void *failed = card;
	int rc = card ? make(card, options, n, complaint) : refuse(complaint, "memory", "there is none");

	if (rc == 0)
		*ret_card = card;
	else
		schsm_free(&failed);
	return rc;
}
