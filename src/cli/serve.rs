//! `vitrine serve`: a static site on this machine, with the headers that it wants.

use anyhow::{Context, bail};
use axum::Router;
use axum::extract::Request;
use axum::http::header::{CACHE_CONTROL, HeaderName};
use axum::http::{HeaderValue, Method};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use clap::Args;
use std::path::PathBuf;
use tower_http::compression::CompressionLayer;
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
    let app = Router::new().fallback_service(files).layer(from_fn(headers)).layer(CompressionLayer::new());
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", args.port))
        .await
        .with_context(|| format!("serving on port {}: choose another with --port", args.port))?;
    println!("serving {} on http://{}/ (Ctrl-C stops)", args.dist.display(), listener.local_addr()?);
    let stop = async {
        let _ = tokio::signal::ctrl_c().await;
    };
    axum::serve(listener, app).with_graceful_shutdown(stop).await.context("serving")
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
    use super::names_its_hash;

    #[test]
    fn only_hashed_names_are_cached_for_good() {
        assert!(names_its_hash("/catalog/shard-0123456789abcdef.bin"));
        assert!(names_its_hash("/catalog/photos/0123456789abcdef.jpg"));
        assert!(!names_its_hash("/catalog/catalog.json") && !names_its_hash("/") && !names_its_hash("/app.js"));
    }
}
