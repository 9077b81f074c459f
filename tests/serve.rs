//! `vitrine serve` and the headers of a site: a table of requests with what comes back, connections that keep it waiting,
//! Ctrl-C, logos that hold scripts, and titles that hold orders to a terminal.
#![cfg(all(feature = "cli", unix))]

mod common;
#[path = "common/server.rs"]
mod server;

use common::{World, copy_page, fail, succeed, vitrine};
use image::ImageFormat;
use server::Server;
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::process::Command;
use std::time::{Duration, Instant};
use vitrine::hash::sha256_hex;
use vitrine::site::headers::{ASK_AGAIN, HEADERS, NEVER_CHANGES};

/// Much longer than anything here takes: whoever waits this long waits for nothing.
const PATIENCE: Duration = Duration::from_secs(120);
/// Bytes of a file that is not read to its end.
const LARGE: u64 = 1 << 30;
const TITLE: &str = "\x1b]0;owned\x07\x1b[2Jred\u{202e}sserd\u{9b}31m";
/// The title as it is indexed, without control characters, and as it is shown.
const INDEXED: &str = "]0;owned[2Jred\u{202e}sserd31m";
const SHOWN: &str = "]0;owned[2Jred\\u202esserd31m";

impl World {
    /// A site of six photos in `dist/`, with further arguments of `site`.
    fn site(arguments: &[&str]) -> Self {
        let world = Self::with_model();
        world.draw("photos", 0..6, |_| ImageFormat::Png);
        std::fs::write(world.path("photos/items.csv"), format!("id,title\np0,{TITLE}\n")).unwrap();
        succeed(&["index", &world.at("photos"), "--out", &world.at("catalog"), "--model", &world.at("model")]);
        copy_page(&world.path("www"), &["baseline"]);
        succeed(&[&world.site_arguments()[..], arguments].concat());
        world
    }

    fn site_arguments(&self) -> [&str; 8] {
        let at = |name: &str| -> &'static str { self.at(name).leak() };
        ["site", at("catalog"), "--out", at("dist"), "--model", at("model"), "--www", at("www")]
    }

    /// The addresses of all files of the site.
    fn files(&self) -> Vec<String> {
        let root = self.path("dist");
        let files = walkdir::WalkDir::new(&root).into_iter().flatten().filter(|entry| entry.file_type().is_file());
        files.map(|file| format!("/{}", file.path().strip_prefix(&root).unwrap().to_str().unwrap())).collect()
    }

    /// The address of the first file that begins like this.
    fn address(&self, start: &str) -> String {
        self.files().into_iter().find(|file| file.starts_with(start)).unwrap_or_else(|| panic!("no {start}"))
    }
}

fn get(path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n\r\n")
}

/// What `_headers` gives an address: values by name, joined with commas as hosts join them.
fn by_host(rules: &str, address: &str) -> BTreeMap<String, String> {
    let (mut found, mut hit) = (BTreeMap::<String, String>::new(), false);
    for line in rules.lines() {
        match line.strip_prefix("  ").and_then(|header| header.split_once(": ")) {
            None => hit = line.strip_suffix('*').map_or(line == address, |start| address.starts_with(start)),
            Some((name, value)) if hit => {
                let before = found.remove(name).map(|before| before + ", ").unwrap_or_default();
                found.insert(name.into(), before + value);
            }
            Some(_) => (),
        }
    }
    found
}

