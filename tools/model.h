/* A model as every command opens it: file -> tensors -> network, with the preprocessing it was trained with. */
#ifndef FUS_MODEL_H
#define FUS_MODEL_H

#include "nn/nn.h"
#include "stimuli/stimuli.h"
#include "weights/weights.h"

struct fus_model {
    struct fus_store *store;
    struct fus_net_spec spec;
    struct fus_net *net;
    const char *preprocess_text;
    struct fus_preprocess preprocess;
    size_t input_floats;          /* 3 * side * side */
    char description[256];
};

/* Messages start with the path. options: nn.h; NULL: one picture at a time. */
int fus_model_open(struct fus_model *m, const char *path, const char *lang_head, const struct fus_net_options *options,
                   struct fus_error *err);
/* Without the network: which one it is and what its input looks like. */
int fus_model_recognise(struct fus_model *m, const char *path, const char *lang_head, struct fus_error *err);
void fus_model_close(struct fus_model *m);

/* Which taps a --layers text names ("all" or "a,b"): wanted [fus_net_n_taps]. */
int fus_model_want(bool *wanted, const struct fus_model *m, const char *layers, struct fus_error *err);

/* Picture file -> input [3, side, side]. */
int fus_model_input(float *input, const struct fus_model *m, const char *path, struct fus_error *err);

/* Ctrl-C and SIGTERM (interrupt.c). interrupt: the first asks for a stop (fus_base_stopping), and where nobody has noticed after
 * 0.4 s, or at a second one, the program ends. end: it ends at once. Half-written files are removed in any case. */
void fus_model_catch_end(void);
void fus_model_catch_interrupt(void);

#endif
