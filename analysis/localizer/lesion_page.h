/* SPDX-License-Identifier: MIT */
/* The table of a lesion as a page, in the frame of every page.
 *
 * lesion_page.c: the table, the finding, numbers and methods; lesion_figures.c: the figures. */
#ifndef FUS_LESION_PAGE_H
#define FUS_LESION_PAGE_H

#include "analysis/report/theme.h"

/* Draws the table that `fusiform lesion -o` wrote to `csv` as the page `html`, from the table
 * alone. */
int fus_lesion_page_write(const char *html, const char *csv, struct fus_error *err);

/* ---- private ---- */

enum { FUS_LESION_MAX_ROWS = 32 * 2 * FUS_THEME_MAX_CATEGORIES, FUS_LESION_NAME = 200 };

/* The four conditions, in the order of a category's bars: their look and name. */
enum { FUS_LESION_INTACT, FUS_LESION_CHOSEN, FUS_LESION_RANDOM, FUS_LESION_MATCHED, FUS_LESION_CONDITIONS };

struct fus_lesion_page_row {
    char category[FUS_LESION_NAME], readout[16];
    size_t top, n_silenced[2], n_pictures;
    double accuracy[FUS_LESION_CONDITIONS], low[FUS_LESION_CONDITIONS], high[FUS_LESION_CONDITIONS],
        p[FUS_LESION_CONDITIONS];
    double interaction[FUS_LESION_CONDITIONS], p_interaction[FUS_LESION_CONDITIONS];
};

struct fus_lesion_page {
    char layer[FUS_LESION_NAME], silenced[FUS_LESION_NAME], mode[16];
    struct fus_lesion_page_row *rows; /* [n], those of one dose and read-out follow each other */
    int n;
};

/* How many rows of one dose and read-out there are from `first` on; of them the silenced
 * category's, or NULL; how many doses. */
int fus_lesion_figures_block(const struct fus_lesion_page *p, int first);
const struct fus_lesion_page_row *fus_lesion_figures_silenced(const struct fus_lesion_page *p, int first);
int fus_lesion_figures_doses(const struct fus_lesion_page *p);
const char *fus_lesion_figures_readout(const struct fus_lesion_page_row *r);
int fus_lesion_figures_put(struct fus_text_buffer *out, const struct fus_lesion_page *p, struct fus_error *err);

#endif
