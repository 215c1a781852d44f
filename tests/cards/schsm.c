#include "schsm.h"

#include <openssl/rand.h>

#define CHALLENGE_MAX 1024

static uint16_t cmd_random(struct schsm *card, const struct apdu *a, struct buf *answer)
{
	size_t n = a->ne < CHALLENGE_MAX ? a->ne : CHALLENGE_MAX;

	(void)card;
	if (n == 0)
		return SW_LENGTH;
	buf_resize(answer, n);
	return !answer->failed && RAND_bytes(answer->p, (int)n) == 1 ? SW_OK : SW_EXECUTION;
}

static const struct command {
	uint8_t cla, ins;
	schsm_command *run;
	const char *meaning;
} commands[] = {
    {0x00, 0x20, schsm_cmd_verify, "verify a PIN"},
    {0x00, 0x24, schsm_cmd_change, "change a PIN"},
    {0x00, 0x2C, schsm_cmd_unblock, "unblock the PIN"},
    {0x00, 0x46, schsm_cmd_generate, "generate a key"},
    {0x00, 0x84, cmd_random, "random bytes"},
    {0x00, 0xA4, schsm_cmd_select, "select"},
    {0x00, 0xB1, schsm_cmd_read, "read"},
    {0x00, 0xD7, schsm_cmd_write, "write"},
    {0x00, 0xE4, schsm_cmd_delete, "delete"},
    {0x80, 0x50, schsm_cmd_initialize, "initialize"},
    {0x80, 0x58, schsm_cmd_list, "list files and keys"},
    {0x80, 0x68, schsm_cmd_sign, "sign"},
};

static const struct command *find_command(uint8_t cla, uint8_t ins)
{
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (commands[i].cla == cla && commands[i].ins == ins)
			return &commands[i];
	return NULL;
}

static uint16_t transmit(void *card, const struct apdu *a, struct buf *answer)
{
	const struct command *command = find_command(a->cla, a->ins);

	if (a->cla != 0x00 && a->cla != 0x80)
		return SW_CLA;
	return command ? command->run(card, a, answer) : SW_INS;
}

static bool makes_key(const struct apdu *a)
{
	return a->cla == 0x00 && a->ins == 0x46;
}

static const char *describe(const struct apdu *a)
{
	const struct command *command = find_command(a->cla, a->ins);

	if (!command)
		return "unknown command";
	if (command->run == schsm_cmd_verify && a->data.n == 0)
		return "ask for the tries of a PIN";
	if (command->run == schsm_cmd_select)
		return a->p1 == 0x04 ? "select the applet" : "select a file";
	if (command->run == schsm_cmd_delete)
		return a->data.n == 2 && a->data.p[0] == SCHSM_KEY ? "delete a key" : "delete a file";
	return command->meaning;
}

static void put_atr(const void *card, struct buf *out)
{
	static const uint8_t atr[] = {0x3B, 0x8E, 0x80, 0x01, 0x80, 0x31, 0x81, 0x54, 0x48, 0x53,
				      0x4D, 0x31, 0x73, 0x80, 0x21, 0x40, 0x81, 0x07, 0x18};

	(void)card;
	buf_put(out, atr, sizeof(atr));
}

static void reset(void *card)
{
	struct schsm *c = card;

	c->user.verified = c->so.verified = false;
	c->current = 0;
}

static void status(const void *card, FILE *out)
{
	const struct schsm *c = card;

	fprintf(out, " keys=%zu files=%zu pin-tries=%u pin-wrong=%u pin-last-tries=%u so-tries=%u so-wrong=%u",
		c->n_keys, c->n_files, c->user.left, c->user.wrong, c->user.last_try, c->so.left, c->so.wrong);
}

const struct card_type schsm_type = {
    .name = "sc-hsm",
    .options = schsm_options,
    .create = schsm_create,
    .save = schsm_save,
    .load = schsm_load,
    .free = schsm_free,
    .atr = put_atr,
    .reset = reset,
    .transmit = transmit,
    .makes_key = makes_key,
    .describe = describe,
    .status = status,
    .export = schsm_export,
};
