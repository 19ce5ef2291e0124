"""One training step of groovae_4bar in PyTorch, on random grooves; see `serve.py`."""

import sys

import torch
from serve import serve
from torch import nn
from torch.nn import functional

BATCH, THREADS, DEVICE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
STEPS, ROW, VOICES, LATENT, ENCODER, DECODER = 64, 27, 9, 256, 512, 256
KEEP, FREE_NATS, BETA = 0.3, 48 * 0.6931, 0.2


class GrooVae(nn.Module):
    """Magenta's groovae_4bar over `nn.LSTM`, the fastest recurrent layer PyTorch has on a CPU."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(ROW, ENCODER, bidirectional=True)
        self.mu = nn.Linear(2 * ENCODER, LATENT)
        self.sigma = nn.Linear(2 * ENCODER, LATENT)
        self.initial = nn.Linear(LATENT, 4 * DECODER)
        self.first = nn.LSTM(ROW + LATENT, DECODER)
        self.second = nn.LSTM(DECODER, DECODER)
        self.output = nn.Linear(DECODER, ROW)

    def loss(self, x):
        def drop(values):
            return functional.dropout(values, 1 - KEEP)

        encoded, _ = self.encoder(drop(x))
        last = torch.cat([encoded[-1, :, :ENCODER], encoded[0, :, ENCODER:]], 1)
        mu, sigma = self.mu(last), functional.softplus(self.sigma(last))
        z = mu + sigma * torch.randn_like(sigma)
        c0, h0, c1, h1 = (part.contiguous()[None] for part in torch.tanh(self.initial(z)).chunk(4, 1))
        previous = torch.cat([torch.zeros(1, BATCH, ROW), x[:-1]])
        inputs = torch.cat([previous, z.expand(STEPS, BATCH, LATENT)], 2)
        hidden, _ = self.first(drop(inputs), (h0, c0))
        hidden, _ = self.second(drop(hidden), (h1, c1))
        hits, velocities, offsets = self.output(hidden).chunk(3, 2)
        loss = functional.binary_cross_entropy_with_logits(hits, x[:, :, :VOICES], reduction="sum")
        loss = loss + (x[:, :, VOICES : 2 * VOICES] - torch.sigmoid(velocities)).square().sum()
        loss = loss + (x[:, :, 2 * VOICES :] - torch.tanh(offsets)).square().sum()
        kl = 0.5 * (mu.square() + sigma.square() - 1 - sigma.square().log()).sum(1)
        return (loss + BETA * functional.relu(kl - FREE_NATS).sum()) / BATCH


torch.set_num_threads(THREADS)
torch.set_default_device(DEVICE)
model = GrooVae()
optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
hits = (torch.rand(STEPS, BATCH, VOICES) < 0.13).float()
x = torch.cat([hits, hits * torch.rand_like(hits), hits * (torch.rand_like(hits) - 0.5)], 2)


def step():
    optimizer.zero_grad()
    model.loss(x).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()


serve(step)
