//! Photos by address, from a server that is slow, breaks off, is busy, leads elsewhere, and answers with pages.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use vitrine::feeds::fetch::{self, Fetched, Limits};
use vitrine::feeds::{self, Feed, Options};

/// Requests by path: each with whether it asked for a change only.
type Log = Arc<Mutex<Vec<(String, bool)>>>;

struct Server {
    address: String,
    log: Log,
}

fn photo() -> Vec<u8> {
    let mut bytes = std::io::Cursor::new(Vec::new());
    image::RgbImage::new(4, 4).write_to(&mut bytes, image::ImageFormat::Png).unwrap();
    bytes.into_inner()
}

impl Server {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let log = Log::default();
        let (requests, counts) = (log.clone(), Arc::new(Mutex::new(HashMap::new())));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (requests, counts) = (requests.clone(), counts.clone());
                std::thread::spawn(move || answer(stream, &requests, &counts));
            }
        });
        Self { address, log }
    }

    fn asked(&self, path: &str) -> usize {
        self.log.lock().unwrap().iter().filter(|(asked, _)| asked == path).count()
    }
}

fn answer(mut stream: TcpStream, log: &Log, counts: &Mutex<HashMap<String, usize>>) -> Option<()> {
    let mut lines = BufReader::new(stream.try_clone().ok()?).lines().map_while(Result::ok);
    let path = lines.next()?.split(' ').nth(1)?.to_string();
    let headers: Vec<String> = lines.take_while(|line| !line.is_empty()).map(|line| line.to_lowercase()).collect();
    let changed_only = headers.iter().any(|line| line.starts_with("if-none-match") || line.starts_with("if-modified"));
    log.lock().unwrap().push((path.clone(), changed_only));
    let times = {
        let mut counts = counts.lock().unwrap();
        let times = counts.entry(path.clone()).or_insert(0);
        *times += 1;
        *times
    };
    let ok = |headers: &str| {
        let body = photo();
        let head = format!("HTTP/1.1 200 OK\r\n{headers}Connection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        [head.into_bytes(), body].concat()
    };
    let bare = |status: &str, headers: &str| {
        format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: 0\r\n\r\n").into_bytes()
    };
    let to = |place: &str| bare("302 Found", &format!("Location: {place}\r\n"));
    let bytes = match path.as_str() {
        "/tagged.jpg" | "/dated.jpg" if changed_only => bare("304 Not Modified", ""),
        "/tagged.jpg" => ok("ETag: \"1\"\r\n"),
        "/dated.jpg" => ok("Last-Modified: Mon, 01 Jan 2024 00:00:00 GMT\r\n"),
        "/missing.jpg" => bare("404 Not Found", ""),
        "/busy.jpg" if times < 3 => bare("429 Too Many Requests", "Retry-After: 0\r\n"),
        "/down.jpg" => bare("503 Service Unavailable", ""),
        "/breaks.jpg" if times < 2 => b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n\x89PNG".to_vec(),
        "/page.jpg" => {
            b"HTTP/1.1 200 OK\r\nContent-Type: image/jpeg\r\nContent-Length: 13\r\n\r\n<html></html>".to_vec()
        }
        "/moved.jpg" => to("/tagged.jpg?moved"),
        "/round.jpg" => to("/round.jpg"),
        "/away.jpg" => to("http://elsewhere.example/a.jpg"),
        "/huge.jpg" => b"HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n".to_vec(),
        "/endless.jpg" => {
            let head = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n";
            stream.write_all(head).ok()?;
            loop {
                stream.write_all(&[0; 4096]).ok()?;
            }
        }
        "/silent.jpg" => {
            stream.write_all(b"HTTP/1.1 200 OK\r\n").ok()?;
            std::thread::sleep(Duration::from_secs(60));
            return None;
        }
        _ => ok(""),
    };
    stream.write_all(&bytes).ok()
}

fn limits() -> Limits {
    Limits {
        tries: 3,
        pause: Duration::from_millis(1),
        time: Duration::from_secs(2),
        bytes: 1 << 20,
        ..Limits::default()
    }
}

/// A feed with a product for each of these names, which are the products' ids too.
fn feed(folder: &Path, server: &Server, names: &[&str]) -> Feed {
    let rows: Vec<String> = names
        .iter()
        .map(|name| {
            format!("{name}\tTitle\t1 EUR\tin stock\t{}/{name}.jpg\thttps://shop.example/{name}", server.address)
        })
        .collect();
    let file = folder.join("feed.tsv");
    std::fs::write(&file, format!("id\ttitle\tprice\tavailability\timage_link\tlink\n{}\n", rows.join("\n"))).unwrap();
    feeds::read(&file, &Options::default()).unwrap()
}

fn ids(feed: &Feed) -> Vec<&str> {
    feed.products.iter().map(|product| product.id.as_str()).collect()
}

#[test]
fn every_failure_is_named_with_its_product_and_the_others_arrive() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let names =
        ["tagged", "missing", "busy", "down", "breaks", "page", "moved", "round", "away", "huge", "endless", "silent"];
    let mut feed = feed(folder.path(), &server, &names);
    let fetched = fetch::bring(&mut feed, &folder.path().join("kept"), &limits(), &|| {}).unwrap();
    assert_eq!(ids(&feed), ["tagged", "busy", "breaks", "moved"]);
    assert_eq!(fetched, Fetched { fetched: 4, kept: 0, failed: 8 });
    let at = |name: &str| format!("{}/{name}.jpg", server.address);
    let expected = [
        ("missing", "404"),
        ("down", "503"),
        ("page", "no photo"),
        ("round", "redirects"),
        ("away", "does not name"),
        ("huge", "more than 1 MiB"),
        ("endless", "more than 1 MiB"),
        ("silent", "no answer in time"),
    ];
    assert_eq!(feed.left_out.len(), expected.len());
    for ((id, why), one) in expected.iter().zip(&feed.left_out) {
        assert!(one.id == *id && one.reason.contains(why) && one.reason.contains(&at(id)), "{id}: {}", one.reason);
    }
    // what another try would not change is asked once
    let asked = ["missing", "page", "away", "busy", "down", "breaks"].map(|name| server.asked(&format!("/{name}.jpg")));
    assert_eq!(asked, [1, 1, 1, 3, 3, 2]);
}

