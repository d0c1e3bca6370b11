/* SPDX-License-Identifier: MIT */
/* Private to weights/: conversion of elements between a file's type and f32. */
#ifndef FUS_DTYPE_H
#define FUS_DTYPE_H

#include "weights/weights.h"

/* n elements as they are in the file -> floats. */
void fus_dtype_to_f32(float *out, const uint8_t *raw, size_t n, enum fus_dtype t, bool big_endian);
/* n floats -> little-endian f32, f16 or bf16, in place; returns their size in bytes. */
size_t fus_dtype_pack(float *values, size_t n, enum fus_dtype t);
/* Index of the first NaN or infinity; n if all are finite. */
size_t fus_dtype_find_not_finite(const float *values, size_t n);

#endif
