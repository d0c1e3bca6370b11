#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Writes tests/bad/torch_* and tests/bad/torch_expected.txt: file, enum fus_code, a part of the message.

Needs nothing but Python 3. Run: python3 tests/golden/torch_bad.py
"""
import io
import os
import struct
import tarfile
import zipfile

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bad")
OK, FORMAT, UNSUPPORTED, LIMIT = 0, 4, 5, 7
MAGIC = b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19."
expected = []


def write(name, data, code, message):
    with open(os.path.join(HERE, name), "wb") as f:
        f.write(data)
    expected.append("%s\t%d\t%s" % (name, code, message))


def archive(members, method=zipfile.ZIP_STORED):
    f = io.BytesIO()
    with zipfile.ZipFile(f, "w") as z:
        for name, data in members.items():
            info = zipfile.ZipInfo(name)
            info.compress_type = method
            z.writestr(info, data)
    return f.getvalue()


def pth(pickle, storage=b"\0" * 64, **options):
    return archive({"a/data.pkl": pickle, "a/data/0": storage}, **options)


def text(s):
    return b"X" + struct.pack("<I", len(s)) + s


def number(n):
    if 0 <= n < 256:
        return b"K" + bytes([n])
    return b"\x8a\x08" + struct.pack("<q", n)


def numbers(v):
    return b"(" + b"".join(number(n) for n in v) + b"t"


def tensor(sizes, strides, first=0, count=16, key=b"0", kind=b"Float"):
    return (b"ctorch._utils\n_rebuild_tensor_v2\n((" + text(b"storage") + b"ctorch\n" + kind + b"Storage\n" + text(key) +
            text(b"cpu") + number(count) + b"tQ" + number(first) + numbers(sizes) + numbers(strides) +
            b"\x89ccollections\nOrderedDict\n)RtR")


def one(t, key=b"w"):
    return b"\x80\x02}" + text(key) + t + b"s."


def pickles():
    call = lambda module, name: b"\x80\x02c" + module + b"\n" + name + b"\n" + text(b"true") + b"\x85R."
    yield "system", call(b"posix", b"system"), UNSUPPORTED, "holds no tensor, only an object of posix.system"
    yield "eval", call(b"__builtin__", b"eval"), UNSUPPORTED, "only an object of __builtin__.eval"
    yield "getattr", call(b"builtins", b"getattr"), UNSUPPORTED, "only an object of builtins.getattr"
    yield "load_from_bytes", call(b"torch.storage", b"_load_from_bytes"), OK, ""
    yield "stack_global", b"\x80\x04\x8c\x02os\x8c\x06system\x93\x8c\x04true\x85R.", UNSUPPORTED, "only an object of os.system"
    yield "dotted", b"\x80\x04\x8c\x05torch\x8c\x18storage._load_from_bytes\x93.", UNSUPPORTED, "only the name torch.storage._load_from_bytes"
    yield "line_break", b"\x80\x04\x8c\x03a\nb\x8c\x02\x1b[\x93.", UNSUPPORTED, r"only the name a\nb.\x1b["
    yield "model", b"\x80\x02ctorchvision.models.resnet\nResNet\n)\x81.", UNSUPPORTED, "only an object of torchvision.models.resnet.ResNet"
    yield "own_class", b"\x80\x02c__torch__.Net\nNet\n)\x81.", UNSUPPORTED, "only an object of __torch__.Net.Net"
    yield "quantized", call(b"torch._utils", b"_rebuild_qtensor"), OK, ""
    yield "extension", b"\x80\x02\x82\x01.", UNSUPPORTED, "holds no tensor, only the name copyreg.extension.1"
    yield "protocol", b"\x80\x09N.", UNSUPPORTED, "pickle protocol 9"
    yield "marks", b"(" * 5000 + b"N.", LIMIT, "nests more than"
    yield "nested", b"]" * 200 + b"a" * 199 + b".", LIMIT, "nested more than 100 deep"
    yield "nested_keys", (b"}" + text(b"k")) * 120 + b"N" + b"s" * 120 + b".", LIMIT, "nested more than 100 deep"
    yield "cycle", b"]q\0h\0a.", UNSUPPORTED, "holds no tensor: a damaged copy"
    yield "laughs", b"]q\0" + tensor([1], [1]) + b"a" + laughs() + b".", LIMIT, "hold each other too often"
    yield "memo", b"\x80\x02Nr\xff\xff\xff\x7f.", LIMIT, "memo entry 2147483647"
    yield "memo_missing", b"\x80\x02h\x05.", FORMAT, "memo entry 5"
    yield "text", b"\x80\x02X\xf0\xff\xff\xff.", FORMAT, "ends before its STOP"
    yield "text8", b"\x80\x04\x8d" + b"\xff" * 8 + b".", FORMAT, "ends before its STOP"
    yield "bytes8", b"\x80\x04\x8e" + b"\xff" * 7 + b"\x7f.", FORMAT, "ends before its STOP"
    yield "long4", b"\x80\x02\x8b\xff\xff\xff\xff.", FORMAT, "ends before its STOP"
    yield "no_stop", b"\x80\x02N", FORMAT, "ends before its STOP"
    yield "no_value", b"\x80\x02.", FORMAT, "needs 1 values"
    yield "no_mark", b"\x80\x02Nt.", FORMAT, "without its MARK"
    yield "below_mark", b"\x80\x02N(a.", FORMAT, "needs 2 values"
    yield "odd_items", b"\x80\x02}(Nu.", FORMAT, "a key without its value"
    yield "call_number", b"\x80\x02K\x01)R.", FORMAT, "calls a value that is no function"
    yield "build_number", b"\x80\x02K\x01Nb.", FORMAT, "a value that has none"
    yield "outside", one(tensor([4, 5], [5, 1])), FORMAT, "tensor w: reaches outside the 16 elements of its storage 0"
    yield "first", one(tensor([1], [1], first=16)), FORMAT, "reaches outside"
    yield "first_huge", one(tensor([], [], first=2**62)), FORMAT, "reaches outside"
    yield "strides", one(tensor([2, 2], [15, 2])), FORMAT, "reaches outside"
    yield "stride_huge", one(tensor([3, 3], [2**62, 2**62])), FORMAT, "reaches outside"
    yield "stride_negative", one(tensor([4], [-1], first=3)), FORMAT, "as many numbers >= 0"
    yield "size_negative", one(tensor([-4], [1])), FORMAT, "as many numbers >= 0"
    yield "size_overflow", one(tensor([2**40, 2**40, 2**40], [0, 0, 0])), FORMAT, "more elements than"
    yield "size_huge", one(tensor([2**40], [0])), LIMIT, "elements"
    yield "count_huge", one(tensor([1], [1], count=2**62)), FORMAT, "storage 0 is said to have 4611686018427387904 elements"
    yield "count_negative", one(tensor([1], [1], count=-1)), FORMAT, "count"
    yield "dimensions", one(tensor([1] * 9, [1] * 9)), LIMIT, "9 dimensions"
    yield "strides_fewer", one(tensor([1, 1], [1])), FORMAT, "two tuples"
    yield "arguments", b"\x80\x02}" + text(b"w") + b"ctorch._utils\n_rebuild_tensor_v2\n)Rs.", FORMAT, "has no storage"
    yield "member_short", one(tensor([4], [1], count=100)), FORMAT, "100 elements of f32 expected"
    yield "member_missing", one(tensor([4], [1], key=b"7")), FORMAT, "member a/data/7, a storage"
    yield "two_types", b"\x80\x02]" + tensor([1], [1]) + b"a" + tensor([1], [1], kind=b"Long") + b"a.", FORMAT, "storage 0 has 16 elements of f32"
    yield "complex", one(tensor([4], [1], kind=b"ComplexFloat")), OK, ""
    yield "name_zero", one(tensor([4], [1]), key=b"w\0x"), FORMAT, "zero byte"
    yield "name_long", one(tensor([4], [1]), key=b"w" * 1000), LIMIT, "more than 400 bytes"
    yield "reference", b"\x80\x02]" + text(b"x") + b"Qa.", UNSUPPORTED, "holds no tensor"


def laughs():
    """Lists of two that each hold the one before twice: 2**60 ways to one tensor."""
    return b"".join(b"0]" + b"q" + bytes([i + 1]) + b"h" + bytes([i]) + b"ah" + bytes([i]) + b"a" for i in range(60))


def zips():
    good = pth(one(tensor([4], [1])))
    at = good.index(b"PK\1\2")
    second = good.index(b"PK\1\2", at + 4)
    change = lambda where, data: good[:where] + data + good[where + len(data):]
    yield "crc", change(good.index(b"torch._utils"), b"T"), FORMAT, "checksum"
    yield "encrypted", change(second + 8, b"\1"), UNSUPPORTED, "a/data/0 is encrypted"
    yield "method", change(second + 10, b"\x0c"), UNSUPPORTED, "packed with method 12"
    yield "sizes", change(second + 24, b"\x41"), FORMAT, "64 bytes cannot unpack to 65"
    yield "outside", change(second + 42, struct.pack("<I", 1 << 30)), FORMAT, "member a/data/0 is said to be at 1073741824"
    yield "overlap", change(second + 42, b"\0\0\0\0"), FORMAT, "runs into"
    yield "local_name", change(good.index(b"a/data/0"), b"b"), FORMAT, "no header (PK 3 4) of member a/data/0"
    yield "local_extra", change(good.index(b"a/data/0") - 2, b"\xff\xff"), FORMAT, "run into"
    yield "entries", change(len(good) - 22 + 8, b"\xff\x7f\xff\x7f"), FORMAT, "cannot list"
    yield "directory", change(len(good) - 22 + 16, struct.pack("<I", len(good))), FORMAT, "would pass this end record"
    yield "cut", good[:-30], FORMAT, "without its end record"
    yield "parts", change(len(good) - 22 + 4, b"\1"), UNSUPPORTED, "part"
    yield "twice", good.replace(b"a/data.pkl", b"a/data/0\0\0"), FORMAT, "zero byte"
    yield "same_name", archive({"a/data.pkl": b"N.", "a/data.pkk": b"N."}).replace(b".pkk", b".pkl"), FORMAT, "two members are called a/data.pkl"
    yield "office", archive({"[Content_Types].xml": b"<x/>", "word/document.xml": b"<x/>"}), UNSUPPORTED, "zip archive of 2 members ([Content_Types].xml, ...)"
    yield "empty", archive({}), UNSUPPORTED, "is an empty zip archive"
    yield "bomb", pth(b"N" * 17000000, method=zipfile.ZIP_DEFLATED), LIMIT, "at most"
    yield "byteorder", archive({"a/data.pkl": one(tensor([4], [1])), "a/data/0": b"\0" * 64, "a/byteorder": b"middle"}), FORMAT, "neither little nor big"
    yield "no_arrays", archive({"x.npy": npy("{'descr': '<U3', 'fortran_order': False, 'shape': (1,), }", 12)}), UNSUPPORTED, "NumPy type `<U3`"
    yield "bad_array", archive({"x.npy": b"hello"}), FORMAT, "member x.npy: "


def legacy(*parts):
    return MAGIC + b"\x80\x02M\xe9\x03.\x80\x02}." + b"".join(parts)


def legacies():
    obj, keys = one(tensor([4], [1])), b"\x80\x02]" + text(b"0") + b"a."
    data = struct.pack("<q", 16) + b"\0" * 64
    yield "good", legacy(obj, keys, data), OK, ""
    yield "cut", legacy(obj, keys, data)[:-1], FORMAT, "storage 0 needs 64 bytes, file ends at"
    yield "cut_count", legacy(obj, keys, data[:7]), FORMAT, "storage 0 expected, file ends"
    yield "cut_pickle", legacy(obj)[:-1], FORMAT, "ends before its STOP"
    yield "count", legacy(obj, keys, b"\x11" + data[1:]), FORMAT, "has 17 elements, its tensors say 16"
    yield "key", legacy(obj, b"\x80\x02]" + text(b"1") + b"a.", data), FORMAT, "one that no tensor has"
    yield "key_twice", legacy(obj, b"\x80\x02](" + text(b"0") * 2 + b"e.", data, data), FORMAT, "one twice"
    yield "key_missing", legacy(obj, b"\x80\x02]."), FORMAT, "its storage 0 is not in the file"
    yield "keys", legacy(obj, b"\x80\x02N.", data), FORMAT, "list of storages expected"
    yield "version", MAGIC + b"\x80\x02M\xea\x03.\x80\x02}.", UNSUPPORTED, "protocol 1001 expected"
    yield "system", legacy(b"\x80\x02cposix\nsystem\n.", b"\x80\x02]."), UNSUPPORTED, "holds no tensor, only the name posix.system"


def npy(header, n_data, version=1):
    text_bytes = header.encode() + b" " * (-(len(header) + 11) % 16) + b"\n"
    length = struct.pack("<H" if version == 1 else "<I", len(text_bytes))
    return b"\x93NUMPY" + bytes([version, 0]) + length + text_bytes + b"\0" * n_data


def arrays():
    head = "{'descr': %s, 'fortran_order': %s, 'shape': %s, }"
    yield "object", npy(head % ("'|O'", "False", "(1,)"), 8), UNSUPPORTED, "NumPy type `|O` is not read"
    yield "record", npy(head % ("[('a', '<f4')]", "False", "(1,)"), 8), UNSUPPORTED, "an array of records"
    yield "text", npy(head % ("'<U5'", "False", "(1,)"), 20), UNSUPPORTED, "NumPy type `<U5`"
    yield "native", npy(head % ("'f4'", "False", "(1,)"), 4), UNSUPPORTED, "NumPy type `f4`"
    yield "order", npy(head % ("'|f4'", "False", "(1,)"), 4), UNSUPPORTED, "NumPy type `|f4`"
    yield "version", npy(head % ("'<f4'", "False", "(1,)"), 4, 9), UNSUPPORTED, "version 9"
    yield "shape_open", npy(head % ("'<f4'", "False", "(1,"), 4), FORMAT, "NumPy header is not"
    yield "shape_number", npy(head % ("'<f4'", "False", "(1)"), 4), FORMAT, "NumPy header is not"
    yield "shape_negative", npy(head % ("'<f4'", "False", "(-1,)"), 4), FORMAT, "NumPy header is not"
    yield "shape_huge", npy(head % ("'<f4'", "False", "(99999999999999999, 99999999999999999)"), 4), FORMAT, "truncated copy?"
    yield "shape_digits", npy(head % ("'<f4'", "False", "(9999999999999999999,)"), 4), FORMAT, "NumPy header is not"
    yield "dimensions", npy(head % ("'<f4'", "False", "(1, 1, 1, 1, 1, 1, 1, 1, 1)"), 4), LIMIT, "9 dimensions"
    yield "fortran", npy(head % ("'<f4'", "Maybe", "(1,)"), 4), FORMAT, "NumPy header is not"
    yield "key_twice", npy("{'descr': '<f4', 'descr': '<f4', 'shape': (1,), }", 4), FORMAT, "NumPy header is not"
    yield "key_other", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), 'x': 1, }", 4), FORMAT, "NumPy header is not"
    yield "key_missing", npy("{'descr': '<f4', 'shape': (1,), }", 4), FORMAT, "NumPy header is not"
    yield "after", npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,), } x", 4), FORMAT, "NumPy header is not"
    yield "cut", npy(head % ("'<f4'", "False", "(5,)"), 19), FORMAT, "needs 20 bytes, it has 19: truncated copy?"
    yield "cut_header", npy(head % ("'<f4'", "False", "(5,)"), 20)[:60], FORMAT, "truncated copy?"
    yield "header_huge", b"\x93NUMPY\2\0\xff\xff\xff\xff" + b" " * 100, UNSUPPORTED, "NumPy header of 4294967295 bytes"


def tars():
    def tar(*files):
        f = io.BytesIO()
        with tarfile.open(fileobj=f, mode="w", format=tarfile.USTAR_FORMAT) as t:
            for name, data in files:
                info = tarfile.TarInfo(name)
                info.size = len(data)
                t.addfile(info, io.BytesIO(data))
        return f.getvalue().rstrip(b"\0") + b"\0" * 1024

    storages = (b"\x80\x02K\x01." + b"\x80\x02K\x09" + text(b"cpu") + b"ctorch\nFloatStorage\n\x87." + struct.pack("<q", 4) + b"\0" * 16 +
                b"\x80\x02].")
    layout = lambda n, stride, first: (b"\x80\x02K\x01." + b"\x80\x02K\x05K\x09ctorch\nFloatTensor\n\x87." +
                                       struct.pack("<iiqqq", 1, 0, n, stride, first))
    obj = b"\x80\x02}" + text(b"w") + text(b"5") + b"Qs."
    three = lambda s, t, p: tar(("storages", s), ("tensors", t), ("pickle", p))
    yield "good", three(storages, layout(4, 1, 0), obj), OK, ""
    yield "other", tar(("readme", b"hello")), UNSUPPORTED, "is a tar archive without the file `storages`"
    good = three(storages, layout(4, 1, 0), obj)
    yield "checksum", good[:140] + b"9" + good[141:], FORMAT, "wrong checksum"
    yield "outside", three(storages, layout(5, 1, 0), obj), FORMAT, "reaches outside the 4 elements"
    yield "negative", three(storages, layout(4, -1, 3), obj), FORMAT, "all >= 0"
    yield "missing", three(storages, layout(4, 1, 0), obj.replace(text(b"5"), text(b"6"))), FORMAT, "its number 6 is not in the file"
    yield "count", three(b"\x80\x02J\xff\xff\xff\x7f.", layout(4, 1, 0), obj), FORMAT, "a count from 0 to"
    yield "storage_huge", three(storages.replace(struct.pack("<q", 4), struct.pack("<q", 2**61 + 4)), layout(4, 1, 0), obj), FORMAT, "ends behind `storages`"
    yield "view", three(storages.replace(b"\x80\x02].", b"\x80\x02](K\x0aK\x09K\x03K\x02ta."), layout(4, 1, 0), obj), FORMAT, "a view of a storage"
    yield "system", three(storages, layout(4, 1, 0), b"\x80\x02cposix\nsystem\n."), UNSUPPORTED, "holds no tensor, only the name posix.system"


def main():
    for name, data, code, message in pickles():
        write("torch_pickle_%s.pth" % name, pth(data), code, message)
    for kind, group, ending in (("zip", zips, "zip"), ("legacy", legacies, "pth"), ("tar", tars, "pth"), ("npy", arrays, "npy")):
        for name, data, code, message in group():
            write("torch_%s_%s.%s" % (kind, name, ending), data, code, message)
    with open(os.path.join(HERE, "torch_expected.txt"), "w") as f:
        f.write("\n".join(expected) + "\n")


if __name__ == "__main__":
    main()
