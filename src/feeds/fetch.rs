//! Photos by address → files. Several at a time, again where a server is busy, within bounds of size and time, and only from
//! the hosts that the feed names. What has been fetched is kept, so that a second run asks only whether it is still so.

use super::model::{Feed, Photo, Without};
use crate::atomic::write_atomic;
use crate::error::{Error, Reason, Result, io};
use crate::hash::sha256_hex;
use crate::photo_file::{HEAD, Kind};
use serde::{Deserialize, Serialize};
use std::collections::{HashMap, HashSet};
use std::io::Read;
use std::net::{IpAddr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};
use ureq::http::{HeaderMap, StatusCode, Uri};
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{DefaultConnector, NextTimeout};
use ureq::{Agent, Body};
use url::{Host, Url};

/// How photos are fetched.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Photos fetched at once.
    pub at_once: usize,
    /// Times that a photo is asked for.
    pub tries: u32,
    /// Time before the second try; it doubles with each.
    pub pause: Duration,
    /// Time for one try, from the first byte sent to the last one received.
    pub time: Duration,
    /// Bytes of a photo.
    pub bytes: u64,
    /// Redirects followed.
    pub redirects: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let (pause, time) = (Duration::from_millis(500), Duration::from_secs(60));
        Self { at_once: 8, tries: 4, pause, time, bytes: 32 << 20, redirects: 5 }
    }
}

/// The longest time that a server may ask to wait.
const LONGEST_WAIT: Duration = Duration::from_secs(30);
/// How long a photo counts as fresh whose server says nothing that one could ask by.
const UNTOLD: Duration = Duration::from_secs(24 * 60 * 60);

/// What fetching did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Fetched {
    /// Photos that came over the network.
    pub fetched: usize,
    /// Photos that were kept from an earlier run.
    pub kept: usize,
    /// Addresses without a photo.
    pub failed: usize,
}

/// What is kept of a photo beside its bytes.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
struct Kept {
    address: String,
    sha256: String,
    #[serde(default)]
    etag: Option<String>,
    #[serde(default)]
    last_modified: Option<String>,
    /// Seconds since 1970 until which nobody is asked.
    #[serde(default)]
    fresh_until: u64,
}

/// Why there is no photo.
#[derive(Clone, Debug, PartialEq)]
enum Failure {
    /// Bytes that are none.
    NoPhoto,
    /// Anything else, in words.
    Other(String),
}

/// Fetches the photos of a feed into `folder` and gives each its file. Photos that are not to be had are taken out and
/// named with their products; a product without any is left out. `progress` is called once an address.
///
/// # Errors
/// [`Error::Io`] where the folder cannot be written.
pub fn bring(feed: &mut Feed, folder: &Path, limits: &Limits, progress: &(dyn Fn() + Sync)) -> Result<Fetched> {
    let addresses = addresses(feed);
    if addresses.is_empty() {
        check_files(feed);
        return Ok(Fetched::default());
    }
    std::fs::create_dir_all(folder).map_err(io("making", folder))?;
    let fetcher = Fetcher::new(&addresses, folder, limits);
    let (next, done) = (AtomicUsize::new(0), Mutex::new(HashMap::new()));
    std::thread::scope(|scope| {
        for _ in 0..limits.at_once.clamp(1, addresses.len()) {
            scope.spawn(|| {
                while let Some(address) = addresses.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let got = fetcher.photo(address);
                    done.lock().unwrap_or_else(|e| e.into_inner()).insert(address.as_str(), got);
                    progress();
                }
            });
        }
    });
    let done = done.into_inner().unwrap_or_else(|e| e.into_inner());
    let count = |kind: fn(&Result<(PathBuf, bool), Failure>) -> bool| done.values().filter(|got| kind(got)).count();
    let summary = Fetched {
        fetched: count(|got| matches!(got, Ok((_, true)))),
        kept: count(|got| matches!(got, Ok((_, false)))),
        failed: count(|got| got.is_err()),
    };
    give(feed, |photo| match &photo.file {
        Some(file) => read_file(file),
        None => {
            done.get(photo.address.as_str()).cloned().map_or(Err(Failure::NoPhoto), |got| got.map(|(file, _)| file))
        }
    });
    Ok(summary)
}

