"""One training step of fourbar in PyTorch, on random grooves of which four in ten have known parts; see `serve.py`."""

import sys

import torch
from serve import serve
from torch import nn
from torch.nn import functional

BATCH, THREADS, DEVICE = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
STEPS, VOICES, LATENT, ENCODER, UNITS, KNOWN, EMBEDDING, POSITION, HIDDEN = 64, 9, 48, 192, 256, 64, 160, 24, 96
ROW, CONTROLS, TEMPO, LAGS, FREE, ATTRIBUTES = 27, 51, 2, (16, 32), 6, 5
MIXTURE = FREE + len(LAGS)
CELL = 1 + 2 * 3 * MIXTURE
CONTEXT = (ROW + 1) * len(LAGS) + 2 * KNOWN + CONTROLS + POSITION
KEEP, ENCODER_KEEP, FREE_NATS, BETA, ORDER, AVERAGE = 0.75, 0.9, 29 * 0.6931, 1.0, 10.0, 0.998


def mixture_nll(values, mixture, width, low, high, most):
    """Nats of `values` `[n]` under mixtures of discretised logistic distributions `[n, 3 * MIXTURE]`."""
    values = values[:, None]
    logits, means, scales = mixture.chunk(3, 1)
    narrow = torch.exp(-scales.clamp(-6, most))
    upper, lower = (values + width / 2 - means) * narrow, (values - width / 2 - means) * narrow
    inside = functional.logsigmoid(upper) + functional.logsigmoid(-lower) + torch.log(-torch.expm1(-width * narrow))
    above, below = functional.logsigmoid(-lower), functional.logsigmoid(upper)
    nats = torch.where(values >= high - width / 2, above, torch.where(values <= low + width / 2, below, inside))
    return torch.logsumexp(logits, 1) - torch.logsumexp(logits + nats, 1)


