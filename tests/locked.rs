//! Whatever is installed or built comes in the versions that lock files name: commands in scripts, tests and docs say so.

use std::path::{Path, PathBuf};
use std::process::Command;

/// How the parts of a command must look that fetches something. `None`: the command may not be used.
const RULES: [(&[&str], Option<&str>); 8] = [
    (&["cargo install"], Some("--locked")),
    (&["cargo build", "cargo test", "cargo rustc", "cargo clippy", "cargo metadata", "cargo run"], Some("--locked")),
    (&["['build', '-", "['rustc', '-", "['test', '-"], Some("'--locked'")),
    (&["pip install", "pip\" install"], Some("--require-hashes")),
    (&["npm install"], Some("--no-save")),
    (&["npm i ", "yarn add", "pnpm add"], None),
    (&["npx "], Some("@")),
    (&["uses: "], Some("@")),
];
const SCRIPTS: [&str; 6] = ["sh", "mjs", "js", "py", "yml", "yaml"];

/// What is wrong in a line of a script, if anything. A remark is read by people, who may know what they do.
fn fault(line: &str) -> Option<String> {
    let command = line.trim();
    if ["#", "//", "/*", "*", "echo", "fail"].iter().any(|start| command.starts_with(start))
        || ["cargo install --list", " --version >"].iter().any(|asks| command.contains(asks))
    {
        return None;
    }
    // a branch or a tag moves: an action of others is named by its commit
    if let Some((_, action)) = command.split_once("uses: ").filter(|(_, action)| !action.starts_with("./")) {
        let commit = action.split_once('@').map(|(_, rest)| rest.split([' ', '#']).next().unwrap_or_default());
        let whole = commit.is_some_and(|c| c.len() == 40 && c.bytes().all(|c| c.is_ascii_hexdigit()));
        return (!whole).then(|| format!("expected a commit of 40 digits behind @: {command}"));
    }
    let broken = RULES.iter().find(|(starts, with)| {
        starts.iter().any(|start| command.contains(start)) && !with.is_some_and(|with| command.contains(with))
    });
    broken.map(|(_, with)| match with {
        Some(with) => format!("expected {with}: {command}"),
        None => format!("expected npm ci: {command}"),
    })
}

/// The files of the repository, or nothing where it is no repository, as in an archive of the sources.
fn files() -> Vec<PathBuf> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(root).output();
    let names = listed.map(|output| String::from_utf8_lossy(&output.stdout).into_owned()).unwrap_or_default();
    names.split('\0').filter(|name| !name.is_empty()).map(|name| root.join(name)).collect()
}

/// A file's text with continued lines joined.
fn text(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_default().replace("\\\n", " ")
}

#[test]
fn scripts_install_only_what_lock_files_name() {
    let ending = |path: &Path| path.extension().is_some_and(|e| SCRIPTS.iter().any(|script| e == *script));
    let scripts: Vec<PathBuf> = files().into_iter().filter(|path| ending(path)).collect();
    if scripts.is_empty() {
        eprintln!("skipped: no git repository here");
        return;
    }
    let mut faults = Vec::new();
    for path in &scripts {
        faults.extend(text(path).lines().filter_map(fault).map(|fault| format!("{}: {fault}", path.display())));
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(scripts.len() > 20, "{} scripts", scripts.len());
}

#[test]
fn every_package_with_dependencies_has_a_lock_file() {
    let files = files();
    let has = |path: &Path| files.iter().any(|file| file == path);
    for path in &files {
        let (name, beside) = (path.file_name().unwrap().to_string_lossy(), |lock: &str| path.with_file_name(lock));
        match &*name {
            // a member of the workspace has the workspace's
            "Cargo.toml" if text(path).contains("[workspace]") => {
                assert!(has(&beside("Cargo.lock")), "{}", path.display())
            }
            "package.json" if text(path).contains("ependencies\"") => {
                assert!(has(&beside("package-lock.json")), "{}", path.display());
            }
            "requirements.txt" => {
                let bare =
                    text(path).lines().filter(|line| line.contains("==") && !line.contains("--hash=sha256:")).count();
                assert_eq!(bare, 0, "{}: every package has its hashes", path.display());
            }
            _ => (),
        }
    }
}

#[test]
fn a_command_without_its_lock_is_seen() {
    for line in [
        "cargo install wasm-pack",
        "  cargo build --release",
        "cargo test --release --features gpu",
        "spawn('cargo', ['build', '--release'])",
        "npm install",
        "npm i left-pad",
        "npx serve dist",
        "\"$python\" -m pip install numpy",
        "\"$venv/bin/pip\" install -q ray",
        "- uses: actions/checkout@v4",
        "- uses: actions/checkout@main # 34e114876b0b11c390a56381ad16ebd13914f8d5",
    ] {
        assert!(fault(line).is_some(), "{line}");
    }
    for line in [
        "cargo install cargo-fuzz --version =0.13.1 --locked",
        "cargo build --locked --release",
        "npm ci --no-audit",
        "pip install --require-hashes -r requirements.txt",
        "- uses: actions/checkout@34e114876b0b11c390a56381ad16ebd13914f8d5 # v4.3.1",
        "# cargo build",
        "/** Runs `cargo test`. */",
        "const switches = ['build', 'backend'];",
    ] {
        assert!(fault(line).is_none(), "{line}");
    }
}
