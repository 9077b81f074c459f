//! `vitrine serve`: a static site on this machine, with the headers that it wants.

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, HOST, HeaderName, ORIGIN};
use axum::http::{HeaderValue, Method, StatusCode, Uri};
use axum::middleware::{Next, from_fn, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use clap::Args;
use percent_encoding::percent_decode_str;
use std::path::{Path, PathBuf};
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate};
use tower_http::services::ServeDir;
use vitrine::site::HEADERS;

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
    tokio::runtime::Runtime::new()?.block_on(serve(args))
}

async fn serve(args: ServeArgs) -> anyhow::Result<()> {
    let files = ServeDir::new(&args.dist);
    // weights and vectors hardly get smaller, and are most of the bytes
    let worth_it = DefaultPredicate::new().and(NotForContentType::const_new("application/octet-stream"));
    let app = Router::new()
        .fallback_service(files)
        .layer(from_fn_with_state(args.dist.clone(), guard))
        .layer(from_fn(headers))
        .layer(CompressionLayer::new().compress_when(worth_it));
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", args.port))
        .await
        .with_context(|| format!("serving on port {}: choose another with --port", args.port))?;
    vitrine::print::line(format_args!(
        "serving {} on http://{}/ (Ctrl-C stops)",
        args.dist.display(),
        listener.local_addr()?
    ))?;
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await.context("serving")
}

/// Answers this machine's own pages alone, and only with files that really lie below the folder.
async fn guard(State(dist): State<PathBuf>, request: Request, next: Next) -> Response {
    match refusal(&dist, &request) {
        Some((status, sentence)) => (status, sentence).into_response(),
        None => next.run(request).await,
    }
}

fn refusal(dist: &Path, request: &Request) -> Option<(StatusCode, &'static str)> {
    let header = |name| request.headers().get(name).map(|value: &HeaderValue| value.to_str().unwrap_or_default());
    // a page elsewhere can have its own name point to 127.0.0.1 and would then read what is served here
    let (host, origin) = (header(HOST), header(ORIGIN));
    if !host.is_none_or(is_local) || !origin.is_none_or(|origin| origin.parse().is_ok_and(|uri| is_local_page(&uri))) {
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

fn is_local_page(origin: &Uri) -> bool {
    origin.authority().is_some_and(|authority| is_local(authority.as_str()))
}

/// Whether an address leads to something below the folder, links followed. Hidden files are not served.
fn lies_below(dist: &Path, address: &str) -> bool {
    let Ok(path) = percent_decode_str(address).decode_utf8() else { return false };
    if path.contains(['\\', '\0']) || path.split('/').any(|part| part.starts_with('.')) {
        return false;
    }
    let (root, file) = (dist.canonicalize(), dist.join(path.trim_start_matches('/')).canonicalize());
    matches!((root, file), (Ok(root), Ok(file)) if file.starts_with(&root))
}

/// Adds the page's headers. Files named after their hash never change; all others are asked for again.
async fn headers(request: Request, next: Next) -> Response {
    let hashed = request.method() == Method::GET && names_its_hash(request.uri().path());
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in HEADERS {
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    let caching = if hashed { "public, max-age=31536000, immutable" } else { "no-cache" };
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
    response
}

/// Whether a file's name ends in 16 hexadecimal digits before its extension.
fn names_its_hash(path: &str) -> bool {
    let file = path.rsplit('/').next().unwrap_or_default();
    let stem = file.split('.').next().unwrap_or_default();
    let last = stem.rsplit('-').next().unwrap_or_default();
    last.len() == 16 && last.chars().all(|c| c.is_ascii_hexdigit())
}

#[cfg(test)]
mod tests {
    use super::{is_local, lies_below, names_its_hash};

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
        for address in ["/", "/in/a%20b.txt", "/inner/a%20b.txt"] {
            assert!(lies_below(&dist, address), "{address}");
        }
        let out = ["/link", "/../secret", "/%2e%2e/secret", "/in/..%2f..%2fsecret", "//etc/passwd", "/.hidden", "/..x"];
        for address in out.iter().chain(&["/in%5c..", "/%00", "/%ff", "/none"]) {
            assert!(!lies_below(&dist, address), "{address}");
        }
    }

    #[test]
    fn only_hashed_names_are_cached_for_good() {
        assert!(names_its_hash("/catalog/shard-0123456789abcdef.bin"));
        assert!(names_its_hash("/catalog/photos/0123456789abcdef.jpg"));
        assert!(!names_its_hash("/catalog/catalog.json") && !names_its_hash("/") && !names_its_hash("/app.js"));
    }
}
