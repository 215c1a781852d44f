/*
 * letters_off: letters that are not to be printed now: those that can never be
 * made, and for a while those whose process has crashed or hung, so that one
 * that breaks it holds up no other. At the end of the station they are not
 * waited for, but tried.
 */
#ifndef STATION_LETTERS_OFF_H
#define STATION_LETTERS_OFF_H

#include "station/station_impl.h"

bool letters_off_is(const struct station *s, int64_t id);

/* In this run. */
void letters_off_forever(struct station *s, int64_t id);

/* Its process has crashed or hung. Whether it is to be tried again in this run: a few times it is. */
bool letters_off_broken(struct station *s, int64_t id);

/* Whether the time has come for one of them. */
bool letters_off_turn(struct station *s);

#endif
