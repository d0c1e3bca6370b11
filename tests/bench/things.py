# SPDX-License-Identifier: MIT
"""A functional localizer the Python way: activations by thingsvision as its README shows, statistics by NumPy and
SciPy. tasks.py runs it beside `fusiform run` on the same weights and pictures.

usage: PYTHON tests/bench/things.py WEIGHTS.safetensors PICTURES OUT THREADS CATEGORY=FOLDER,FOLDER ..
Prints the seconds of each part, and of all layers the number of selective units and the mean CSI.
"""
import os
import sys
import time

BEGIN = time.perf_counter()
WEIGHTS, PICTURES, OUT, THREADS = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
CATEGORIES = {name: folders.split(",") for name, folders in (word.split("=") for word in sys.argv[5:])}
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import numpy
import torch
import torchvision
from safetensors.torch import load_file
from scipy import stats
from thingsvision import get_extractor_from_model
from thingsvision.utils.data import DataLoader, ImageDataset

LAYERS = ["relu"] + [f"layer{stage + 1}.{block}" for stage, n in enumerate((3, 4, 6, 3)) for block in range(n)]
ALPHA = 0.05


def extract():
    """{layer: [n_images, n_units]} and each picture's category."""
    torch.set_num_threads(THREADS)
    model = torchvision.models.resnet50(weights=None)
    model.load_state_dict(load_file(WEIGHTS), strict=False)  # but num_batches_tracked
    extractor = get_extractor_from_model(model=model.eval(), device="cpu", backend="pt")
    folders = [folder for names in CATEGORIES.values() for folder in names]
    dataset = ImageDataset(root=PICTURES, out_path=OUT, backend=extractor.get_backend(), class_names=folders,
                           transforms=extractor.get_transformations(resize_dim=256, crop_dim=224))
    batches = DataLoader(dataset=dataset, batch_size=32, backend=extractor.get_backend())
    features = extractor.extract_features(batches=batches, module_names=LAYERS, flatten_acts=True,
                                          output_type="ndarray")
    with open(os.path.join(OUT, "file_names.txt")) as file:
        of_folder = {folder: name for name, names in CATEGORIES.items() for folder in names}
        category = [of_folder[os.path.basename(os.path.dirname(line.strip()))] for line in file if line.strip()]
    return features, numpy.array(category)


def select(responses, category):
    """Welch's t of each category against each other one, the largest p, Benjamini and Hochberg, CSI."""
    groups = {name: responses[category == name] for name in CATEGORIES}
    mean = {name: x.mean(0, dtype=float) for name, x in groups.items()}
    deviation = {name: x.std(0, ddof=1, dtype=float) for name, x in groups.items()}
    n_selective, csi_sum, n_csi = 0, 0.0, 0
    for name, x in groups.items():
        p = numpy.zeros(responses.shape[1])
        others = [other for other in groups if other != name]
        for other in others:
            with numpy.errstate(all="ignore"):
                test = stats.ttest_ind_from_stats(mean[name], deviation[name], len(x), mean[other], deviation[other],
                                                  len(groups[other]), equal_var=False, alternative="greater")
            p = numpy.maximum(p, numpy.where(numpy.isnan(test.pvalue), 1, test.pvalue))
        selective = stats.false_discovery_control(p) <= ALPHA
        rest = numpy.mean([mean[other] for other in others], axis=0)
        total = (mean[name] + rest)[selective]
        csi = ((mean[name] - rest)[selective] / total)[total > 0]
        n_selective, csi_sum, n_csi = n_selective + int(selective.sum()), csi_sum + csi.sum(), n_csi + len(csi)
    return n_selective, csi_sum, n_csi


def main():
    imported = time.perf_counter()
    features, category = extract()
    extracted = time.perf_counter()
    found = numpy.array([select(features[layer], category) for layer in LAYERS]).sum(0)
    end = time.perf_counter()
    print(f"PARTS import {imported - BEGIN:.2f} extraction {extracted - imported:.2f} statistics {end - extracted:.2f}")
    print(f"FOUND {int(found[0])} selective units, mean CSI {found[1] / max(found[2], 1):.6f}")


main()
