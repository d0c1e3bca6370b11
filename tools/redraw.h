/* The report of a finished run, from its files alone. `fusiform run` ends with it too, so both give the same bytes. */
#ifndef FUS_REDRAW_H
#define FUS_REDRAW_H

#include "nn/base/base.h"

/* DIR/report.html and DIR/figures/ from run.json, layers.csv, compare.csv, pixels.csv, profiles.csv, top_units.csv, pictures.png, the labels of each
 * model's reference layer and, where run.json says that they were asked for, permutations.csv and consistency.csv. Messages name the file. */
int fus_redraw(const char *folder, struct fus_error *err);

#endif
