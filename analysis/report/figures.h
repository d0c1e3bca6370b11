/* SPDX-License-Identifier: MIT */
/* Figures: groups of panels, drawn once. compose.h turns them into files and
 * parts of the report. */
#ifndef FUS_FIGURES_H
#define FUS_FIGURES_H

#include "analysis/report/panels.h"

struct fus_figures_panel {
    size_t start, n; /* its bytes in body */
    double width, height;
    int group;       /* row of panels with a heading (a model) */
    char label[320]; /* description for screen readers */
};

/* A panel that would have been empty. group: as of panels. */
struct fus_figures_fold {
    int group, category;
};

struct fus_figures_figure {
    char file[32];           /* "fig2b": figures/fig2b.svg */
    char number[8];          /* "2B" */
    const char *heading;     /* "CSI across layers" */
    const char *section;     /* heading of the part of the report that it belongs to */
    unsigned char which[64]; /* [n_which] the models in it */
    int n_which;
    int columns;            /* of the file; the report lets panels flow */
    bool model_groups;      /* group m is headed by model m's name and layer */
    const int *group_layer; /* [n_models] which */
    bool cut_scale;         /* the vertical scale does not start at 0 */
    bool beyond;            /* values of layers with few units lie beyond the scale */
    int dots_every;         /* > 1: only every n-th picture has a dot */
    bool own_scales;        /* each panel has its own scale, because they differ too much */
    bool coarse;            /* maps were averaged to 32 x 32 cells */
    bool clipped;           /* the scrambled control's maps go beyond the colour scale */
    /* title of the colour scale from heat_low to heat_top, of shares or numbers; NULL: no scale */
    const char *heat_title;
    bool heat_shares;
    double heat_low, heat_top;
    struct fus_text_buffer body;
    struct fus_figures_panel *panels;
    size_t n_panels, room;
    struct fus_figures_fold *folds;
    size_t n_folds, fold_room;
};

/* All figures of a run, in the paper's order. */
struct fus_figures {
    struct fus_figures_figure *figures;
    int n_figures;
};

/* ---- private: figures_lines.c ---- */

/* Begins a panel (NULL: no memory, and f->body has failed); ends it; notes one that is empty. */
struct fus_figures_panel *fus_figures_begin(struct fus_figures_figure *f, int group);
void fus_figures_end(struct fus_figures_figure *f, struct fus_figures_panel *panel, double width, double height);
void fus_figures_fold(struct fus_figures_figure *f, int group, int category);
/* "face: HEADING", for screen readers. */
void fus_figures_describe(struct fus_figures_panel *panel, const struct fus_figures_figure *f,
                          const struct fus_view *view, int category);

/* A panel a category of one quantity across layers (panels of another quantity of the same figure
 * begin a new row, their group); of proportion and CSI against the number of pictures. */
void fus_figures_lines(struct fus_figures_figure *f, const struct fus_view *view, enum fus_view_quantity quantity,
                       int group);
void fus_figures_power(struct fus_figures_figure *f, const struct fus_view *view, const struct fus_power_plan *plan);

/* ---- */

int fus_figures_create(struct fus_figures *set, const struct fus_view *view, struct fus_error *err);
void fus_figures_free(struct fus_figures *set);

#endif
