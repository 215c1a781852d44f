#include "piv.h"

#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#define SERIAL 13371337
#define TRIES 3
#define MEMORY_KIB 51

const char piv_options[] =
    "  serial=13371337              decimal\n"
    "  version=5.4.3                of the firmware, from 4.0.0 on\n"
    "  pin=123456                   6 to 8 characters\n"
    "  puk=12345678                 6 to 8 characters\n"
    "  pin-tries=3                  1 to 255\n"
    "  puk-tries=3                  1 to 255\n"
    "  management-key=0102...       hexadecimal; 3des, aes128, aes192 or aes256 and : may be before it\n"
    "  types=ec:P-256,rsa:2048      the only ones that it makes\n"
    "  touch=never                  never, always or cached: for keys that are made without a policy\n"
    "  attestation=rsa:2048         type of the attestation key; no: it cannot attest\n"
    "  chuid=yes                    with CHUID and CCC, which a new one has not\n"
    "  extended=no                  refuses long APDUs\n"
    "  memory=51                    KiB for data objects\n"
    "  foreign=9c:rsa:2048,82:ec:P-256   keys of somebody else, each with a certificate\n"
    "  hidden=9d:ec:P-256           keys of somebody else, imported, without a certificate\n";

struct request {
	struct piv *card;
	char *const *options;
	size_t n;
	char *complaint;
};

static int refuse(struct request *r, const char *option, const char *why)
{
	snprintf(r->complaint, CARD_COMPLAINT_SIZE, "%s: %s", option, why);
	return -1;
}

static const char *value_of(const struct request *r, const char *name)
{
	return option_value(r->options, r->n, name);
}

/* A number given as an option, else what it is without. Returns -1 if it is not one from 1 to most. */
static int read_number(struct request *r, const char *name, uint32_t most, uint32_t *number)
{
	const char *text = value_of(r, name);
	unsigned long long value;
	char *end;

	if (!text)
		return 0;
	value = strtoull(text, &end, 10);
	if (*end || end == text || value < 1 || value > most)
		return refuse(r, name, "is no number, or out of its range");
	*number = (uint32_t)value;
	return 0;
}

/* One of a list of words, ended by NULL, by its place in it; the first one without the option. */
static int read_word(struct request *r, const char *name, const char *const words[], uint8_t *ret)
{
	const char *text = value_of(r, name);

	*ret = 0;
	if (!text)
		return 0;
	for (uint8_t i = 0; words[i]; i++) {
		if (strcmp(words[i], text) == 0) {
			*ret = i;
			return 0;
		}
	}
	return refuse(r, name, "is another word");
}

static int read_version(struct request *r)
{
	const char *text = value_of(r, "version");
	unsigned v[3];
	int end = 0;

	if (!text)
		text = "5.4.3";
	if (sscanf(text, "%u.%u.%u%n", &v[0], &v[1], &v[2], &end) != 3 || text[end] || v[0] < 4 || v[0] > 5 ||
	    v[1] > 99 || v[2] > 99)
		return refuse(r, "version", "is like 5.4.3, and 4.0.0 or later");
	for (size_t i = 0; i < 3; i++)
		r->card->version[i] = (uint8_t)v[i];
	return 0;
}

static int set_pin_option(struct request *r, const char *name, struct pin *pin)
{
	const char *text = value_of(r, name);
	uint8_t value[PIV_PIN_SIZE];

	if (!text)
		return 0;
	if (strlen(text) < 6 || strlen(text) > sizeof(value))
		return refuse(r, name, "has 6 to 8 characters");
	memset(value, 0xFF, sizeof(value));
	memcpy(value, text, strlen(text));
	pin_set(pin, (struct bytes){value, sizeof(value)}, pin->tries);
	return 0;
}

static int set_pins(struct request *r)
{
	uint32_t pin_tries = TRIES, puk_tries = TRIES;

	if (read_number(r, "pin-tries", 255, &pin_tries) == -1 || read_number(r, "puk-tries", 255, &puk_tries) == -1)
		return -1;
	piv_default_pins(r->card, pin_tries, puk_tries);
	return set_pin_option(r, "pin", &r->card->pin) == -1 ? -1 : set_pin_option(r, "puk", &r->card->puk);
}

static int set_admin(struct request *r)
{
	static const struct {
		const char *name;
		uint8_t number;
	} algorithms[] = {{"3des:", 0x03}, {"aes128:", 0x08}, {"aes192:", 0x0A}, {"aes256:", 0x0C}};
	const char *text = value_of(r, "management-key");
	uint8_t key[PIV_ADMIN_KEY_MAX], algorithm;
	size_t n;

	piv_default_admin(r->card);
	if (!text)
		return 0;
	algorithm = r->card->admin.algorithm;
	for (size_t i = 0; i < sizeof(algorithms) / sizeof(algorithms[0]); i++) {
		if (strncmp(text, algorithms[i].name, strlen(algorithms[i].name)) != 0)
			continue;
		algorithm = algorithms[i].number;
		text += strlen(algorithms[i].name);
		break;
	}
	if (bytes_from_hex(key, sizeof(key), &n, text) == -1 ||
	    piv_set_admin(r->card, algorithm, (struct bytes){key, n}) == -1)
		return refuse(r, "management-key",
			      "has not the length of its algorithm, or the firmware has none such");
	return 0;
}

