/*
 * roster_impl: what the files of the roster share.
 */
#ifndef STORE_ROSTER_IMPL_H
#define STORE_ROSTER_IMPL_H

#include "core/fold.h"
#include "core/keytype.h"
#include "store/db.h"
#include "store/roster.h"

/* The columns of a roster_person, in the order in which roster_person_read takes them. */
#define ROSTER_COLUMNS                                                                                                 \
	"id, roster, line, user, name, email, department, language, wanted, key_type, extra, state, withdrawn, front," \
	" reserved, code, why, token_serial, token_model, token_label, cert_serial, reader, began, ended, took,"       \
	" attempts"

/* What text says; sets q->odd for a state or key type that there is none of. */
enum roster_state roster_state_read(struct query *q, int col);
unsigned roster_key_type_read(struct query *q, int col);

/* "" for KEYTYPE_NONE. */
const char *roster_key_type_text(unsigned key_type);

/* The row that the query stands on. */
void roster_person_read(struct query *q, struct roster_person *ret);

/* Reads at most n rows of a query with all its values bound, which is closed; nothing is left in ret on failure. */
int roster_read_some(struct query *q, struct roster_person *ret, size_t n, size_t *ret_n, struct err *e);

/* The id of the roster with this source, 0 if there is none. */
int roster_find(struct store *s, const char *source, int64_t *ret, struct err *e);

/* Takes a roster for this process. ERR_BUSY. */
int roster_claim(struct store *s, int64_t id, const char *source, struct err *e);

/* Notes in the roster's row who has it open from now on. In a transaction. */
int roster_note_opened(struct store *s, int64_t id, struct err *e);

/* Binds what the file says of a person: line to extra, in the order of the table, then the two keys for the search.
 * name_key is the folded name. */
void roster_put_entry(struct query *q, const struct roster_entry *x, const char *name_key);

/* Adds up to ROSTER_BATCH new people at once: a statement for each would cost half as much again. */
#define ROSTER_BATCH 64
int roster_insert(struct store *s, int64_t roster, struct fold *fold, const struct roster_entry *const *list, size_t n,
		  struct err *e);

/* Puts the entries into the roster, in a transaction, or with dry only counts what that would change. */
int roster_merge(struct store *s, int64_t id, bool dry, const struct roster_entry *list, size_t n,
		 struct roster_merged *ret, struct err *e);

#endif
