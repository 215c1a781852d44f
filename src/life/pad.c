#include "life/life.h"

static bool has_pad(const struct life *l)
{
	return (l->token.flags & WORKER_TOKEN_PIN_PAD) != 0;
}

bool life_on_pad(const struct life *l, enum profile_operation what)
{
	return has_pad(l) && profile_pad_takes(l->profile, what);
}

bool life_pin_on_pad(const struct life *l)
{
	return has_pad(l) && l->profile->pin[PROFILE_PIN].pad;
}

bool life_setup_on_pad(const struct life *l)
{
	return life_pin_on_pad(l) && l->profile->pin[PROFILE_SO_PIN].pad;
}

static void note_unused(const struct life *l)
{
	char text[300];
	bool given = l->opt->pin_given || l->opt->new_pin_given || l->opt->so_pin_given || life_has_recovery(l);
	if (!given)
		return;
	snprintf(text, sizeof text,
		 "token %s has a PIN pad: what files or --random-pin would give is not used, and what is in escrow "
		 "`tokenroll escrow show` shows, to be entered there",
		 l->token.serial);
	l->ui->note(l->ui->arg, text);
}

static void note_tries(const struct life *l, enum profile_secret which, const struct p11_pin_state *s)
{
	const char *name = l->profile->pin[which].name;
	char text[200];
	if (s->tries > 1)
		snprintf(text, sizeof text, "the %s of token %s has %d tries left", name, l->token.serial, s->tries);
	else if (s->final || s->tries == 1)
		snprintf(text, sizeof text, "the %s of token %s has ONE try left", name, l->token.serial);
	else if (s->low)
		snprintf(text, sizeof text, "the %s of token %s has few tries left", name, l->token.serial);
	else
		return;
	l->ui->note(l->ui->arg, text);
}

void life_pad_begin(const struct life *l, enum profile_secret which, const struct p11_pin_state *now)
{
	note_unused(l);
	note_tries(l, which, now);
}
