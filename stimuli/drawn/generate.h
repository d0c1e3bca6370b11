/* What the files that draw the built-in pictures share. Private to stimuli/.
 *
 * Each subcategory has one function that first picks every parameter from rng, then says them in a caption and draws
 * them: so the caption is the same at any side, and costs nothing to get alone. */
#ifndef FUS_GENERATE_H
#define FUS_GENERATE_H

#include "stimuli/drawn/draw.h"

struct fus_generate_caption {
    char s[240];
    size_t n;
};

/* d NULL: the caption only; caption NULL: the picture only. */
typedef void fus_generate_kind(struct fus_draw *d, struct fus_generate_caption *caption, struct fus_rng *rng);

fus_generate_kind fus_generate_face_adult, fus_generate_face_child; /* generate_face.c */
fus_generate_kind fus_generate_body_body;                           /* generate_body.c */
fus_generate_kind fus_generate_limb_limb;                           /* generate_limb.c */
fus_generate_kind fus_generate_house_house;                         /* generate_house.c */
fus_generate_kind fus_generate_corridor_corridor;                   /* generate_corridor.c */
fus_generate_kind fus_generate_word_word, fus_generate_word_number; /* generate_word.c */
fus_generate_kind fus_generate_car_car;                             /* generate_car.c */
fus_generate_kind fus_generate_instrument_instrument;               /* generate_instrument.c */

double fus_generate_between(struct fus_rng *rng, double low, double high);
bool fus_generate_chance(struct fus_rng *rng, double p);
int fus_generate_pick(struct fus_rng *rng, int n); /* 0 .. n-1 */

/* Adds to the caption (NULL allowed); what does not fit is cut. */
void fus_generate_say(struct fus_generate_caption *caption, const char *fmt, ...) FUS_PRINTF(2, 3);

/* Where an object lies: its own units -1..1 become `size` of the picture's side around (x, y), turned. */
struct fus_generate_place {
    double x, y, size, turn;
    bool mirrored;
};
void fus_generate_put(struct fus_draw *d, const struct fus_generate_place *p);

#endif
