#include "piv.h"

#include <string.h>

/* What is under an AID that a command names whole or the beginning of. */
static const struct application {
	enum piv_applet applet;
	uint8_t aid[11];
	size_t n;
} applications[] = {
    {PIV_APPLET_PIV, {0xA0, 0x00, 0x00, 0x03, 0x08, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00}, 11},
    {PIV_APPLET_OTP, {0xA0, 0x00, 0x00, 0x05, 0x27, 0x20, 0x01, 0x01}, 8},
    {PIV_APPLET_MANAGER, {0xA0, 0x00, 0x00, 0x05, 0x27, 0x47, 0x11, 0x17}, 8},
};

#define AID_MIN 5

static void put_serial(const struct piv *card, struct buf *answer)
{
	buf_put_u16(answer, (uint16_t)(card->serial >> 16));
	buf_put_u16(answer, (uint16_t)card->serial);
}

bool piv_since(const struct piv *card, unsigned major, unsigned minor, unsigned patch)
{
	const uint8_t *v = card->version;

	return (v[0] << 16 | v[1] << 8 | v[2]) >= (int)(major << 16 | minor << 8 | patch);
}

static void forget_logins(struct piv *card)
{
	card->pin.verified = card->just_verified = false;
	card->admin.authenticated = false;
	card->admin.awaits = 0;
}

/* Another application's logins are lost; selecting the same one again changes nothing. */
static uint16_t cmd_select(struct piv *card, const struct apdu *a, struct buf *answer)
{
	static const uint8_t properties[] = {0x61, 0x11, 0x4F, 0x06, 0x00, 0x00, 0x10, 0x00, 0x01, 0x00,
					     0x79, 0x07, 0x4F, 0x05, 0xA0, 0x00, 0x00, 0x03, 0x08};

	if (a->p1 != 0x04)
		return SW_P1P2;
	for (size_t i = 0; i < sizeof(applications) / sizeof(applications[0]); i++) {
		const struct application *application = &applications[i];

		if (a->data.n < AID_MIN || a->data.n > application->n ||
		    memcmp(application->aid, a->data.p, a->data.n) != 0)
			continue;
		if (application->applet != card->applet)
			forget_logins(card);
		card->applet = application->applet;
		if (card->applet == PIV_APPLET_PIV)
			buf_put(answer, properties, sizeof(properties));
		else
			buf_put(answer, card->version, sizeof(card->version));
		return SW_OK;
	}
	return SW_NO_FILE;
}

static uint16_t cmd_version(struct piv *card, const struct apdu *a, struct buf *answer)
{
	(void)a;
	buf_put(answer, card->version, sizeof(card->version));
	return SW_OK;
}

static uint16_t cmd_serial(struct piv *card, const struct apdu *a, struct buf *answer)
{
	(void)a;
	if (!piv_since(card, 5, 0, 0))
		return SW_INS;
	put_serial(card, answer);
	return SW_OK;
}

/* The older way to the serial number, in another application. */
static uint16_t cmd_otp(struct piv *card, const struct apdu *a, struct buf *answer)
{
	if (a->p1 != 0x10)
		return SW_P1P2;
	put_serial(card, answer);
	return SW_OK;
}

static const struct command {
	enum piv_applet applet; /* PIV_APPLET_NONE: in all of them */
	uint8_t ins;
	piv_command *run;
	const char *meaning;
} commands[] = {
    {PIV_APPLET_NONE, 0xA4, cmd_select, "select an application"},
    {PIV_APPLET_OTP, 0x01, cmd_otp, "serial number of an older key"},
    {PIV_APPLET_PIV, 0x20, piv_cmd_verify, "verify the PIN"},
    {PIV_APPLET_PIV, 0x24, piv_cmd_change, "change PIN or PUK"},
    {PIV_APPLET_PIV, 0x2C, piv_cmd_unblock, "unblock the PIN"},
    {PIV_APPLET_PIV, 0x47, piv_cmd_generate, "generate a key"},
    {PIV_APPLET_PIV, 0x87, piv_cmd_sign, "sign"},
    {PIV_APPLET_PIV, 0xCB, piv_cmd_get_data, "read an object"},
    {PIV_APPLET_PIV, 0xDB, piv_cmd_put_data, "write an object"},
    {PIV_APPLET_PIV, 0xF7, piv_cmd_metadata, "describe a key"},
    {PIV_APPLET_PIV, 0xF8, cmd_serial, "serial number"},
    {PIV_APPLET_PIV, 0xF9, piv_cmd_attest, "attest a key"},
    {PIV_APPLET_PIV, 0xFA, piv_cmd_set_tries, "set the numbers of tries"},
    {PIV_APPLET_PIV, 0xFB, piv_cmd_reset, "reset the application"},
    {PIV_APPLET_PIV, 0xFD, cmd_version, "version"},
    {PIV_APPLET_PIV, 0xFE, piv_cmd_import, "import a key"},
    {PIV_APPLET_PIV, 0xFF, piv_cmd_set_admin_key, "set the management key"},
};

