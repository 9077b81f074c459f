//! What commands write, by command and situation. Every row runs one command in a copy of a prepared folder and compares the
//! whole of it before and after: names, bytes, permissions, links. A refused command has changed nothing; one that succeeds
//! has changed exactly what its row says.
#![cfg(all(feature = "cli", unix))]

mod common;
#[path = "common/programs.rs"]
mod programs;

use common::{World, copy_page, s};
use image::ImageFormat;
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{LazyLock, Mutex};
use tempfile::TempDir;

/// Something that a row does to the prepared folder before its command runs. Paths are below that folder; `OUT` in one is
/// the command's own folder.
#[derive(Clone, Copy)]
enum Do {
    /// A file with its own path as content; its folders are made.
    Put(&'static str),
    /// A file with this content.
    Write(&'static str, &'static str),
    /// An empty folder.
    Dir(&'static str),
    /// A symbolic link at the first path that says the second.
    Link(&'static str, &'static str),
    Mode(&'static str, u32),
    Move(&'static str, &'static str),
    Copy(&'static str, &'static str),
    /// Removes a file.
    Remove(&'static str),
    /// The file below the first folder whose name begins with the second gives way to a link to the third.
    Swap(&'static str, &'static str, &'static str),
    /// Another process is writing to this folder.
    Lock(&'static str),
}
use Do::*;

/// What a row expects.
#[derive(Clone, Copy)]
enum Then {
    /// Exit 1, one line with these words, and nothing has changed.
    Refused(&'static str),
    /// Exit 0, and what has changed, come or gone are these paths; a `*` stands for any characters, and every pattern has
    /// a path.
    Changed(&'static [&'static str]),
}
use Then::*;

/// A command that writes a folder.
struct Writer {
    name: &'static str,
    /// Its words; `OUT` is the folder that it writes.
    words: &'static str,
    /// The same with another result.
    other: &'static str,
    /// A folder of its own in the prepared folder.
    own: &'static str,
    /// What changes there when the same is written again, and when something else is.
    again: &'static [&'static str],
    changed: &'static [&'static str],
    /// A folder of another command.
    foreign: &'static str,
    /// A file in its own folder that it writes at every run.
    key: &'static str,
    /// What it reads.
    inputs: &'static [&'static str],
}

const LIST: &str = ".vitrine-files";

const WRITERS: [Writer; 8] = [
    Writer {
        name: "index",
        words: "index photos --out OUT --meta items.csv --model model --jobs 1",
        other: "index more --out OUT --meta items.csv --model model --jobs 1",
        own: "catalog",
        again: &[],
        changed: &[
            "OUT/.index-journal",
            "OUT/.vitrine-files",
            "OUT/catalog.json",
            "OUT/items-*.json",
            "OUT/neighbours-*.bin",
            "OUT/photos/*.png",
            "OUT/shard-*.bin",
        ],
        foreign: "dist",
        key: "catalog.json",
        inputs: &["photos", "items.csv", "model"],
    },
    Writer {
        name: "index --part",
        words: "index photos --out OUT --part 1/2 --meta items.csv --model model --jobs 1",
        other: "index more --out OUT --part 1/2 --meta items.csv --model model --jobs 1",
        own: "part-1",
        again: &[],
        changed: &[
            "OUT/.index-journal",
            "OUT/.vitrine-files",
            "OUT/items-*.jsonl",
            "OUT/part.json",
            "OUT/photos/*.png",
            "OUT/shard-*.bin",
        ],
        foreign: "catalog",
        key: "part.json",
        inputs: &["photos", "items.csv", "model"],
    },
    Writer {
        name: "merge",
        words: "merge part-1 part-2 --out OUT",
        other: "merge part-1 part-2 --out OUT --cells 2",
        own: "merged",
        again: &[],
        changed: &[
            "OUT/.vitrine-files",
            "OUT/catalog.json",
            "OUT/cells-*",
            "OUT/items-*.json",
            "OUT/neighbours-*.bin",
            "OUT/shard-*.bin",
            "OUT/window-*.json",
        ],
        foreign: "dist",
        key: "catalog.json",
        inputs: &["part-1", "part-2"],
    },
    Writer {
        name: "site",
        words: "site catalog --out OUT --model model --www www",
        other: "site catalog --out OUT --model model --www www --title Other",
        own: "dist",
        again: &[],
        changed: &["OUT/index.html", "OUT/manifest.webmanifest", "OUT/site.json"],
        foreign: "merged",
        key: "index.html",
        inputs: &["catalog", "model", "www"],
    },
    Writer {
        name: "convert",
        words: "convert tiny-vit tiny-bert --out OUT --format q8",
        other: "convert tiny-vit tiny-bert --out OUT --format f16",
        own: "model",
        again: &[],
        changed: &["OUT/*.safetensors", "OUT/model.json"],
        foreign: "drawn",
        key: "model.json",
        inputs: &["tiny-vit", "tiny-bert"],
    },
    Writer {
        name: "train --out",
        words: "train --data drawn=drawn --init model --out OUT --log another-log --image-size 32 --steps 1 --batch 4 \
                --part 4 --share-composed 0 --share-drawn 1 --share-tops 0 --share-wardrobe 0 --jobs 1",
        other: "train --data drawn=drawn --init model --out OUT --log another-log --image-size 32 --steps 1 --batch 4 \
                --part 4 --share-composed 0 --share-drawn 1 --share-tops 0 --share-wardrobe 0 --jobs 1 --seed 7",
        own: "trained",
        again: &["another-log", "another-log/*"],
        changed: &["OUT/*.safetensors", "OUT/model.json", "another-log", "another-log/*"],
        foreign: "train-log",
        key: "model.json",
        inputs: &["drawn", "model"],
    },
    Writer {
        name: "train --log",
        words: "train --data drawn=drawn --init model --out another --log OUT --image-size 32 --steps 1 --batch 4 \
                --part 4 --share-composed 0 --share-drawn 1 --share-tops 0 --share-wardrobe 0 --jobs 1",
        other: "train --data drawn=drawn --init model --out another --log OUT --image-size 32 --steps 1 --batch 4 \
                --part 4 --share-composed 0 --share-drawn 1 --share-tops 0 --share-wardrobe 0 --jobs 1 --seed 7",
        own: "train-log",
        again: &["OUT/log.csv", "OUT/log.svg", "another", "another/*"],
        changed: &["OUT/checkpoint.safetensors", "OUT/log.csv", "OUT/log.svg", "another", "another/*"],
        foreign: "catalog",
        key: "log.csv",
        inputs: &["drawn", "model"],
    },
    Writer {
        name: "demo-catalog",
        words: "demo-catalog --out OUT --count 40",
        other: "demo-catalog --out OUT --count 40 --seed 2",
        own: "drawn",
        again: &[],
        changed: &["OUT/*.jpg", "OUT/*.jsonl", "OUT/items.csv"],
        foreign: "part-1",
        key: "items.csv",
        inputs: &[],
    },
];

/// Files whose names look like the program's, and others that a shop owner has.
const THEIRS: &[Do] = &[
    Put("OUT/notes.txt"),
    Put("OUT/items-2024.csv"),
    Put("OUT/shard-notes.txt"),
    Put("OUT/window-seat.txt"),
    Put("OUT/cells-1.txt"),
    Put("OUT/neighbours-list.txt"),
    Put("OUT/photos/me.jpg"),
    Put("OUT/catalog/prices.pdf"),
    Put("OUT/icons/own.png"),
    Put("OUT/CNAME"),
    Put("OUT/.vitrine-unfinished-notes.txt"),
    Dir("OUT/empty"),
    Put("OUT/private/deep/key"),
    Mode("OUT/private", 0o700),
    Mode("OUT/private/deep/key", 0o600),
    Link("OUT/link", "../theirs"),
    Link("OUT/private/out", "../../photos"),
    Link("OUT/nowhere", "no/such/place"),
];

/// A row: the writer, the situation, what is done before, the folder that is named, and what is expected.
struct Row {
    name: String,
    before: Vec<Do>,
    out: String,
    words: String,
    own: String,
    then: Then,
    from: &'static str,
}

/// The prepared folder, made once and copied for each row.
static PREPARED: LazyLock<World> = LazyLock::new(|| {
    programs::build();
    let world = World::with_model();
    world.draw("photos", 0..6, |_| ImageFormat::Png);
    world.draw("more", 3..9, |_| ImageFormat::Png);
    let rows: String = (0..9).map(|i| format!("p{i},Garment {i},{}\n", ["red", "blue"][i % 2])).collect();
    fs::write(world.path("items.csv"), format!("id,title,colour\n{rows}")).unwrap();
    fs::create_dir(world.path("theirs")).unwrap();
    fs::write(world.path("theirs/file"), "theirs").unwrap();
    copy_page(&world.path("www"), &["baseline"]);
    let home = world.path("");
    for writer in ["demo-catalog", "index", "site", "train --out", "train --log"] {
        let writer = WRITERS.iter().find(|each| each.name == writer).unwrap();
        ran(&run(&home, "", &writer.words.replace("OUT", writer.own)));
        for left in ["another", "another-log"] {
            let _ = fs::remove_dir_all(world.path(left));
        }
    }
    for part in ["1", "2"] {
        let words = format!("index photos --out part-{part} --part {part}/2 --meta items.csv --model model --jobs 1");
        ran(&run(&home, "", &words));
    }
    ran(&run(&home, "", "merge part-1 part-2 --out merged"));
    world
});

fn run(home: &Path, from: &str, words: &str) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
    command.args(words.split_whitespace()).current_dir(home.join(from)).output().unwrap()
}

fn ran(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What stands at a path: its kind, permissions, and bytes or what a link says.
type Seen = (char, u32, Vec<u8>);

/// Everything below a folder; links are not followed.
fn tree(home: &Path) -> BTreeMap<String, Seen> {
    let entries = walkdir::WalkDir::new(home).min_depth(1).into_iter().map(Result::unwrap);
    let seen = entries.map(|entry| {
        let (path, kind) = (entry.path(), entry.file_type());
        let mode = fs::symlink_metadata(path).unwrap().permissions().mode() & 0o7777;
        let seen = match () {
            _ if kind.is_symlink() => ('l', 0, s(&fs::read_link(path).unwrap()).into_bytes()),
            _ if kind.is_dir() => ('d', mode, Vec::new()),
            _ => ('f', mode, fs::read(path).unwrap()),
        };
        (s(path.strip_prefix(home).unwrap()), seen)
    });
    seen.collect()
}

/// Paths that are not the same in both.
fn differences(before: &BTreeMap<String, Seen>, after: &BTreeMap<String, Seen>) -> Vec<String> {
    let all: std::collections::BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    all.into_iter().filter(|path| before.get(*path) != after.get(*path)).cloned().collect()
}

fn matches(pattern: &str, path: &str) -> bool {
    match pattern.split_once('*') {
        None => pattern == path,
        Some((begin, end)) => path.len() >= begin.len() + end.len() && path.starts_with(begin) && path.ends_with(end),
    }
}

/// A copy of the prepared folder, without the training's log, which is large, unless it is asked for.
fn copy_of(prepared: &Path, log: bool) -> TempDir {
    let home = tempfile::tempdir().unwrap();
    let entries = fs::read_dir(prepared).unwrap().map(|entry| entry.unwrap().path());
    let entries = entries.filter(|entry| log || !entry.ends_with("train-log"));
    let copied = Command::new("cp").arg("-a").args(entries).arg(home.path()).status().unwrap();
    assert!(copied.success());
    // where a run was given its metadata is told as an absolute path
    for options in ["catalog", "part-1", "part-2"].map(|folder| home.path().join(folder).join(".index-options")) {
        let told = fs::read_to_string(&options).unwrap();
        let prepared = s(prepared).trim_end_matches('/').to_string();
        fs::write(&options, told.replace(&prepared, &s(home.path()))).unwrap();
    }
    home
}

/// Does what a row does before; returns the locks, which are held until they are dropped.
fn arrange(home: &Path, steps: &[Do], own: &str) -> Vec<fs::File> {
    let at = |path: &str| home.join(path.replace("OUT", own));
    let mut locks = Vec::new();
    for step in steps {
        match *step {
            Put(path) => put(&at(path), path),
            Write(path, content) => put(&at(path), content),
            Dir(path) => fs::create_dir_all(at(path)).unwrap(),
            Link(path, to) => symlink(to, at(path)).unwrap(),
            Mode(path, mode) => fs::set_permissions(at(path), fs::Permissions::from_mode(mode)).unwrap(),
            Move(from, to) => fs::rename(at(from), at(to)).unwrap(),
            Copy(from, to) => {
                assert!(Command::new("cp").arg("-a").arg(at(from)).arg(at(to)).status().unwrap().success())
            }
            Remove(path) => fs::remove_file(at(path)).unwrap(),
            Swap(folder, begin, to) => {
                let mut files = fs::read_dir(at(folder)).unwrap().map(|file| file.unwrap().path());
                let file = files.find(|file| s(Path::new(file.file_name().unwrap())).starts_with(begin)).unwrap();
                fs::remove_file(&file).unwrap();
                symlink(to, &file).unwrap();
            }
            Lock(path) => {
                let folder = fs::File::open(at(path)).unwrap();
                folder.lock().unwrap();
                locks.push(folder);
            }
        }
    }
    locks
}

fn put(path: &Path, content: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, content).unwrap();
}

/// Runs a row; says what is wrong.
fn check(row: &Row) -> Result<(), String> {
    let log = [&row.own, &row.out, &row.words].iter().any(|text| text.contains("train-log"));
    let home = copy_of(&PREPARED.path(""), log);
    let _locks = arrange(home.path(), &row.before, &row.own);
    let before = tree(home.path());
    let output = run(home.path(), row.from, &row.words.replace("OUT", &row.out));
    let changed = differences(&before, &tree(home.path()));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    let line = said.lines().filter(|line| line.starts_with("vitrine: ")).collect::<Vec<_>>();
    match row.then {
        Refused(words) => {
            let one = matches!(line[..], [line] if line.contains(words));
            if output.status.code() != Some(1) || !one {
                return Err(format!("expected exit 1 and {words:?}, got {:?} and {said}", output.status.code()));
            }
            if changed.is_empty() { Ok(()) } else { Err(format!("was refused and changed {changed:?}")) }
        }
        Changed(patterns) => {
            if !output.status.success() {
                return Err(format!("failed: {said}"));
            }
            let patterns: Vec<String> = patterns.iter().map(|pattern| pattern.replace("OUT", &row.own)).collect();
            let odd = changed.iter().find(|path| !patterns.iter().any(|pattern| matches(pattern, path)));
            let still = patterns.iter().find(|pattern| !changed.iter().any(|path| matches(pattern, path)));
            match (odd, still) {
                (None, None) => Ok(()),
                _ => Err(format!("unexpected change {odd:?}, missing change {still:?}; changed: {changed:?}")),
            }
        }
    }
}

/// Situations in which every writer is refused: what is done before, the folder that is named, the words.
const REFUSED: &[(&str, &[Do], &str, &str)] = &[
    ("a folder of the user's", &[Put("new/notes.txt")], "new", "got one with 1 other entries (notes.txt)"),
    (
        "a folder whose files look like the program's",
        &[
            Put("new/items-2024.csv"),
            Put("new/shard-notes.txt"),
            Put("new/index.html"),
            Put("new/icons/own.png"),
            Put("new/model/weights.bin"),
            Put("new/photos/me.jpg"),
        ],
        "new",
        "expected a new or empty folder",
    ),
    ("a folder with a manifest of other bytes", &[Put("new/KEY"), Put("new/photos/me.jpg")], "new", "expected"),
    ("a folder with a hidden file", &[Put("new/.htaccess")], "new", ".htaccess"),
    ("a folder with a folder", &[Dir("new/sub")], "new", "(sub)"),
    ("its manifest is a link", &[Dir("new"), Link("new/KEY", "../OWN/KEY")], "new", "expected"),
    (
        "its list is a link",
        &[Dir("new"), Link("new/.vitrine-files", "../OWN/.vitrine-files")],
        "new",
        "a symbolic link",
    ),
    ("its list is another's", &[Write("new/.vitrine-files", "milk\neggs\n")], "new", "expected a list of version 1"),
    ("a list of a newer version", &[Write("new/.vitrine-files", "vitrine-files 2 site\n")], "new", "version 1"),
    ("another command's folder", &[], "FOREIGN", "expected a new or empty folder or"),
    ("a file", &[Put("new")], "new", "got a file"),
    ("a file in place of a folder above", &[Put("new")], "new/out", "got a file"),
    ("a link that leads nowhere", &[Link("new", "no/such/place")], "new", "leads nowhere"),
    ("a link to a folder of the user's", &[Link("new", "theirs")], "new", "got one with 1 other"),
    ("up from a folder that is not there", &[], "no/../new", "got .."),
    ("a reserved name", &[], ".vitrine-part-x", "does not begin with .vitrine-"),
    ("this folder, which holds everything", &[], ".", "expected"),
    ("the folder above", &[], "theirs/..", "expected"),
    ("the root", &[], "/", "expected"),
    ("while another process writes there", &[Lock("OUT")], "OWN", "still at work"),
    (
        "what it writes has become a link",
        &[Move("OUT/KEY", "kept"), Link("OUT/KEY", "../kept")],
        "OWN",
        "a symbolic link",
    ),
    ("what it writes has become a folder", &[Remove("OUT/KEY"), Put("OUT/KEY/x")], "OWN", "a folder"),
];

/// Situations in which every writer writes; whether something else than before, and what is done before.
const WRITTEN: &[(&str, bool, &[Do], &str)] = &[
    ("its own folder again, among the user's files", false, THEIRS, "OWN"),
    ("its own folder anew, among the user's files", true, THEIRS, "OWN"),
    ("its own folder with slashes and dots", false, THEIRS, "./theirs/../OWN/./"),
    ("its own folder through a link", true, &[Link("door", "OWN")], "door"),
    ("its own private folder", true, &[Mode("OUT", 0o700), Put("OUT/notes.txt")], "OWN"),
];

fn rows() -> Vec<Row> {
    let mut rows = Vec::new();
    for writer in &WRITERS {
        let named = |text: &str| text.replace("OWN", writer.own).replace("FOREIGN", writer.foreign);
        for (name, before, out, words) in REFUSED {
            // a place in the steps is fixed, so that these names are put in here
            let before = before.iter().map(|step| leak(*step, writer)).collect();
            rows.push(Row {
                name: format!("{}: {name}", writer.name),
                before,
                out: named(out),
                words: writer.words.into(),
                own: writer.own.into(),
                then: Refused(words),
                from: "",
            });
        }
        for (name, other, before, out) in WRITTEN {
            let before = before.iter().map(|step| leak(*step, writer)).collect();
            rows.push(Row {
                name: format!("{}: {name}", writer.name),
                before,
                out: named(out),
                words: if *other { writer.other } else { writer.words }.into(),
                own: writer.own.into(),
                then: Changed(if *other { writer.changed } else { writer.again }),
                from: "",
            });
        }
        for input in writer.inputs {
            rows.extend(overlaps(writer, input));
        }
    }
    rows
}

/// An input is, holds, or lies in the output, however it is written.
fn overlaps(writer: &Writer, input: &'static str) -> Vec<Row> {
    let folder = PREPARED.path(input).is_dir();
    let mut cases = vec![("holds", "around", format!("around {input}"))];
    if folder {
        cases.extend([
            ("is", "itself", input.to_string()),
            ("is", "itself with a slash", format!("{input}/")),
            ("is", "itself through a link", "door".to_string()),
            ("is", "itself with dots", format!("theirs/../{input}/.")),
            ("lies in", "in it", format!("{input}/new")),
            ("lies in", "deep in it through a link", "door/new/deep".to_string()),
        ]);
    }
    let row = |(_, name, out): (&str, &str, String)| {
        let mut before = vec![Link("door", input)];
        let mut words = writer.words.to_string();
        let mut place = out.clone();
        if name == "around" {
            // the input lies in the folder that is written
            let inside: &'static str = Box::leak(format!("new/{input}").into_boxed_str());
            before.extend([Dir("new"), Copy(input, inside)]);
            words =
                words.split(' ').map(|word| if word == input { inside } else { word }).collect::<Vec<_>>().join(" ");
            words = words.replace(&format!("={input}"), &format!("={inside}"));
            place = "new".into();
        }
        Row {
            name: format!("{}: its output is {input}: {name}", writer.name),
            before,
            out: place,
            words,
            own: writer.own.into(),
            then: Refused("apart from everything that is read"),
            from: "",
        }
    };
    cases.into_iter().map(row).collect()
}

/// A step with the writer's own names in it.
fn leak(step: Do, writer: &Writer) -> Do {
    let named = |text: &'static str| -> &'static str {
        Box::leak(text.replace("OWN", writer.own).replace("KEY", writer.key).into_boxed_str())
    };
    match step {
        Put(path) => Put(named(path)),
        Write(path, content) => Write(named(path), content),
        Link(path, to) => Link(named(path), named(to)),
        Move(from, to) => Move(named(from), named(to)),
        Remove(path) => Remove(named(path)),
        step => step,
    }
}

/// Rows of one command each.
const SINGLE: &[(&str, &str, &[Do], &str, Then)] = &[
    (
        "index . --out inside the photos, as the issue has it",
        "photos",
        &[Write("photos/notes.txt", "mine")],
        "index ../photos --out . --model ../model",
        Refused("got ../photos itself"),
    ),
    (
        "index photos --out . from the shop's folder",
        "",
        &[Write("photos/notes.txt", "mine")],
        "index photos --out . --model model",
        Refused("that holds photos"),
    ),
    (
        "site above its catalog",
        "",
        &[Dir("shop"), Move("catalog", "shop/catalog")],
        "site shop/catalog --out shop --model model --www www",
        Refused("that holds shop/catalog"),
    ),
    ("convert a model into itself", "", &[], "convert model --out model --format f16", Refused("got model itself")),
    ("merge into a part", "", &[], "merge part-1 part-2 --out part-1", Refused("got part-1 itself")),
    (
        "train with its log in its model",
        "",
        &[],
        "train --data drawn=drawn --init model --out new --log new/log",
        Refused("two folders apart"),
    ),
    (
        "train with its log as its model",
        "",
        &[],
        "train --data drawn=drawn --init model --out new --log new",
        Refused("two folders apart"),
    ),
    (
        "tune with its log in its model",
        "",
        &[],
        "tune photos --init model --out new --log new/log",
        Refused("two folders apart"),
    ),
    ("tune over its start", "", &[], "tune photos --init model --out model", Refused("got model itself")),
    ("tune over its photos", "", &[], "tune photos --init model --out photos", Refused("got photos itself")),
    ("tune into a catalog", "", &[], "tune photos --init model --out catalog", Refused("got a catalog")),
    (
        "tune into a folder of somebody else's",
        "",
        &[Put("holiday/photo.txt")],
        "tune photos --init model --out holiday",
        Refused("expected a new or empty folder or a model"),
    ),
    (
        "tune with somebody else's folder where its log would be",
        "",
        &[Put("own-log/notes.txt")],
        "tune photos --init model --out own",
        Refused("or the log of a training"),
    ),
    (
        "tune over its table",
        "",
        &[],
        "tune photos --meta items.csv --init model --out new --log items.csv",
        Refused("items.csv"),
    ),
    (
        "tune with too few products",
        "",
        &[],
        "tune photos --meta items.csv --init model --out new",
        Refused("300 products or more"),
    ),
    (
        "a logo in the site's folder",
        "",
        &[Put("dist/own.svg")],
        "site catalog --out dist --model model --www www --logo dist/own.svg",
        Refused("that holds dist/own.svg"),
    ),
    (
        "a corpus in the model's folder",
        "",
        &[Put("trained/words.txt")],
        "convert tiny-vit tiny-bert --out trained --vocab-size 15 --corpus trained/words.txt",
        Refused("that holds trained/words.txt"),
    ),
    (
        "index a ZIP archive that lies in the output",
        "",
        &[Put("catalog/photos.zip")],
        "index catalog/photos.zip --out catalog --model model",
        Refused("that holds catalog/photos.zip"),
    ),
    // a folder in a folder that is not there is made
    (
        "index into a new folder in a new folder",
        "",
        &[],
        "index photos --out new/deep --model model --jobs 1",
        Changed(&["new", "new/*"]),
    ),
    (
        "site into an empty private folder",
        "",
        &[Dir("new"), Mode("new", 0o700)],
        "site catalog --out new --model model --www www",
        Changed(&["new/*"]),
    ),
    (
        "index into an empty folder from within it",
        "new",
        &[Dir("new")],
        "index ../photos --out . --model ../model --jobs 1",
        Changed(&["new/*"]),
    ),
    (
        "site from within its own folder",
        "dist",
        &[Put("dist/CNAME")],
        "site ../catalog --out . --model ../model --www ../www --title Other",
        Changed(&["dist/index.html", "dist/manifest.webmanifest", "dist/site.json"]),
    ),
    (
        "index into what a disk or a desktop puts into empty folders",
        "",
        &[Dir("new/lost+found"), Put("new/.DS_Store")],
        "index photos --out new --model model --jobs 1",
        Changed(&[
            "new/.index-*",
            "new/.vitrine-files",
            "new/catalog.json",
            "new/items-*",
            "new/neighbours-*",
            "new/photos",
            "new/photos/*",
            "new/shard-*",
        ]),
    ),
    (
        "a site whose folders and files are private stays private",
        "",
        &[Mode("dist/icons", 0o700), Mode("dist/index.html", 0o600), Mode("dist/catalog/photos", 0o500)],
        "site catalog --out dist --model model --www www",
        Changed(&[]),
    ),
    (
        "a catalog whose manifest is private stays private",
        "",
        &[Mode("catalog/catalog.json", 0o600)],
        "index photos --out catalog --meta items.csv --model model --jobs 1",
        Changed(&[]),
    ),
    // what kills leave
    (
        "a site goes on after a kill and clears what it left",
        "",
        &[
            Write(".vitrine-part-dist/.vitrine-files", "vitrine-files 1 site unfinished\n"),
            Put(".vitrine-part-dist/model/x"),
        ],
        "site catalog --out dist --model model --www www",
        Changed(&[".vitrine-part-dist", ".vitrine-part-dist/*"]),
    ),
    (
        "another site in that folder clears it too",
        "",
        &[
            Write(".vitrine-part-gone/.vitrine-files", "vitrine-files 1 site unfinished\n"),
            Put(".vitrine-part-gone/model/x"),
        ],
        "site catalog --out dist --model model --www www",
        Changed(&[".vitrine-part-gone", ".vitrine-part-gone/*"]),
    ),
    (
        "a hidden folder that only looks like one stays",
        "",
        &[Put(".vitrine-part-gone/mine"), Put(".dist.part/mine")],
        "site catalog --out dist --model model --www www",
        Changed(&[]),
    ),
    (
        "a hidden folder of the user's in the way is named",
        "",
        &[Put(".vitrine-part-dist/mine")],
        "site catalog --out dist --model model --www www",
        Refused("without its mark"),
    ),
    (
        "half a file goes, what only looks like one stays",
        "",
        &[
            Put("catalog/.vitrine-unfinished-a1B2c3"),
            Put("catalog/.vitrine-unfinished-notes.txt"),
            Put("catalog/photos/.vitrine-unfinished-Zz09aa"),
        ],
        "index photos --out catalog --meta items.csv --model model --jobs 1",
        Changed(&["catalog/.vitrine-unfinished-a1B2c3", "catalog/photos/.vitrine-unfinished-Zz09aa"]),
    ),
    // what the list names and what it does not
    (
        "index removes a listed photo and no other",
        "",
        &[Write("catalog/photos/mine.jpg", "mine"), Write("catalog/photos/0123456789abcdef.jpg", "mine")],
        "index more --out catalog --meta items.csv --model model --jobs 1",
        Changed(&[
            "catalog/.index-journal",
            "catalog/.vitrine-files",
            "catalog/catalog.json",
            "catalog/items-*.json",
            "catalog/neighbours-*.bin",
            "catalog/photos/*.png",
            "catalog/shard-*.bin",
        ]),
    ),
    (
        "a list that leads out removes nothing there",
        "",
        &[
            Write("dist/.vitrine-files", "vitrine-files 1 site\n../theirs/file\n/etc/hostname\nindex.html\n"),
            Remove("dist/index.html"),
        ],
        "site catalog --out dist --model model --www www",
        Changed(&["dist/.vitrine-files", "dist/index.html"]),
    ),
    (
        "a listed file behind a link is not followed",
        "",
        &[
            Write("catalog/.vitrine-files", "vitrine-files 1 catalog\ndoor/file\ncatalog.json\n"),
            Link("catalog/door", "../theirs"),
        ],
        "index photos --out catalog --meta items.csv --model model --jobs 1",
        Refused("a symbolic link"),
    ),
    (
        "a photo's folder that has become a link is not followed",
        "",
        &[Move("catalog/photos", "elsewhere"), Link("catalog/photos", "../elsewhere")],
        "index more --out catalog --meta items.csv --model model --jobs 1",
        Refused("a symbolic link"),
    ),
    (
        "a listed shard that has become a link stays, and so does what it leads to",
        "",
        &[Swap("catalog", "shard-", "../theirs/file")],
        "index more --out catalog --meta items.csv --model model --jobs 1",
        Refused("a symbolic link"),
    ),
    // folders of versions that kept no list
    (
        "an old catalog is gone on with",
        "",
        &[Remove("catalog/.vitrine-files"), Put("catalog/shard-notes.txt")],
        "index more --out catalog --meta items.csv --model model --jobs 1",
        Changed(&[
            "catalog/.index-journal",
            "catalog/.vitrine-files",
            "catalog/catalog.json",
            "catalog/items-*.json",
            "catalog/neighbours-*.bin",
            "catalog/photos/*.png",
            "catalog/shard-*.bin",
        ]),
    ),
    (
        "an old catalog without its journal is known by its manifest",
        "",
        &[Remove("catalog/.vitrine-files"), Remove("catalog/.index-journal"), Remove("catalog/.index-options")],
        "index photos --out catalog --meta items.csv --model model --jobs 1",
        Changed(&["catalog/.index-journal", "catalog/.index-options", "catalog/.vitrine-files"]),
    ),
    (
        "an old interrupted catalog is known by its journal",
        "",
        &[Remove("catalog/.vitrine-files"), Remove("catalog/catalog.json")],
        "index photos --out catalog --meta items.csv --model model --jobs 1",
        Changed(&["catalog/.vitrine-files", "catalog/catalog.json"]),
    ),
    (
        "an old part is gone on with",
        "",
        &[Remove("part-1/.vitrine-files")],
        "index photos --out part-1 --part 1/2 --meta items.csv --model model --jobs 1",
        Changed(&["part-1/.vitrine-files"]),
    ),
    (
        "an old site is replaced",
        "",
        &[Remove("dist/.vitrine-files"), Put("dist/README"), Put("dist/icons/own.png")],
        "site catalog --out dist --model model --www www",
        Changed(&["dist/.vitrine-files"]),
    ),
    (
        "an old site loses the files that it no longer has",
        "",
        &[Remove("dist/.vitrine-files"), Remove("www/icons/icon.svg")],
        "site catalog --out dist --model model --www www",
        Changed(&["dist/.vitrine-files", "dist/icons/icon.svg", "dist/index.html", "dist/site.json"]),
    ),
    (
        "an old model is replaced",
        "",
        &[Remove("trained/.vitrine-files"), Put("trained/LICENSE")],
        "convert tiny-vit tiny-bert --out trained --format q8",
        Changed(&["trained/.vitrine-files", "trained/*.safetensors", "trained/model.json"]),
    ),
    (
        "an old drawn catalog is replaced",
        "",
        &[Remove("drawn/.vitrine-files"), Put("drawn/.drawn"), Put("drawn/me.jpg")],
        "demo-catalog --out drawn --count 40",
        Changed(&["drawn/.vitrine-files"]),
    ),
    (
        "an old training log is gone on with",
        "",
        &[Remove("train-log/.vitrine-files"), Put("train-log/notes.csv")],
        "train --data drawn=drawn --init model --out another --log train-log --image-size 32 --steps 1 --batch 4 --part 4 \
         --share-composed 0 --share-drawn 1 --share-tops 0 --share-wardrobe 0 --jobs 1",
        Changed(&["another", "another/*", "train-log/.vitrine-files", "train-log/log.csv", "train-log/log.svg"]),
    ),
    ("a part is no catalog", "", &[], "index photos --out part-1 --model model", Refused("got a part of a catalog")),
    ("a catalog is no part", "", &[], "index photos --out catalog --part 1/2 --model model", Refused("got a catalog")),
    // what a site is made of
    (
        "a site of a catalog that lacks a photo",
        "",
        &[Swap("catalog/photos", "", "../../theirs/file")],
        "site catalog --out new --model model --www www",
        Refused("got none"),
    ),
    (
        "a site again of a catalog that lacks its photos",
        "",
        &[Move("catalog/photos", "away")],
        "site catalog --out dist --model model --www www",
        Refused("expected the photo"),
    ),
    // single files
    ("export to a new file", "", &[], "export catalog --out new.jsonl", Changed(&["new.jsonl"])),
    (
        "export where a file is",
        "",
        &[Put("mine.parquet")],
        "export catalog --out mine.parquet",
        Refused("there already"),
    ),
    (
        "export where a link is",
        "",
        &[Link("mine.npy", "theirs/file")],
        "export catalog --out mine.npy",
        Refused("a symbolic link"),
    ),
    (
        "export where a link leads nowhere",
        "",
        &[Link("mine.npy", "theirs/no")],
        "export catalog --out mine.npy",
        Refused("a symbolic link"),
    ),
    ("export where a folder is", "", &[Dir("mine.npy")], "export catalog --out mine.npy", Refused("a folder")),
    ("export into its catalog", "", &[], "export catalog --out catalog/new.jsonl", Refused("inside catalog")),
    (
        "export into its catalog's photos through a link",
        "",
        &[Link("door", "catalog/photos")],
        "export catalog --out door/new.jsonl",
        Refused("inside catalog"),
    ),
    (
        "export after a kill",
        "",
        &[Put(".vitrine-unfinished-new.npy")],
        "export catalog --out new.npy",
        Changed(&["new.npy", ".vitrine-unfinished-new.npy"]),
    ),
    (
        "export while another process writes that file",
        "",
        &[Put(".vitrine-unfinished-new.npy"), Lock(".vitrine-unfinished-new.npy")],
        "export catalog --out new.npy",
        Refused("still at work"),
    ),
    (
        "export through a link in the place of its hidden file",
        "",
        &[Link(".vitrine-unfinished-new.npy", "theirs/file")],
        "export catalog --out new.npy",
        Refused("a symbolic link"),
    ),
];

#[test]
fn every_command_in_every_situation_changes_what_is_its_own_and_nothing_else() {
    let single = SINGLE.iter().map(|(name, from, before, words, then)| Row {
        name: name.to_string(),
        before: before.to_vec(),
        out: String::new(),
        words: words.to_string(),
        own: String::new(),
        then: *then,
        from,
    });
    let rows: Vec<Row> = rows().into_iter().chain(single).collect();
    let only = std::env::var("VITRINE_ROW").ok();
    let chosen = |row: &&Row| only.as_ref().is_none_or(|only| row.name.contains(only.as_str()));
    let chosen: Vec<&Row> = rows.iter().filter(chosen).collect();
    let (next, wrong) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(row) = chosen.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Err(problem) = check(row) {
                        eprintln!("{}: {problem}", row.name);
                        wrong.lock().unwrap().push(&row.name);
                    }
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    println!("{} rows", rows.len());
    assert!(wrong.is_empty(), "{} of {} rows: {wrong:?}", wrong.len(), rows.len());
    assert!(rows.len() >= 40);
}

/// Several runs at once into one folder, which is new or their own: one writes, the others are told, and the folder is whole.
#[test]
fn of_runs_at_once_one_writes_and_the_others_are_told() {
    for (writer, new) in
        WRITERS.iter().filter(|writer| !writer.name.starts_with("train")).flat_map(|w| [(w, true), (w, false)])
    {
        let home = copy_of(&PREPARED.path(""), false);
        let out = if new { "new" } else { writer.own };
        let start = |_| {
            let words = writer.words.replace("OUT", out);
            let mut command = Command::new(env!("CARGO_BIN_EXE_vitrine"));
            command.args(words.split_whitespace()).current_dir(home.path());
            command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap()
        };
        let runs: Vec<_> = (0..4).map(start).collect();
        let outputs: Vec<Output> = runs.into_iter().map(|run| run.wait_with_output().unwrap()).collect();
        let said = |output: &Output| String::from_utf8_lossy(&output.stderr).into_owned();
        let refused = outputs.iter().filter(|output| !output.status.success());
        refused.for_each(|output| assert!(said(output).contains("still at work"), "{}: {}", writer.name, said(output)));
        assert!(outputs.iter().any(|output| output.status.success()), "{}", writer.name);
        let whole = tree(&PREPARED.path(writer.own));
        let options = |path: &String| path != ".index-options";
        let got = tree(&home.path().join(out));
        let differ: Vec<String> = differences(&whole, &got).into_iter().filter(options).collect();
        assert!(differ.is_empty(), "{} into {out}: {differ:?}", writer.name);
        let left = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let left: Vec<String> = left.filter(|name| name.starts_with('.')).collect();
        assert!(left.is_empty(), "{}: {left:?}", writer.name);
    }
}

/// A mounted disk inside a site, one as the site's folder, and one folder under two names.
#[test]
fn mounted_disks_are_neither_moved_nor_emptied() {
    let home = copy_of(&PREPARED.path(""), false);
    let at = |path: &str| home.path().join(path);
    let mount = |what: &[&str], at: &Path| {
        fs::create_dir_all(at).unwrap();
        Command::new("mount").args(what).arg(at).output().is_ok_and(|mount| mount.status.success())
    };
    let mut mounted = Mounted(Vec::new());
    if !mount(&["--bind", &s(&at("theirs"))], &at("dist/private")) {
        eprintln!("skipped: this user may not mount");
        return;
    }
    mounted.0.push(at("dist/private"));
    assert!(mount(&["-t", "tmpfs", "none"], &at("disk")));
    mounted.0.push(at("disk"));
    assert!(mount(&["--bind", &s(&at("catalog"))], &at("same")));
    mounted.0.push(at("same"));
    let before = tree(home.path());
    ran(&run(home.path(), "", "site catalog --out dist --model model --www www --title Other"));
    let changed = differences(&before, &tree(home.path()));
    assert_eq!(changed, ["dist/index.html", "dist/manifest.webmanifest", "dist/site.json"]);
    assert_eq!(fs::read(at("theirs/file")).unwrap(), b"theirs");
    for title in ["One", "Two"] {
        ran(&run(home.path(), "", &format!("site catalog --out disk --model model --www www --title {title}")));
        let page = fs::read_to_string(at("disk/index.html")).unwrap();
        assert!(page.contains(&format!("<title>{title}</title>")));
        fs::write(at("disk/CNAME"), "shop.example").unwrap();
    }
    assert_eq!(fs::read(at("disk/CNAME")).unwrap(), b"shop.example");
    let output = run(home.path(), "", "site catalog --out same --model model --www www");
    assert!(String::from_utf8_lossy(&output.stderr).contains("got catalog itself"));
    let left = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| !name.to_string_lossy().starts_with('.')));
}

