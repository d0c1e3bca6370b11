/* The names a pickle may use: what tensors need, and what stands beside them in training checkpoints. Any other is refused.
 *
 * Sources: torch/_utils.py and torch/serialization.py of PyTorch 0.3 to 2.x; for what checkpoints of training hold, the allow
 * list of torch.load(weights_only=True). To add a name here is safe in itself, since nothing is ever called; a name that
 * hides tensors from the walk in torch.c would be a loss, so classes of models stay out. */
#include <string.h>

#include "pickle.h"

#define UTILS "torch._utils"
static const struct fus_pickle_global globals[] = {
    {UTILS, "_rebuild_tensor_v2", FUS_PICKLE_TENSOR, NULL},
    {UTILS, "_rebuild_tensor", FUS_PICKLE_TENSOR, NULL}, /* PyTorch < 0.4 */
    {UTILS, "_rebuild_tensor_v3", FUS_PICKLE_TENSOR_DTYPE, NULL},
    {UTILS, "_rebuild_parameter", FUS_PICKLE_WRAPPER, NULL},
    {UTILS, "_rebuild_parameter_with_state", FUS_PICKLE_WRAPPER, NULL},
    {"torch._tensor", "_rebuild_from_type_v2", FUS_PICKLE_TYPED, NULL},
    {"torch.nn.parameter", "Parameter", FUS_PICKLE_WRAPPER, NULL}, /* called by PyTorch < 0.4 */
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
    {"torch", "FloatTensor", FUS_PICKLE_OPAQUE, NULL}, /* PyTorch 0.1's tar names each tensor's type, beside its storage's */
    {"torch", "HalfTensor", FUS_PICKLE_OPAQUE, NULL},
    {"torch", "DoubleTensor", FUS_PICKLE_OPAQUE, NULL},
    {"torch", "LongTensor", FUS_PICKLE_OPAQUE, NULL},
    {"torch", "IntTensor", FUS_PICKLE_OPAQUE, NULL},
    {"torch", "ShortTensor", FUS_PICKLE_OPAQUE, NULL},
    {"torch", "CharTensor", FUS_PICKLE_OPAQUE, NULL},
    {"torch", "ByteTensor", FUS_PICKLE_OPAQUE, NULL},
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
    /* What training checkpoints hold beside tensors. */
    {"torch", "device", FUS_PICKLE_OPAQUE, NULL},
    {"torch", "Tensor", FUS_PICKLE_OPAQUE, NULL},
    {"torch", "strided", FUS_PICKLE_OPAQUE, NULL},
    {"torch.serialization", "_get_layout", FUS_PICKLE_OPAQUE, NULL},
    {"argparse", "Namespace", FUS_PICKLE_OPAQUE, NULL},
    {"_codecs", "encode", FUS_PICKLE_OPAQUE, NULL},
    {"pathlib", "PosixPath", FUS_PICKLE_OPAQUE, NULL},
    {"pathlib", "WindowsPath", FUS_PICKLE_OPAQUE, NULL},
    {"numpy", "dtype", FUS_PICKLE_OPAQUE, NULL},
    {"numpy", "ndarray", FUS_PICKLE_OPAQUE, NULL},
    {"numpy.core.multiarray", "scalar", FUS_PICKLE_OPAQUE, NULL},
    {"numpy.core.multiarray", "_reconstruct", FUS_PICKLE_OPAQUE, NULL},
    {"numpy._core.multiarray", "scalar", FUS_PICKLE_OPAQUE, NULL},
    {"numpy._core.multiarray", "_reconstruct", FUS_PICKLE_OPAQUE, NULL},
    /* TorchScript's own: a list with its type. */
    {"torch.jit._pickle", "build_intlist", FUS_PICKLE_OPAQUE, NULL},
    {"torch.jit._pickle", "build_doublelist", FUS_PICKLE_OPAQUE, NULL},
    {"torch.jit._pickle", "build_boollist", FUS_PICKLE_OPAQUE, NULL},
    {"torch.jit._pickle", "build_tensorlist", FUS_PICKLE_WRAPPER, NULL},
    {"torch.jit._pickle", "restore_type_tag", FUS_PICKLE_WRAPPER, NULL},
    /* Known, and told apart from attacks. */
    {UTILS, "_rebuild_qtensor", FUS_PICKLE_LEFT_OUT, "quantized tensors"},
    {UTILS, "_rebuild_sparse_tensor", FUS_PICKLE_LEFT_OUT, "sparse tensors"},
    {UTILS, "_rebuild_nested_tensor", FUS_PICKLE_LEFT_OUT, "nested tensors"},
    {UTILS, "_rebuild_meta_tensor_no_storage", FUS_PICKLE_LEFT_OUT, "tensors without data (device meta)"},
    {"torch", "QInt8Storage", FUS_PICKLE_LEFT_OUT, "quantized tensors"},
    {"torch", "QUInt8Storage", FUS_PICKLE_LEFT_OUT, "quantized tensors"},
    {"torch", "QInt32Storage", FUS_PICKLE_LEFT_OUT, "quantized tensors"},
    {"torch", "ComplexFloatStorage", FUS_PICKLE_LEFT_OUT, "complex tensors"},
    {"torch", "ComplexDoubleStorage", FUS_PICKLE_LEFT_OUT, "complex tensors"},
    {"torch", "float8_e4m3fn", FUS_PICKLE_LEFT_OUT, "float8 tensors"},
    {"torch", "float8_e5m2", FUS_PICKLE_LEFT_OUT, "float8 tensors"},
    {"torch.jit._pickle", "build_tensor_from_id", FUS_PICKLE_LEFT_OUT, "TorchScript archives of PyTorch before 1.3"},
};

/* Types that hold plain values, in Python 3 and Python 2; a list of its own since they have two modules' names. */
static const char *const plain_types[] = {"set", "frozenset", "list", "dict", "tuple", "int", "long", "float", "bool", "complex",
                                          "str", "unicode", "bytes", "bytearray", "slice", "range", "xrange", "object"};
static const struct fus_pickle_global plain_type = {"builtins", "type", FUS_PICKLE_OPAQUE, NULL};

static bool is_plain_type(const char *module, const char *name)
{
    if (strcmp(module, "builtins") != 0 && strcmp(module, "__builtin__") != 0)
        return false;
    for (size_t i = 0; i < sizeof plain_types / sizeof *plain_types; i++)
        if (strcmp(name, plain_types[i]) == 0)
            return true;
    return false;
}

const struct fus_pickle_global *fus_allow_find(const char *module, const char *name)
{
    if (strcmp(module, "torch.cuda") == 0 && (strstr(name, "Storage") || strstr(name, "Tensor")))
        module = "torch"; /* FloatStorage and its like: where it was does not matter */
    for (size_t i = 0; i < sizeof globals / sizeof *globals; i++)
        if (strcmp(name, globals[i].name) == 0 && strcmp(module, globals[i].module) == 0)
            return &globals[i];
    return is_plain_type(module, name) ? &plain_type : NULL;
}
