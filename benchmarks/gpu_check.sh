#!/usr/bin/env bash
# What only a GPU can show, in ten minutes and without a network: the times from a command to its result, the
# benchmarks, the tests.
#
#   benchmarks/gpu_check.sh [PYTHON [OLDER]]
#
# PYTHON (python3) has jax for the GPU, what train.py needs, pytest, and torch for the benchmarks. OLDER is a
# checkout of an earlier commit, whose commands are timed, too. The folder OUT (a new one) gets summary.txt, a
# line for each step, log.txt with all that the steps print, and what the benchmarks write, as it comes. Every
# step has a limit, and none goes on when LIMIT seconds (600) are over. STEPS="times bench tests" chooses some
# of them. JAXLEARN_DATA (../shared/data) has the folder mnist. DEVICE=cpu rehearses it all with little work.
set -u
path_of() { (cd "$1" && pwd); }

python=$(command -v "${1:-python3}") || { echo "no such command: ${1:-python3}" >&2; exit 1; }
python=$(path_of "$(dirname "$python")")/$(basename "$python")
here=$(path_of "$(dirname "$0")/..")
older=${2:+$(path_of "$2")} || exit 1
export JAXLEARN_DATA=${JAXLEARN_DATA:-$here/../shared/data}
mnist=$(path_of "$JAXLEARN_DATA/mnist") || exit 1
mkdir -p "${OUT:=$(mktemp -d)}" && out=$(path_of "$OUT") || exit 1
scratch=$(mktemp -d) && trap 'rm -rf "$scratch"' EXIT || exit 1
deadline=$((SECONDS + ${LIMIT:-600}))
device=${DEVICE:-gpu}
failed=0
export XLA_PYTHON_CLIENT_PREALLOCATE=false # several processes share the GPU's memory

tests=(-m pytest -q -m 'not slow' tests/jaxlearn/nn tests/jaxlearn/optim tests/jaxlearn/training)
bench=(-m benchmarks.run "$mnist" --repeats 3 --device gpu)
single=(train.py --opt adam --epochs 3)
compare=(train.py --opt sgd,momentum,rmsprop,adam --lr 1e-4:1:7 --seeds 3 --epochs 3 --batch-size 128)
if [ "$device" = cpu ]; then
    tests=(-m pytest -q -m 'not slow' tests/jaxlearn/optim/test_parity.py -k adam)
    bench=(-m benchmarks.run "$mnist" --repeats 1 --rehearse)
    single=(train.py --opt adam --epochs 1)
    compare=(train.py --opt sgd,adam --lr 1e-3:1e-1:2 --seeds 1 --epochs 1 --batch-size 128)
elif "$python" -c 'import xdist' 2> /dev/null; then
    tests+=(--numprocesses 4)
fi

say() { echo "$*" | tee -a "$out/summary.txt"; }

# step NAME LIMIT ARGUMENT...: runs python with the arguments in this folder, for LIMIT seconds at most
step() {
    local name=$1 limit=$2 left=$((deadline - SECONDS)) seconds status
    shift 2
    if [ "$left" -le 0 ]; then
        say "$name: not run, the time is over"
        failed=1
        return
    fi
    [ "$left" -lt "$limit" ] && limit=$left
    printf '\n== %s: %s\n' "$name" "$*" >> "$out/log.txt"
    TIMEFORMAT=%R
    seconds=$({ time timeout --kill-after=10 "$limit" "$python" "$@" >> "$out/log.txt" 2>&1; } 2>&1)
    status=$?
    [ $status = 0 ] || failed=1
    [ $status = 124 ] && status="124 (cut off)"
    say "$name: $seconds s, exit status $status; its last line: $(tail -n 1 "$out/log.txt")"
}

# times NAME FOLDER: the commands of the checkout there, with caches that are empty at first
times() {
    local with=(--device "$device" --data-dir "$mnist" --out)
    cd "$2" || exit 1
    export JAXLEARN_CACHE=$scratch/$1-single-cache
    step "$1: one run, empty cache" 90 "${single[@]}" "${with[@]}" "$scratch/$1-cold"
    step "$1: one run, filled cache" 60 "${single[@]}" "${with[@]}" "$scratch/$1-warm"
    export JAXLEARN_CACHE=$scratch/$1-compare-cache
    step "$1: comparison, empty cache" 120 "${compare[@]}" "${with[@]}" "$scratch/$1-compare"
    unset JAXLEARN_CACHE
    cd "$here" || exit 1
}

cd "$here" || exit 1
say "commit $(git rev-parse --short HEAD 2> /dev/null || echo unknown); older: ${older:-none}"
step "device" 60 -c "
import sys, jax
devices = jax.devices('$device')
print(f'{len(devices)} x {devices[0].device_kind}, Python {sys.version.split()[0]}, jax {jax.__version__}')"
[ $failed = 0 ] || exit 1
nvidia-smi >> "$out/log.txt" 2>&1

for name in ${STEPS:-times bench tests}; do
    case $name in
        times)
            times now "$here"
            [ -z "$older" ] || times older "$older"
            ;;
        bench)
            step bench 480 "${bench[@]}"
            [ "$device" = cpu ] || cp benchmarks/RESULTS-gpu.md README.md "$out"
            ;;
        tests) step tests 480 "${tests[@]}" ;;
        *) say "STEPS: $name is unknown; known are times, bench, tests" && failed=1 ;;
    esac
done
say "all of it: $SECONDS s; see $out/log.txt"
exit $failed