struct Mounted(Vec<PathBuf>);

impl Drop for Mounted {
    fn drop(&mut self) {
        for place in &self.0 {
            let _ = Command::new("umount").arg(place).status();
        }
    }
}

/// What released versions wrote is written on, and of it only what its manifests name goes.
#[test]
fn frozen_folders_are_gone_on_with() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    for (name, words) in [
        ("catalog-v1", "index photos --out frozen --model model"),
        ("catalog-v2", "index photos --out frozen --model model"),
        ("parts-v1/1", "index photos --out frozen --part 1/2 --model model"),
        ("model-v1", "convert tiny-vit tiny-bert --out frozen"),
    ] {
        let home = copy_of(&PREPARED.path(""), false);
        assert!(
            Command::new("cp")
                .arg("-a")
                .arg(fixtures.join(name))
                .arg(home.path().join("frozen"))
                .status()
                .unwrap()
                .success()
        );
        let frozen = home.path().join("frozen");
        fs::write(frozen.join("shard-notes.txt"), "mine").unwrap();
        let before: Vec<String> = tree(&frozen).into_keys().collect();
        ran(&run(home.path(), "", words));
        let after = tree(&frozen);
        assert!(after.contains_key("shard-notes.txt") && after.contains_key(LIST), "{name}");
        let old = |file: &&String| file.contains('-') && file.contains('.') || file.starts_with("photos/");
        let stale = before.iter().filter(old).filter(|file| after.contains_key(*file) && *file != "shard-notes.txt");
        let listed = fs::read_to_string(frozen.join(LIST)).unwrap();
        let stale: Vec<_> = stale.filter(|file| !listed.lines().any(|line| line == file.as_str())).collect();
        assert!(stale.is_empty(), "{name}: {stale:?}");
        assert_eq!(after.contains_key("vectors.json"), name == "model-v1", "what no manifest names stays");
    }
}