#[test]
fn every_response_has_the_headers_and_only_what_never_changes_is_kept() {
    let world = World::site(&[]);
    std::fs::write(world.path("dist/photo.avif"), "x").unwrap();
    let server = Server::start(&world.path("dist"));
    let (shard, photo) = (world.address("/catalog/shard-"), world.address("/catalog/photos/"));
    let with = |method: &str, path: &str, headers: &str| {
        format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n")
    };
    let local = |headers: &str| format!("Host: localhost\r\n{headers}");
    let (hashed, wrong) = ("/catalog/photos/0123456789abcdef.jpg", "Host: shop.example\r\n");
    let dated = "If-Modified-Since: Fri, 01 Jan 2100 00:00:00 GMT\r\n";
    let table = [
        (get("/"), 200, ASK_AGAIN, "text/html"),
        (get("/index.html"), 200, ASK_AGAIN, "text/html"),
        (get("/?q=red"), 200, ASK_AGAIN, "text/html"),
        (get("/sw.js"), 200, ASK_AGAIN, "text/javascript"),
        (get("/site.json"), 200, ASK_AGAIN, "application/json"),
        (get("/catalog/catalog.json"), 200, ASK_AGAIN, "application/json"),
        (get("/model/model.json"), 200, ASK_AGAIN, "application/json"),
        (get("/manifest.webmanifest"), 200, ASK_AGAIN, "application/manifest+json"),
        (get("/pkg/baseline/vitrine_bg.wasm"), 200, ASK_AGAIN, "application/wasm"),
        (get("/photo.avif"), 200, ASK_AGAIN, "image/avif"),
        (get(&shard), 200, NEVER_CHANGES, "application/octet-stream"),
        (get(&photo), 200, NEVER_CHANGES, "image/png"),
        (with("HEAD", &photo, &local("")), 200, NEVER_CHANGES, "image/png"),
        (with("HEAD", "/", &local("")), 200, ASK_AGAIN, "text/html"),
        (with("GET", &photo, &local("Range: bytes=0-3\r\n")), 206, NEVER_CHANGES, "image/png"),
        (with("GET", &photo, &local("Range: bytes=9999999-\r\n")), 416, ASK_AGAIN, ""),
        (with("GET", &photo, &local(dated)), 304, NEVER_CHANGES, ""),
        (get(hashed), 404, ASK_AGAIN, "text/plain"),
        (get("/none.html"), 404, ASK_AGAIN, "text/plain"),
        (get("/catalog/photos/"), 404, ASK_AGAIN, ""),
        (with("GET", hashed, wrong), 421, ASK_AGAIN, "text/plain"),
        (with("GET", &photo, wrong), 421, ASK_AGAIN, "text/plain"),
        (with("GET", "/", &local("Host: shop.example\r\n")), 421, ASK_AGAIN, "text/plain"),
        (with("GET", &photo, &local("Origin: https://shop.example\r\n")), 421, ASK_AGAIN, "text/plain"),
        (with("GET", "http://shop.example/", &local("")), 421, ASK_AGAIN, "text/plain"),
        (with("GET", "http://localhost/", &local("")), 200, ASK_AGAIN, "text/html"),
        (with("POST", &photo, &local("Content-Length: 0\r\n")), 405, ASK_AGAIN, ""),
        (with("DELETE", "/", &local("")), 405, ASK_AGAIN, ""),
        (get("/icons"), 307, ASK_AGAIN, ""),
    ];
    for (request, status, caching, kind) in table {
        let response = server.send(&request);
        assert_eq!((response.status, response.header("Cache-Control")), (status, caching), "{request}");
        assert!(response.header("Content-Type").starts_with(kind), "{request}{}", response.header("Content-Type"));
        for (name, value) in HEADERS {
            assert_eq!(response.header(name), value, "{request}{name}");
        }
        if request.starts_with("HEAD") || status == 304 {
            assert!(response.body.is_empty(), "{request}");
        }
    }
    let part = server.send(&with("GET", &photo, &local("Range: bytes=1-3\r\n")));
    assert_eq!((&part.body[..], &part.header("Content-Range")[..10]), (&b"PNG"[..], "bytes 1-3/"));
}

#[test]
fn serve_sends_for_every_file_of_a_site_what_hosts_are_told() {
    let world = World::site(&[]);
    let server = Server::start(&world.path("dist"));
    let rules = std::fs::read_to_string(world.path("dist/_headers")).unwrap();
    let files = world.files();
    let mut kept = 0;
    for address in files.iter().map(String::as_str).chain(["/"]) {
        // hosts do not publish these, and `serve` no hidden file
        if ["/_headers", "/.nojekyll", "/.vitrine-files"].contains(&address) {
            continue;
        }
        let (told, response) = (by_host(&rules, address), server.send(&get(address)));
        assert_eq!(response.status, 200, "{address}");
        for name in HEADERS.map(|(name, _)| name).into_iter().chain(["Cache-Control"]) {
            assert_eq!(told.get(name).map(String::as_str), Some(response.header(name)), "{address} {name}");
        }
        if response.header("Cache-Control") == NEVER_CHANGES {
            kept += 1;
            let stem = address.rsplit(['/', '-']).next().unwrap().split('.').next().unwrap();
            assert!(sha256_hex(&response.body).starts_with(stem), "{address} carries another hash");
        }
    }
    assert!(kept >= 8, "six photos, shard, items and neighbours: {kept}");
}

