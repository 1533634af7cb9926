#!/usr/bin/env bash
# What takes hours: 200 rounds of killing, ten million fuzzed inputs, the large logs, the full benchmark.
set -euo pipefail
cd "$(dirname "$0")/.."
bash tests/install.sh
cargo build --locked --release -p sfs-server
export SFS_BIN="$PWD/target/release/sfs"
SFS_KILL_ROUNDS=200 PROPTEST_CASES=20000 cargo test --locked --workspace
SFS_FUZZ_INPUTS=10000000 SFS_FUZZ_SEED=$RANDOM cargo test --locked --release -p sfs-ledger --test verifier fuzz -- --nocapture
target/release/sfs bench --seconds 5 --runs 5 --events 1000000
target/release/sfs bench --seconds 5 --runs 5 --events 5000000 --only reads
