"""PyTorch's answer to `train --preset mnist-dense` and `evaluate --samples 200`: bound and likelihood on MNIST's test set, in nats.

784-400-20, dynamic binarisation, Adam from 1e-3 to 1e-5 along a cosine, batches of 128, 50 epochs; the test set binarised once.
"""

import argparse
import gzip
import json
import math
import time
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional as F

from training import dense


def pictures(path):
    with gzip.open(path) as file:
        return torch.from_numpy(np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 784).astype(np.float32) / 255)


def terms(net, x, samples):
    """log p(x, z) − log q(z|x) of each sample, `[samples, items]`."""
    mean, logv = net.encode(x)
    noise = torch.randn(samples, *mean.shape)
    z = mean + torch.exp(0.5 * logv) * noise
    ratio = 0.5 * (logv + noise**2 - z**2).sum(-1)
    out = net.decode(z)
    return ratio - F.binary_cross_entropy_with_logits(out, x.expand_as(out), reduction="none").sum(-1)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder with MNIST's .gz files")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--epochs", type=int, default=50)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    torch.manual_seed(args.seed)
    train, test = (pictures(args.data / f"{name}-images-idx3-ubyte.gz") for name in ("train", "t10k"))

    start = time.perf_counter()
    net = dense()
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    steps = args.epochs * (len(train) // 128)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimiser, steps, 1e-5)
    for _ in range(args.epochs):
        order = torch.randperm(len(train))
        for i in range(len(train) // 128):
            x = torch.bernoulli(train[order[i * 128 : (i + 1) * 128]])
            mean, logv = net.encode(x)
            out = net.decode(mean + torch.exp(0.5 * logv) * torch.randn_like(mean))
            loss = F.binary_cross_entropy_with_logits(out, x, reduction="sum")
            loss = (loss + 0.5 * (logv.exp() + mean**2 - logv - 1).sum()) / 128
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
    secs = time.perf_counter() - start

    bound = likelihood = 0.0
    with torch.no_grad():
        for x in torch.bernoulli(test).split(100):
            each = terms(net, x, 200)
            bound += each.mean(0).sum().item()
            likelihood += (torch.logsumexp(each, 0) - math.log(200)).sum().item()
    print(json.dumps({"elbo": bound / len(test), "nll": -likelihood / len(test), "train_secs": secs}))
