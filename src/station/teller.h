/*
 * teller: [ca] after-crl (core/aftercrl.h) while the station runs: whose
 * certificate was revoked by an undo in the morning is not let in until the
 * evening. One run for all CRLs of a few seconds; the loop does not wait for
 * it. What it has not come to is left to whoever runs the station, as due.
 */
#ifndef STATION_TELLER_H
#define STATION_TELLER_H

#include "station/station_impl.h"

/* A CRL was published. */
void teller_note(struct station *s);

/* Begins the command if it is due, and looks whether it has ended. */
void teller_turn(struct station *s);

/* It is under way. */
bool teller_is_busy(const struct station *s);

/* The station ends: one that is under way is ended, and due again. */
void teller_end(struct station *s);

#endif