#[test]
fn no_redirect_leads_to_another_host() {
    let home = tempfile::tempdir().unwrap();
    for folder in ["icons", "localhost", "a b"] {
        std::fs::create_dir_all(home.path().join(folder).join("in")).unwrap();
    }
    std::fs::write(home.path().join("index.html"), "page").unwrap();
    let server = Server::start(home.path());
    let odd = [
        "//icons",
        "///icons",
        "//icons/in",
        "/\\icons",
        "/%5cicons",
        "/%5c%5cicons",
        "/%2ficons",
        "/%2f/icons",
        "//localhost/..",
        "/.//icons",
        "/icons//in",
        "/%09/icons",
        "/icons/%2fin",
        "//shop.example/%2e%2e",
        "http://shop.example/icons",
        "http://shop.example//icons",
        "icons",
        "*",
    ];
    for path in odd {
        let response = server.send(&get(path));
        assert!((400..500).contains(&response.status), "{path}: {}", response.status);
        assert_eq!(response.header("Location"), "", "{path}");
    }
    let folders =
        [("/icons", "/icons/"), ("/icons/in", "/icons/in/"), ("/a%20b", "/a%20b/"), ("/icons?q=//x", "/icons/?q=//x")];
    for (path, location) in folders {
        for path in [path.to_string(), format!("http://localhost{path}")] {
            assert_eq!(server.send(&get(&path)).header("Location"), location, "{path}");
        }
    }
}

/// Reads until the other end closes; fails if it does not.
fn closes(stream: &mut TcpStream, what: &str) {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut bytes = [0; 4096];
    loop {
        match stream.read(&mut bytes) {
            Ok(0) => return,
            Ok(_) => (),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => return,
            Err(error) => panic!("{what} was still open after {PATIENCE:?}: {error}"),
        }
    }
}

/// Connections that keep a server waiting, with what each has sent.
fn waiting(server: &Server) -> Vec<(&'static str, TcpStream)> {
    let cases = [
        ("silence", ""),
        ("half a line", "GET / HT"),
        ("half a head", "GET / HTTP/1.1\r\nHost: localhost\r\nX-Slow: "),
        ("half a body", "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000000\r\n\r\nx"),
        (
            "a body without an end",
            "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffff\r\nx",
        ),
        (
            "a body that waits to be asked for",
            "PUT / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n",
        ),
        ("a kept connection", "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"),
    ];
    let open = |text: &str| {
        let mut stream = server.connect();
        stream.write_all(text.as_bytes()).unwrap();
        stream
    };
    cases.map(|(what, text)| (what, open(text))).into()
}

#[test]
fn connections_that_keep_it_waiting_end_and_take_no_place_from_others() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("index.html"), "page").unwrap();
    let server = Server::start(home.path());
    let open = waiting(&server);
    assert_eq!(server.ask("/", "Host: localhost\r\n"), (200, "page".into()), "others are answered meanwhile");
    for (what, mut stream) in open {
        closes(&mut stream, what);
    }
    // more than there is room for: the last is answered when the first ones have ended
    let _crowd: Vec<TcpStream> = (0..300).map(|_| server.connect()).collect();
    assert_eq!(server.ask("/", "Host: localhost\r\n"), (200, "page".into()));
}

/// Reads `large.bin` so slowly that it would take far longer than [`PATIENCE`], until the other end closes; gives how
/// much came. It is under way when this returns.
fn slow_download(server: &Server) -> std::thread::JoinHandle<u64> {
    let mut stream = server.connect();
    stream.write_all(get("/large.bin").as_bytes()).unwrap();
    stream.read_exact(&mut [0; 9]).unwrap();
    std::thread::spawn(move || {
        let (mut bytes, mut all) = (vec![0; 1 << 16], 0);
        while let Ok(n @ 1..) = stream.read(&mut bytes) {
            all += n as u64;
            std::thread::sleep(Duration::from_millis(20));
        }
        all
    })
}

