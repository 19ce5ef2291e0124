r"""How a peer in this folder answers the benchmark above it.

The first line says which PyTorch this is. Each line read from standard input is answered with the seconds of one more
step (forward, backward, clipping, the optimiser) and the largest memory of the process so far, in MiB. On a GPU, PyTorch
computes in single precision, as Fourbar does, and a step ends when the GPU has ended it.
"""

import resource
import sys
import time

import torch


def serve(step):
    """Times `step`, which makes one step."""
    torch.backends.cudnn.allow_tf32 = False
    wait = torch.cuda.synchronize if torch.cuda.is_initialized() else lambda: None
    print(f"PyTorch {torch.__version__}", flush=True)
    for _ in sys.stdin:
        wait()
        start = time.perf_counter()
        step()
        wait()
        seconds = time.perf_counter() - start
        print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, flush=True)
