/*
 * discover_impl: what the files of discover share. Parent only.
 */
#ifndef ENROLL_DISCOVER_IMPL_H
#define ENROLL_DISCOVER_IMPL_H

#include "enroll/discover.h"
#include "enroll/guard.h"

/* A module and the process it runs in. */
struct source {
	struct worker_module module;
	struct worker *worker; /* NULL once it failed */
	struct err why;        /* and how; ERR_NONE */
	char *reader;          /* the only one it talks to, "" for all */
	size_t shown;          /* tokens */
};

struct discovery {
	struct discover_request req;
	struct guard guard;
	struct worker_token hsm; /* the CA's, where it was found */
	bool has_hsm;
	struct profiles *profiles;
	struct reader *readers;
	size_t n_readers;
	struct err no_readers; /* why there are none */
	bool readers_read;
	struct worker *lister;   /* asks p11-kit for its modules; NULL once it has, or when a path is known */
	struct source **sources; /* each on the heap: candidates point to their workers */
	size_t n_sources;
	struct enroll_candidate *list;
	size_t n;
	struct err first; /* the failure of the first module that failed */
	const char *first_failed;
	size_t n_failed;
};

/* A module to ask; reader NULL or "": of all readers. */
void discover_add_source(struct discovery *d, const struct worker_module *m, const char *reader);
void discover_start_source(struct discovery *d, struct source *s);
void discover_list_source(struct discovery *d, struct source *s);
int discover_name_module(struct worker_module *ret, const char *path, struct err *e);

/* Whether it is one of PC/SC's. */
bool discover_is_smart_card(const struct discovery *d, const char *reader);

/* discover_fit.c */
void discover_start_fitting(struct discovery *d);
void discover_merge(struct discovery *d);

#endif
