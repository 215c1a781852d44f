/*
 * vpcd: the card's side of the connection to a reader of vsmartcard-vpcd. Connected is inserted, closed is pulled. Each
 * message is a big-endian length of two bytes and so many bytes; from the reader one byte is a control code, more are a
 * command APDU.
 */
#ifndef CARDS_VPCD_H
#define CARDS_VPCD_H

#include "bytes.h"

enum vpcd_control { VPCD_OFF = 0, VPCD_ON = 1, VPCD_RESET = 2, VPCD_ATR = 4 };

/* Connects to the reader on that port of 127.0.0.1. Returns the socket, or -1 with errno. */
int vpcd_insert(uint16_t port);

/* Closes it and sets it to -1. While the reader waits for an answer, answering is true: then it gets the beginning of
 * one, because vpcd takes a closed connection for an empty answer and only a torn one for the error it is. */
void vpcd_pull(int *fd, bool answering);

/* The next message. Returns 0, or -1 if the reader has closed. */
int vpcd_receive(int fd, struct buf *ret);

int vpcd_answer(int fd, struct bytes answer);

#endif
