"""Milliseconds per training step of PyTorch on the CPU, for the networks of `cargo bench --bench training`.

The convolutional network is written twice: with Conv2d and ConvTranspose2d, as one would in PyTorch, and as matrix
products over pixels in patch order, as Morphospace computes it. Compare with the faster of the two.
"""

import argparse
import json
import time

import torch
from torch import nn
from torch.nn import functional as F


def dense():
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.fc1, self.fc21, self.fc22 = nn.Linear(784, 400), nn.Linear(400, 20), nn.Linear(400, 20)
            self.fc3, self.fc4 = nn.Linear(20, 400), nn.Linear(400, 784)

        def encode(self, x):
            h = F.relu(self.fc1(x))
            return self.fc21(h), self.fc22(h)

        def decode(self, z):
            return self.fc4(F.relu(self.fc3(z)))

    return Net()


class Residual(nn.Module):
    def __init__(self, make, width):
        super().__init__()
        self.a, self.b = make(width, width), make(width, width)

    def forward(self, x):
        return x + self.b(F.relu(self.a(x)))


def conv(channels=(64, 128), blocks=(0, 2), hidden=256, code=24):
    def one(i, o):
        return nn.Conv2d(i, o, 1)

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            down, up, width = [], [], 3
            for i, (patch, c) in enumerate(zip((4, 2), channels)):
                down += [nn.Conv2d(width, c, patch, patch), nn.ReLU()]
                down += [Residual(one, c) for _ in range(blocks[i])]
                up += [nn.ReLU()] if i > 0 else []
                up += [nn.ConvTranspose2d(c, width, patch, patch)]
                up += [Residual(one, c) for _ in range(blocks[i])]
                width = c
            self.down, self.up, self.width = nn.Sequential(*down), nn.Sequential(*reversed(up)), width
            flat = 64 * width
            self.enc, self.mean, self.logv = nn.Linear(flat, hidden), nn.Linear(hidden, code), nn.Linear(hidden, code)
            self.dec1, self.dec2 = nn.Linear(code, hidden), nn.Linear(hidden, flat)

        def encode(self, x):
            h = F.relu(self.enc(self.down(x.view(-1, 3, 64, 64)).flatten(1)))
            return self.mean(h), self.logv(h)

        def decode(self, z):
            h = F.relu(self.dec2(F.relu(self.dec1(z))))
            return self.up(h.view(-1, self.width, 8, 8)).flatten(1)

    return Net()


def conv_as_products(channels=(64, 128), blocks=(0, 2), hidden=256, code=24):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            down, up, width = [], [], 3
            for i, (patch, c) in enumerate(zip((4, 2), channels)):
                down.append((nn.Linear(patch * patch * width, c), True))
                down += [(Residual(nn.Linear, c), False) for _ in range(blocks[i])]
                up.append((nn.Linear(c, patch * patch * width), i > 0))
                up += [(Residual(nn.Linear, c), False) for _ in range(blocks[i])]
                width = c
            up.reverse()
            self.down, self.up = nn.ModuleList(m for m, _ in down), nn.ModuleList(m for m, _ in up)
            self.down_relu, self.up_relu = [r for _, r in down], [r for _, r in up]
            flat = 64 * width
            self.enc, self.mean, self.logv = nn.Linear(flat, hidden), nn.Linear(hidden, code), nn.Linear(hidden, code)
            self.dec1, self.dec2 = nn.Linear(code, hidden), nn.Linear(hidden, flat)

        @staticmethod
        def run(x, layers, relus):
            for layer, relu in zip(layers, relus):
                width = layer.a.in_features if isinstance(layer, Residual) else layer.in_features
                x = layer(x.reshape(-1, width))
                x = F.relu(x) if relu else x
            return x

        def encode(self, x):
            items = x.shape[0]
            h = F.relu(self.enc(self.run(x, self.down, self.down_relu).reshape(items, -1)))
            return self.mean(h), self.logv(h)

        def decode(self, z):
            h = F.relu(self.dec2(F.relu(self.dec1(z))))
            return self.run(h, self.up, self.up_relu).reshape(z.shape[0], -1)

    return Net()


def milliseconds(net, batch, width, bernoulli, steps, clip):
    torch.manual_seed(1)
    data = torch.rand(1024, width)
    optimiser = torch.optim.Adam(net.parameters(), 1e-3)
    times = []
    for i in range(steps + 10):
        start = time.perf_counter()
        x = data[torch.randint(0, len(data), (batch,))]
        if bernoulli:
            x = torch.bernoulli(x)
        mean, logv = net.encode(x)
        out = net.decode(mean + torch.exp(0.5 * logv) * torch.randn_like(mean))
        if bernoulli:
            rec = F.binary_cross_entropy_with_logits(out, x, reduction="sum") / batch
        else:
            rec = ((out - x) ** 2).sum() / (2 * 0.14**2) / batch
        kl = 0.5 * (logv.exp() + mean**2 - logv - 1).sum() / batch
        optimiser.zero_grad()
        (rec + kl).backward()
        if clip:
            nn.utils.clip_grad_norm_(net.parameters(), clip)
        optimiser.step()
        if i >= 10:
            times.append(time.perf_counter() - start)
    return 1000 * sorted(times)[len(times) // 2]


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--steps", type=int, default=60)
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    print(json.dumps({
        "dense_ms": milliseconds(dense(), 128, 784, True, 4 * args.steps, None),
        "conv_ms": milliseconds(conv(), 32, 64 * 64 * 3, False, args.steps, 1000.0),
        "conv_as_products_ms": milliseconds(conv_as_products(), 32, 64 * 64 * 3, False, args.steps, 1000.0),
    }))