#[test]
fn a_second_run_fetches_nothing_and_sees_what_has_changed_here() {
    let (server, folder) = (Server::start(), tempfile::tempdir().unwrap());
    let kept = folder.path().join("kept");
    let run = || {
        let mut feed = feed(folder.path(), &server, &["tagged", "dated", "untold"]);
        let fetched = fetch::bring(&mut feed, &kept, &limits(), &|| {}).unwrap();
        let files: Vec<_> = feed.products.iter().map(|product| product.photos[0].file.clone().unwrap()).collect();
        (fetched, files)
    };
    let (first, files) = run();
    assert_eq!(first, Fetched { fetched: 3, kept: 0, failed: 0 });
    assert!(files.iter().all(|file| std::fs::read(file).unwrap() == photo()));
    assert_eq!(run(), (Fetched { fetched: 0, kept: 3, failed: 0 }, files.clone()));
    let log = server.log.lock().unwrap().clone();
    let again: Vec<&(String, bool)> = log.iter().skip(3).collect();
    assert!(again.len() == 2 && again.iter().all(|(_, changed_only)| *changed_only), "{again:?}");
    // a file that somebody has cut is fetched anew
    std::fs::write(&files[0], b"cut").unwrap();
    assert_eq!(run().0, Fetched { fetched: 1, kept: 2, failed: 0 });
    assert_eq!(std::fs::read(&files[0]).unwrap(), photo());
}
