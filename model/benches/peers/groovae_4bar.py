"""The decoder of groovae_4bar in PyTorch, on one core; see `serve.py`."""

import torch
from serve import serve, traced
from torch import nn

STEPS, ROW, VOICES, LATENT, UNITS = 64, 27, 9, 256, 256


def to_row(logits, uniforms):
    hits = (uniforms < torch.sigmoid(logits[:, :VOICES])).to(logits.dtype)
    velocities = torch.sigmoid(logits[:, VOICES : 2 * VOICES])
    return torch.cat([hits, velocities, torch.tanh(logits[:, 2 * VOICES :])], 1)


class Cells(nn.Module):
    """As one would write it: two `nn.LSTMCell`s that read the row and z."""

    def __init__(self):
        super().__init__()
        self.initial = nn.Linear(LATENT, 4 * UNITS)
        self.cells = nn.ModuleList([nn.LSTMCell(ROW + LATENT, UNITS), nn.LSTMCell(UNITS, UNITS)])
        self.output = nn.Linear(UNITS, ROW)

    def forward(self, z, uniforms):
        c0, h0, c1, h1 = torch.tanh(self.initial(z)).chunk(4, 1)
        row = torch.zeros(z.shape[0], ROW)
        rows = []
        for step in range(STEPS):
            h0, c0 = self.cells[0](torch.cat([row, z], 1), (h0, c0))
            h1, c1 = self.cells[1](h0, (h1, c1))
            row = to_row(self.output(h1), uniforms[:, step])
            rows.append(row)
        return torch.stack(rows, 1)


class Tuned(nn.Module):
    """As fast as stock operations get: z projected once, one product a layer, kernels laid out for it."""

    def __init__(self, dtype=torch.float32):
        super().__init__()
        self.dtype = dtype
        self.initial = nn.Linear(LATENT, 4 * UNITS)
        self.from_z = nn.Linear(LATENT, 4 * UNITS)
        self.kernels = nn.ParameterList(
            [nn.Parameter(0.05 * torch.randn(n, 4 * UNITS, dtype=dtype)) for n in (ROW + UNITS, 2 * UNITS)]
        )
        self.bias = nn.Parameter(torch.zeros(4 * UNITS))
        self.output = nn.Linear(UNITS, ROW)

    def layer(self, kernel, start, x, c):
        gates = start + torch.mm(x.to(self.dtype), kernel).float()
        i, g, f, o = gates.chunk(4, 1)
        c = torch.sigmoid(f) * c + torch.sigmoid(i) * torch.tanh(g)
        return torch.sigmoid(o) * torch.tanh(c), c

    def forward(self, z, uniforms):
        c0, h0, c1, h1 = torch.tanh(self.initial(z)).chunk(4, 1)
        start = self.from_z(z)
        row = torch.zeros(z.shape[0], ROW)
        rows = []
        for step in range(STEPS):
            h0, c0 = self.layer(self.kernels[0], start, torch.cat([row, h0], 1), c0)
            h1, c1 = self.layer(self.kernels[1], self.bias, torch.cat([h0, h1], 1), c1)
            row = to_row(self.output(h1), uniforms[:, step])
            rows.append(row)
        return torch.stack(rows, 1)


def inputs(batch):
    return torch.randn(batch, LATENT), torch.rand(batch, STEPS, VOICES)


def compiled(model):
    """The whole decode as one compiled function, which takes a minute to make."""
    run = torch.compile(model, dynamic=False)
    run(*inputs(1))
    return run


def variants():
    """Compiled ones exist for one groove only, or compiling takes for ever."""
    tuned = Tuned()
    yield "LSTMCell", (1, 64), Cells
    yield "LSTMCell, jit.trace", (1, 64), lambda: traced(Cells())
    yield "tuned", (1, 64), lambda: tuned
    yield "tuned, jit.trace", (1, 64), lambda: traced(tuned)
    yield "tuned, bf16 weights, jit.trace", (1, 64), lambda: traced(Tuned(torch.bfloat16))
    yield "tuned, torch.compile", (1,), lambda: compiled(tuned)


torch.manual_seed(1)
torch.set_num_threads(1)
serve(variants(), inputs)
