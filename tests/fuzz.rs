//! Hostile input: every kind of it, changed at random from inputs that are kept in `tests/fuzz/corpus`, for a bounded
//! number of cases. What once broke something is kept there too, and is tried first.
//!
//! ```text
//! VITRINE_FUZZ_CASES=100000 cargo test --release --features cli --test fuzz photo     more cases of one kind
//! VITRINE_FUZZ_SECONDS=300  cargo test --release --features cli --test fuzz photo     as many as fit into the time
//! ```
//! `tests/fuzz/` is also a crate for `cargo fuzz`, which lets coverage guide it; see `tests/FAULTS.md`.
#![cfg(feature = "cli")]

#[path = "fuzz/targets.rs"]
mod targets;

use cap::Cap;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::alloc::System;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::{Duration, Instant};
use targets::{TARGETS, Target};

/// Ends the process when an input asks for more memory than its target may take.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// Cases of each target without a variable that says otherwise.
const CASES: u32 = 300;

/// One change of an input.
#[derive(Clone, Debug)]
enum Change {
    Flip {
        at: prop::sample::Index,
        bit: u8,
    },
    Set {
        at: prop::sample::Index,
        to: u8,
    },
    /// A length or a count that somebody would like to be believed.
    Number {
        at: prop::sample::Index,
        to: u64,
        bytes: usize,
        big_endian: bool,
    },
    Insert {
        at: prop::sample::Index,
        bytes: Vec<u8>,
    },
    Remove {
        at: prop::sample::Index,
        length: usize,
    },
    Repeat {
        at: prop::sample::Index,
        length: usize,
        times: usize,
    },
    Truncate {
        at: prop::sample::Index,
    },
    /// The end of another input.
    Splice {
        at: prop::sample::Index,
        other: prop::sample::Index,
        from: prop::sample::Index,
    },
    /// One of the words that formats are made of.
    Word {
        at: prop::sample::Index,
        word: prop::sample::Index,
    },
}

const WORDS: [&str; 22] = [
    "null",
    "-1",
    "1e999",
    "18446744073709551615",
    "9007199254740993",
    "[]",
    "{}",
    "\"\"",
    "[[[[[[[[",
    "\\u0000",
    "../../x",
    "/etc/passwd",
    "C:\\x",
    "\u{feff}",
    ",,,,",
    "\"\n\"",
    "\r\n",
    "\u{202e}",
    "é\u{301}",
    "<img onerror=x>",
    "PK\u{1}\u{2}",
    "version",
];

fn change() -> impl Strategy<Value = Change> {
    let at = || any::<prop::sample::Index>();
    let telling = prop::sample::select(vec![
        0,
        1,
        2,
        0x7f,
        0x80,
        0xff,
        0x100,
        0x7fff_ffff,
        0x8000_0000,
        0xffff_ffff,
        u64::MAX >> 1,
        u64::MAX,
    ]);
    let number = prop_oneof![telling, any::<u64>()];
    prop_oneof![
        (at(), 0u8..8).prop_map(|(at, bit)| Change::Flip { at, bit }),
        (at(), any::<u8>()).prop_map(|(at, to)| Change::Set { at, to }),
        (at(), number, prop::sample::select(vec![2usize, 4, 8]), any::<bool>())
            .prop_map(|(at, to, bytes, big_endian)| Change::Number { at, to, bytes, big_endian }),
        (at(), prop::collection::vec(any::<u8>(), 1..16)).prop_map(|(at, bytes)| Change::Insert { at, bytes }),
        (at(), 1usize..64).prop_map(|(at, length)| Change::Remove { at, length }),
        (at(), 1usize..64, 1usize..64).prop_map(|(at, length, times)| Change::Repeat { at, length, times }),
        at().prop_map(|at| Change::Truncate { at }),
        (at(), at(), at()).prop_map(|(at, other, from)| Change::Splice { at, other, from }),
        (at(), at()).prop_map(|(at, word)| Change::Word { at, word }),
    ]
}

