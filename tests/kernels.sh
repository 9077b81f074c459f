#!/usr/bin/env bash
# The kernels' case table where `cargo test` does not run it: on NEON under an emulator, under the address sanitizer,
# which sees what is read or written beyond any buffer, and under Miri. Each needs only rustc and takes a minute; what
# cannot run here is said and skipped.
#
#   tests/kernels.sh [neon|sanitizer|miri]...    all of them if none is named
set -euo pipefail
cd "$(dirname "$0")/.."
out=target/kernels
mkdir -p "$out"
have() { command -v "$1" >/dev/null 2>&1; }
skip() { echo "skipped: the kernels $*"; }
build() { rustc --edition 2024 --test --cfg 'feature="alone"' -o "$@" tests/kernels/native.rs; }

neon() {
    local target=aarch64-unknown-linux-gnu
    [ -d "$(rustc --print sysroot)/lib/rustlib/$target" ] || ! have rustup || rustup target add "$target" || true
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/$target" ]; then
        skip "on NEON: Rust's library for $target could not be installed"
    elif ! have qemu-aarch64 || ! have aarch64-linux-gnu-gcc; then
        skip "on NEON: expected qemu-aarch64 and aarch64-linux-gnu-gcc, install qemu-user and gcc-aarch64-linux-gnu"
    else
        build "$out/neon" -C opt-level=2 --target "$target" -C linker=aarch64-linux-gnu-gcc
        QEMU_LD_PREFIX=/usr/aarch64-linux-gnu qemu-aarch64 "$out/neon"
    fi
}

sanitizer() {
    local target
    target=$(rustc -vV | sed -n 's/^host: //p')
    if ! compgen -G "$(rustc --print sysroot)/lib/rustlib/$target/lib/librustc*asan*" >/dev/null; then
        skip "under the address sanitizer, which this toolchain lacks"
        return
    fi
    # stable compilers allow -Z where they are told to bootstrap
    RUSTC_BOOTSTRAP=1 build "$out/sanitizer" -C opt-level=1 --target "$target" -Zsanitizer=address
    "$out/sanitizer"
}

miri() {
    if ! cargo miri --version >/dev/null 2>&1; then
        skip "under Miri, which comes with nightly toolchains only"
        return
    fi
    cargo miri test --manifest-path tests/kernels/Cargo.toml --test native
}

[ $# -gt 0 ] || set -- neon sanitizer miri
for each in "$@"; do
    case "$each" in
        neon | sanitizer | miri) "$each" ;;
        *) sed -n '2,7p' "$0" | sed 's/^# \?//' >&2 && exit 2 ;;
    esac
done
