/*
 * apdu: a command as a card sees it (ISO 7816-4, section 5), and the two ways in which a long one comes in pieces:
 * command chaining (bit 0x10 of CLA) and GET RESPONSE. A card type is only ever given whole commands and gives whole
 * answers.
 */
#ifndef CARDS_APDU_H
#define CARDS_APDU_H

#include "bytes.h"

/* Status words that several cards use. */
enum {
	SW_OK = 0x9000,
	SW_END_OF_FILE = 0x6282,
	SW_PIN_WRONG = 0x63C0, /* + the tries that are left */
	SW_EXECUTION = 0x6F00,
	SW_LENGTH = 0x6700,
	SW_SECURITY = 0x6982,
	SW_BLOCKED = 0x6983,
	SW_NOT_USABLE = 0x6984,
	SW_CONDITIONS = 0x6985,
	SW_NO_CURRENT_FILE = 0x6986,
	SW_DATA = 0x6A80,
	SW_FUNCTION = 0x6A81,
	SW_NO_FILE = 0x6A82,
	SW_FULL = 0x6A84,
	SW_P1P2 = 0x6A86,
	SW_NO_REFERENCE = 0x6A88,
	SW_EXISTS = 0x6A89,
	SW_OFFSET = 0x6B00,
	SW_INS = 0x6D00,
	SW_CLA = 0x6E00
};

struct apdu {
	uint8_t cla, ins, p1, p2;
	struct bytes data;
	size_t ne;     /* how many bytes of answer are wanted, 0 without an Le field */
	bool extended; /* long length fields */
};

/* Takes one of the seven forms apart. The command points into raw. Returns 0, or -1 if it is none of them. */
int apdu_parse(struct apdu *ret, struct bytes raw);

/* What goes on between commands; starts as {0}. */
struct channel {
	struct apdu head; /* of the chain that is open; its data is in chain */
	struct buf chain;
	bool chained;
	struct buf rest; /* of the last answer, for GET RESPONSE */
	size_t fetched;
};

/* Executes a whole command: puts the answer's data into answer and returns the status word. */
typedef uint16_t apdu_execute(void *card, const struct apdu *command, struct buf *answer);

/* One command as it comes over the wire; answer becomes what goes back, status word included. A command without Le gets
 * up to 256 bytes, as real cards do over T=1 too. */
void channel_transmit(struct channel *c, struct bytes raw, apdu_execute *execute, void *card, struct buf *answer);

/* Forgets chain and rest, as after a reset. */
void channel_reset(struct channel *c);

void channel_free(struct channel *c);

#endif
