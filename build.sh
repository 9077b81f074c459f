#!/usr/bin/env bash
# Sets up whatever is missing, then builds. Usage:
#   ./build.sh             build everything, make the demo catalog and its site, serve it on 127.0.0.1
#   ./build.sh test        run every test
#   ./build.sh demo        build the demo site in dist/ without serving it
#   ./build.sh wasm [V…]   build only the page's wasm, in www/pkg/V/: baseline, relaxed, threads, gpu, or those named
#   ./build.sh package     make the packages of this machine's kind in target/package/, and use each once
#   ./build.sh growth      index on a Ray cluster that loses a worker, and load a catalog into a vector database
#   ./build.sh audit [S…]  check licences and hashes, list every dependency, build the wasm twice and compare
#   ./build.sh fuzz [N…]   run every fuzz target for N seconds, or for N seconds those named after it
#   ./build.sh mutants [W] make deliberate faults, all or those with a word in their name, and show which tests catch each
set -euo pipefail
cd "$(dirname "$0")"

# the command line and the programs that it runs for `train` and `demo-catalog`
packages=(--package vitrine --package vitrine-demo --package vitrine-train)
# writes the JavaScript of a compiled wasm build; need_wasm builds it
bindings=target/tools/release/bindings

# What is done now, and when it began, in minutes and seconds since the start.
stages=()
say() {
    local at
    at=$(printf '%d:%02d' $((SECONDS / 60)) $((SECONDS % 60)))
    printf '\n== %s %s\n' "$at" "$*"
    stages+=("$at $*")
}

# Where the time of a long run went.
print_stages() {
    printf '\n== when each part began; the end at %d:%02d\n' $((SECONDS / 60)) $((SECONDS % 60))
    printf '%s\n' "${stages[@]}"
}
have() { command -v "$1" >/dev/null 2>&1; }

# Debian's packages, where this may install them.
install_packages() {
    local admin=()
    [ "$(id -u)" = 0 ] || admin=(sudo)
    if ! have apt-get || { [ "$(id -u)" != 0 ] && ! have sudo; }; then
        echo "build.sh: expected the programs of $*, got none, and cannot install them here; install them and run again" >&2
        exit 1
    fi
    "${admin[@]}" apt-get update -qq
    DEBIAN_FRONTEND=noninteractive "${admin[@]}" apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

# Runs the compiler that rust-toolchain.toml names. A machine that has that version as its `stable` alone, and cannot
# fetch it under its number, uses that one.
need_rust() {
    local version
    version=$(sed -n 's/^channel = "\(.*\)"$/\1/p' rust-toolchain.toml)
    if ! have cargo; then
        echo "build.sh: expected cargo (Rust $version), got none; install Rust with rustup and run again" >&2
        exit 1
    fi
    if have rustup && [ -z "${RUSTUP_TOOLCHAIN:-}" ] && ! rustup run "$version" rustc --version >/dev/null 2>&1; then
        if rustup run stable rustc --version 2>/dev/null | grep -qF "rustc $version "; then
            export RUSTUP_TOOLCHAIN=stable
        else
            rustup toolchain install "$version" --profile minimal --component rustfmt,clippy
        fi
    fi
    have cc || install_packages gcc libc6-dev
}

# A graphics device for the tests where this machine has none: Mesa's, which is a program on the processor. Tests that
# need one say so and pass without it.
need_vulkan() {
    compgen -G "/usr/share/vulkan/icd.d/*.json" >/dev/null && compgen -G "/usr/lib/*/libvulkan.so.1" >/dev/null && return
    say "installing Mesa's Vulkan"
    (install_packages mesa-vulkan-drivers libvulkan1) || echo "skipped: Mesa's Vulkan could not be installed"
}

# A processor with NEON for the kernels' tests, emulated, and a linker for it. They say so and pass without one.
need_emulator() {
    have qemu-aarch64 && have aarch64-linux-gnu-gcc && return
    say "installing an emulator"
    (install_packages qemu-user gcc-aarch64-linux-gnu libc6-dev-arm64-cross) || echo "skipped: qemu could not be installed"
}

need_wasm() {
    need_rust
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/wasm32-unknown-unknown" ]; then
        say "adding the wasm target"
        rustup target add wasm32-unknown-unknown
    fi
    # in a folder of its own, so that it can be compiled beside a wasm build; it runs for seconds
    CARGO_PROFILE_RELEASE_OPT_LEVEL=1 \
        cargo build --locked --release --package bindings --target-dir target/tools --quiet
}

# No path of this machine gets into the page's program, so that the same sources give the same bytes everywhere.
plain_paths() {
    local rust commit from flags=()
    rust=$(rustc --print sysroot)/lib/rustlib/src/rust
    commit=$(rustc -vV | sed -n 's/^commit-hash: //p')
    for from in "$rust=/rustc/$commit" "${CARGO_HOME:-$HOME/.cargo}=/cargo" "$PWD=/vitrine"; do
        flags+=("--remap-path-prefix=$from")
    done
    export CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS="${flags[*]}"
}

need_node() {
    have npm || install_packages nodejs npm
    # the lock file's own copy says what is installed
    if ! cmp -s package-lock.json node_modules/.vitrine-lock; then
        say "installing the page's build and test tools"
        npm ci --no-audit --no-fund --ignore-scripts --silent
        cp package-lock.json node_modules/.vitrine-lock
    fi
}

find_chromium() {
    CHROMIUM=${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}
    if [ -z "$CHROMIUM" ]; then
        say "installing Chromium"
        install_packages chromium
        CHROMIUM=$(command -v chromium)
    fi
    export CHROMIUM
}

# Rust's own library must be compiled anew for threads: the one that comes with the target knows none.
need_rust_source() {
    if [ ! -d "$(rustc --print sysroot)/lib/rustlib/src/rust/library/std" ]; then
        say "adding the source of Rust's library"
        rustup component add rust-src
    fi
}

# Compiles one wasm build and leaves it in target/wasm-$1.wasm: `baseline` is for every browser,
# `relaxed` uses relaxed SIMD, `threads` that and shared memory. A browser refuses a module that holds one instruction
# it does not know. `gpu` is the program for WebGPU, which a page with an adapter runs beside one of the others.
compile_wasm() {
    local target=target
    local cargo=(rustc --locked --profile wasm --lib --crate-type cdylib --no-default-features --target wasm32-unknown-unknown)
    case "$1" in
        baseline)
            cargo "${cargo[@]}"
            ;;
        relaxed)
            # only this crate uses the instructions, so the others are those of the baseline
            cargo "${cargo[@]}" -- -C target-feature=+relaxed-simd
            ;;
        threads)
            need_rust_source
            # in a folder of its own: build scripts look at RUSTC_BOOTSTRAP, which allows -Z on a stable compiler
            target=target/threads
            RUSTC_BOOTSTRAP=1 cargo --config .cargo/threads.toml "${cargo[@]}" --target-dir "$target" \
                -Z build-std=std,panic_abort
            ;;
        gpu)
            cargo "${cargo[@]}" --features gpu
            ;;
        *)
            echo "build.sh: expected baseline, relaxed, threads or gpu, got $1" >&2
            exit 2
            ;;
    esac
    cp "$target/wasm32-unknown-unknown/wasm/vitrine.wasm" "target/wasm-$1.wasm"
}

