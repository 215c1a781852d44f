#include "station/teller.h"

#include "core/aftercrl.h"
#include "core/clock.h"
#include "core/debt.h"

#define GATHER_MS 3000  /* more may come, and one run is for all of them */
#define RETRY_MS 300000 /* after a failure, unless another CRL is published before */

#define DONE "a fresh CRL is published"

static void due_in(struct station *s, int64_t ms)
{
	s->published = true;
	s->tell_at = clock_ms() + ms;
}

/* A later one does not put off what is due sooner. */
void teller_note(struct station *s)
{
	if (!s->published || s->tell_at > clock_ms() + GATHER_MS)
		due_in(s, GATHER_MS);
}

static void failed(struct station *s, struct err *why)
{
	due_in(s, RETRY_MS);
	err_next(why, "see to it that [ca] after-crl works: it is run again in five minutes, and when the station "
		      "ends");
	station_tell(s, STATION_NOTE, NULL, why->what, why);
}

static void begin(struct station *s)
{
	struct err e = ERR_INIT;
	s->published = false;
	debt_telling(s->set.debt);
	if (aftercrl_begin(&s->telling, s->set.cfg, DONE, &e) != 0)
		failed(s, &e);
}

static void end(struct station *s)
{
	struct blob output = BLOB_INIT;
	struct err e = ERR_INIT;
	if (aftercrl_end(&s->telling, DONE, &output, &e) == 0) {
		debt_told(s->set.debt);
		station_tell(s, STATION_NOTE, NULL, "the VPN server was told of the fresh CRL by [ca] after-crl", NULL);
	} else {
		failed(s, &e);
	}
	blob_free(&output);
}

void teller_turn(struct station *s)
{
	if (s->telling != NULL && process_job_over(s->telling))
		end(s);
	/* what is not told when all tokens are finished is the caller's */
	if (s->set.cfg->ca.after_crl != NULL && s->telling == NULL && s->published && !s->ending &&
	    clock_ms() >= s->tell_at)
		begin(s);
}

bool teller_is_busy(const struct station *s)
{
	return s->telling != NULL;
}

void teller_end(struct station *s)
{
	struct blob output = BLOB_INIT;
	if (s->telling == NULL)
		return;
	(void)process_job_end(&s->telling, &output, NULL);
	blob_free(&output);
	s->published = true;
}
