//! The programs that the command line runs.

use crate::common::PROGRAM;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

/// Builds the programs that `vitrine train` and `vitrine demo-catalog` run, beside the program under test and with its
/// features. `build.sh test` has built them before and says so, since cargo asked in the midst of its own tests may
/// compile everything once more.
pub fn build() {
    static BUILT: LazyLock<()> = LazyLock::new(|| {
        let folder = Path::new(PROGRAM).parent().unwrap();
        if std::env::var_os("VITRINE_PROGRAMS_BUILT").is_some() {
            let there = |name: &str| folder.join(format!("{name}{}", std::env::consts::EXE_SUFFIX)).is_file();
            assert!(there("vitrine-train") && there("vitrine-demo-catalog"), "expected the programs beside {PROGRAM}");
            return;
        }
        let profile = match folder.file_name().unwrap().to_str().unwrap() {
            "debug" => "dev",
            name => name,
        };
        let features = if cfg!(feature = "gpu") { "cli,gpu" } else { "cli" };
        let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let mut build = Command::new(cargo);
        build.args(["build", "--locked", "--quiet", "--profile", profile, "--features", features, "--target-dir"]);
        build.arg(folder.parent().unwrap()).args(["-p", "vitrine", "-p", "vitrine-demo", "-p", "vitrine-train"]);
        // the same targets as `build.sh test` builds: with others, cargo would compile what they share once more
        build.args(["--tests", "--bins"]);
        // a test's own variables would else be compiled into other packages' tests as theirs
        let own = std::env::vars_os().map(|(name, _)| name);
        own.filter(|name| name.to_string_lossy().starts_with("CARGO_BIN_EXE_")).for_each(|name| {
            build.env_remove(name);
        });
        let built = build.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap();
        assert!(built.success(), "the programs beside {PROGRAM} are built");
    });
    *BUILT
}
