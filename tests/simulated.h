/* SPDX-License-Identifier: MIT */
/* What the studies of simulated responses share (test_calibration.c, test_coverage.c): a few sets
 * with wide limits in `make test`; `make study` runs 2,000 and prints what METHOD.md quotes. */
#ifndef FUS_TESTS_SIMULATED_H
#define FUS_TESTS_SIMULATED_H

#include "test.h"

static int n_sets = 40;
static bool study;

/* One argument: the number of sets of the study. */
static void begin_study(int argc, char **argv)
{
    study = argc > 1;
    n_sets = study ? atoi(argv[1]) : n_sets;
}

/* One line of the study; a rate is off where it is `by` standard errors from what is promised. */
static void report(const char *what, double rate, double promised, double n, bool at_most)
{
    double error = sqrt(promised * (1 - promised) / n), by = (rate - promised) / error;
    if (study)
        printf("%-64s %8.5f  promised %s%.5f  standard error %.5f\n", what, rate, at_most ? "<= " : "", promised,
               error);
    CHECK_MSG(at_most ? by < 4 : fabs(by) < 4, "%s: %g, promised %g, standard error %g", what, rate, promised, error);
}

#endif