/// Looks whether files beside the feed are photos; addresses are believed.
pub fn check_files(feed: &mut Feed) {
    give(feed, |photo| match &photo.file {
        Some(file) => read_file(file),
        None => Ok(PathBuf::new()),
    });
}

fn read_file(file: &Path) -> Result<PathBuf, Failure> {
    let mut start = Vec::new();
    let read = std::fs::File::open(file).and_then(|opened| opened.take(HEAD as u64).read_to_end(&mut start));
    match read {
        Err(error) => Err(Failure::Other(error.to_string())),
        Ok(_) => is_photo(&start).then(|| file.to_path_buf()).ok_or(Failure::NoPhoto),
    }
}

/// Addresses that are to be fetched, each once.
fn addresses(feed: &Feed) -> Vec<String> {
    let photos = feed.products.iter().flat_map(|product| &product.photos);
    let mut seen = HashSet::new();
    photos
        .filter(|photo| photo.file.is_none() && seen.insert(&photo.address))
        .map(|photo| photo.address.clone())
        .collect()
}

/// Gives every photo what was found of it, and decides on the products.
fn give(feed: &mut Feed, found: impl Fn(&Photo) -> Result<PathBuf, Failure>) {
    let mut products = Vec::with_capacity(feed.products.len());
    for mut product in std::mem::take(&mut feed.products) {
        let mut wrong = Vec::new();
        product.photos.retain_mut(|photo| match found(photo) {
            Ok(file) => {
                photo.file = Some(file).filter(|file| !file.as_os_str().is_empty());
                true
            }
            Err(failure) => {
                wrong.push((photo.address.clone(), failure));
                false
            }
        });
        match (product.photos.is_empty(), wrong.first()) {
            (true, Some((address, failure))) => {
                let reason = match failure {
                    Failure::NoPhoto => format!("its photo is no photo: {address}"),
                    Failure::Other(why) => format!("its photo is not to be had: {address}: {why}"),
                };
                let (id, row) = (product.id, product.row);
                feed.left_out.push(Without { kind: Reason::RowWithoutPhoto, id, row, reason });
            }
            _ => {
                for (address, failure) in wrong {
                    let why = match failure {
                        Failure::NoPhoto => "no photo".into(),
                        Failure::Other(why) => why,
                    };
                    feed.warnings.push(format!("{}: photo {address}: {why}", product.id));
                }
                products.push(product);
            }
        }
    }
    feed.products = products;
    feed.left_out.sort_by_key(|one| one.row);
}

/// Whether bytes begin as a picture does, of whatever kind: one that is not read is named when it is indexed.
fn is_photo(start: &[u8]) -> bool {
    let kind = Kind::of(start);
    kind.is_photo() || matches!(kind, Kind::Picture(_))
}

struct Fetcher<'a> {
    /// For the addresses that the feed names.
    named: Agent,
    /// For where those lead to: it refuses private addresses, unless the feed is itself a private one.
    led_to: Agent,
    hosts: HashSet<String>,
    is_local: bool,
    folder: &'a Path,
    limits: &'a Limits,
}

impl<'a> Fetcher<'a> {
    fn new(addresses: &[String], folder: &'a Path, limits: &'a Limits) -> Self {
        let urls: Vec<Url> = addresses.iter().filter_map(|address| Url::parse(address).ok()).collect();
        let hosts = urls.iter().filter_map(host).collect();
        let is_local = urls.iter().all(is_private_url);
        let tls = tls();
        let agent = |private| {
            let config = Agent::config_builder()
                .http_status_as_error(false)
                .max_redirects(0)
                .max_redirects_will_error(false)
                .timeout_global(Some(limits.time))
                .timeout_connect(Some(limits.time.min(Duration::from_secs(15))))
                .user_agent(concat!("vitrine/", env!("CARGO_PKG_VERSION")))
                .accept("image/jpeg, image/png, image/webp, image/*;q=0.8")
                .tls_config(tls.clone())
                .proxy(None)
                .build();
            Agent::with_parts(
                config,
                DefaultConnector::default(),
                Guarded { private, resolver: DefaultResolver::default() },
            )
        };
        Self { named: agent(true), led_to: agent(is_local), hosts, is_local, folder, limits }
    }

