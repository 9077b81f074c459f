//! kill -9 at moments spread over a run, and disks that are full. What stood before must stand whole, or be replaced whole;
//! the next run must finish and give what an undisturbed one gives.
#![cfg(all(feature = "cli", unix))]

mod common;
#[path = "common/killing.rs"]
mod killing;

use common::{World, copy_page, s};
use image::ImageFormat;
use killing::{kill_often, names, run, timed, tree};
use std::path::Path;
use std::process::{Command, Output};
use vitrine::search::Vectors;
use vitrine::search::opened::Catalog;

impl World {
    fn draw_photos(&self, folder: &str, seeds: std::ops::Range<u8>) {
        self.draw(folder, seeds, |_| ImageFormat::Png);
    }

    fn index(&self, photos: &str, out: &str) -> Vec<String> {
        let words = ["index", &self.at(photos), "--out", &self.at(out), "--model", &self.at("model"), "--jobs", "1"];
        words.map(str::to_string).to_vec()
    }
}

#[test]
fn a_killed_index_leaves_the_old_catalog_or_the_new_one() {
    let world = World::with_model();
    world.draw_photos("before", 0..10);
    world.draw_photos("after", 5..80);
    let whole = timed(&world.index("after", "undisturbed"));
    run(&world.index("before", "catalog"));
    let fingerprint = Catalog::open_folder(&world.path("catalog"), None).unwrap().manifest.model.fingerprint;
    let again = world.index("after", "catalog");
    let killed = kill_often(&again, whole, |moment| {
        // every shard is there and has its hash
        let catalog = Catalog::open_folder(&world.path("catalog"), Some(&fingerprint)).unwrap();
        assert!([10, 75].contains(&catalog.index().len()), "after kill {moment}: {} photos", catalog.index().len());
        for file in catalog.manifest.shards.iter().map(|shard| &shard.items) {
            file.verify(&std::fs::read(world.path("catalog").join(&file.file)).unwrap()).unwrap();
        }
    });
    assert!(killed > 0, "at least one run was killed in its midst");
    run(&again);
    let (want, got) = (tree(&world.path("undisturbed")), tree(&world.path("catalog")));
    assert_eq!(names(&want), names(&got));
    assert!(want == got, "the catalog is the undisturbed one, byte for byte");
}

/// `old` and `new` make the same folder in different ways; whatever happens to `new`, the folder is one or the other.
fn replaced_whole(out: &Path, old: &[String], new: &[String]) {
    let whole = timed(new);
    let after = tree(out);
    run(old);
    let before = tree(out);
    assert!(before != after && before.len() > 3);
    let killed = kill_often(new, whole, |moment| {
        let now = tree(out);
        assert!(now == before || now == after, "after kill {moment}: a mix, {:?}", names(&now));
    });
    assert!(killed > 0, "at least one run was killed in its midst");
    run(new);
    assert!(tree(out) == after);
    let beside: Vec<_> = std::fs::read_dir(out.parent().unwrap()).unwrap().flatten().map(|e| e.file_name()).collect();
    assert!(beside.iter().all(|name| !name.to_string_lossy().starts_with('.')), "nothing is left over: {beside:?}");
}

#[test]
fn a_killed_site_leaves_the_old_site_or_the_new_one() {
    let world = World::with_model();
    world.draw_photos("photos", 0..60);
    run(&world.index("photos", "catalog"));
    copy_page(&world.path("www"), &["baseline"]);
    let site = |title: &str| -> Vec<String> {
        let (out, model, www) = (world.at("dist"), world.at("model"), world.at("www"));
        let words = ["site", &world.at("catalog"), "--out", &out, "--model", &model, "--www", &www, "--title", title];
        words.map(str::to_string).to_vec()
    };
    replaced_whole(&world.path("dist"), &site("Before"), &site("After"));
}

#[test]
fn a_killed_conversion_leaves_the_old_model_or_the_new_one() {
    let world = World::with_model();
    let (image, text) = world.checkpoints();
    let convert = |format: &str| -> Vec<String> {
        let words = ["convert", &image, &text, "--out", &world.at("converted"), "--format", format];
        words.map(str::to_string).to_vec()
    };
    replaced_whole(&world.path("converted"), &convert("f32"), &convert("q8"));
}

/// Runs the command line where no file may grow beyond `blocks` of 512 bytes, as on a disk that is full.
fn with_little_room(blocks: u32, words: &[String]) -> Output {
    let script = format!("trap '' XFSZ; ulimit -f {blocks}; exec \"$@\"");
    let program = env!("CARGO_BIN_EXE_vitrine");
    Command::new("sh").args(["-c", &script, "sh", program]).args(words).output().unwrap()
}

fn refused(output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    said.lines().find(|line| line.starts_with("vitrine: ")).unwrap_or_default().to_string()
}

#[test]
fn a_full_disk_is_told_in_one_line_and_what_was_there_stays() {
    let world = World::with_model();
    world.draw_photos("before", 0..10);
    world.draw_photos("after", 5..80);
    run(&world.index("before", "catalog"));
    let catalog = tree(&world.path("catalog"));
    let model = tree(&world.path("model"));
    let index = world.index("after", "catalog");
    let (image, text) = world.checkpoints();
    let convert = ["convert", &image, &text, "--out", &world.at("model"), "--format", "f32"].map(str::to_string);
    for words in [&index[..], &convert] {
        let line = refused(&with_little_room(24, words));
        assert!(line.contains("writing") && line.contains("make room and run it again"), "{line}");
    }
    assert!(tree(&world.path("model")) == model, "the old model is as it was");
    let now = tree(&world.path("catalog"));
    for (name, bytes) in catalog.iter().filter(|(name, _)| !s(name).starts_with('.')) {
        assert!(now.get(name) == Some(bytes), "{} is as it was", name.display());
    }
    run(&index);
    let catalog = Catalog::open_folder(&world.path("catalog"), None).unwrap();
    assert_eq!(catalog.index().len(), 75, "with room again, the next run finishes");
}

#[test]
fn a_disk_that_really_is_full_is_told_too() {
    let world = World::with_model();
    world.draw_photos("photos", 0..80);
    let disk = world.path("disk");
    std::fs::create_dir(&disk).unwrap();
    let mount = Command::new("mount").args(["-t", "tmpfs", "-o", "size=96k", "none", &s(&disk)]).output();
    if !mount.is_ok_and(|mount| mount.status.success()) {
        eprintln!("skipped: this user may not mount a small disk");
        return;
    }
    let output = Command::new(env!("CARGO_BIN_EXE_vitrine")).args(world.index("photos", "disk/catalog")).output();
    let unmounted = Command::new("umount").arg(&disk).status();
    let line = refused(&output.unwrap());
    assert!(line.contains("No space left on device") && line.contains("make room"), "{line}");
    assert!(unmounted.unwrap().success());
}
