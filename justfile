# Every recipe is one plain command that also works without just.

# Lists the recipes.
default:
    @just --list

# Builds, imports the real reference data, simulates a school year, serves.
demo:
    cargo run --release -- demo

# Installs what the tests need and passes all of them.
test:
    bash tests/all.sh

# What takes hours.
test-long:
    bash tests/long.sh

# Formats and lints.
lint:
    cargo fmt --all
    cargo clippy --workspace --all-targets -- -D warnings

# Writes schemas/ and missing golden examples anew.
schemas:
    cargo run --release -- schemas --out schemas
    SFS_WRITE_GOLDEN=1 cargo test -p sfs-domain golden

# Takes up new frozen files and new file lengths; what is frozen never changes.
bless:
    SFS_BLESS=1 cargo test -p sfs-tests --test it tidy

# Measures beside what the machine can do.
bench *arguments:
    cargo run --release -- bench {{arguments}}
