/*
 * pinletter_way: how a letter leaves, as [letter] of the configuration says:
 * through a print command, or as a file in a folder, sealed to recipients. With
 * both, the folder is where letters wait that the command did not take.
 */
#ifndef HANDOVER_PINLETTER_WAY_H
#define HANDOVER_PINLETTER_WAY_H

#include "core/config.h"
#include "core/err.h"
#include "core/recipients.h"
#include "core/words.h"
#include "handover/pinletter.h"
#include "handover/pinletter_sheet.h"

struct pinletter_way {
	const struct config *cfg; /* borrowed */
	struct words command;     /* none: no words */
	struct recipients *recipients;
};

/* Makes the folder if it is not there. ERR_CONFIG: there is no way, the command is not on this computer, or a
 * certificate is not fit; ERR_PRINTER: the folder cannot be made or written to. */
int pinletter_way_open(struct pinletter_way *ret, const struct config *cfg, struct err *e);
void pinletter_way_close(struct pinletter_way *w);

struct pinletter_sent {
	const struct pinletter_facts *facts;
	struct pinletter_sheet *sheet;
	const struct secret *pin,
	    *puk; /* nothing that the command says of them goes into an error; puk: NULL for none */
};

/*
 * Prints or files one. The command has the page on its stdin, PATH and TOKENROLL_USER as its whole environment, and no
 * more time than [letter] timeout. The file is USER-SERIAL.pdf.p7m, or .ps.p7m, of mode 0600; characters of a serial
 * number that are not fit for a name become '_'; one of the same name is replaced, as a whole. ERR_PRINTER.
 */
int pinletter_way_send(const struct pinletter_way *w, const struct pinletter_sent *s, struct pinletter_outcome *ret,
		       struct err *e);

#endif
