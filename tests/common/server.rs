//! A running `vitrine serve`, and requests that go over the wire as they stand. Each test program uses a part of it.
#![allow(dead_code)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// A running `vitrine serve`.
pub struct Server {
    pub child: Child,
    pub port: u16,
}

/// What came back: the status, the lines of the head, and the body.
pub struct Response {
    pub status: u16,
    head: String,
    pub body: Vec<u8>,
}

impl Server {
    pub fn start(dist: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vitrine"))
            .args(["serve", dist.to_str().unwrap(), "--port", "0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let port = line.split("127.0.0.1:").nth(1).unwrap().split('/').next().unwrap().parse().unwrap();
        Self { child, port }
    }

    pub fn connect(&self) -> TcpStream {
        TcpStream::connect(("127.0.0.1", self.port)).unwrap()
    }

    /// Sends `request` and reads until the other end closes.
    pub fn send(&self, request: &str) -> Response {
        let mut stream = self.connect();
        stream.write_all(request.as_bytes()).unwrap();
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).unwrap();
        let end = bytes.windows(4).position(|four| four == b"\r\n\r\n").expect("a head ends with an empty line");
        let head = String::from_utf8(bytes[..end].to_vec()).unwrap();
        Response { status: head.split(' ').nth(1).unwrap().parse().unwrap(), head, body: bytes.split_off(end + 4) }
    }

    /// Status and body of a request, whose path goes over the wire as it stands.
    pub fn ask(&self, path: &str, headers: &str) -> (u16, String) {
        let response = self.send(&format!("GET {path} HTTP/1.1\r\nConnection: close\r\n{headers}\r\n"));
        (response.status, String::from_utf8(response.body).unwrap())
    }
}

impl Response {
    /// A header's value; empty where there is none.
    pub fn header(&self, name: &str) -> &str {
        let lines = self.head.lines().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).next().unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
