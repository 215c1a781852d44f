/*
 * lifeui: how the verbs about one token ask, and what they have in common:
 * options, configuration, the JSON document of a token.
 */
#ifndef LIFEUI_H
#define LIFEUI_H

#include "cmd.h"
#include "life/life.h"
#include "recoverykey.h"
#include "screen.h"

struct json_t;

struct lifeui {
	const struct options *o;
	struct config *cfg;
	struct screen screen;
	struct recoverykey recovery;
	struct life_options opt;
	struct life_ui ui;
	struct life life;
	struct secret *made_pin; /* at random */
	bool shown;
	char done[200];    /* what the verb has done by now, for the hook's failure; "" is that the CRL is published */
	bool may_publish;  /* the hook is looked after in the end */
	struct debt *debt; /* of hook_begin */
};

/* What a verb is, apart from what it has in common with the others. result is the verb's own. */
struct lifeui_verb {
	int (*work)(struct lifeui *u, void *result, struct err *e);
	/* The JSON document; error is NULL after success. */
	struct json_t *(*document)(const struct lifeui *u, const void *result, const struct err *error);
	/* The same for people, after success. */
	void (*print)(const struct lifeui *u, const void *result);
};

/* Reads the configuration, does the work and prints what came of it. user may be NULL. */
int lifeui_run(const struct lifeui_verb *v, const struct options *o, const char *user, void *result, struct err *e);

/* Before a verb does what may publish a CRL. */
void lifeui_may_publish(struct lifeui *u);

/* Runs [ca] after-crl if a CRL was published, or that is owed, once. got is what came of the verb so far: a failure
 * stays, and that of the hook is a note then; else it is the error. Done by lifeui_run, before that only where a verb
 * goes on. */
int lifeui_tell(struct lifeui *u, int got, struct err *e);

/* ERR_USAGE for more arguments than a verb takes. */
int lifeui_arguments(const struct options *o, int most, struct err *e);

/* A line on stdout that may hold what a token says of itself. */
void lifeui_print(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* What all of these results begin with: ok, and the token. */
struct json_t *lifeui_json(const struct lifeui *u, const struct err *error);

/* How many objects are gone; with unseen ones at least so many: "at least 2 objects", in JSON null. */
void lifeui_print_destroyed(size_t n, bool unseen);
struct json_t *lifeui_destroyed_json(size_t n, bool unseen);

/* {"tries": 3, "low": false, …}; what the token does not tell is null. */
struct json_t *lifeui_pin_json(const struct p11_pin_state *p);

/* "3 tries left, the factory's"; "" if nothing is known. */
void lifeui_pin_text(const struct p11_pin_state *p, char *ret, size_t size);

#endif
