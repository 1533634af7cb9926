#!/usr/bin/env bash
# Installs what the tests need and passes all of them. What takes hours is tests/long.sh.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf '\n== %s (%s s)\n' "$1" "$SECONDS"; }

say "what the tests need"
bash tests/install.sh

say "format and lints"
cargo fmt --all -- --check
cargo clippy --locked --workspace --all-targets -- -D warnings

say "the binary"
cargo build --locked --release -p sfs-server

say "tests"
SFS_BIN="$PWD/target/release/sfs" cargo test --locked --workspace

say "the vectors of the key store, computed by a program that is not ours"
python3 crates/vault/tests/golden/vectors.py --check

say "fuzzing of every parser and verifier for a minute"
SFS_FUZZ_SECONDS=60 cargo test --locked --release -p sfs-ledger --test verifier fuzz -- --nocapture

say "the API against its own document"
SFS_BIN="$PWD/target/release/sfs" bash tests/schemathesis.sh

say "the benchmark works (its times are not judged)"
target/release/sfs bench --seconds 0.3 --runs 1 --events 20000

say "all passed"
