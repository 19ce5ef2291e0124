"""The decoder of fourbar in PyTorch, on one core; see `serve.py`. Nothing is known of the grooves.

Everything that does not depend on what was drawn is computed once for all steps: the share of the latent, of the places
and of the known cells in the layers' sums.
"""

import torch
from serve import serve, traced
from torch import nn
from torch.nn import functional

STEPS, VOICES, LATENT, UNITS, KNOWN, EMBEDDING, POSITION, HIDDEN = 64, 9, 48, 256, 64, 160, 24, 96
ROW, CONTROLS, TEMPO, LAGS, FREE = 27, 51, 2, (16, 32), 6
MIXTURE = FREE + len(LAGS)
CELL = 1 + 2 * 3 * MIXTURE
CONTEXT = 2 * KNOWN + CONTROLS + POSITION
BACKS = (ROW + 1) * len(LAGS)


def draw(mixture, uniforms, temperature, low, most):
    """Values from mixtures of logistic distributions, `[batch, 3 * MIXTURE]`."""
    logits, means, scales = mixture.chunk(3, 1)
    weights = torch.cumsum(torch.softmax(logits / temperature, 1), 1)
    chosen = (uniforms[:, :1] >= weights[:, :-1]).sum(1, keepdim=True)
    scale = scales.gather(1, chosen).clamp(-6, most).exp() * temperature
    return (means.gather(1, chosen) + scale * torch.logit(uniforms[:, 1:], 1e-5)).clamp(low, 1.0)


class Step(nn.Module):
    """One step: the last row and those further back to the next row."""

    def __init__(self):
        super().__init__()
        self.embed = nn.Parameter(0.05 * torch.randn(ROW + 1 + BACKS, EMBEDDING))
        self.lstm = nn.ModuleList([nn.LSTMCell(EMBEDDING, UNITS), nn.LSTMCell(UNITS, UNITS)])
        self.hidden = nn.Parameter(0.05 * torch.randn(UNITS + BACKS, VOICES * HIDDEN))
        self.above = nn.Parameter(0.05 * torch.randn(VOICES, 3, VOICES * HIDDEN))
        self.cell = nn.Parameter(0.03 * torch.randn(VOICES, HIDDEN, CELL))
        bias = torch.zeros(VOICES, CELL)
        bias[:, 0] = -2.0
        self.bias = nn.Parameter(bias)
        self.by_velocity = nn.Parameter(torch.zeros(VOICES, 3 * MIXTURE))

    def copies(self, backs):
        """What the rows further back add to the numbers of the cells, `[batch, drums, CELL]`."""
        hits, velocities, offsets = backs[:, :, :ROW].unflatten(2, (3, VOICES)).permute(2, 0, 3, 1)
        weights = functional.pad((hits - 1) * 20.0, (FREE, 0))
        means = [functional.pad(values, (FREE, MIXTURE)) for values in (velocities, offsets)]
        return functional.pad(torch.cat([weights, means[0], weights, means[1]], 2), (1, 0))

    def drum(self, v, hidden, start, uniforms):
        """Hit, velocity and offset of a drum, `[batch, 3]`."""
        numbers = start[:, v] + functional.silu(hidden) @ self.cell[v]
        hit = (uniforms[:, :1] < torch.sigmoid(numbers[:, :1] / 0.9)).to(hidden.dtype)
        velocity, offset = numbers[:, 1:].chunk(2, 1)
        velocity = draw(velocity, uniforms[:, 1:3], 0.95, 1 / 127, 1.0)
        offset = draw(offset + velocity * self.by_velocity[v], uniforms[:, 3:], 0.95, -1.0, 0.7)
        return torch.cat([hit, velocity, offset], 1) * hit

    def row(self, hidden, start, uniforms):
        rest, drums = hidden, []
        for v in range(VOICES):
            own, rest = rest[:, :HIDDEN], rest[:, HIDDEN:]
            drums.append(self.drum(v, own, start, uniforms[:, v]))
            rest = rest + drums[-1] @ self.above[v, :, (v + 1) * HIDDEN :]
        return torch.stack(drums, 2).flatten(1)

    def forward(self, last, backs, embedded, hidden, uniforms, h0, c0, h1, c1):
        flat = backs.flatten(1)
        h0, c0 = self.lstm[0](torch.addmm(embedded, torch.cat([last, flat], 1), self.embed), (h0, c0))
        h1, c1 = self.lstm[1](h0, (h1, c1))
        hidden = torch.addmm(hidden, torch.cat([h1, flat], 1), self.hidden)
        row = self.row(hidden, self.bias + self.copies(backs), uniforms)
        return row, h0, c0, h1, c1