    /// The file of a photo, and whether it came over the network now.
    fn photo(&self, address: &str) -> Result<(PathBuf, bool), Failure> {
        let place = Place::of(self.folder, address);
        let kept = place.kept(address);
        let now = seconds(SystemTime::now());
        if kept.as_ref().is_some_and(|kept| now < kept.fresh_until) {
            return Ok((place.photo, false));
        }
        match self.ask_again(address, kept.as_ref())? {
            Answer::AsBefore(mut kept, headers) => {
                kept.fresh_until = fresh_until(&headers, now, true);
                place.keep(None, &kept).map_err(|error| Failure::Other(error.to_string()))?;
                Ok((place.photo, false))
            }
            Answer::Bytes(bytes, headers) => {
                if !is_photo(&bytes) {
                    return Err(Failure::NoPhoto);
                }
                let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_string);
                let (etag, last_modified) = (text("etag"), text("last-modified"));
                let told = etag.is_some() || last_modified.is_some();
                let fresh_until = fresh_until(&headers, now, told);
                let kept =
                    Kept { address: address.into(), sha256: sha256_hex(&bytes), etag, last_modified, fresh_until };
                place.keep(Some(&bytes), &kept).map_err(|error| Failure::Other(error.to_string()))?;
                Ok((place.photo, true))
            }
        }
    }

    /// Asks until there is an answer that another try would not change.
    fn ask_again(&self, address: &str, kept: Option<&Kept>) -> Result<Answer, Failure> {
        let mut pause = self.limits.pause;
        for left in (0..self.limits.tries.max(1)).rev() {
            match self.ask(address, kept) {
                Ok(answer) => return Ok(answer),
                Err(Refusal { why, again, wait }) if again && left > 0 => {
                    drop(why);
                    std::thread::sleep(wait.unwrap_or(pause).min(LONGEST_WAIT));
                    pause *= 2;
                }
                Err(refusal) => return Err(Failure::Other(refusal.why)),
            }
        }
        Err(Failure::Other("no answer".into()))
    }

    /// Asks once, and follows where the answer leads.
    fn ask(&self, address: &str, kept: Option<&Kept>) -> Result<Answer, Refusal> {
        let mut url = Url::parse(address).map_err(|error| Refusal::last(error.to_string()))?;
        for hop in 0..=self.limits.redirects {
            let agent = if hop == 0 { &self.named } else { &self.led_to };
            let response = self.send(agent, &url, kept)?;
            let (status, headers) = (response.status(), response.headers().clone());
            if status == StatusCode::NOT_MODIFIED
                && let Some(kept) = kept
            {
                return Ok(Answer::AsBefore(kept.clone(), headers));
            }
            if status.is_redirection() {
                url = self.next(&url, &headers)?;
                continue;
            }
            if status != StatusCode::OK {
                return Err(Refusal::status(status, &headers));
            }
            return self.body(response.into_body(), headers);
        }
        Err(Refusal::last(format!("more than {} redirects", self.limits.redirects)))
    }

    fn send(&self, agent: &Agent, url: &Url, kept: Option<&Kept>) -> Result<ureq::http::Response<Body>, Refusal> {
        let mut request = agent.get(url.as_str());
        if let Some(kept) = kept {
            let fields = [("if-none-match", &kept.etag), ("if-modified-since", &kept.last_modified)];
            for (name, value) in fields.into_iter().filter_map(|(name, value)| Some((name, value.as_ref()?))) {
                request = request.header(name, value);
            }
        }
        request.call().map_err(|error| Refusal::failed(&error))
    }

    fn body(&self, body: Body, headers: HeaderMap) -> Result<Answer, Refusal> {
        let most = self.limits.bytes;
        let too_large = || Refusal::last(format!("more than {} MiB", most >> 20));
        if body.content_length().is_some_and(|length| length > most) {
            return Err(too_large());
        }
        let expected = body.content_length();
        let mut bytes = Vec::new();
        let read = body.into_reader().take(most + 1).read_to_end(&mut bytes);
        read.map_err(|error| Refusal::again(format!("broken off: {error}")))?;
        if bytes.len() as u64 > most {
            return Err(too_large());
        }
        match expected.is_some_and(|expected| expected > bytes.len() as u64) {
            true => Err(Refusal::again("broken off".into())),
            false => Ok(Answer::Bytes(bytes, headers)),
        }
    }

    /// Where an answer leads: to a host that the feed names, and to none that is private, unless the feed is so itself.
    fn next(&self, from: &Url, headers: &HeaderMap) -> Result<Url, Refusal> {
        let place = headers.get("location").and_then(|value| value.to_str().ok());
        let to = place.and_then(|place| from.join(place).ok());
        let to = to.filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host());
        let to = to.ok_or_else(|| Refusal::last("a redirect without an address".into()))?;
        let private = is_private_url(&to);
        if private && !self.is_local {
            return Err(Refusal::last(format!("a redirect to a private address: {to}")));
        }
        match private || host(&to).is_some_and(|host| self.hosts.contains(&host)) {
            true => Ok(to),
            false => Err(Refusal::last(format!("a redirect to a host that the feed does not name: {to}"))),
        }
    }
}

