/* SPDX-License-Identifier: MIT */
/* Learning rates: linear warm-up, then constant, a cosine to 0, or steps of a tenth. In double,
 * without libm's cosine. */
#include "nn/base/fmath.h"
#include "nn/train/optimise.h"

static double cosine_part(const struct fus_schedule *s, long step)
{
    double length = (double)s->n_steps - s->warm_up, sine, cosine;
    double done = length > 0 ? ((double)step - s->warm_up) / length : 1;
    fus_fmath_sincospi(&sine, &cosine, done < 0 ? 0 : done > 1 ? 1 : done);
    return 0.5 * (1 + cosine);
}

double fus_schedule_rate(const struct fus_schedule *s, long step)
{
    double rate = s->rate;
    if ((double)(step + 1) < s->warm_up)
        return rate * (double)(step + 1) / s->warm_up;
    if (s->kind == FUS_SCHEDULE_COSINE)
        return rate * cosine_part(s, step);
    for (int i = 0; s->kind == FUS_SCHEDULE_STEP && i < s->n_at; i++)
        if (step >= s->at[i])
            rate /= 10;
    return rate;
}
