#include "apdu.h"

#define CHAIN_MAX 0xFFFF
#define SHORT_NE 256
#define EXTENDED_NE 65536

#define INS_GET_RESPONSE 0xC0
#define CLA_CHAINED 0x10

static int parse_short(struct apdu *a, struct bytes body)
{
	size_t lc = body.p[0];

	if (body.n == 1) { /* case 2 */
		a->ne = lc ? lc : SHORT_NE;
		return 0;
	}
	if (lc == 0 || body.n < 1 + lc || body.n > 2 + lc)
		return -1;
	a->data = bytes_part(body, 1, lc);
	if (body.n == 2 + lc) /* case 4 */
		a->ne = body.p[1 + lc] ? body.p[1 + lc] : SHORT_NE;
	return 0;
}

static int parse_extended(struct apdu *a, struct bytes body)
{
	size_t first = bytes_number(bytes_part(body, 1, 2)), le;

	a->extended = true;
	if (body.n == 3) { /* case 2 */
		a->ne = first ? first : EXTENDED_NE;
		return 0;
	}
	if (first == 0 || (body.n != 3 + first && body.n != 5 + first))
		return -1;
	a->data = bytes_part(body, 3, first);
	if (body.n == 5 + first) { /* case 4 */
		le = bytes_number(bytes_part(body, 3 + first, 2));
		a->ne = le ? le : EXTENDED_NE;
	}
	return 0;
}

int apdu_parse(struct apdu *ret, struct bytes raw)
{
	struct apdu a = {0};
	struct bytes body;
	int rc = 0;

	if (raw.n < 4)
		return -1;
	a.cla = raw.p[0];
	a.ins = raw.p[1];
	a.p1 = raw.p[2];
	a.p2 = raw.p[3];
	body = bytes_part(raw, 4, raw.n);
	if (body.n > 0)
		rc = body.p[0] == 0 && body.n >= 3 ? parse_extended(&a, body) : parse_short(&a, body);
	if (rc == 0)
		*ret = a;
	return rc;
}

/* Sends as much of the answer's rest as is wanted. */
static uint16_t send_part(struct channel *c, size_t ne, uint16_t sw, struct buf *answer)
{
	struct bytes part = bytes_part(buf_bytes(&c->rest), c->fetched, ne ? ne : SHORT_NE);
	size_t left;

	buf_put_bytes(answer, part);
	c->fetched += part.n;
	left = c->rest.n - c->fetched;
	if (left == 0) {
		buf_clear(&c->rest);
		return sw;
	}
	return (uint16_t)(0x6100 | (left < 0x100 ? left : 0));
}

/* Adds a command to the open chain, or opens one. Returns SW_OK when the command that ends it may be executed. */
static uint16_t chain(struct channel *c, struct apdu *a)
{
	bool more = a->cla & CLA_CHAINED;

	a->cla &= (uint8_t)~CLA_CHAINED;
	if (c->chained &&
	    (c->head.cla != a->cla || c->head.ins != a->ins || c->head.p1 != a->p1 || c->head.p2 != a->p2))
		channel_reset(c);
	if (!more && !c->chained)
		return SW_OK;
	if (c->chain.n + a->data.n > CHAIN_MAX) {
		channel_reset(c);
		return SW_LENGTH;
	}
	buf_put_bytes(&c->chain, a->data);
	c->head = *a;
	c->chained = more;
	if (!more)
		a->data = buf_bytes(&c->chain);
	return SW_OK;
}

static uint16_t execute_whole(struct channel *c, struct apdu *a, apdu_execute *execute, void *card, struct buf *answer)
{
	uint16_t sw = chain(c, a);

	if (sw != SW_OK || c->chained)
		return sw;
	buf_clear(&c->rest);
	c->fetched = 0;
	sw = execute(card, a, &c->rest);
	buf_clear(&c->chain);
	if (c->rest.failed) {
		buf_clear(&c->rest);
		return SW_EXECUTION;
	}
	return send_part(c, a->ne, sw, answer);
}

void channel_transmit(struct channel *c, struct bytes raw, apdu_execute *execute, void *card, struct buf *answer)
{
	struct apdu a;
	uint16_t sw = SW_LENGTH;

	buf_clear(answer);
	if (apdu_parse(&a, raw) == 0) {
		if (a.ins == INS_GET_RESPONSE && a.cla == 0)
			sw = c->rest.n ? send_part(c, a.ne, SW_OK, answer) : SW_CONDITIONS;
		else
			sw = execute_whole(c, &a, execute, card, answer);
	}
	buf_put_u16(answer, sw);
}

void channel_reset(struct channel *c)
{
	buf_clear(&c->chain);
	buf_clear(&c->rest);
	c->chained = false;
	c->fetched = 0;
}

void channel_free(struct channel *c)
{
	buf_free(&c->chain);
	buf_free(&c->rest);
}
