//! kill -9 at moments spread over a run of the program under test.

#![allow(dead_code)]

use crate::common::{PROGRAM, succeed};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Kills a run is put through. They fall at equal distances over the time that an undisturbed one takes.
const KILLS: u32 = 8;

/// Runs the program and expects it to succeed; returns what it printed.
pub fn run(words: &[String]) -> String {
    succeed(&words.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Every file below a folder with its bytes; empty where there is none.
pub fn tree(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let files = walkdir::WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file());
    files
        .map(|entry| (entry.path().strip_prefix(folder).unwrap().to_path_buf(), std::fs::read(entry.path()).unwrap()))
        .collect()
}

/// What the files are called.
pub fn names(tree: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<&PathBuf> {
    tree.keys().collect()
}

/// Starts `words` again and again and kills each run with SIGKILL, a little later every time; `check` looks at what is
/// left. A late moment may find its run finished: where all did, they are tried again in half the time. Returns how many
/// runs were really killed.
pub fn kill_often(words: &[String], whole: Duration, mut check: impl FnMut(u32)) -> u32 {
    (0..8).map(|halved| kill_each(words, whole / (1 << halved), &mut check)).find(|killed| *killed > 0).unwrap_or(0)
}

fn kill_each(words: &[String], whole: Duration, check: &mut impl FnMut(u32)) -> u32 {
    let mut killed = 0;
    for moment in 1..=KILLS {
        let mut child = Command::new(PROGRAM).args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        std::thread::sleep(whole * moment / (KILLS + 1));
        child.kill().unwrap();
        killed += u32::from(!child.wait().unwrap().success());
        check(moment);
    }
    killed
}

/// How long a run takes that nobody disturbs.
pub fn timed(words: &[String]) -> Duration {
    let begin = Instant::now();
    run(words);
    begin.elapsed()
}
