/*
 * pinletter: letters on paper, each with the PIN of a person's token: an A4
 * page with marks where it is folded, the name outside, where the window of
 * the envelope is, the PIN inside. The parent's handle on the processes that
 * draw and print them.
 *
 * Each letter has a process of its own, which gets the PIN, draws the page in
 * memory, gives it to the print command or encrypts it for the folder, as
 * [letter] of the configuration says, and ends: nothing of the PIN is left
 * then, and a text that breaks a library costs that letter and no other. What
 * was printed, and what waits, is for the caller to keep. All functions are
 * called in the parent.
 */
#ifndef HANDOVER_PINLETTER_H
#define HANDOVER_PINLETTER_H

#include "core/config.h"
#include "core/err.h"
#include "core/rpc.h"
#include "core/secret.h"

#include <limits.h>
#include <stdbool.h>
#include <time.h>

/* A name of a template besides those that every letter has, e.g. a column of a roster. */
struct pinletter_name {
	const char *name, *value;
};

/* Texts in UTF-8, of one line; NULL and "" are what is not known. */
struct pinletter_facts {
	const char *user; /* by config_check_user */
	const char *name; /* the person's full name; else the user stands for it */
	const char *department;
	const char *language; /* "de", also "de_DE" or "de-AT"; [letter] language if there is no template for it */
	const char *token_label, *token_serial, *token_model, *token_manufacturer;
	time_t not_after; /* of the certificate; 0 if there is none yet */
	const struct pinletter_name *names;
	size_t n_names;
};

/* What a letter can do without a person. */
struct pinletters;

/*
 * Checks all that can be checked before the first letter, and prints nothing: that there is a print command and that it
 * can be run, or a folder that can be written to and certificates to encrypt to; that every template of a letter can be
 * read, has only names that are known (columns are the names that persons have besides their facts), is drawn on one
 * page with long values and with none; that there are fonts for it, and one in which the characters of a PIN differ.
 *
 * ERR_CONFIG, ERR_TEMPLATE (with file and line), ERR_PRINTER for a folder that cannot be written to now. note, which
 * may be NULL, gets what the person in charge has to know, e.g. that a certificate expires soon.
 */
int pinletters_open(struct pinletters **ret, const struct config *cfg, const char *const *columns, size_t n_columns,
		    bool verbose, rpc_note_fn *note, void *arg, struct err *e);
/* Whether there is a template for a language, by the rule of struct pinletter_facts. */
bool pinletters_has(const struct pinletters *l, const char *language);

void pinletters_close(struct pinletters **l);

enum pinletter_state {
	PINLETTER_PRINTED, /* the print command has taken it */
	PINLETTER_FILED,   /* it is in the folder, encrypted, as there is no print command */
	PINLETTER_WAITS,   /* the print command has failed, and it waits in the folder, encrypted */
};

struct pinletter_outcome {
	enum pinletter_state state;
	char file[PATH_MAX]; /* in the folder; "" when printed */
	struct err why;      /* of one that waits: why it was not printed */
	bool unreadable;     /* no font has all characters of the name: the user stands before it */
};

/* A letter under way. */
struct pinletter;

/* Begins a letter, and does not wait for it. PIN and PUK (NULL: none) are borrowed for the call only; the PUK is
 * printed if the template has a place for it. */
int pinletter_begin(struct pinletter **ret, const struct pinletters *l, const struct pinletter_facts *f,
		    struct secret *pin, struct secret *puk, struct err *e);

/* Readable when pinletter_end has not to wait; for poll only. */
int pinletter_fd(const struct pinletter *p);

/* It has had its time: pinletter_end does not wait for it any more. */
bool pinletter_late(const struct pinletter *p);

/*
 * Waits for the letter, and frees it whatever comes of it.
 *
 * ERR_PRINTER: the printer, or the folder, does not work now; the letter is nowhere, and can be made again later.
 * ERR_INTERRUPTED: a signal has asked us to stop; whether it is printed is not known.
 * ERR_FAILED: its process has crashed or hung; whether it is printed is not known, and it can be made again.
 * Any other: this letter can never be made as things are; ERR_LETTER because of what is in it, ERR_CONFIG and
 * ERR_TEMPLATE because of what is configured.
 */
int pinletter_end(struct pinletter **p, struct pinletter_outcome *ret, struct err *e);

/* Ends it, whatever it is at. Whether it is printed is not known. */
void pinletter_break(struct pinletter **p);

/* Both at once. */
int pinletter_print(const struct pinletters *l, const struct pinletter_facts *f, struct secret *pin, struct secret *puk,
		    struct pinletter_outcome *ret, struct err *e);

/* The role's entry point. Returns the exit status. */
int pinletter_main(void);

#endif
