/*
 * rule: when the faulty module misbehaves, and how. A list of rules is text:
 *
 *     FUNCTION:WHEN:ACTION[;FUNCTION:WHEN:ACTION…]
 *
 * FUNCTION is a name (C_Sign), or * for every one. WHEN counts the calls of that function, with * those of all
 * functions: 3 is the third, 3+ the third and all later ones, * all. ACTION is
 *
 *     CKR_…                    returns this, without asking the real module
 *     after:CKR_…              lets the real module do it, then returns this
 *     kill, kill-after         SIGKILL to this process, before or after the real module did it
 *     kill-parent, kill-parent-after   the same to the parent process; the call itself goes on
 *     crash                    SIGSEGV
 *     hang                     never returns
 *     delay=MS                 does it that many milliseconds later
 *     huge                     answers with a length or count of 0x7fffffff
 *     unavailable              C_GetAttributeValue: CKR_OK, but every length is CK_UNAVAILABLE_INFORMATION
 *     flags=A|B…               C_GetTokenInfo: sets LOW, FINAL_TRY, LOCKED, TO_BE_CHANGED, WRITE_PROTECTED, SO_LOCKED,
 *                              SO_FINAL_TRY, SO_TO_BE_CHANGED, PINPAD, or clears the initialized bit (UNINIT), the user
 *                              PIN's (NO_PIN), or those that count its tries (UNCOUNTED)
 *     flags=HARDWARE           C_GetSlotInfo: says that the slot is in hardware
 *     label=TEXT, manufacturer=TEXT, model=TEXT, serial=TEXT   C_GetTokenInfo: says this instead; \xNN is a byte
 *     reader=TEXT              C_GetSlotInfo: the same for the slot's description
 *     refuse-attribute=CKA_…   C_GenerateKeyPair, C_CreateObject: CKR_ATTRIBUTE_TYPE_INVALID if a template has it
 *     hide=CKM_…               C_GetMechanismList, C_GetMechanismInfo, C_GenerateKeyPair, C_SignInit: as if the token
 *                              did not have it; *:*:hide=… for all of them
 */
#ifndef FAULT_RULE_H
#define FAULT_RULE_H

#include <stdbool.h>
#include <stddef.h>

enum action {
	ACTION_RETURN,
	ACTION_RETURN_AFTER,
	ACTION_KILL,
	ACTION_KILL_AFTER,
	ACTION_KILL_PARENT,
	ACTION_KILL_PARENT_AFTER,
	ACTION_CRASH,
	ACTION_HANG,
	ACTION_DELAY,
	ACTION_HUGE,
	ACTION_UNAVAILABLE,
	ACTION_FLAGS,
	ACTION_TEXT,
	ACTION_REFUSE_ATTRIBUTE,
	ACTION_HIDE
};

#define RULES_MAX 16
#define RULE_ANY (-1)
#define RULE_TEXT_MAX 64

enum rule_text { RULE_LABEL, RULE_MANUFACTURER, RULE_MODEL, RULE_SERIAL, RULE_READER };

struct rule {
	int function; /* its number, or RULE_ANY */
	unsigned long from, to;
	enum action action;
	unsigned long value;      /* CKR_, CKA_ or CKM_, milliseconds, or enum rule_text */
	unsigned long set, clear; /* flags */
	unsigned char text[RULE_TEXT_MAX];
	size_t text_len;
};

struct rules {
	struct rule rule[RULES_MAX];
	size_t n;
};

/* Reads a list of rules. function_names are in the order of their numbers. Returns 0, or -1 with a sentence in
 * complaint: a rule that could never do anything is a mistake in a test. */
int rules_parse(struct rules *ret, const char *text, const char *const function_names[], size_t n_functions,
		char *complaint, size_t size);

/* The next rule of this kind behind prev (NULL: the first) for call number nth of a function, which is call number
 * total of all; NULL if there is none. */
const struct rule *rules_next(const struct rules *r, const struct rule *prev, enum action action, int function,
			      unsigned long nth, unsigned long total);

#endif
