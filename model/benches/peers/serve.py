r"""How a peer in this folder answers the benchmark above it.

The first line says which PyTorch this is. Every further line up to an empty one, `<variant>\t<batch>`, is a variant
that works here; a line of the same form on standard input is answered with the seconds that one decode of that many
grooves took. Weights are random: they have no influence on the time.
"""

import sys
import time
import warnings

import torch

# Tracing is old-fashioned now, and still the fastest of these.
warnings.filterwarnings("ignore", category=FutureWarning)


def traced(model):
    """A trace of a batch size is of that size only, so each has its own."""
    traces = {}

    def run(*inputs):
        batch = inputs[0].shape[0]
        if batch not in traces:
            traces[batch] = torch.jit.freeze(torch.jit.trace(model.eval(), inputs, check_trace=False))
        return traces[batch](*inputs)

    return run


@torch.inference_mode()
def serve(variants, inputs):
    """`variants`: name, batch sizes, and what makes the function of `inputs(batch)` that is timed."""
    print(f"PyTorch {torch.__version__}")
    found = {}
    for name, batches, make in variants:
        try:
            run = make()
            for batch in batches:
                # The first runs of a trace are slower: it optimises itself.
                for _ in range(4):
                    run(*inputs(batch))
                found[name, batch] = run
                print(f"{name}\t{batch}")
        except Exception as error:  # compilers fail in many ways: no C++ compiler, no Python headers, a CPU too new
            print(f"peer `{name}` does not work here: {str(error).splitlines()[0]}", file=sys.stderr)
    print(flush=True)
    for line in sys.stdin:
        name, batch = line.rstrip("\n").split("\t")
        given = inputs(int(batch))
        start = time.perf_counter()
        found[name, int(batch)](*given)
        print(time.perf_counter() - start, flush=True)