/* Those of the firmware, or of the list that was given. */
static int set_types(struct request *r)
{
	const char *only = value_of(r, "types");
	char *list = strdup(only ? only : ""), *rest = NULL;
	int rc = list ? 0 : -1;

	for (size_t i = 0; piv_kinds[i].number && !only; i++)
		if (piv_kinds[i].since == 0 || piv_since(r->card, 5, piv_kinds[i].since, 0))
			r->card->types |= 1U << i;
	for (char *word = list ? strtok_r(list, ",", &rest) : NULL; word; word = strtok_r(NULL, ",", &rest)) {
		if (!piv_kind_number(word))
			rc = refuse(r, "types", "is a list of key types");
		for (size_t i = 0; piv_kinds[i].number; i++)
			if (strcmp(piv_kinds[i].type, word) == 0)
				r->card->types |= 1U << i;
	}
	free(list);
	return rc;
}

static int set_abilities(struct request *r)
{
	static const char *const policies[] = {"never", "always", "cached", NULL}, *const yes_no[] = {"yes", "no",
												      NULL};
	const char *attestation = value_of(r, "attestation");
	uint8_t policy, refuses;

	if (read_word(r, "touch", policies, &policy) == -1 || read_word(r, "extended", yes_no, &refuses) == -1)
		return -1;
	r->card->touch_policy = (uint8_t)(policy + PIV_TOUCH_NEVER);
	r->card->extended = !refuses;
	r->card->attests = !attestation || strcmp(attestation, "no") != 0;
	if (r->card->attests && piv_since(r->card, 4, 3, 0) &&
	    piv_make_attestation(r->card, attestation ? attestation : "rsa:2048") == -1)
		return refuse(r, "attestation", "is a key type, or no");
	return 0;
}

/* Card holder unique identifier and card capability container as Yubico's tools set them: nothing but random numbers
 * in them tells one token from another. */
static int set_identity(struct request *r)
{
	static const char *const words[] = {"no", "yes", NULL};
	static const uint8_t chuid_head[] = {0x30, 0x19, 0xD4, 0xE7, 0x39, 0xDA, 0x73, 0x9C, 0xED, 0x39,
					     0xCE, 0x73, 0x9D, 0x83, 0x68, 0x58, 0x21, 0x08, 0x42, 0x10,
					     0x84, 0x21, 0xC8, 0x42, 0x10, 0xC3, 0xEB, 0x34, 0x10},
			     chuid_end[] = {0x35, 0x08, '2', '0', '3', '0', '0', '1', '0', '1', 0x3E, 0, 0xFE, 0},
			     ccc_head[] = {0xF0, 0x15, 0xA0, 0x00, 0x00, 0x01, 0x16, 0xFF, 0x02},
			     ccc_end[] = {0xF1, 1, 0x21, 0xF2, 1,    0x21, 0xF3, 0, 0xF4, 1, 0,    0xF5, 1,    0x10,
					  0xF6, 0, 0xF7, 0,    0xFA, 0,    0xFB, 0, 0xFC, 0, 0xFD, 0,    0xFE, 0};
	uint8_t random[30], wanted;
	struct buf chuid = {0}, ccc = {0};
	uint16_t sw;

	if (read_word(r, "chuid", words, &wanted) == -1)
		return -1;
	if (!wanted)
		return 0;
	if (RAND_bytes(random, sizeof(random)) != 1)
		return refuse(r, "chuid", "there are no random numbers");
	buf_put(&chuid, chuid_head, sizeof(chuid_head));
	buf_put(&chuid, random, 16);
	buf_put(&chuid, chuid_end, sizeof(chuid_end));
	buf_put(&ccc, ccc_head, sizeof(ccc_head));
	buf_put(&ccc, random + 16, 14);
	buf_put(&ccc, ccc_end, sizeof(ccc_end));
	sw = piv_put_object(r->card, PIV_OBJECT_CHUID, buf_bytes(&chuid));
	if (sw == SW_OK)
		sw = piv_put_object(r->card, PIV_OBJECT_CAPABILITIES, buf_bytes(&ccc));
	buf_free(&chuid);
	buf_free(&ccc);
	return sw == SW_OK ? 0 : refuse(r, "chuid", "does not fit");
}

static int add_foreign(struct request *r, const char *option, bool hidden)
{
	const char *list = value_of(r, option);

	if (list && piv_add_foreign(r->card, list, hidden) == -1)
		return refuse(r, option, "is a list of slots and key types, and there has to be room for them");
	return 0;
}

static int make(struct request *r)
{
	static const char *const names[] = {
	    "serial", "version",     "pin",   "puk",      "pin-tries", "puk-tries", "management-key", "types",
	    "touch",  "attestation", "chuid", "extended", "memory",    "foreign",   "hidden",         NULL};
	const char *unknown = option_unknown(r->options, r->n, names);
	uint32_t memory = MEMORY_KIB;

	if (unknown)
		return refuse(r, unknown, "is no option of this card");
	r->card->serial = SERIAL;
	if (read_version(r) == -1 || read_number(r, "serial", UINT32_MAX, &r->card->serial) == -1 ||
	    read_number(r, "memory", 1024, &memory) == -1)
		return -1;
	r->card->memory = 1024 * (size_t)memory;
	if (set_pins(r) == -1 || set_admin(r) == -1 || set_types(r) == -1 || set_abilities(r) == -1 ||
	    set_identity(r) == -1)
		return -1;
	return add_foreign(r, "foreign", false) == -1 ? -1 : add_foreign(r, "hidden", true);
}

int piv_create(void **ret_card, char *const options[], size_t n, char *complaint)
{
	struct request r = {calloc(1, sizeof(struct piv)), options, n, complaint};
	void *failed = r.card;
	int rc = r.card ? make(&r) : refuse(&r, "memory", "there is none");

	if (rc == 0)
		*ret_card = r.card;
	else
		piv_free(&failed);
	return rc;
}
