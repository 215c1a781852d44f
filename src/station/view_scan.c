/*
 * view_scan: a barcode scanner is a keyboard that types faster than people do,
 * and it does not know what is asked. Where a name is asked for, what it types
 * is taken. Everywhere else its letters would be commands, "undo" and "yes"
 * among them, so keys that come in one burst are none.
 */
#include "core/clock.h"
#include "station/view_screen_impl.h"

#include <curses.h>

#define GAP_MS 50      /* scanners leave far less between two keys, people more */
#define TYPING_MS 1000 /* whoever types a name or a PIN leaves less */

/* Scanners are set up to end what they type with one of these. */
static bool is_end(wint_t key)
{
	return key == '\n' || key == '\r' || key == '\t';
}

/* Ctrl-C and the like are the operator's in any case. */
static bool is_typed(wint_t key, bool function)
{
	return !function && (key >= L' ' || is_end(key));
}

static bool more_comes(void)
{
	wint_t key = 0;
	timeout(GAP_MS);
	int got = get_wch(&key);
	nodelay(stdscr, TRUE);
	if (got == KEY_CODE_YES)
		ungetch((int)key);
	else if (got == OK)
		unget_wch((wchar_t)key);
	return got == OK && is_typed(key, false);
}

/* The end of a name whose token was pulled out meanwhile is no command, and no name for another token. */
static bool is_rest(struct view_screen *v, wint_t key, int64_t now)
{
	bool rest = v->cut_off && now - v->typed_at < TYPING_MS;
	v->cut_off = rest && !is_end(key);
	return rest;
}

bool view_scan_takes(struct view_screen *v, wint_t key, bool function)
{
	if (!is_typed(key, function))
		return false;
	int64_t now = clock_ms();
	if (is_rest(v, key, now)) {
		v->typed_at = now;
		return true;
	}
	bool follows = now - v->typed_at < GAP_MS;
	bool asked = v->mode == VIEW_WHOSE || v->mode == VIEW_HOLD;
	/* a burst that began before it was asked for a name has lost its beginning */
	v->dropping = follows ? v->dropping || !asked : !asked && more_comes();
	v->typed_at = now;
	if (v->dropping && !is_end(key))
		view_say(v, VIEW_PLAIN, "that came as fast as from a scanner, and no name is asked for: not taken");
	return v->dropping;
}