class SkippingStep(Step):
    """For one groove: nothing is drawn for a drum that rests, and nothing added to the drums below it."""

    def row(self, hidden, start, uniforms):
        row = torch.zeros(3, VOICES)
        for v in range(VOICES):
            numbers = start[:, v] + functional.silu(hidden[:, v * HIDDEN : (v + 1) * HIDDEN]) @ self.cell[v]
            drawn = uniforms[:, v]
            if bool(drawn[0, 0] < torch.sigmoid(numbers[0, 0] / 0.9)):
                velocity, offset = numbers[:, 1:].chunk(2, 1)
                velocity = draw(velocity, drawn[:, 1:3], 0.95, 1 / 127, 1.0)
                offset = draw(offset + velocity * self.by_velocity[v], drawn[:, 3:], 0.95, -1.0, 0.7)
                values = torch.cat([torch.ones(1, 1), velocity, offset], 1)
                row[:, v] = values[0]
                hidden = hidden + values @ self.above[v]
        return row.reshape(1, ROW)


class Decoder(nn.Module):
    """The loop around a step, and what is computed before it."""

    def __init__(self, step):
        super().__init__()
        self.step = step
        self.initial = nn.Linear(LATENT + TEMPO, 4 * UNITS)
        self.known = nn.LSTM(CONTROLS, KNOWN, bidirectional=True)
        self.positions = nn.Parameter(torch.randn(STEPS, 1, POSITION))
        self.embed = nn.Linear(CONTEXT + LATENT + TEMPO, EMBEDDING)
        self.hidden = nn.Linear(CONTEXT, VOICES * HIDDEN)

    def forward(self, z, controls, uniforms):
        batch = z.shape[0]
        states = torch.tanh(self.initial(z)).chunk(4, 1)
        places = self.positions.expand(STEPS, batch, POSITION)
        context = torch.cat([self.known(controls)[0], controls, places], 2)
        embedded = self.embed(torch.cat([context, z.expand(STEPS, batch, LATENT + TEMPO)], 2))
        hidden = self.hidden(context)
        # Silence before the beginning; the number beside each row says that it is there.
        rows = torch.zeros(max(LAGS) + STEPS, batch, ROW + 1)
        rows[:, :, ROW] = 1
        for step in range(STEPS):
            now = max(LAGS) + step
            backs = torch.stack([rows[now - lag] for lag in LAGS], 1)
            row, *states = self.step(rows[now - 1], backs, embedded[step], hidden[step], uniforms[:, step], *states)
            rows[now, :, :ROW] = row
        return rows[max(LAGS) :, :, :ROW]


def inputs(batch):
    return torch.randn(batch, LATENT + TEMPO), torch.zeros(STEPS, batch, CONTROLS), torch.rand(batch, STEPS, VOICES, 5)


def variants():
    yield "eager", (1, 64), lambda: Decoder(Step())
    yield "eager, rests skipped", (1,), lambda: Decoder(SkippingStep())
    yield "jit.trace", (1, 64), lambda: Decoder(traced(Step()))
    yield "torch.compile", (1, 64), lambda: Decoder(torch.compile(Step(), dynamic=False))


torch.manual_seed(1)
torch.set_num_threads(1)
serve(variants(), inputs)
