//! `vitrine check`: hosts that are wrong in one way each, a host that is right, and folders.
#![cfg(all(feature = "cli", unix))]

mod common;
#[path = "common/server.rs"]
mod server;

use common::{World, copy_page, s, succeed, vitrine};
use flate2::{Compression, read::GzDecoder, write::GzEncoder};
use serde_json::Value;
use server::Server;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use vitrine::site::headers::{HEADERS, caching};

/// What a host is about to send: status, headers and bytes.
#[derive(Clone)]
struct Sent {
    status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Sent {
    fn set(&mut self, name: &str, value: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        self.headers.push((name.into(), value.into()));
    }

    fn drop(&mut self, name: &str) {
        self.headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    }

    /// Sends the file as it is.
    fn unpack(&mut self) {
        let mut bytes = Vec::new();
        GzDecoder::new(&self.body[..]).read_to_end(&mut bytes).unwrap();
        self.body = bytes;
        self.drop("Content-Encoding");
    }

    /// Sends the file packed, and says so.
    fn pack(&mut self) {
        self.body = packed(&self.body);
        self.set("Content-Encoding", "gzip");
    }
}

/// What a host does to a file that it sends.
type Wrong = fn(&str, &mut Sent);

fn packed(bytes: &[u8]) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::default());
    packer.write_all(bytes).unwrap();
    packer.finish().unwrap()
}

/// A site of eight photos.
fn site(more: &[&str]) -> World {
    let world = World::with_model();
    world.draw("photos", 0..8, |_| image::ImageFormat::Png);
    succeed(&["index", &world.at("photos"), "--out", &world.at("catalog"), "--model", &world.at("model")]);
    copy_page(&world.path("www"), &["baseline"]);
    let (catalog, dist, model, www) = (world.at("catalog"), world.at("dist"), world.at("model"), world.at("www"));
    succeed(&[&["site", &catalog, "--out", &dist, "--model", &model, "--www", &www][..], more].concat());
    world
}

/// A host of a folder that does one thing wrong; its address, and what it was asked for.
fn host(dist: &Path, wrong: Wrong) -> (String, Arc<Mutex<Vec<String>>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/", listener.local_addr().unwrap());
    let (dist, asked) = (dist.to_path_buf(), Arc::new(Mutex::new(Vec::new())));
    let log = asked.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let (dist, log) = (dist.clone(), log.clone());
            std::thread::spawn(move || answer(stream, &dist, wrong, &log));
        }
    });
    (address, asked)
}

fn answer(mut stream: TcpStream, dist: &Path, wrong: Wrong, log: &Mutex<Vec<String>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.trim_start_matches('/').to_string();
    lines.take_while(|line| !line.is_empty()).for_each(drop);
    log.lock().unwrap().push(path.clone());
    let mut sent = right(dist, &path);
    wrong(&path, &mut sent);
    let headers: String = sent.headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
    let (status, length) = (sent.status, sent.body.len());
    write!(stream, "HTTP/1.1 {status} x\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n").ok()?;
    stream.write_all(&sent.body).ok()
}

/// What a host that does everything right sends.
fn right(dist: &Path, path: &str) -> Sent {
    let file: PathBuf = dist.join(if path.is_empty() { "index.html" } else { path });
    let (status, body) = std::fs::read(&file).map_or((404, b"none".to_vec()), |bytes| (200, bytes));
    let mut sent = Sent { status, headers: Vec::new(), body };
    HEADERS.iter().for_each(|(name, value)| sent.set(name, value));
    let kind = match file.extension().and_then(|ending| ending.to_str()).unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" => "text/javascript",
        "css" => "text/css",
        "wasm" => "application/wasm",
        "json" => "application/json",
        _ => "application/octet-stream",
    };
    sent.set("Content-Type", kind);
    sent.set("Cache-Control", if status == 200 { caching(path) } else { "no-cache" });
    if kind != "application/octet-stream" || path.ends_with(".txt") {
        sent.pack();
    }
    sent
}

