"""Milliseconds per training step of PyTorch on the CPU, for the networks of `cargo bench --bench training`.

The convolutional network is timed in both of PyTorch's memory formats; compare with the faster of the two.
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


class Block(nn.Module):
    """Depthwise 3x3 and two 1x1 convolutions around a residual connection."""

    def __init__(self, width):
        super().__init__()
        self.around = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.widen, self.narrow = nn.Conv2d(width, 2 * width, 1), nn.Conv2d(2 * width, width, 1)

    def forward(self, x):
        return x + self.narrow(F.relu(self.widen(self.around(x))))


def conv(layout, channels=(32, 64, 128, 192), hidden=256, code=32):
    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            down, up, width = [], [], 3
            for i, c in enumerate(channels):
                down += [nn.Conv2d(width, c, 2, 2), nn.ReLU(), Block(c)]
                up += [nn.ReLU()] if i > 0 else []
                up += [nn.ConvTranspose2d(c, width, 2, 2), Block(c)]
                width = c
            self.down, self.up, self.width = nn.Sequential(*down), nn.Sequential(*reversed(up)), width
            flat = 16 * width
            self.enc, self.mean, self.logv = nn.Linear(flat, hidden), nn.Linear(hidden, code), nn.Linear(hidden, code)
            self.dec1, self.dec2 = nn.Linear(code, hidden), nn.Linear(hidden, flat)

        def encode(self, x):
            x = x.view(-1, 3, 64, 64).contiguous(memory_format=layout)
            h = F.relu(self.enc(self.down(x).flatten(1)))
            return self.mean(h), self.logv(h)

        def decode(self, z):
            h = F.relu(self.dec2(F.relu(self.dec1(z))))
            h = h.view(-1, self.width, 4, 4).contiguous(memory_format=layout)
            return self.up(h).flatten(1)

    return Net().to(memory_format=layout)


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
            rec = ((out - x) ** 2).sum() / (2 * 0.1**2) / batch
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
        "conv_ms": milliseconds(conv(torch.contiguous_format), 16, 64 * 64 * 3, False, args.steps, 1000.0),
        "conv_channels_last_ms": milliseconds(conv(torch.channels_last), 16, 64 * 64 * 3, False, args.steps, 1000.0),
    }))
