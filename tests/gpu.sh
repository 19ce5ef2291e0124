#!/usr/bin/env bash
# What only a machine with an NVIDIA GPU can show of Fourbar, and how fast it is there: docs/systems.md says how to run it.
#
#     tests/gpu.sh [PART ...]    on the GPU: all parts, or those named (parity step grooves lost run); needs CUDA's toolkit, a C
#                                compiler, and a Python with PyTorch in FOURBAR_PYTHON
#     tests/gpu.sh --cpu         the same by the CPU as far as it goes, in seconds, to see that this script works
#
# FOURBAR_BUILT names a folder in which `fourbar`, `step` (the benchmark) and `device` (the example) are built already, for a
# machine without Rust; FOURBAR_DATA the Groove MIDI Dataset, which the whole training run learns.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

parts=(parity step grooves lost run)
device=cuda
if [[ ${1:-} == --cpu ]]; then
    device=cpu
    parts=(parity grooves lost run)
elif (($#)); then
    parts=("$@")
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# So small that a step takes milliseconds.
tiny=(--batch-size 8 --set micro_batch=8 --set validate_every=2
    --set model.latent=4 --set 'model.encoder.units=[8]' --set 'model.decoder.units=[8]')

say() { printf '\n== %s\n' "$*"; }
fail() { printf 'FAILED: %s\n' "$*" >&2; exit 1; }

build() {
    if [[ -z ${FOURBAR_BUILT:-} ]]; then
        FOURBAR_BUILT=$work/built
        mkdir "$FOURBAR_BUILT"
        local targets=(--bin fourbar) executable name
        if [[ $device == cuda ]]; then
            targets+=(--example device --bench step --features fourbar-model/cuda,fourbar-trainer/cuda)
        fi
        # All at once: by themselves they would each compile candle's kernels, which takes minutes.
        for executable in $(cargo build --release --package fourbar-model --package fourbar-trainer "${targets[@]}" \
            --message-format json-render-diagnostics | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'); do
            name=${executable##*/}
            cp "$executable" "$FOURBAR_BUILT/${name%-*}"
        done
    fi
    PATH=$FOURBAR_BUILT:$PATH
    fourbar generate --model bundles/models/fourbar.safetensors --mode sample --count 24 --out "$work/loops" >/dev/null
}

# Losses of the same steps of the same model, by the CPU and by the device. One part a batch, as on a GPU, so that both draw the
# same noise; what is left is rounding.
parity() {
    say "parity: eight steps by the CPU and by $device"
    fourbar train --data "$work/loops" --out "$work/reference" --device cpu --steps 8 "${tiny[@]}" >/dev/null
    fourbar train --data "$work/loops" --out "$work/parity" --device "$device" --steps 8 "${tiny[@]}" >/dev/null
    paste -d , "$work/reference/log.csv" "$work/parity/log.csv" | awk -F , '
        NR == 1 { n = NF / 2; for (i = 1; i <= n; i++) if ($i == "loss") loss = i }
        NR > 1 {
            a = $loss; b = $(loss + n); d = (a > b ? a - b : b - a) / a
            printf "step %s: %s and %s\n", $1, a, b
            if (!(d < 1e-4)) bad = 1
            rows++
        }
        END { exit bad || rows < 4 }' || fail "the losses differ by more than 1e-4 of themselves"
}

# A step of training, in turns with PyTorch on the same device in the same call.
step() {
    say "one training step of 64 grooves, in turns with PyTorch"
    FOURBAR_BENCH_DEVICE=cuda command step --bench
}

run() {
    say "a training run from the first step to the last"
    local arguments=(--data "$work/loops" --steps 4 "${tiny[@]}")
    if [[ $device == cuda ]]; then arguments=(--preset fourbar); fi
    local started=$SECONDS
    fourbar train "${arguments[@]}" --device "$device" --out "$work/whole"
    echo "$(((SECONDS - started) / 60)) min $(((SECONDS - started) % 60)) s in all"
    fourbar inspect "$work/whole/model.safetensors" >/dev/null || fail "the run has left no model"
}

grooves() {
    say "grooves one by one and many at once"
    if [[ $device == cuda ]]; then
        device cuda 4096
    else
        local started=$SECONDS
        fourbar generate --model bundles/models/fourbar.safetensors --mode sample --count 16 --out "$work/grooves" >/dev/null
        echo "16 grooves with their files in $((SECONDS - started)) s"
    fi
}

# Once the run has saved its state, the driver says of every kernel that the GPU is lost.
lose_the_gpu() {
    cat >"$work/lost.c" <<'C'
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <unistd.h>
enum { CUDA_ERROR_LAUNCH_FAILED = 719 };
typedef int (*launch)(void *, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void *, void **, void **);
int cuLaunchKernel(void *f, unsigned gx, unsigned gy, unsigned gz, unsigned bx, unsigned by, unsigned bz, unsigned shared,
                   void *stream, void **parameters, void **extra) {
    static launch driver;
    if (!driver) driver = (launch)dlsym(RTLD_NEXT, "cuLaunchKernel");
    if (access(getenv("LOST_ONCE_THERE_IS"), F_OK) == 0) return CUDA_ERROR_LAUNCH_FAILED;
    return driver(f, gx, gy, gz, bx, by, bz, shared, stream, parameters, extra);
}
C
    cc -shared -fPIC -o "$work/lost.so" "$work/lost.c" -ldl
    LOST_ONCE_THERE_IS=$work/lost/state.safetensors LD_PRELOAD=$work/lost.so fourbar train "$@"
}

# Without a GPU to lose, the process itself is lost in the middle.
lose_the_process() {
    fourbar train "$@" &
    local process=$!
    until [[ -e $work/lost/state.safetensors ]]; do
        kill -0 "$process" 2>/dev/null || return 1
        sleep 0.05
    done
    kill -KILL "$process"
    wait "$process"
}

lost() {
    say "the device is lost in the middle of a run"
    local lose=lose_the_process
    if [[ $device == cuda ]]; then lose=lose_the_gpu; fi
    if $lose --data "$work/loops" --out "$work/lost" --device "$device" --steps 1000000 "${tiny[@]}" >/dev/null 2>"$work/lost.log"; then
        fail "the run ended as if nothing had happened"
    fi
    if [[ $device == cuda ]]; then
        grep '^error: ' "$work/lost.log" || fail "no sentence says what happened: $(cat "$work/lost.log")"
    fi
    local made
    made=$(tail -n 1 "$work/lost/log.csv" | cut -d , -f 1)
    fourbar train --resume --out "$work/lost" --device cpu --steps $((made + 10)) >/dev/null
    echo "went on from step $made without it"
}

build
for part in "${parts[@]}"; do $part; done
say "all of it done by $device: ${parts[*]}"
