//! `vitrine serve`: a static site on this machine, with the headers that it wants.

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, HeaderName, ORIGIN};
use axum::http::{HeaderValue, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::serve::Listener;
use clap::Args;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::service::TowerToHyperService;
use percent_encoding::percent_decode_str;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_io_timeout::TimeoutStream;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::services::ServeDir;
use vitrine::site::headers::{ASK_AGAIN, HEADERS, caching};

/// How long the head of a request may take, and a connection stay silent between two.
const HEAD_PATIENCE: Duration = Duration::from_secs(15);
/// How long a reader may take nothing of what it asked for.
const READER_PATIENCE: Duration = Duration::from_secs(60);
/// Connections at once; more wait until one ends.
const CONNECTIONS: usize = 256;

/// Serve a site on 127.0.0.1
#[derive(Args)]
pub struct ServeArgs {
    /// Folder that `vitrine site` wrote
    dist: PathBuf,
    /// Port; 0 takes a free one
    #[arg(long, default_value_t = 8080)]
    port: u16,
}

/// Serves until interrupted.
pub fn run(args: ServeArgs) -> anyhow::Result<()> {
    if !args.dist.join("index.html").exists() {
        bail!("serving {}: expected an index.html, got none; make the site first", args.dist.display());
    }
    let runtime = tokio::runtime::Runtime::new()?;
    let outcome = runtime.block_on(serve(args));
    // connections that are still open end with the program, whatever they wait for
    runtime.shutdown_background();
    outcome
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let listener = TcpListener::bind(("127.0.0.1", args.port))
        .await
        .with_context(|| format!("serving on port {}: choose another with --port", args.port))?;
    // before the address is named, since whoever read it may end this
    let stopped = stopped().context("waiting for Ctrl-C")?;
    let (place, address) = (args.dist.display(), listener.local_addr()?);
    vitrine::print::line(format_args!("serving {place} on http://{address}/ (Ctrl-C stops)"))?;
    tokio::select! {
        () = accept(listener, app(args.dist)) => Ok(()),
        () = stopped => Ok(()),
    }
}

/// Ends when the user or the system asks this program to end.
#[cfg(unix)]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! { _ = interrupt.recv() => (), _ = terminate.recv() => () }
    })
}

#[cfg(not(unix))]
fn stopped() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async { drop(tokio::signal::ctrl_c().await) })
}

/// Answers every connection on its own, so many at once as there is room for.
async fn accept(mut listener: TcpListener, app: Router) {
    let room = Arc::new(Semaphore::new(CONNECTIONS));
    while let Ok(place) = room.clone().acquire_owned().await {
        // axum's way to accept goes on when the system has no more file descriptors for a while
        let (stream, _) = Listener::accept(&mut listener).await;
        tokio::spawn(answer(stream, app.clone(), place));
    }
}

/// Answers the requests of one connection; ends it when its other end keeps it waiting. axum's own `serve` sets no timer.
async fn answer(stream: TcpStream, app: Router, place: OwnedSemaphorePermit) {
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(READER_PATIENCE));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .serve_connection(TokioIo::new(Box::pin(stream)), TowerToHyperService::new(app));
    // whoever broke it off or waited too long has no use for the reason
    drop(connection.await);
    drop(place);
}

fn app(dist: PathBuf) -> Router {
    // weights and vectors hardly get smaller, and are most of the bytes
    let worth_it = DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream"));
    Router::new()
        .fallback_service(ServeDir::new(&dist))
        .layer(from_fn_with_state(dist, guard))
        .layer(from_fn(headers))
        .layer(CompressionLayer::new().compress_when(worth_it))
}

/// Answers this machine's own pages alone, and only with files that really lie below the folder.
async fn guard(State(dist): State<PathBuf>, mut request: Request, next: Next) -> Response {
    if let Some((status, sentence)) = refusal(&dist, &request) {
        return (status, sentence).into_response();
    }
    // a redirect to a folder repeats what the address says before its path, so that is taken away
    if let Some(address) = request.uri().path_and_query().cloned() {
        *request.uri_mut() = Uri::from(address);
    }
    next.run(request).await
}

