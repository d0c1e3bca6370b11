/* SPDX-License-Identifier: MIT */
/* Moments and responses of a model's layers over a range of pictures, as files: a run's
 * checkpoints, and the output of a shard for `fusiform merge`.
 *
 * A file holds, for some layers, either the moments of pictures first .. end-1 of one category or
 * single responses to them. Its contents follow from its name and the run alone, so no index of the
 * files is needed: a program killed between two writes leaves an extra file, never a wrong one.
 *
 *   moments-FIRST-END-LAYER, responses-FIRST-END-LAYER     (LAYER: the first one
 *                                                          in it), little-endian:
 *   "FUSPIECE", u32 version, run [64] (SHA-256 of the run's provenance), u32 kind, first, end,
 *   n_halves, n_moments, n_layers, n_layers of { name [48], u32 channels, u64 n_places }, [64]
 * SHA-256 of all
 *   this, n_layers of { moments: [n_halves, n_moments (mean, m2, m3), blocked_units] f64, or
 * responses:
 *   [end - first, n_units] f32; [64] its SHA-256 } */
#ifndef FUS_STATE_FILE_H
#define FUS_STATE_FILE_H

#include "analysis/localizer/note.h"
#include "nn/base/outfile.h"
#include "nn/base/sha256.h"
#include "nn/nn.h"

enum fus_state_file_kind { FUS_STATE_MOMENTS, FUS_STATE_RESPONSES };

struct fus_state_file_layer {
    char name[48];
    int channels;
    size_t n_places;
    uint64_t at, n_bytes; /* of its array, in the file */
};

struct fus_state_file {
    char *path;
    enum fus_state_file_kind kind;
    int first, end, n_halves, n_moments /* 2 or 3 */, n_layers;
    struct fus_state_file_layer *layers;
};

/* ---- writing: begin, then for each layer its bytes and end_layer, then commit (or discard) */

struct fus_state_file_out {
    struct fus_outfile file;
    struct fus_sha256 sha;
    size_t item; /* bytes of a number */
};

int fus_state_file_begin(struct fus_state_file_out *o, const char *folder, const char *run,
                         const struct fus_state_file *file, struct fus_error *err);
void fus_state_file_write(struct fus_state_file_out *o, const void *numbers, size_t n); /* n bytes of whole numbers */
void fus_state_file_end_layer(struct fus_state_file_out *o);
int fus_state_file_commit(struct fus_state_file_out *o, struct fus_error *err);
void fus_state_file_discard(struct fus_state_file_out *o);

/* The file's name; layer: the first. */
void fus_state_file_path(char *path, size_t path_bytes, const char *folder, enum fus_state_file_kind kind, int first,
                         int end, const char *layer);

/* ---- reading ---- */

struct fus_state_files {
    int n;
    struct fus_state_file *items;
};

/* The files of this run in a folder, added to list; none if there is no folder. A file that is
 * truncated, changed or from another run is an error if notes is NULL, otherwise it is left out
 * with a note. */
int fus_state_file_scan(struct fus_state_files *list, const char *folder, const char *run,
                        const struct fus_note_sink *notes, struct fus_error *err);
void fus_state_file_drop(struct fus_state_files *list, int i);
void fus_state_file_free(struct fus_state_files *list);

/* Of the files that begin with picture `first` and hold all the layers, the longest; -1: none. */
int fus_state_file_longest(const struct fus_state_files *list, enum fus_state_file_kind kind, int first,
                           const char *const *layers, int n_layers);

/* One layer's array: open, read it to its end in any steps, close. close fails if its checksum does
 * not match. */
struct fus_state_file_in {
    const struct fus_state_file *from;
    FILE *file;
    struct fus_sha256 sha;
    bool failed;
};
int fus_state_file_open_layer(struct fus_state_file_in *in, const struct fus_state_file *file, const char *layer,
                              struct fus_error *err);
void fus_state_file_read(struct fus_state_file_in *in, void *numbers, size_t n); /* likewise */
int fus_state_file_close_layer(struct fus_state_file_in *in, struct fus_error *err);

#endif
