/* SPDX-License-Identifier: MIT */
/* The names in a pickle that mean something: what tensors and NumPy arrays need. Any other is
 * opaque.
 *
 * Sources: torch/_utils.py and torch/serialization.py of PyTorch 0.3 to 2.x;
 * numpy/core/src/multiarray/methods.c for arrays. Nothing is ever called, so no name can do
 * harm. */
#include "weights/pickle_globals.h"

#include <string.h>

#define UTILS "torch._utils"
static const struct fus_pickle_global globals[] = {
    {UTILS, "_rebuild_tensor_v2", FUS_PICKLE_TENSOR, NULL},
    {UTILS, "_rebuild_tensor", FUS_PICKLE_TENSOR, NULL}, /* PyTorch < 0.4 */
    {UTILS, "_rebuild_tensor_v3", FUS_PICKLE_TENSOR_DTYPE, NULL},
    {UTILS, "_rebuild_parameter", FUS_PICKLE_WRAPPER, NULL},
    {UTILS, "_rebuild_parameter_with_state", FUS_PICKLE_WRAPPER, NULL},
    {"torch._tensor", "_rebuild_from_type_v2", FUS_PICKLE_TYPED, NULL},
    {"torch._tensor", "_rebuild_from_type", FUS_PICKLE_TYPED, NULL},
    {"torch.tensor", "_rebuild_from_type", FUS_PICKLE_TYPED, NULL}, /* PyTorch 1.7 */
    {"torch.nn.parameter", "Parameter", FUS_PICKLE_WRAPPER, NULL},  /* called by PyTorch < 0.4 */
    {"torch.nn.parameter", "Buffer", FUS_PICKLE_WRAPPER, NULL},
    {"torch.autograd.variable", "Variable", FUS_PICKLE_WRAPPER, NULL},
    {"torch", "FloatStorage", FUS_PICKLE_STORAGE, "f32"},
    {"torch", "HalfStorage", FUS_PICKLE_STORAGE, "f16"},
    {"torch", "BFloat16Storage", FUS_PICKLE_STORAGE, "bf16"},
    {"torch", "DoubleStorage", FUS_PICKLE_STORAGE, "f64"},
    {"torch", "LongStorage", FUS_PICKLE_STORAGE, "i64"},
    {"torch", "IntStorage", FUS_PICKLE_STORAGE, "i32"},
    {"torch", "ShortStorage", FUS_PICKLE_STORAGE, "i16"},
    {"torch", "CharStorage", FUS_PICKLE_STORAGE, "i8"},
    {"torch", "ByteStorage", FUS_PICKLE_STORAGE, "u8"},
    {"torch", "BoolStorage", FUS_PICKLE_STORAGE, "bool"},
    {"torch", "UntypedStorage", FUS_PICKLE_STORAGE, "u8"},
    {"torch", "_UntypedStorage", FUS_PICKLE_STORAGE, "u8"},
    {"torch.storage", "UntypedStorage", FUS_PICKLE_STORAGE, "u8"},
    {"torch.storage", "_UntypedStorage", FUS_PICKLE_STORAGE, "u8"},
    {"torch", "float32", FUS_PICKLE_DTYPE, "f32"},
    {"torch", "float16", FUS_PICKLE_DTYPE, "f16"},
    {"torch", "bfloat16", FUS_PICKLE_DTYPE, "bf16"},
    {"torch", "float64", FUS_PICKLE_DTYPE, "f64"},
    {"torch", "int64", FUS_PICKLE_DTYPE, "i64"},
    {"torch", "int32", FUS_PICKLE_DTYPE, "i32"},
    {"torch", "int16", FUS_PICKLE_DTYPE, "i16"},
    {"torch", "int8", FUS_PICKLE_DTYPE, "i8"},
    {"torch", "uint8", FUS_PICKLE_DTYPE, "u8"},
    {"torch", "bool", FUS_PICKLE_DTYPE, "bool"},
    {"torch", "uint16", FUS_PICKLE_DTYPE, "u16"},
    {"torch", "uint32", FUS_PICKLE_DTYPE, "u32"},
    {"torch", "uint64", FUS_PICKLE_DTYPE, "u64"},
    {"collections", "OrderedDict", FUS_PICKLE_MAPPING, NULL},
    {"collections", "defaultdict", FUS_PICKLE_MAPPING, NULL},
    {"collections", "Counter", FUS_PICKLE_MAPPING, NULL},
    {"torch", "Size", FUS_PICKLE_SIZE, NULL},
    {"numpy", "dtype", FUS_PICKLE_ARRAY_DTYPE, NULL},
    {"numpy.core.multiarray", "_reconstruct", FUS_PICKLE_ARRAY, NULL},
    {"numpy._core.multiarray", "_reconstruct", FUS_PICKLE_ARRAY, NULL},
    {"numpy.core.numeric", "_frombuffer", FUS_PICKLE_BUFFER, NULL},
    {"numpy._core.numeric", "_frombuffer", FUS_PICKLE_BUFFER, NULL},
    {"_codecs", "encode", FUS_PICKLE_ENCODE, NULL},
    {"copyreg", "_reconstructor", FUS_PICKLE_RECONSTRUCT, NULL},
    {"copy_reg", "_reconstructor", FUS_PICKLE_RECONSTRUCT, NULL},
    /* TorchScript's own: a list with its type. */
    {"torch.jit._pickle", "build_tensorlist", FUS_PICKLE_WRAPPER, NULL},
    {"torch.jit._pickle", "restore_type_tag", FUS_PICKLE_WRAPPER, NULL},
    /* Tensors that are listed, not read. */
    {UTILS, "_rebuild_qtensor", FUS_PICKLE_UNREAD, "quantized"},
    {UTILS, "_rebuild_sparse_tensor", FUS_PICKLE_UNREAD, "sparse"},
    {UTILS, "_rebuild_sparse_csr_tensor", FUS_PICKLE_UNREAD, "sparse"},
    {UTILS, "_rebuild_nested_tensor", FUS_PICKLE_UNREAD, "nested"},
    {UTILS, "_rebuild_meta_tensor_no_storage", FUS_PICKLE_UNREAD, "meta"},
    {UTILS, "_rebuild_wrapper_subclass", FUS_PICKLE_UNREAD, "subclass"},
    {UTILS, "_rebuild_device_tensor_from_numpy", FUS_PICKLE_UNREAD, "device"},
    {UTILS, "_rebuild_xla_tensor", FUS_PICKLE_UNREAD, "device"},
    {"torch.storage", "_load_from_bytes", FUS_PICKLE_UNREAD, "in bytes"},
    {"torch.jit._pickle", "build_tensor_from_id", FUS_PICKLE_UNREAD, "TorchScript 1.2"},
};

const struct fus_pickle_global *fus_pickle_globals_find(const char *module, const char *name)
{
    if (strcmp(module, "torch.cuda") == 0 && (strstr(name, "Storage") || strstr(name, "Tensor")))
        module = "torch"; /* FloatStorage and its like: its storage device does not matter */
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (strcmp(name, globals[i].name) == 0 && strcmp(module, globals[i].module) == 0)
            return &globals[i];
    return NULL;
}