fn refusal(dist: &Path, request: &Request) -> Option<(StatusCode, &'static str)> {
    let all = |name, allowed: fn(&str) -> bool| {
        request.headers().get_all(name).iter().all(|value: &HeaderValue| value.to_str().is_ok_and(allowed))
    };
    // a page elsewhere can have its own name point to 127.0.0.1 and would then read what is served here
    let named = request.uri().authority().is_none_or(|authority| is_local(authority.as_str()));
    if !named || !all(HOST, is_local) || !all(ORIGIN, is_local_page) {
        let sentence =
            "vitrine serve answers pages of 127.0.0.1 and localhost alone; open the address that it printed\n";
        return Some((StatusCode::MISDIRECTED_REQUEST, sentence));
    }
    (!lies_below(dist, request.uri().path())).then_some((StatusCode::NOT_FOUND, "no such file\n"))
}

/// Whether a host, with or without a port, is this machine by its usual names.
fn is_local(host: &str) -> bool {
    let port = |text: &str| text.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    ["127.0.0.1", "localhost", "[::1]"].iter().any(|name| {
        let rest = host.get(..name.len()).filter(|start| start.eq_ignore_ascii_case(name)).map(|_| &host[name.len()..]);
        rest.is_some_and(|rest| rest.is_empty() || port(rest))
    })
}

fn is_local_page(origin: &str) -> bool {
    let origin = origin.parse::<Uri>().ok();
    origin.and_then(|uri| uri.authority().map(|authority| is_local(authority.as_str()))).unwrap_or(false)
}

/// Whether an address leads to something below the folder, links followed. Hidden files are not served, nor addresses
/// with empty parts: a browser takes `//icons/` in a redirect for the host `icons`.
fn lies_below(dist: &Path, address: &str) -> bool {
    let Ok(path) = percent_decode_str(address).decode_utf8() else { return false };
    let odd = !address.starts_with('/') || path.contains("//") || path.contains(char::is_control);
    if odd || path.contains('\\') || path.split('/').any(|part| part.starts_with('.')) {
        return false;
    }
    let (root, file) = (dist.canonicalize(), dist.join(path.trim_start_matches('/')).canonicalize());
    matches!((root, file), (Ok(root), Ok(file)) if file.starts_with(&root))
}

/// Adds the page's headers to every response. Only a file that is there may be kept for good.
async fn headers(request: Request, next: Next) -> Response {
    let address = request.uri().path().to_string();
    let mut response = next.run(request).await;
    let there = response.status().is_success() || response.status() == StatusCode::NOT_MODIFIED;
    let keep = if there { caching(&address) } else { ASK_AGAIN };
    for (name, value) in HEADERS.into_iter().chain([(CACHE_CONTROL.as_str(), keep)]) {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{is_local, lies_below};

    #[test]
    fn only_this_machines_names_are_answered() {
        for host in ["127.0.0.1:8080", "localhost", "LOCALHOST:1", "[::1]:8080"] {
            assert!(is_local(host), "{host}");
        }
        for host in ["", "shop.example", "127.0.0.1.shop.example", "localhost:8080x", "127.0.0.10", "localhost:99999"] {
            assert!(!is_local(host), "{host}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn nothing_outside_the_folder_is_reached() {
        let home = tempfile::tempdir().unwrap();
        let dist = home.path().join("dist");
        std::fs::create_dir_all(dist.join("in")).unwrap();
        for name in ["secret", "dist/.hidden", "dist/in/a b.txt", "dist/..x"] {
            std::fs::write(home.path().join(name), name).unwrap();
        }
        std::os::unix::fs::symlink(home.path().join("secret"), dist.join("link")).unwrap();
        std::os::unix::fs::symlink(dist.join("in"), dist.join("inner")).unwrap();
        for address in ["/", "/in", "/in/", "/in/a%20b.txt", "/inner/a%20b.txt"] {
            assert!(lies_below(&dist, address), "{address}");
        }
        let out = ["/link", "/../secret", "/%2e%2e/secret", "/in/..%2f..%2fsecret", "//etc/passwd", "/.hidden", "/..x"];
        let odd = ["/in%5c..", "/%00", "/%ff", "/none", "//in", "/%2fin", "/%2f/in", "/in//", "/\\in", "in", "*", ""];
        for address in out.iter().chain(&odd) {
            assert!(!lies_below(&dist, address), "{address}");
        }
    }
}
