#include "pin.h"

#include <openssl/crypto.h>
#include <string.h>

enum { TAG_VALUE = 0x80, TAG_TRIES, TAG_LEFT, TAG_WRONG, TAG_LAST_TRY };

int pin_set(struct pin *p, struct bytes value, unsigned tries)
{
	if (value.n > sizeof(p->value))
		return -1;
	if (value.n > 0)
		memcpy(p->value, value.p, value.n);
	p->n = value.n;
	p->tries = p->left = tries;
	p->verified = false;
	return 0;
}

uint16_t pin_verify(struct pin *p, struct bytes value)
{
	p->verified = false;
	if (p->n == 0)
		return SW_NOT_USABLE;
	if (p->left == 0)
		return SW_BLOCKED;
	if (p->left == 1)
		p->last_try++;
	if (value.n == p->n && CRYPTO_memcmp(value.p, p->value, p->n) == 0) {
		p->left = p->tries;
		p->verified = true;
		return SW_OK;
	}
	p->wrong++;
	p->left--;
	return (uint16_t)(SW_PIN_WRONG + (p->left < 15 ? p->left : 15));
}

uint16_t pin_state(const struct pin *p)
{
	if (p->n == 0)
		return SW_NOT_USABLE;
	if (p->verified)
		return SW_OK;
	if (p->left == 0)
		return SW_BLOCKED;
	return (uint16_t)(SW_PIN_WRONG + (p->left < 15 ? p->left : 15));
}

void pin_save(const struct pin *p, unsigned tag, struct buf *out)
{
	size_t begun = tlv_begin(out, tag);

	tlv_put(out, TAG_VALUE, (struct bytes){p->value, p->n});
	tlv_put_u16(out, TAG_TRIES, (uint16_t)p->tries);
	tlv_put_u16(out, TAG_LEFT, (uint16_t)p->left);
	tlv_put_u16(out, TAG_WRONG, (uint16_t)p->wrong);
	tlv_put_u16(out, TAG_LAST_TRY, (uint16_t)p->last_try);
	tlv_end(out, begun);
}

int pin_load(struct pin *ret, struct bytes saved)
{
	struct bytes value, tries, left, wrong, last_try;
	struct pin p = {0};

	if (!tlv_find(saved, TAG_VALUE, &value) || !tlv_find(saved, TAG_TRIES, &tries) ||
	    !tlv_find(saved, TAG_LEFT, &left) || !tlv_find(saved, TAG_WRONG, &wrong) ||
	    !tlv_find(saved, TAG_LAST_TRY, &last_try) || pin_set(&p, value, bytes_number(tries)) == -1)
		return -1;
	p.left = bytes_number(left);
	p.wrong = bytes_number(wrong);
	p.last_try = bytes_number(last_try);
	*ret = p;
	return 0;
}