#[test]
fn a_signal_ends_it_at_once_whatever_is_open() {
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("index.html"), "page").unwrap();
    std::fs::File::create(home.path().join("large.bin")).unwrap().set_len(LARGE).unwrap();
    for signal in ["-INT", "-TERM"] {
        let mut server = Server::start(home.path());
        let mut open = waiting(&server);
        let mut stalled = server.connect();
        stalled.write_all(get("/large.bin").as_bytes()).unwrap();
        stalled.read_exact(&mut [0; 9]).unwrap();
        open.push(("a download that stands still", stalled));
        let slow = slow_download(&server);
        let pid = server.child.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
        let begin = Instant::now();
        let status = loop {
            match server.child.try_wait().unwrap() {
                Some(status) => break status,
                None => assert!(begin.elapsed() < PATIENCE, "serve was still running {PATIENCE:?} after {signal}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        assert!(status.success(), "{signal}: {status}");
        assert!(slow.join().unwrap() < LARGE, "{signal} waited for the end of a download");
    }
}

#[test]
fn an_svg_logo_is_published_without_what_runs() {
    let world = World::site(&[]);
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9" onload="alert(1)"><script>alert(2)</script>
        <a href="javascript:alert(3)"><path d="M0 0h9v9z" onclick="alert(4)"/></a></svg>"#;
    std::fs::write(world.path("logo.svg"), svg).unwrap();
    std::fs::write(world.path("words.svg"), svg.replace("<path", "<text>Shop</text><path")).unwrap();
    std::fs::write(world.path("page.png"), svg).unwrap();
    succeed(&[&world.site_arguments()[..], &["--logo", &world.at("logo.svg")]].concat());
    let name = world.address("/logo-");
    let drawn = String::from_utf8(world.read(&format!("dist{name}"))).unwrap();
    assert!(drawn.contains("<path") && !drawn.contains("alert") && !drawn.contains("onload"), "{drawn}");
    let server = Server::start(&world.path("dist"));
    let response = server.send(&get(&name));
    assert_eq!((response.status, response.header("Cache-Control")), (200, NEVER_CHANGES));
    let refused = |file: &str| fail(&[&world.site_arguments()[..], &["--logo", &world.at(file)]].concat());
    assert!(refused("words.svg").contains("into paths"));
    assert!(refused("page.png").contains("got no picture"));
}

#[test]
fn titles_and_names_give_a_terminal_no_orders() {
    let world = World::site(&[]);
    std::fs::write(world.path("photos/\x1b[31mred.png"), "no photo").unwrap();
    let (catalog, model, queries) = (world.at("catalog"), world.at("model"), world.at("q.jsonl"));
    std::fs::write(&queries, format!("{}\n", serde_json::json!({"captions": ["red"], "targets": [TITLE]}))).unwrap();
    let hostile = world.at("\x1b]0;x\x07");
    std::os::unix::fs::symlink(world.path("dist"), &hostile).unwrap();
    let commands: [&[&str]; 6] = [
        &["search", &catalog, "--text", "red", "--model", &model],
        &["search", &catalog, "--text", "red", "--model", &hostile],
        &["index", &world.at("photos"), "--out", &catalog, "--model", &model],
        &["eval", "--images", &world.at("photos"), "--queries", &queries, "--model", &model],
        &["export", &catalog, "--out", &world.at("\u{9b}31m.jsonl")],
        &["serve", &world.at("\u{202e}none")],
    ];
    for command in commands {
        let output = vitrine(command);
        for bytes in [output.stdout, output.stderr] {
            let text = String::from_utf8(bytes).unwrap();
            let order = text.chars().find(|c| (c.is_control() && !"\n\t".contains(*c)) || *c == '\u{202e}');
            assert_eq!(order, None, "{command:?}: {text:?}");
        }
    }
    assert!(succeed(commands[0]).contains(SHOWN), "the title is shown, its orders as text");
    let json: serde_json::Value = serde_json::from_str(&succeed(&[commands[0], &["--json"]].concat())).unwrap();
    let titles = json["hits"].as_array().unwrap().iter().map(|hit| hit["title"].as_str().unwrap());
    assert!(titles.into_iter().any(|title| title == INDEXED), "JSON holds the title itself");
}
