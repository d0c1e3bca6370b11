/* SPDX-License-Identifier: MIT */
/* Private to stimuli/: the parameters of a face, shared by generate_face.c, generate_head.c and
 * generate_hair.c. */
#ifndef FUS_GENERATE_FACE_H
#define FUS_GENERATE_FACE_H

#include "stimuli/drawn/generate.h"

enum fus_hair {
    HAIR_NONE,
    HAIR_CROPPED,
    HAIR_SHORT,
    HAIR_PARTED,
    HAIR_CURLY,
    HAIR_AFRO,
    HAIR_BOB,
    HAIR_LONG,
    HAIR_WAVY,
    HAIR_FRINGE,
    HAIR_BUN,
    HAIR_PIGTAILS
};

/* Lengths in units of half a head's height; u, v: coordinates on the face, see generate_face.c. */
struct fus_face {
    bool child, female, old;
    struct fus_scene_place place;
    double yaw_sin, yaw_cos, pitch_sin, pitch_cos, light;
    double width, jaw, chin, skin;
    double eye_u, eye_v, eye_w, eye_h, eye_slant, iris, iris_grey, gaze, lashes;
    double brow_width, brow_lift, brow_tilt;
    double nose_v, nose_width;
    double mouth_v, mouth_w, lip, lip_tone, smile, open;
    enum fus_hair hair;
    double hair_grey, hair_thick, parting;
    int expression, beard, glasses,
        freckles; /* beard: 0 none, 1 full, 2 moustache, 3 stubble; glasses: 1 round, 2 square */
    double glasses_grey;
};

/* The point of the drawing for (u, v) on the face, `out` in front of its surface. */
struct fus_point fus_generate_head_on(const struct fus_face *f, double u, double v, double out);
void fus_generate_head(struct fus_draw *d, const struct fus_face *f,
                       double scale); /* adds the head's outline to the path */

/* hair behind the head */
void fus_generate_hair_back(struct fus_draw *d, const struct fus_face *f);
void fus_generate_hair_front(struct fus_draw *d, const struct fus_face *f); /* hair on the head */

#endif
