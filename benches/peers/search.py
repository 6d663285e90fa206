"""Seconds that faiss, scikit-learn and usearch take for the exact searches of `cargo bench --bench search`, and whether they agree.

Reads the same MNIST files. With --out each peer's 10 nearest ids are written as `.npy`. With --ours FILE (from
`morphospace retrieve ... --out FILE`) it counts the ids that differ, and those that differ by more than an exact tie.
"""

import argparse
import gzip
import json
import os
import resource
import time
from pathlib import Path

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--data", type=Path, help="folder with MNIST's (or Fashion-MNIST's) .gz files")
parser.add_argument("--out", type=Path, help="folder to write the ids to")
parser.add_argument("--ours", type=Path, help="ids to compare, [queries, 10]")
parser.add_argument("--threads", type=int, default=2)
parser.add_argument("--repeat", type=int, default=3)
parser.add_argument("--k", type=int, default=10)
parser.add_argument("--skip", nargs="*", default=[], choices=["faiss", "sklearn", "usearch", "single", "codes"])
parser.add_argument("--codes", type=Path, help="a million codes as .npy, made when there are none; then only these are searched")
parser.add_argument("--approximate", action="store_true", help="with --codes: build usearch's index of them, too (minutes)")
args = parser.parse_args()

for name in ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"]:
    os.environ[name] = str(args.threads)

import faiss  # noqa: E402  (the thread counts must be set first)
import numpy as np  # noqa: E402
from sklearn.neighbors import NearestNeighbors  # noqa: E402

faiss.omp_set_num_threads(args.threads)


def pictures(part):
    with gzip.open(args.data / f"{part}-images-idx3-ubyte.gz") as file:
        return np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784)


def measured(name, work, repeat=args.repeat):
    """Runs `work`, prints its wall and processor seconds (medians and smallest), returns its last result."""
    wall, cpu = [], []
    for _ in range(repeat):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_utime
        start = time.perf_counter()
        result = work()
        wall.append(time.perf_counter() - start)
        cpu.append(resource.getrusage(resource.RUSAGE_SELF).ru_utime - before)
    figures = {"secs_median": float(np.median(wall)), "secs_min": min(wall), "cpu_secs_mean": float(np.mean(cpu))}
    print(json.dumps({"what": name, "threads": args.threads} | figures), flush=True)
    return result


def squared(gallery, queries, ids):
    """Exact squared distances of each query from the items `ids`."""
    rows = [((gallery[i].astype(np.int64) - q.astype(np.int64)) ** 2).sum(1) for i, q in zip(ids, queries)]
    return np.stack(rows) if rows else np.empty(ids.shape, np.int64)


def compare(name, gallery, queries, a, b):
    differ = a != b
    rows = np.flatnonzero(differ.any(1))
    apart = squared(gallery, queries[rows], a[rows]) != squared(gallery, queries[rows], b[rows])
    print(json.dumps({"what": name, "ids_that_differ": int(differ.sum()), "beyond_ties": int(apart.sum())}))


def million(path):
    """Codes as a model makes them: a hundred clusters."""
    if not path.exists():
        random = np.random.default_rng(1)
        centres = random.normal(size=(100, 32)).astype(np.float32)
        rows = centres[random.integers(0, 100, 1_000_000)] + 0.5 * random.normal(size=(1_000_000, 32))
        np.save(path, rows.astype(np.float32))
    return np.load(path)


def one_by_one(name, search, rows, count):
    """Median milliseconds of one query, over `count` queries."""
    times = []
    for i in range(count):
        query = rows[i * 997 % len(rows)][None]
        start = time.perf_counter()
        search(query)
        times.append(1e3 * (time.perf_counter() - start))
    print(json.dumps({"what": name, "threads": args.threads, "ms_median": float(np.median(times))}), flush=True)


if args.codes:
    codes = million(args.codes)
    index = faiss.IndexFlatL2(codes.shape[1])
    index.add(codes)
    one_by_one("faiss flat, 1 code", lambda q: index.search(q, args.k), codes, 101)
    hashes = np.random.default_rng(0).integers(0, 256, (len(codes), 32), np.uint8)
    binary = faiss.IndexBinaryFlat(256)
    binary.add(hashes)
    one_by_one("faiss binary flat, 1 hash of 256 bits", lambda q: binary.search(q, args.k), hashes, 201)
    if args.approximate:
        from usearch.index import Index

        graph = Index(ndim=codes.shape[1], metric="l2sq", dtype="f32", connectivity=16, expansion_add=128, expansion_search=64)
        keys = np.arange(len(codes), dtype=np.uint64)
        start = time.perf_counter()
        graph.add(keys, codes, threads=args.threads)
        print(json.dumps({"what": "usearch build", "threads": args.threads, "secs": time.perf_counter() - start}), flush=True)
        one_by_one("usearch, 1 code", lambda q: graph.search(q[0], args.k), codes, 1001)
        sample = np.arange(500) * len(codes) // 500
        exact = index.search(codes[sample], args.k + 1)[1]
        found = graph.search(codes[sample], args.k + 1).keys
        hits = [len(set(e) & set(f) - {s}) for e, f, s in zip(exact.tolist(), found.tolist(), sample.tolist())]
        print(json.dumps({"what": "usearch recall", "recall": float(np.mean(hits)) / args.k}))
    raise SystemExit

if not args.data:
    parser.error("--data is needed")

gallery, queries = pictures("train"), pictures("t10k")
gallery32, queries32 = gallery.astype(np.float32), queries.astype(np.float32)
found = {}

if "faiss" not in args.skip:
    index = faiss.IndexFlatL2(784)
    index.add(gallery32)
    found["faiss"] = measured("faiss 10000 queries", lambda: index.search(queries32, args.k))[1]
    if "single" not in args.skip:
        measured("faiss 1 query", lambda: index.search(queries32[:1], args.k), 50)

if "sklearn" not in args.skip:
    brute = NearestNeighbors(n_neighbors=args.k, algorithm="brute", n_jobs=args.threads).fit(gallery32)
    found["sklearn"] = measured("sklearn 10000 queries", lambda: brute.kneighbors(queries32, return_distance=False))
    if "single" not in args.skip:
        measured("sklearn 1 query", lambda: brute.kneighbors(queries32[:1], return_distance=False), 20)

if "usearch" not in args.skip:
    from usearch.index import search

    def exactly(rows):
        """Every distance, as `search(..., exact=True)` has them."""
        return search(gallery32, rows, args.k, metric="l2sq", exact=True, threads=args.threads).keys

    found["usearch"] = measured("usearch exact 10000 queries", lambda: exactly(queries32))
    if "single" not in args.skip:
        measured("usearch exact 1 query", lambda: exactly(queries32[:1]), 20)

if "codes" not in args.skip:
    random = np.random.default_rng(0)
    codes, wanted = random.random((60_000, 32), np.float32), random.random((10_000, 32), np.float32)
    index = faiss.IndexFlatL2(32)
    index.add(codes)
    measured("faiss 1 code in 60000x32", lambda: index.search(wanted[:1], args.k), 50)
    measured("faiss 10000 codes in 60000x32", lambda: index.search(wanted, args.k))

for name, ids in found.items():
    if args.out:
        np.save(args.out / f"{name}-ids.npy", ids.astype(np.uint32))
    if args.ours:
        compare(f"ours against {name}", gallery, queries, np.load(args.ours), ids)
