/*
 * counter: how often each function was called, by all processes that load the module, in a text file:
 *
 *     total                 123
 *     fired                   1
 *     C_Sign                  2
 *
 * "fired" counts the calls in which a rule did something; a test that walks through all calls is done when it stays 0.
 */
#ifndef FAULT_COUNTER_H
#define FAULT_COUNTER_H

#include <stddef.h>

enum { COUNTER_TOTAL, COUNTER_FIRED, COUNTER_FUNCTIONS }; /* lines; a function's is COUNTER_FUNCTIONS + its number */

#define COUNTERS_MAX 96

struct counter {
	const char *path; /* NULL: this process counts for itself */
	const char *const *names;
	size_t n; /* of names */
	unsigned long own[COUNTERS_MAX];
};

/* Adds one to each of two lines (the second may be -1), under a lock, and returns what they now are. The process
 * ends if the file cannot be written: a test must not go on with wrong numbers. */
void counter_add(struct counter *c, int first, int second, unsigned long *ret_first, unsigned long *ret_second);

#endif