class Fourbar(nn.Module):
    """The network over `nn.LSTM`, the fastest recurrent layer PyTorch has on a CPU; sequences are `[steps, batch, n]`."""

    def __init__(self):
        super().__init__()
        self.encoder = nn.LSTM(ROW, ENCODER, bidirectional=True)
        self.mu = nn.Linear(2 * ENCODER, LATENT)
        self.sigma = nn.Linear(2 * ENCODER, LATENT)
        self.positions = nn.Parameter(torch.randn(STEPS, 1, POSITION))
        self.known = nn.LSTM(CONTROLS, KNOWN, bidirectional=True)
        self.embed = nn.Linear(ROW + 1 + CONTEXT + LATENT + TEMPO, EMBEDDING)
        self.initial = nn.Linear(LATENT + TEMPO, 4 * UNITS)
        self.first = nn.LSTM(EMBEDDING, UNITS)
        self.second = nn.LSTM(UNITS, UNITS)
        self.hidden = nn.Linear(UNITS + CONTEXT, VOICES * HIDDEN)
        self.above = nn.Parameter(0.05 * torch.randn(ROW, VOICES * HIDDEN))
        self.cell = nn.Parameter(0.03 * torch.randn(VOICES, HIDDEN, CELL))
        bias = torch.zeros(VOICES, 1, CELL)
        bias[:, :, 0] = -2.0
        self.bias = nn.Parameter(bias)
        self.by_velocity = nn.Parameter(torch.zeros(VOICES, 3 * MIXTURE))
        of_column, of_unit = torch.arange(ROW) % VOICES, torch.arange(VOICES * HIDDEN) // HIDDEN
        self.register_buffer("is_above", (of_column[:, None] < of_unit).float())

    def encode(self, x):
        encoded, _ = self.encoder(functional.dropout(x, 1 - ENCODER_KEEP))
        last = torch.cat([encoded[-1, :, :ENCODER], encoded[0, :, ENCODER:]], 1)
        return self.mu(last), functional.softplus(self.sigma(last))

    def back(self, x, lag):
        """The rows `lag` steps ago, some of them left out, and whether they are there."""
        is_there = (torch.rand(STEPS, BATCH, 1) < KEEP).float()
        return torch.cat([functional.pad(x[:-lag], (0, 0, 0, 0, lag, 0)) * is_there, is_there], 2)

    def cells(self, x, z, controls):
        """The numbers that decide every cell, but for what is copied: `[drums, steps * batch, CELL]`."""
        backs = [self.back(x, lag) for lag in LAGS]
        places = self.positions.expand(STEPS, BATCH, POSITION)
        context = torch.cat([*backs, self.known(controls)[0], controls, places], 2)
        every_step = z.expand(STEPS, BATCH, LATENT + TEMPO)
        inputs = self.embed(torch.cat([self.back(x, 1), context, every_step], 2))
        c0, h0, c1, h1 = (part.contiguous()[None] for part in torch.tanh(self.initial(z)).chunk(4, 1))
        h, _ = self.first(functional.dropout(inputs, 1 - KEEP), (h0, c0))
        h, _ = self.second(functional.dropout(h, 1 - KEEP), (h1, c1))
        half = (1 - KEEP) / 2
        hidden = self.hidden(functional.dropout(torch.cat([h, context], 2), half)) + x @ (self.above * self.is_above)
        hidden = functional.dropout(functional.silu(hidden), half)
        hidden = hidden.reshape(-1, VOICES, HIDDEN).transpose(0, 1)
        return torch.baddbmm(self.bias, hidden, self.cell), backs

    def copies(self, backs, drums, places):
        """What there is to copy for hits of `drums` at `places`, for the mixtures of velocity and of offset."""
        backs = torch.stack([back.flatten(0, 1) for back in backs], 1)[places]
        hits, velocities, offsets = (
            backs.gather(2, (part * VOICES + drums)[:, None, None].expand(-1, len(LAGS), 1))[:, :, 0] for part in range(3)
        )
        weights = functional.pad((hits - 1) * 20.0, (FREE, 0))
        return [torch.cat([weights, functional.pad(mean, (FREE, MIXTURE))], 1) for mean in (velocities, offsets)]

    def loss(self, x, tempo, controls, counts, order):
        mu, sigma = self.encode(x)
        z = mu + sigma * torch.randn_like(sigma)
        cells, backs = self.cells(x, torch.cat([z, tempo], 1), controls)
        hits, velocities, offsets = x.reshape(-1, 3, VOICES).permute(1, 2, 0)
        nats = functional.binary_cross_entropy_with_logits(cells[:, :, 0], hits, weight=counts[0], reduction="sum")
        # Only one cell in eight is hit; the mixtures of the others cost nothing.
        drums, places = torch.nonzero(hits * counts[1], as_tuple=True)
        of_velocity, of_offset = cells[drums, places, 1:].chunk(2, 1)
        copied_velocity, copied_offset = self.copies(backs, drums, places)
        velocity, offset = velocities[drums, places], offsets[drums, places]
        of_offset = of_offset + copied_offset + velocity[:, None] * self.by_velocity[drums]
        nats = nats + mixture_nll(velocity, of_velocity + copied_velocity, 1 / 127, 1 / 127, 1.0, 1.0).sum()
        nats = nats + mixture_nll(offset, of_offset, 2 / 120, -1.0, 1.0, 0.7).sum()
        kl = 0.5 * (mu.square() + sigma.square() - 1 - sigma.square().log()).sum(1)
        first = z[:, :ATTRIBUTES]
        disorder = (torch.tanh(first[:, None] - first) - order).abs().mean(1).sum()
        return (nats + BETA * functional.relu(kl - FREE_NATS).sum() + ORDER * disorder) / BATCH


torch.manual_seed(1)
torch.set_num_threads(THREADS)
torch.set_default_device(DEVICE)
model = Fourbar()
optimizer = torch.optim.AdamW(model.parameters(), lr=2.5e-3, weight_decay=0.01, fused=True)
parameters = [parameter.detach() for parameter in model.parameters()]
averages = [parameter.clone() for parameter in parameters]

hits = (torch.rand(STEPS, BATCH, VOICES) < 0.13).float()
x = torch.cat([hits, hits * torch.rand_like(hits), hits * (2 * torch.rand_like(hits) - 1)], 2)
# Half of the drums are known of four grooves in ten.
known = ((torch.rand(1, BATCH, 1) < 0.4) & (torch.rand(1, BATCH, VOICES) < 0.5)).float().expand(STEPS, BATCH, VOICES)
parts = [known, known * hits, known, *(known * part for part in x.split(VOICES, 2)[1:])]
controls = torch.cat([*parts, torch.zeros(STEPS, BATCH, CONTROLS - 5 * VOICES)], 2)
counts = (1 - known).reshape(1, -1, VOICES).transpose(1, 2).expand(2, VOICES, STEPS * BATCH)
tempo = torch.cat([torch.ones(BATCH, 1), torch.randn(BATCH, 1)], 1)
attributes = torch.randn(BATCH, ATTRIBUTES)
order = torch.sign(attributes[:, None] - attributes)


def step():
    optimizer.zero_grad()
    model.loss(x, tempo, controls, counts, order).backward()
    nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    torch._foreach_lerp_(averages, parameters, 1 - AVERAGE)


serve(step)
