#!/usr/bin/env bash
# Each target under libFuzzer for SECONDS (60): tests/fuzz/run.sh [SECONDS [TARGET…]]. Prints a row of the table in
# tests/FAULTS.md for each. It begins with the kept inputs; those that it finds stay in target/fuzz/corpus/, and what
# breaks a target in target/fuzz/artifacts/: mend it, and keep that input in tests/fuzz/corpus/.
set -euo pipefail
cd "$(dirname "$0")/../.."
seconds=${1:-60}
shift || true
[ $# -gt 0 ] || set -- $(ls tests/fuzz/corpus)
out=$PWD/target/fuzz
export PATH="$PWD/target/tools/bin:$PATH"

if ! cargo fuzz --version >/dev/null 2>&1; then
    echo "== installing cargo-fuzz"
    cargo install cargo-fuzz --version "=0.13.2" --locked --root target/tools --quiet
fi
# without a sanitizer a stable compiler will do: Rust checks its own bounds, and memory has a limit of its own
fuzz=(--fuzz-dir tests/fuzz --target-dir "$out/build" --sanitizer none)
# cargo fuzz has no --locked of its own
cargo metadata --locked --format-version 1 --manifest-path tests/fuzz/Cargo.toml >/dev/null
cargo fuzz build "${fuzz[@]}" any

printf '| target | executions | minutes | blocks reached | found |\n| --- | ---: | ---: | ---: | --- |\n'
failed=0
for target in "$@"; do
    mkdir -p "$out/corpus/$target" "$out/artifacts"
    log=$out/$target.log
    VITRINE_TARGET=$target cargo fuzz run "${fuzz[@]}" any "$out/corpus/$target" "tests/fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len=65536 -timeout=600 -rss_limit_mb=4096 -print_final_stats=1 \
        -artifact_prefix="$out/artifacts/$target-" >"$log" 2>&1 && found=– || { found="see target/fuzz/$target.log" failed=1; }
    executions=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    blocks=$(sed -n 's/^#.* cov: \([0-9]*\) .*/\1/p' "$log" | tail -1)
    minutes=$(sed -n 's/^Done .* in \([0-9]*\) second.*/\1/p' "$log" | awk '{ printf "%.1f", $1 / 60 }')
    printf '| %s | %s | %s | %s | %s |\n' "$target" "${executions:-?}" "${minutes:-?}" "${blocks:-?}" "$found"
done
exit $failed
