/* SPDX-License-Identifier: MIT */
/* ttest.c against SciPy. */
#include "test.h"
#include "analysis/inference.h"

static const double rows[][10] = {
#include "golden/stat_ttest.inc"
};

int main(void)
{
    double df;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const double *r = rows[i];
        CHECK(test_near("Welch's t", fus_ttest_welch(&df, r[0], r[1], r[2], r[3], r[4], r[5]), r[6], 1e-14));
        CHECK(test_near("Welch-Satterthwaite df", df, r[7], 1e-14));
        CHECK_MSG(test_near("p of Welch's t", fus_ttest_p(r[0], r[1], r[2], r[3], r[4], r[5]), r[8], 1e-10), "row %zu",
                  i);
        CHECK(test_near("Student's t", fus_ttest_student(&df, r[0], r[1], r[2], r[3], r[4], r[5]), r[9], 1e-13));
        CHECK(df == r[2] + r[5] - 2);
    }
    CHECK(fus_ttest_welch(&df, 1, 0, 5, 0, 0, 5) == 0 && df == 1);
    CHECK(fus_ttest_student(&df, 1, 0, 5, 0, 0, 5) == 0 && df == 1);
    CHECK(fus_ttest_p(1, 0, 5, 0, 0, 5) == 1);
    CHECK(test_close(fus_ttest_welch(&df, 1e-80, 1e-160, 5, 0, 2e-160, 5), fus_ttest_welch(&df, 1, 1, 5, 0, 2, 5),
                     1e-14));
    CHECK(df > 7 && df < 8); /* no underflow of squared variances */
    return test_end();
}
