#!/usr/bin/env bash
# Looks at what the project is made of: ./build.sh audit, or tests/audit.sh STEP [BUILD…], where a step is lock_files,
# licences, materials or same_wasm_twice. All of them take a quarter of an hour on two cores, the wasm being that of the
# build `baseline`, so this is run before a release and not with the tests. What it writes is in target/audit/:
#   vitrine.cdx.json   bill of materials of the program and the page's wasm (CycloneDX)
#   page.cdx.json      of the packages that build and test the page; the page itself ships none
#   wasm.sha256        hashes of the wasm, the same from two folders
set -euo pipefail
cd "$(dirname "$0")/.."
out=$PWD/target/audit
tools=$PWD/target/tools
export PATH="$tools/bin:$PATH"
mkdir -p "$out"

say() { printf '\n== %s\n' "$*"; }
skip() { printf '\n!! skipped: %s\n\n' "$*" >&2; }
fail() { echo "audit: $*" >&2; exit 1; }

# A tool from crates.io at a fixed version: $1 crate, $2 version.
need() {
    # asked of cargo, since a subcommand of cargo's tells its version only as that
    if ! cargo install --list --root "$tools" | grep -x "$1 v$2:" >/dev/null; then
        say "installing $1 $2"
        cargo install "$1" --version "=$2" --locked --root "$tools" --quiet
    fi
}

lock_files() {
    say "lock files"
    git ls-files --error-unmatch Cargo.lock package-lock.json >/dev/null
    cargo metadata --locked --format-version 1 >/dev/null
    # npm ci --ignore-scripts is what build.sh runs; nothing may need more than that
    if grep -n '"hasInstallScript": true' package-lock.json; then
        fail "expected no package with install scripts, got the above; choose another package"
    fi
    if node -e 'process.exit(Number(Object.values(require("./package-lock.json").packages).some((p) => p.resolved && !p.integrity)))'; then
        echo "every npm package has a hash, and none runs a script when it is installed"
    else
        fail "expected a hash for every npm package, got some without; run npm install and commit package-lock.json"
    fi
}

licences() {
    say "licences, sources, advisories"
    need cargo-deny 0.20.2
    cargo deny check licenses bans sources
    if cargo deny fetch db >/dev/null 2>&1; then
        cargo deny check advisories
    else
        skip "known faults of crates: the database of advisories cannot be fetched here"
    fi
    local answer
    answer=$(npm audit --json --package-lock-only 2>/dev/null || true)
    case $(node -p 'const { metadata } = JSON.parse(process.argv[1]); metadata.vulnerabilities.high + metadata.vulnerabilities.critical' \
        "$answer" 2>/dev/null) in
        0) echo "npm knows of no grave fault in the packages that build and test the page" ;;
        [1-9]*) npm audit --package-lock-only || fail "expected npm packages without grave faults, got the above; update them" ;;
        *) skip "known faults of npm packages: this registry answers no audits" ;;
    esac
}

materials() {
    say "bill of materials"
    need cargo-cyclonedx 0.5.9
    cargo cyclonedx --all-features --format json --spec-version 1.5 --override-filename vitrine-sbom --quiet
    mv vitrine-sbom.json "$out/vitrine.cdx.json"
    rm {crates/*,tests/backends}/vitrine-sbom.json # it writes one for every package of the workspace, and these ship nowhere
    npm sbom --sbom-format cyclonedx --package-lock-only >"$out/page.cdx.json"
    node -e '
        for (const file of process.argv.slice(1)) {
            const { components } = JSON.parse(require("fs").readFileSync(file));
            const bare = components.filter(({ licenses }) => !licenses?.length).map(({ name }) => name);
            console.log(`${file}: ${components.length} components, ${bare.length} without a licence ${bare}`);
            if (components.length < 4 || bare.length) process.exit(1);
        }' "$out/vitrine.cdx.json" "$out/page.cdx.json"
}

# Makes builds of the wasm, $2 and on, from a copy of the sources in folder $1, and prints the hashes of what comes out.
wasm_from() {
    local folder=$1
    shift
    mkdir -p "$folder/target"
    git ls-files -z --cached --others --exclude-standard | tar --null --files-from=- -cf - | tar -xf - -C "$folder"
    ln -sfn "$tools" "$folder/target/tools"
    ln -sfn "$PWD/node_modules" "$folder/node_modules"
    (cd "$folder" && ./build.sh wasm "$@" >&2)
    (cd "$folder" && find www/pkg -name '*.wasm' | sort | xargs sha256sum)
}

same_wasm_twice() {
    say "the same wasm from two folders"
    [ $# -gt 0 ] || set -- baseline
    local one two
    one=$(mktemp -d) two=$(mktemp -d)/in/a/longer/path
    mkdir -p "$two"
    # shellcheck disable=SC2064
    trap "rm -rf '$one' '${two%/in/a/longer/path}'" EXIT
    wasm_from "$one" "$@" >"$out/wasm.sha256"
    wasm_from "$two" "$@" >"$out/wasm-again.sha256"
    diff "$out/wasm.sha256" "$out/wasm-again.sha256" || fail "expected equal hashes, got the above; a path got into the program"
    cat "$out/wasm.sha256"
    if grep -rlaE "$HOME/|$one" "$one/www/pkg"; then fail "expected no path of this machine in the wasm, got the above"; fi
    echo "equal from both folders, and without a path of this machine"
}

# one after another and not joined by &&, which would go on after a failure within a step
case "${1:-all}" in
    all)
        lock_files
        licences
        materials
        same_wasm_twice
        ;;
    lock_files | licences | materials | same_wasm_twice) "$@" ;;
    *) fail "expected lock_files, licences, materials or same_wasm_twice, got $1" ;;
esac