/// What is found at an address: the exit status and the object.
fn check(place: &str) -> (Option<i32>, Value) {
    let output = vitrine(&["check", place, "--json"]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let err = String::from_utf8_lossy(&output.stderr).into_owned();
    (output.status.code(), serde_json::from_str(&text).unwrap_or_else(|_| panic!("{place}: {text}{err}")))
}

fn faults(checked: &Value) -> Vec<String> {
    let findings = checked["findings"].as_array().unwrap();
    findings.iter().map(|finding| finding["fault"].as_str().unwrap().to_string()).collect()
}

/// Whether the path is one of the page's own modules.
fn is_script(path: &str) -> bool {
    path.ends_with(".js") && !path.starts_with("pkg/")
}

/// Puts a script into the page, as some hosts do to count visitors.
fn inject(sent: &mut Sent) {
    sent.unpack();
    sent.body.extend(b"<script>count()</script>");
    sent.pack();
}

/// Host, the fault, whether it breaks the site, and what its sentence says.
const HOSTS: &[(Wrong, &str, bool, &str)] = &[
    (
        |path, sent| {
            if path.ends_with(".wasm") {
                sent.set("Content-Type", "text/plain")
            }
        },
        "wasm_type",
        false,
        "application/wasm",
    ),
    (
        |path, sent| {
            if is_script(path) {
                sent.set("Content-Type", "text/plain")
            }
        },
        "script_type",
        true,
        "text/javascript",
    ),
    (|_, sent| sent.drop("Cross-Origin-Embedder-Policy"), "not_isolated", false, "Cross-Origin-Embedder-Policy"),
    (|_, sent| sent.set("Cross-Origin-Opener-Policy", "unsafe-none"), "not_isolated", false, "--isolate"),
    (|_, sent| sent.set("Content-Security-Policy", "default-src 'self'"), "policy", true, "Content-Security-Policy"),
    (
        |path, sent| {
            if path.ends_with(".json") && sent.status == 200 && path.starts_with("catalog/items") {
                sent.body = packed(&packed(&std::mem::take(&mut sent.body)))
            }
        },
        "data_changed",
        true,
        "Upload",
    ),
    (
        |path, sent| {
            if path.ends_with(".wasm") {
                sent.pack()
            }
        },
        "compressed_twice",
        true,
        "not both",
    ),
    (
        |path, sent| {
            if path.ends_with(".wasm") {
                sent.drop("Content-Encoding")
            }
        },
        "compressed_unsaid",
        true,
        "Content-Encoding: gzip",
    ),
    (
        |path, sent| {
            if is_script(path) {
                sent.body = b"var minified".to_vec();
                sent.pack()
            }
        },
        "code_changed",
        true,
        "minify",
    ),
    (
        |path, sent| {
            if path.is_empty() {
                inject(sent)
            }
        },
        "code_changed",
        true,
        "inject",
    ),
    (
        |path, sent| {
            if path.starts_with("model/image") {
                sent.body[9] ^= 1
            }
        },
        "data_changed",
        true,
        "Upload",
    ),
    (
        |path, sent| {
            if path.starts_with("catalog/shard") {
                sent.status = 404
            }
        },
        "missing",
        true,
        "not there",
    ),
    (
        |path, sent| {
            if path.starts_with("catalog/shard") {
                sent.body = b"<!DOCTYPE html><title>Shop".to_vec()
            }
        },
        "page_for_file",
        true,
        "web page",
    ),
    (
        |path, sent| {
            if path.starts_with("catalog/photos/") {
                sent.body.push(0)
            }
        },
        "photo_changed",
        false,
        "pictures",
    ),
    (
        |_, sent| {
            if sent.status == 404 {
                sent.status = 200
            }
        },
        "page_for_missing",
        false,
        "every address",
    ),
    (
        |path, sent| {
            if path.is_empty() {
                sent.set("Cache-Control", "max-age=86400")
            }
        },
        "kept_too_long",
        false,
        "index.html",
    ),
    (
        |path, sent| {
            if path.starts_with("catalog/catalog") {
                sent.set("Cache-Control", "public, max-age=600")
            }
        },
        "kept_too_long",
        false,
        "catalog.json",
    ),
    (
        |path, sent| {
            if path.starts_with("catalog/shard") {
                sent.drop("Cache-Control")
            }
        },
        "kept_too_short",
        false,
        "immutable",
    ),
    (
        |path, sent| {
            if path.starts_with("glossary/") {
                sent.set("Cache-Control", "no-cache")
            }
        },
        "kept_too_short",
        false,
        "glossary/",
    ),
];

#[test]
fn each_fault_of_a_host_is_found_and_nothing_else() {
    let world = site(&[]);
    for (wrong, fault, breaks, says) in HOSTS {
        let (address, _) = host(&world.path("dist"), *wrong);
        let (code, checked) = check(&address);
        assert_eq!(faults(&checked), [*fault], "{checked:#}");
        let finding = &checked["findings"][0];
        assert_eq!((&finding["breaks"], code), (&(*breaks).into(), Some(i32::from(*breaks))), "{checked:#}");
        let message = finding["message"].as_str().unwrap();
        assert!(message.contains(says) && message.ends_with('.') && !message.contains('\n'), "{fault}: {message}");
    }
}

#[test]
fn texts_that_come_uncompressed_are_named() {
    let world = site(&[]);
    let plain: Wrong = |path, sent| {
        if path.ends_with(".txt") {
            sent.unpack();
        }
    };
    let (address, _) = host(&world.path("dist"), plain);
    let (code, checked) = check(&address);
    assert_eq!((faults(&checked), code), (vec!["plain".to_string()], Some(0)), "{checked:#}");
}

#[test]
fn a_right_host_has_nothing_to_mend_and_is_asked_once() {
    let world = site(&[]);
    let server = Server::start(&world.path("dist"));
    let (code, checked) = check(&format!("http://127.0.0.1:{}", server.port));
    assert_eq!((faults(&checked), code), (vec![], Some(0)), "{checked:#}");
    assert!(checked["files"].as_u64().unwrap() > 30, "{checked:#}");
    let (address, asked) = host(&world.path("dist"), |_, _| {});
    let printed = succeed(&["check", &format!("{address}index.html?from=mail#q=red")]);
    assert!(printed.contains("nothing to mend"), "{printed}");
    let asked = asked.lock().unwrap().clone();
    let mut once = asked.clone();
    once.sort();
    once.dedup();
    assert_eq!(once.len(), asked.len(), "{asked:?}");
}

#[test]
fn a_site_that_isolates_itself_needs_no_headers_for_it() {
    let world = site(&["--isolate"]);
    let (address, _) = host(&world.path("dist"), |_, sent| sent.drop("Cross-Origin-Opener-Policy"));
    assert_eq!(faults(&check(&address).1), Vec::<String>::new());
}

#[test]
fn a_folder_is_checked_before_it_is_uploaded() {
    let world = site(&[]);
    let dist = world.path("dist");
    let (code, checked) = check(&s(&dist));
    assert_eq!((faults(&checked), code), (vec![], Some(0)), "{checked:#}");
    let all = walkdir::WalkDir::new(&dist).into_iter().flatten().filter(|entry| entry.file_type().is_file()).count();
    assert_eq!(checked["files_in_all"], all);
    // a large file, and more files than hosts take
    std::fs::File::create(dist.join("large.bin")).unwrap().set_len((24 << 20) + 1).unwrap();
    std::fs::create_dir(dist.join("many")).unwrap();
    (0..20_000).for_each(|i| drop(std::fs::File::create(dist.join(format!("many/{i}"))).unwrap()));
    let (code, checked) = check(&s(&dist));
    assert_eq!((faults(&checked), code), (vec!["many_files".to_string(), "large_file".into()], Some(0)), "{checked:#}");
    assert!(checked["findings"][0]["message"].as_str().unwrap().starts_with(&format!("{} files", all + 20_001)));
    std::fs::write(dist.join("app.js"), "alert(1)").unwrap();
    let (code, checked) = check(&s(&dist));
    assert_eq!((faults(&checked)[0].as_str(), code), ("code_changed", Some(1)), "{checked:#}");
}

#[test]
fn what_is_no_site_is_said_in_one_line() {
    let world = World::with_model();
    world.draw("photos", 0..1, |_| image::ImageFormat::Png);
    for (place, says) in [
        (world.at("photos"), "index.html"),
        (world.at("nowhere"), "expected a folder"),
        ("ftp://shop.example/".into(), "expected a folder, or an address"),
        ("http://127.0.0.1:9/".into(), "is it published?"),
    ] {
        let line = common::fail(&["check", &place]);
        assert!(line.contains(says), "{place}: {line}");
    }
    let (address, _) = host(&world.path("photos"), |_, sent| {
        sent.status = 200;
        sent.body = b"<!doctype html><title>A shop".to_vec();
        sent.drop("Content-Encoding");
    });
    let line = common::fail(&["check", &address]);
    assert!(line.contains("JSON in site.json") && line.contains("a web page"), "{line}");
}
