"""Seconds that umap-learn, openTSNE and scikit-learn take for the work of `cargo bench --bench projection`, and what the maps are worth.

Rows are `.npy` files as ROWS,LABELS. Trustworthiness (15 neighbours) is scikit-learn's own up to 10,000 rows; above, where that needs memory
of the square of the rows, it is computed by the same formula over 10,000 of them.
"""

import argparse
import gzip
import json
import os
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("rows", nargs="*", help="ROWS.npy,LABELS.npy")
parser.add_argument("--data", type=Path, required=True, help="folder with MNIST's .gz files")
parser.add_argument("--write", type=Path, help="folder to write rows and labels to; nothing else is done")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=3, help="warm runs of umap-learn, each with another seed")
parser.add_argument("--skip", nargs="*", default=[], choices=["pca", "umap", "tsne"])
args = parser.parse_args()

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS"]:
    os.environ[name] = str(args.threads)

import numpy as np  # noqa: E402  (the thread counts must be set first)
from sklearn.decomposition import PCA  # noqa: E402
from sklearn.manifold import trustworthiness  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402


def values(part, kind, start):
    with gzip.open(args.data / f"{part}-{kind}-ubyte.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=start)


def pictures(part):
    return values(part, "images-idx3", 16).reshape(-1, 784).astype(np.float32)


def trust(rows, positions, k=15, most=10_000):
    n = len(rows)
    if n <= most:
        return trustworthiness(rows, positions, n_neighbors=k)
    drawn = np.random.default_rng(0).choice(n, most, replace=False)
    near = NearestNeighbors(n_neighbors=k + 1).fit(positions).kneighbors(positions[drawn], return_distance=False)
    rows = rows - rows.mean(0)
    squares = (rows * rows).sum(1)
    beyond = 0
    for i, ids in zip(drawn, near):
        ids = ids[ids != i][:k]
        distances = squares - 2 * (rows @ rows[i])
        distances[i] = np.inf
        ranks = (distances[None] < distances[ids][:, None]).sum(1) + 1
        beyond += np.maximum(ranks - k, 0).sum()
    return 1 - 2 * beyond / (most * k * (2 * n - 3 * k - 1))


def accuracy(positions, labels, k=10):
    near = NearestNeighbors(n_neighbors=k).fit(positions).kneighbors(return_distance=False)
    votes = np.zeros((len(labels), labels.max() + 1), int)
    for column in near.T:
        np.add.at(votes, (np.arange(len(labels)), labels[column]), 1)
    return (votes.argmax(1) == labels).mean()


def measured(name, work, rows=None, labels=None):
    start = time.perf_counter()
    positions = work()
    figures = {"what": name, "secs": round(time.perf_counter() - start, 2)}
    if labels is not None:
        figures["trustworthiness"] = round(float(trust(rows, positions)), 5)
        figures["plane_accuracy"] = round(float(accuracy(positions, labels)), 5)
    print(json.dumps(figures), flush=True)


if args.write:
    pixels = np.concatenate([pictures("train"), pictures("t10k")])
    labels = np.concatenate([values(part, "labels-idx1", 8) for part in ["train", "t10k"]]).astype(np.int32)
    np.save(args.write / "pixels.npy", pixels[:10_000])
    np.save(args.write / "pixel-labels.npy", labels[:10_000])
    np.save(args.write / "codes.npy", PCA(32, random_state=0).fit_transform(pixels).astype(np.float32))
    np.save(args.write / "code-labels.npy", labels)
    raise SystemExit

if "pca" not in args.skip:
    train = pictures("train")
    for _ in range(3):
        measured("pca 60000x784 to 50", lambda: PCA(50, svd_solver="randomized", random_state=0).fit_transform(train))

for paths in args.rows:
    rows, labels = [np.load(path) for path in paths.split(",")]
    size = f"{len(rows)}x{rows.shape[1]}"
    if "umap" not in args.skip:
        import umap

        for run in range(args.repeat + 1):
            np.random.seed(run)
            name = f"umap of {size}" + ("" if run else ", cold")
            measured(name, lambda: umap.UMAP(n_jobs=args.threads).fit_transform(rows), rows, labels)
    if "tsne" not in args.skip:
        from openTSNE import TSNE

        measured(f"tsne of {size}", lambda: np.asarray(TSNE(n_jobs=args.threads, random_state=0).fit(rows)), rows, labels)
