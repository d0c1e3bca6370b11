#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What tests/test_sdc_volumes.c has written, opened by nibabel: values, types, geometry. usage: nibabel_check.py FOLDER
Exit status 77 where nibabel is not installed."""
import os
import sys
import warnings

try:
    import nibabel as nib
    import numpy as np
except ImportError:
    sys.exit(77)

folder, golden = sys.argv[1], os.path.join(os.path.dirname(os.path.abspath(__file__)), "golden")
failed = 0


def check(ok, what):
    global failed
    if not ok:
        failed += 1
        print("nibabel: " + what, file=sys.stderr)


def opened(name):
    return nib.load(os.path.join(folder, name))


warnings.filterwarnings("error", category=UserWarning)
mask = nib.load(os.path.join(golden, "sdc_a_mask.nii.gz"))
kept = np.asarray(opened("voxels/a_mask.nii").dataobj)
inside = np.asarray(mask.dataobj) != 0
check(((kept != 0) <= inside).all() and kept.sum() > 10, "the mask of a")
labels = opened("a_labels.nii")
check(labels.get_data_dtype() == np.int16 and labels.shape == mask.shape, "type and shape of labels")
check(np.array_equal(labels.affine, mask.affine) and np.array_equal(labels.header.get_zooms(), mask.header.get_zooms()), "geometry")
check(labels.header["sform_code"] == 1 and labels.header["qform_code"] == 0, "codes of the geometry")
check(labels.header.get_intent()[0] == "label", "intent")
want = np.zeros(mask.shape, "i2")
flat = np.zeros(inside.size, "i2")
places = np.where(kept.ravel(order="F"))[0]
flat[places] = np.arange(len(places)) % 4          # label k % 4 - 1 of the k-th voxel kept, plus 1
check(np.array_equal(np.asarray(labels.dataobj), flat.reshape(mask.shape, order="F")), "values of labels")
check(labels.header["cal_max"] == 3, "cal_max")
expanded = opened("a_expanded.nii")
check(expanded.shape == mask.shape + (3,), "shape of the expanded clusters")
for c in range(3):
    flat[:] = 0
    flat[places] = np.arange(len(places)) % (c + 2) == 0
    check(np.array_equal(np.asarray(expanded.dataobj)[..., c], flat.reshape(mask.shape, order="F")), "expanded cluster %d" % c)
first = 0
for side, n in (("lh", 11), ("rh", 14)):
    kept = np.asarray(opened("voxels/c_%s_mask.mgh" % side).dataobj).ravel()
    image = opened("c_%s_labels.mgh" % side)
    check(image.shape[0] == n and image.get_data_dtype() == np.dtype(">i4"), "shape of %s" % side)
    flat = np.zeros(n, "i4")
    flat[kept != 0] = (first + np.arange(kept.sum())) % 4
    check(np.array_equal(np.asarray(image.dataobj).ravel(), flat), "labels of %s" % side)
    check(np.array_equal(image.affine, nib.load(os.path.join(golden, "sdc_c_%s_one.mg%s" % (side, "h" if side == "lh" else "z"))).affine),
          "geometry of %s" % side)
    first += int(kept.sum())
table = [line.split() for line in open(os.path.join(folder, "labels.ctab"))]
check([row[0] for row in table] == ["0", "1", "2", "3"] and all(len(row) == 6 for row in table), "labels.ctab")
try:
    import nilearn.image
    same = nilearn.image.load_img(os.path.join(folder, "a_labels.nii"))
    check(np.array_equal(same.get_fdata(), np.asarray(labels.dataobj)), "nilearn")
    masked = nilearn.image.math_img("img * (m > 0)", img=same, m=nilearn.image.load_img(os.path.join(golden, "sdc_a_mask.nii.gz")))
    check(np.array_equal(masked.get_fdata(), same.get_fdata()), "nilearn: labels and mask have one space")
except ImportError:
    print("nilearn is not installed: left out")
sys.exit(failed > 0)
