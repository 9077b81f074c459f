//! What `cargo package` takes along: what an engineer builds with, and no weights.

use std::path::Path;
use std::process::Command;

/// Files of this much suffice for sources; the shipped weights are nine times that.
const MOST: u64 = 2_500_000;

#[test]
fn the_package_holds_sources_and_no_weights() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let list = Command::new(cargo).args(["package", "--list", "--allow-dirty", "--offline"]).current_dir(root).output();
    let list = list.unwrap();
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    let files = String::from_utf8(list.stdout).unwrap();
    let files: Vec<&str> = files.lines().collect();
    for needed in ["Cargo.toml", "README.md", "examples/search.rs", "src/lib.rs", "src/main.rs"] {
        assert!(files.contains(&needed), "{needed} is missing from {files:?}");
    }
    assert!(files.iter().any(|file| file.ends_with(".wgsl")), "the shaders are compiled in");
    let foreign = |file: &&&str| {
        let top = file.split_once('/').map_or("", |(folder, _)| folder);
        !["", "src", "examples"].contains(&top) && **file != "tests/fixtures/tiny-tokenizer.json"
    };
    assert_eq!(files.iter().filter(foreign).collect::<Vec<_>>(), Vec::<&&str>::new());
    assert!(!files.iter().any(|file| file.ends_with(".safetensors")), "{files:?}");
    let bytes: u64 = files.iter().filter_map(|file| Some(std::fs::metadata(root.join(file)).ok()?.len())).sum();
    assert!(bytes > 100_000 && bytes < MOST, "{bytes} bytes");
}