static const struct command *find_command(uint8_t ins)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].ins == ins)
			return &commands[i];
	return NULL;
}

static uint16_t transmit(void *card, const struct apdu *a, struct buf *answer)
{
	struct piv *c = card;
	const struct command *command = find_command(a->ins);
	uint16_t sw = SW_INS;

	if (a->extended && !c->extended)
		sw = SW_LENGTH;
	else if (a->cla != 0x00)
		sw = SW_CLA;
	else if (command && (command->applet == PIV_APPLET_NONE || command->applet == c->applet))
		sw = command->run(c, a, answer);
	c->just_verified = command && command->run == piv_cmd_verify && a->data.n > 0 && sw == SW_OK;
	c->touched = false;
	return sw;
}

static bool makes_key(const struct apdu *a)
{
	return a->cla == 0x00 && a->ins == 0x47;
}

static const char *describe(const struct apdu *a)
{
	const struct command *command = find_command(a->ins);

	if (a->ins == 0xC0)
		return "more of the answer";
	if (!command)
		return "unknown command";
	if (a->cla & 0x10)
		return "more of the command";
	if (command->run == piv_cmd_verify && a->data.n == 0)
		return "ask for the tries of the PIN";
	if (command->run == piv_cmd_sign && a->p2 == PIV_MANAGEMENT)
		return "authenticate with the management key";
	return command->meaning;
}

/* That of a YubiKey 5 NFC or of a YubiKey 4, on USB. */
static void put_atr(const void *card, struct buf *out)
{
	static const uint8_t four[] = {0x3B, 0xF8, 0x13, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x15,
				       'Y',  'u',  'b',  'i',  'k',  'e',  'y',  '4',  0xD4};
	static const uint8_t five[] = {0x3B, 0xFD, 0x13, 0x00, 0x00, 0x81, 0x31, 0xFE, 0x15, 0x80, 0x73, 0xC0,
				       0x21, 0xC0, 0x57, 'Y',  'u',  'b',  'i',  'K',  'e',  'y',  0x40};

	if (piv_since(card, 5, 0, 0))
		buf_put(out, five, sizeof(five));
	else
		buf_put(out, four, sizeof(four));
}

static void reset(void *card)
{
	struct piv *c = card;

	forget_logins(c);
	c->applet = PIV_APPLET_NONE;
	c->was_touched = false;
}

static void status(const void *card, FILE *out)
{
	const struct piv *c = card;
	unsigned keys = 0, certificates = 0;

	for (unsigned slot = PIV_RETIRED_FIRST; slot < PIV_ATTESTATION; slot++) {
		if (!piv_is_slot((uint8_t)slot))
			continue;
		for (size_t i = 0; i < c->n_keys; i++)
			keys += c->keys[i].slot == slot;
		for (size_t i = 0; i < c->n_objects; i++)
			certificates += c->objects[i].tag == piv_certificate_tag((uint8_t)slot);
	}
	fprintf(out, " keys=%u certificates=%u", keys, certificates);
	fprintf(out, " pin-tries=%u pin-wrong=%u pin-void=%u pin-last-tries=%u", c->pin.left,
		c->pin.wrong - c->pin_void, c->pin_void, c->pin.last_try);
	fprintf(out, " puk-tries=%u puk-wrong=%u puk-void=%u puk-last-tries=%u", c->puk.left,
		c->puk.wrong - c->puk_void, c->puk_void, c->puk.last_try);
	fprintf(out, " default-pin=%d default-puk=%d default-management-key=%d management-key-wrong=%u",
		piv_is_default_pin(&c->pin, false), piv_is_default_pin(&c->puk, true), piv_is_default_admin(c),
		c->admin.wrong);
}

const struct card_type piv_type = {
    .name = "piv",
    .options = piv_options,
    .create = piv_create,
    .save = piv_save,
    .load = piv_load,
    .free = piv_free,
    .atr = put_atr,
    .reset = reset,
    .transmit = transmit,
    .makes_key = makes_key,
    .wants_touch = piv_wants_touch,
    .touched = piv_touched,
    .describe = describe,
    .status = status,
    .export = piv_export,
};