# Makes www/pkg/$1/ of what was compiled: the bindings, the optimised module, and what a browser must know to run it.
pack_wasm() {
    local needs='[]' features=(simd bulk-memory nontrapping-float-to-int sign-ext mutable-globals reference-types
        multivalue)
    case "$1" in
        relaxed) features+=(relaxed-simd) needs='["relaxed-simd"]' ;;
        threads) features+=(relaxed-simd threads) needs='["relaxed-simd","threads"]' ;;
        gpu) needs='["webgpu"]' ;;
    esac
    rm -rf "www/pkg/$1"
    "$bindings" "target/wasm-$1.wasm" "www/pkg/$1" vitrine
    node_modules/.bin/wasm-opt -O3 "${features[@]/#/--enable-}" \
        -o "www/pkg/$1/optimised.wasm" "www/pkg/$1/vitrine_bg.wasm"
    mv "www/pkg/$1/optimised.wasm" "www/pkg/$1/vitrine_bg.wasm"
    echo "$needs" >"www/pkg/$1/needs.json"
}

# Runs a command beside what follows, its output kept aside: most of a build is one thread's work.
beside=()
start_beside() {
    "${@:2}" >"target/$1.log" 2>&1 &
    beside+=("$!=$1")
}

# Waits for everything that was started beside; shows what the first that failed said.
wait_beside() {
    local each
    for each in "${beside[@]}"; do
        wait "${each%%=*}" || { cat "target/${each#*=}.log" >&2; exit 1; }
        say "built beside the others: ${each#*=}"
    done
    beside=()
}

build_threads() {
    compile_wasm threads
    pack_wasm threads
}

