/* SPDX-License-Identifier: MIT */
/* Time that only goes forward, for measuring how long work takes. */
#ifndef FUS_CLOCK_H
#define FUS_CLOCK_H

/* Seconds since some moment in the past. */
double fus_clock_now(void);

#endif