impl Change {
    fn apply(&self, input: &mut Vec<u8>, corpus: &[Vec<u8>]) {
        let place = |at: &prop::sample::Index, input: &[u8]| at.index(input.len().max(1)).min(input.len());
        let write = |at: usize, bytes: &[u8], input: &mut Vec<u8>| {
            input.iter_mut().skip(at).zip(bytes).for_each(|(to, from)| *to = *from);
        };
        match self {
            Self::Flip { at, bit } => {
                let at = place(at, input);
                input.iter_mut().skip(at).take(1).for_each(|byte| *byte ^= 1 << bit);
            }
            Self::Set { at, to } => write(place(at, input), &[*to], input),
            Self::Number { at, to, bytes, big_endian: true } => {
                write(place(at, input), &to.to_be_bytes()[8 - bytes..], input)
            }
            Self::Number { at, to, bytes, .. } => write(place(at, input), &to.to_le_bytes()[..*bytes], input),
            Self::Insert { at, bytes } => {
                let at = place(at, input);
                input.splice(at..at, bytes.iter().copied());
            }
            Self::Remove { at, length } => {
                let at = place(at, input);
                input.drain(at..(at + length).min(input.len()));
            }
            Self::Repeat { at, length, times } => {
                let at = place(at, input);
                let part = input[at..(at + length).min(input.len())].repeat(*times);
                input.splice(at..at, part);
            }
            Self::Truncate { at } => input.truncate(place(at, input)),
            Self::Splice { at, other, from } => {
                let other = other.get(corpus);
                input.truncate(place(at, input));
                input.extend_from_slice(&other[place(from, other)..]);
            }
            Self::Word { at, word } => {
                let at = place(at, input);
                input.splice(at..at, word.get(&WORDS).bytes());
            }
        }
    }
}

fn folder(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fuzz/corpus").join(name)
}

fn corpus(target: &Target) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files: Vec<_> = std::fs::read_dir(folder(target.name)).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files.into_iter().map(|path| (path.clone(), std::fs::read(path).unwrap())).collect()
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok().map(|value| value.parse().unwrap())
}

/// Runs one input under the target's limit. It is kept in a file meanwhile, since memory that runs out ends the process.
fn try_one(target: &Target, input: &[u8]) {
    let current = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("fuzz-{}", target.name));
    std::fs::write(&current, input).unwrap();
    MEMORY.set_limit(MEMORY.allocated() + target.memory).unwrap();
    let result = std::panic::catch_unwind(|| (target.run)(input));
    MEMORY.set_limit(usize::MAX).unwrap();
    assert!(result.is_ok(), "the input is in {}", current.display());
}

/// The limit is the process's, so that targets take turns.
static TURN: Mutex<()> = Mutex::new(());

