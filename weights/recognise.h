/* SPDX-License-Identifier: MIT */
/* Private to weights/: the architecture of a network, from the shapes of its tensors. */
#ifndef FUS_RECOGNISE_H
#define FUS_RECOGNISE_H

#include "weights/store.h"

/* The architecture of the tensors that have canonical names. */
int fus_recognise_mapped(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err);
/* Of a vision transformer, without a check of every tensor. act is NONE where the weights do not
 * say. */
int fus_recognise_vit(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err);
/* Of AlexNet or VGG, of a CORnet, of a ConvNeXt, likewise. */
int fus_recognise_chain(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err);
int fus_recognise_cornet(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err);
int fus_recognise_convnext(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err);

/* The side of the picture that the file's metadata name, if they name one. */
int fus_recognise_side(struct fus_net_spec *spec, const struct fus_store *s, struct fus_error *err);

#endif