/// What a server answered.
enum Answer {
    AsBefore(Kept, HeaderMap),
    Bytes(Vec<u8>, HeaderMap),
}

/// Why there is no answer, and whether another try may give one.
struct Refusal {
    why: String,
    again: bool,
    /// How long the server asks to wait.
    wait: Option<Duration>,
}

impl Refusal {
    fn last(why: String) -> Self {
        Self { why, again: false, wait: None }
    }

    fn again(why: String) -> Self {
        Self { why, again: true, wait: None }
    }

    fn status(status: StatusCode, headers: &HeaderMap) -> Self {
        let busy = status == StatusCode::TOO_MANY_REQUESTS
            || status == StatusCode::REQUEST_TIMEOUT
            || status.is_server_error();
        let wait = headers.get("retry-after").and_then(|value| value.to_str().ok()?.trim().parse().ok());
        Self { why: status.as_u16().to_string(), again: busy, wait: wait.map(Duration::from_secs) }
    }

    fn failed(error: &ureq::Error) -> Self {
        use ureq::Error::*;
        match error {
            Timeout(_) => Self::again("no answer in time".into()),
            HostNotFound => Self::last("no such host".into()),
            Io(reason) if reason.kind() == std::io::ErrorKind::PermissionDenied => Self::last(reason.to_string()),
            Io(_) | ConnectionFailed | Protocol(_) => Self::again(error.to_string()),
            error => Self::last(error.to_string()),
        }
    }
}

/// Refuses names that lead to private addresses, where it should.
#[derive(Debug)]
struct Guarded {
    private: bool,
    resolver: DefaultResolver,
}

impl Resolver for Guarded {
    fn resolve(
        &self,
        uri: &Uri,
        config: &ureq::config::Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        let found = self.resolver.resolve(uri, config, timeout)?;
        match !self.private && found.iter().any(|address| is_private(address.ip())) {
            true => Err(ureq::Error::Io(std::io::Error::new(
                std::io::ErrorKind::PermissionDenied,
                "a redirect to a private address",
            ))),
            false => Ok(found),
        }
    }
}

/// Encryption with the certificates that this machine trusts.
pub fn tls() -> TlsConfig {
    let found = rustls_native_certs::load_native_certs().certs;
    let trusted = found.iter().map(|certificate| Certificate::from_der(certificate).to_owned()).collect();
    TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(trusted)))
        .unversioned_rustls_crypto_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .build()
}

/// A host's name, without the `www.` that many shops answer with and without.
fn host(url: &Url) -> Option<String> {
    let host = url.host_str()?.to_lowercase();
    Some(host.strip_prefix("www.").map_or(host.clone(), str::to_string))
}

fn is_private_url(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => is_private(address.into()),
        Some(Host::Ipv6(address)) => is_private(address.into()),
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost") || name.ends_with(".local"),
        None => false,
    }
}