fn fuzz(name: &str) {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let target = TARGETS.iter().find(|target| target.name == name).unwrap();
    let kept = corpus(target);
    for (path, input) in &kept {
        println!("{}", path.display());
        try_one(target, input);
    }
    let inputs: Vec<Vec<u8>> = kept.into_iter().map(|(_, input)| input).collect();
    let strategy = (any::<prop::sample::Index>(), prop::collection::vec(change(), 1..8));
    let seconds = number("VITRINE_FUZZ_SECONDS");
    let cases = number("VITRINE_FUZZ_CASES").map_or(CASES, |cases| cases as u32);
    let (begin, mut done) = (Instant::now(), 0u64);
    loop {
        let mut runner = TestRunner::new(Config { cases, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&strategy, |(seed, changes)| {
            let mut input = seed.get(&inputs).clone();
            changes.iter().for_each(|change| change.apply(&mut input, &inputs));
            try_one(target, &input);
            Ok(())
        });
        outcome.unwrap_or_else(|error| panic!("{name}: {error}"));
        done += u64::from(cases);
        if seconds.is_none_or(|seconds| begin.elapsed() >= Duration::from_secs(seconds)) {
            break;
        }
    }
    println!("{name}: {done} cases in {:.1} s", begin.elapsed().as_secs_f64());
}

macro_rules! targets {
    ($($name:ident),*) => {
        $(#[test]
        fn $name() {
            fuzz(stringify!($name));
        })*

        #[test]
        fn every_target_is_run() {
            assert_eq!(TARGETS.each_ref().map(|target| target.name), [$(stringify!($name)),*]);
        }
    };
}

targets!(shard, manifest, model, weights, tokenizer, words, photo, metadata, queries, archive, part, strip);

/// Inputs that unpack or multiply far beyond their length. They are made here, being too large to keep.
#[test]
fn bombs_stay_within_memory() {
    let _turn = TURN.lock().unwrap_or_else(|e| e.into_inner());
    let target = |name: &str| TARGETS.iter().find(|target| target.name == name).unwrap();
    for kind in [*b"iCCP", *b"zTXt", *b"iTXt"] {
        try_one(target("strip"), &packed_chunk(kind));
        try_one(target("photo"), &packed_chunk(kind));
    }
    let limits = Target { memory: 512 << 20, ..*target("tokenizer") };
    for (name, json) in tokenizers() {
        println!("{name}: {} bytes", json.len());
        try_one(&limits, json.as_bytes());
        let error = vitrine::text::Tokenizer::from_json(json.as_bytes(), 16).err().unwrap().to_string();
        assert!(error.contains("at most") && error.contains("use the model's own"), "{name}: {error}");
    }
}

/// A PNG of one pixel with a gigabyte of zeros packed into a chunk of this kind.
fn packed_chunk(kind: [u8; 4]) -> Vec<u8> {
    use std::io::Write;
    let mut png = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(1, 1).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let mut zeros = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::best());
    (0..1024).for_each(|_| zeros.write_all(&[0; 1 << 20]).unwrap());
    let head: &[u8] = if &kind == b"iTXt" { b"x\0\x01\0\0\0" } else { b"x\0\0" };
    let body = [&kind[..], head, &zeros.finish().unwrap()].concat();
    let mut sum = flate2::Crc::new();
    sum.update(&body);
    let length = (body.len() as u32 - 4).to_be_bytes();
    let chunk = [&length[..], &body, &sum.sum().to_be_bytes()].concat();
    let mut png = png.into_inner();
    png.splice(33..33, chunk);
    png
}

/// Descriptions of tokenizers that take a hundred times their length when they are read.
fn tokenizers() -> Vec<(&'static str, String)> {
    let word = |i: usize| format!("\"w{i}\":{i}");
    let with = |words: String, added: String, normalizer: &str| {
        format!(
            r#"{{"version":"1.0","added_tokens":[{added}],"normalizer":{normalizer},"pre_tokenizer":{{"type":"BertPreTokenizer"}},
            "model":{{"type":"WordPiece","unk_token":"w0","continuing_subword_prefix":"\u0023\u0023",
            "max_input_chars_per_word":100,"vocab":{{{words}}}}}}}"#
        )
    };
    let words = |n: usize| (0..n).map(word).collect::<Vec<_>>().join(",");
    let token = |i: usize, length: usize| {
        let content = format!("{i}").repeat(length);
        format!(
            r#"{{"id":{i},"content":"{content}","special":true,"single_word":false,"lstrip":false,"rstrip":false,"normalized":false}}"#
        )
    };
    let tokens = |n: usize, length: usize| (0..n).map(|i| token(i, length)).collect::<Vec<_>>().join(",");
    let replace = format!(r#"{{"type":"Prepend","prepend":"{}"}}"#, "x".repeat(1 << 20));
    vec![
        ("a million words", with(words(1_000_000), String::new(), "null")),
        ("100,000 tokens beside the words", with(words(8), tokens(100_000, 1), "null")),
        ("2,000 tokens beside the words", with(words(8), tokens(2000, 1), "null")),
        ("tokens of 4 kB", with(words(8), tokens(900, 4096), "null")),
        ("a long normalizer", with(words(8), String::new(), &replace)),
        ("two million objects", with(words(8), "{},".repeat(2_000_000) + "{}", "null")),
        ("17 MB", " ".repeat(17 << 20)),
    ]
}
