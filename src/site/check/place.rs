//! Where a site is: at an address, or in a folder.

use crate::error::{Error, Result, io};
use crate::feeds::fetch::tls;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::time::Duration;
use ureq::Agent;
use ureq::http::HeaderMap;
use url::{Host, Url};
use walkdir::WalkDir;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_secs(120);
/// A larger file is none of a site, in bytes.
const MOST_BYTES: u64 = 256 << 20;

/// Where a site is.
pub enum Place {
    /// At an address, which ends with a slash.
    Web(Box<Agent>, Url),
    /// In a folder.
    Folder(PathBuf),
}

/// What came back.
pub struct Answer {
    /// 200 for a file that is there.
    pub status: u16,
    headers: HeaderMap,
    /// The bytes, as they came.
    pub body: Vec<u8>,
}

impl Answer {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

impl Place {
    /// An address or a folder, as it was written.
    ///
    /// # Errors
    /// [`Error::Argument`] for what is neither.
    pub fn of(text: &str) -> Result<Self> {
        let wrong = |got: &str| {
            Error::Argument(format!("checking the site: expected a folder, or an address with https://, got {got}"))
        };
        if !text.contains("://") {
            let folder = PathBuf::from(text);
            return if folder.is_dir() { Ok(Self::Folder(folder)) } else { Err(wrong(text)) };
        }
        let mut url = Url::parse(text).map_err(|error| wrong(&format!("{text} ({error})")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(wrong(text));
        }
        url.set_query(None);
        url.set_fragment(None);
        let page = url.path().rsplit('/').next().unwrap_or_default().to_string();
        let folder = url.path().strip_suffix("index.html").unwrap_or(url.path()).to_string();
        url.set_path(&if page.is_empty() || page == "index.html" { folder } else { format!("{folder}/") });
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .user_agent(concat!("vitrine/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("gzip")
            .tls_config(tls())
            .build();
        Ok(Self::Web(Box::new(config.into()), url))
    }

    /// Asks for a file; the page itself is asked for without its name, as visitors do.
    pub fn get(&self, file: &str) -> Result<Answer> {
        match self {
            Self::Folder(folder) => read(folder, file),
            Self::Web(agent, base) => fetch(agent, base, if file == "index.html" { "" } else { file }),
        }
    }

    /// Whether it says how files are sent.
    pub fn has_headers(&self) -> bool {
        matches!(self, Self::Web(..))
    }

    /// Whether browsers take it for a safe place: encrypted, or this machine.
    pub fn is_secure(&self) -> bool {
        let Self::Web(_, url) = self else { return true };
        let local = match url.host() {
            Some(Host::Ipv4(address)) => address.is_loopback(),
            Some(Host::Ipv6(address)) => address.is_loopback(),
            Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
            None => false,
        };
        url.scheme() == "https" || local
    }

    /// How many files there are, where they can be counted.
    pub fn count(&self) -> Option<usize> {
        match self {
            Self::Folder(folder) => Some(files(folder).count()),
            Self::Web(..) => None,
        }
    }

    /// Files of more bytes, where they can be seen.
    pub fn larger_than(&self, bytes: u64) -> Vec<String> {
        let Self::Folder(folder) = self else { return Vec::new() };
        let large = files(folder).filter(|entry| entry.metadata().is_ok_and(|about| about.len() > bytes));
        large.map(|entry| entry.path().strip_prefix(folder).unwrap_or(entry.path()).display().to_string()).collect()
    }
}

fn files(folder: &Path) -> impl Iterator<Item = walkdir::DirEntry> {
    WalkDir::new(folder).into_iter().flatten().filter(|entry| entry.file_type().is_file())
}

fn read(folder: &Path, file: &str) -> Result<Answer> {
    let path = folder.join(file);
    let (status, body) = match std::fs::read(&path) {
        Ok(body) => (200, body),
        Err(reason) if reason.kind() == std::io::ErrorKind::NotFound => (404, Vec::new()),
        Err(reason) => return Err(io("reading", &path)(reason)),
    };
    Ok(Answer { status, headers: HeaderMap::new(), body })
}

fn fetch(agent: &Agent, base: &Url, file: &str) -> Result<Answer> {
    let failed = |reason: String| {
        Error::Argument(format!(
            "checking the site: expected an answer from {base}{file}, got {reason}; is it published?"
        ))
    };
    let url = base.join(file).map_err(|error| failed(error.to_string()))?;
    let response = agent.get(url.as_str()).call().map_err(|error| failed(error.to_string()))?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    let read = response.into_body().into_reader().take(MOST_BYTES).read_to_end(&mut body);
    read.map_err(|error| failed(error.to_string()))?;
    Ok(Answer { status, headers, body })
}