# The wasm builds that are named, or all; they are there when wait_beside has ended.
build_wasm() {
    need_wasm
    need_node
    plain_paths
    [ $# -gt 0 ] || set -- baseline relaxed threads gpu
    mkdir -p target
    local build
    [[ " $* " != *" threads "* ]] || start_beside threads build_threads
    for build in "$@"; do
        [ "$build" != threads ] || continue
        say "building the page's wasm: $build"
        compile_wasm "$build"
        start_beside "$build" pack_wasm "$build"
    done
}

# The case table of the backends, for the browser's WebGPU: a program that only the tests run.
build_gpu_cases() {
    say "building the case table for WebGPU"
    cargo build --locked --profile wasm --package backend-cases --target wasm32-unknown-unknown
    "$bindings" target/wasm32-unknown-unknown/wasm/backend_cases.wasm "$1" backend_cases
}

# Draws the demo catalog, indexes it and writes the site: $1 photos, $2 catalog, $3 site, $4 number of photos.
build_demo() {
    local vitrine=target/release/vitrine
    # drawing takes a minute, so it is done again only when what draws has changed
    local drawn
    drawn=$4-$(find crates/demo/src -name '*.rs' | sort | xargs cat | sha256sum | cut -c1-16)
    if [ "$(cat "$1/.drawn" 2>/dev/null)" != "$drawn" ]; then
        rm -rf "$1"
        "$vitrine" demo-catalog --out "$1" --count "$4"
        echo "$drawn" >"$1/.drawn"
    fi
    "$vitrine" index "$1" --out "$2" --title "Vitrine demo"
    rm -rf "$3"
    "$vitrine" site "$2" --out "$3"
}

# Every package of this machine's kind, out of what is built; each is then installed into an empty folder and used once.
make_packages() {
    local target
    target=$(rustc -vV | sed -n 's/^host: //p')
    rm -rf target/package
    packages/make.sh archive "$target" target/release
    if have npm; then packages/make.sh npm "$target"; else echo "skipped: the npm packages; npm is not installed"; fi
    if python3 -c 'import ensurepip, venv' 2>/dev/null; then
        packages/make.sh wheel "$target"
    else
        echo "skipped: the wheel; python3 with venv and pip is not installed"
    fi
    ls -l target/package
    tests/packages.sh
}

# What reads the code and runs nothing of it.
lint() {
    cargo clippy --locked --release --workspace --all-targets --features cli,gpu --quiet -- -D warnings
    # what an engineer builds: no features, and the documentation
    cargo clippy --locked --release --all-targets --quiet -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --locked --release "${packages[@]}" --no-deps \
        --document-private-items --features cli,gpu --quiet
}

case "${1:-serve}" in
    wasm)
        build_wasm "${@:2}"
        wait_beside
        ;;
    demo | serve)
        need_rust
        say "building the command line"
        cargo build --locked --release "${packages[@]}" --features cli,gpu
        build_wasm
        wait_beside
        say "making the demo site"
        build_demo target/demo/photos target/demo/catalog dist 1200
        [ "${1:-serve}" = demo ] || exec target/release/vitrine serve dist --port "${PORT:-8080}"
        ;;
    test)
        trap print_stages EXIT
        need_rust
        have rustfmt && cargo fmt --all --check || { have rustfmt && exit 1; echo "skipped: cargo fmt is not installed"; }
        need_vulkan
        say "testing the library, the command line, the trainer and the demo"
        # Tests run the programs of `vitrine train` and `vitrine demo-catalog`, so these are built first. They are built
        # together with the tests: cargo would else compile what they share twice.
        cargo build --locked --release "${packages[@]}" --features cli,gpu --tests --bins
        VITRINE_PROGRAMS_BUILT=1 cargo test --locked --release "${packages[@]}" --features cli,gpu
        need_emulator
        say "testing the kernels on NEON, under a sanitizer and under Miri"
        tests/kernels.sh
        need_node
        say "checking the page's types and form"
        npm run --silent check
        build_wasm
        build_gpu_cases target/test/gpu-cases
        find_chromium
        wait_beside
        say "making the test site"
        build_demo target/test/photos target/test/catalog target/test/dist "${VITRINE_TEST_PHOTOS:-1200}"
        # the same catalog in cells: the journal comes along, so nothing is encoded again
        rm -rf target/test/cells && cp -r target/test/catalog target/test/cells
        target/release/vitrine index target/test/photos --out target/test/cells --cells 40 --title "Vitrine demo"
        rm -rf target/test/cells-dist
        target/release/vitrine site target/test/cells --out target/test/cells-dist
        # most of a page test is waiting, so the lints take what it leaves of the processor
        if cargo clippy --version >/dev/null 2>&1; then
            start_beside lint lint
            renice -n 19 -p "${beside[-1]%%=*}" >/dev/null
        else
            echo "skipped: cargo clippy is not installed"
        fi
        say "testing the page"
        VITRINE_BIN=$PWD/target/release/vitrine VITRINE_DIST=$PWD/target/test/dist \
            VITRINE_CELLS=$PWD/target/test/cells-dist VITRINE_GPU_CASES=$PWD/target/test/gpu-cases \
            VITRINE_PHOTOS=$PWD/target/test/photos node --test --test-concurrency=1 tests/page/*.test.mjs tests/kernels_wasm.mjs
        say "making and trying the packages"
        make_packages
        say "waiting for the lints"
        wait_beside
        ;;
    audit)
        need_wasm
        need_node
        exec tests/audit.sh "${@:2}"
        ;;
    fuzz)
        need_rust
        exec tests/fuzz/run.sh "${@:2}"
        ;;
    mutants)
        need_rust
        have node || install_packages nodejs
        need_vulkan
        exec node tests/mutants.mjs "${@:2}"
        ;;
    package)
        need_rust
        say "building the command line"
        cargo build --locked --release "${packages[@]}" --features cli
        build_wasm
        wait_beside
        say "making the packages"
        make_packages
        ;;
    growth)
        need_rust
        cargo build --locked --release "${packages[@]}" --features cli
        tests/growth.sh
        ;;
    *)
        sed -n '2,11p' "$0" | sed 's/^# \?//'
        exit 2
        ;;
esac