/// Addresses of this machine and of networks that are not the internet.
fn is_private(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            let [a, b, ..] = v4.octets();
            let shared = a == 100 && (64..128).contains(&b);
            let special = v4.is_unspecified() || v4.is_broadcast() || v4.is_multicast() || a == 0 || a >= 240;
            v4.is_loopback() || v4.is_private() || v4.is_link_local() || shared || special
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_private(v4.into()),
            None => {
                let local = v6.is_unique_local() || v6.is_unicast_link_local();
                v6 == Ipv6Addr::UNSPECIFIED || v6.is_loopback() || v6.is_multicast() || local
            }
        },
    }
}

/// Until when a photo counts as fresh: as long as the server says, and where one cannot ask whether it has changed, a day.
fn fresh_until(headers: &HeaderMap, now: u64, told: bool) -> u64 {
    let control = headers.get("cache-control").and_then(|value| value.to_str().ok()).unwrap_or_default().to_lowercase();
    if control.contains("no-cache") || control.contains("no-store") {
        return now;
    }
    let age = control.split(',').find_map(|part| part.trim().strip_prefix("max-age=")?.parse::<u64>().ok());
    now.saturating_add(age.unwrap_or(if told { 0 } else { UNTOLD.as_secs() }))
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// Where a photo is kept.
struct Place {
    photo: PathBuf,
    about: PathBuf,
}

impl Place {
    fn of(folder: &Path, address: &str) -> Self {
        let name = sha256_hex(address.as_bytes());
        Self { photo: folder.join(&name), about: folder.join(format!("{name}.json")) }
    }

    /// What is kept of this address, if its bytes are as they were.
    fn kept(&self, address: &str) -> Option<Kept> {
        let kept: Kept = serde_json::from_slice(&std::fs::read(&self.about).ok()?).ok()?;
        let bytes = std::fs::read(&self.photo).ok()?;
        (kept.address == address && kept.sha256 == sha256_hex(&bytes)).then_some(kept)
    }

    fn keep(&self, bytes: Option<&[u8]>, kept: &Kept) -> Result<(), Error> {
        if let Some(bytes) = bytes {
            write_atomic(&self.photo, bytes)?;
        }
        let about = serde_json::to_vec(kept).map_err(|error| Error::Argument(format!("keeping a photo: {error}")))?;
        write_atomic(&self.about, &about)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_that_are_not_the_internet() {
        for address in [
            "127.0.0.1",
            "10.1.2.3",
            "192.168.0.1",
            "172.16.0.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "::1",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
        ] {
            assert!(is_private(address.parse().unwrap()), "{address}");
        }
        for address in ["93.184.216.34", "8.8.8.8", "100.128.0.1", "2606:4700::1"] {
            assert!(!is_private(address.parse().unwrap()), "{address}");
        }
    }

    #[test]
    fn redirects_lead_to_named_hosts_alone() {
        let limits = Limits::default();
        let lead = |feed: &str, to: &str| {
            let fetcher = Fetcher::new(&[feed.to_string()], Path::new(""), &limits);
            let headers = HeaderMap::from_iter([(ureq::http::header::LOCATION, to.parse().unwrap())]);
            fetcher.next(&Url::parse(feed).unwrap(), &headers).map(|url| url.to_string()).map_err(|refusal| refusal.why)
        };
        let public = "http://cdn.example/a.jpg";
        assert_eq!(lead(public, "/b.jpg").unwrap(), "http://cdn.example/b.jpg");
        assert_eq!(lead(public, "https://www.cdn.example/b.jpg").unwrap(), "https://www.cdn.example/b.jpg");
        for to in [
            "http://127.0.0.1/",
            "http://10.0.0.1/a",
            "http://localhost:80/",
            "http://[::1]/",
            "http://169.254.169.254/",
        ] {
            assert!(lead(public, to).unwrap_err().contains("private"), "{to}");
        }
        assert!(lead(public, "https://other.example/").unwrap_err().contains("does not name"));
        assert!(lead(public, "file:///etc/passwd").unwrap_err().contains("without an address"));
        assert!(lead("http://127.0.0.1:8765/a.jpg", "http://127.0.0.1:1234/b.jpg").is_ok());
        assert!(lead("http://127.0.0.1:8765/a.jpg", "http://other.example/b.jpg").is_err());
    }
}
