//! Where the program's own files are: the model that ships, and the page.

use anyhow::bail;
use std::path::PathBuf;
use std::sync::LazyLock;
use vitrine::home::find;
pub use vitrine::home::model;

/// The page's files, with the wasm builds.
///
/// # Errors
/// None is found: the release archive holds them.
pub fn www() -> anyhow::Result<PathBuf> {
    match find("www", "core/session.js") {
        Some(folder) => Ok(folder),
        None => bail!(
            "building the site: expected the page's files in the folder www beside the program or in this folder, got \
             none; unpack the whole release archive, or name the folder with --www"
        ),
    }
}

/// What `--version` says: the version, the model and the page that are used where none is named.
pub fn inside() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| {
        let description = std::fs::read(model().join("model.json")).ok();
        let description: Option<serde_json::Value> = description.and_then(|text| serde_json::from_slice(&text).ok());
        let said = |key: &str| Some(description.as_ref()?.get(key)?.as_str()?.to_owned());
        let model = match (said("name"), said("fingerprint")) {
            (Some(name), Some(fingerprint)) => format!("{name}, fingerprint {fingerprint}, {}", model().display()),
            _ => "none found".into(),
        };
        let page = www().map_or("none found".into(), |folder| folder.display().to_string());
        // a folder may have any name
        let [model, page] = [model, page].map(|text| vitrine::terminal::harmless(&text));
        format!("{}\nmodel: {model}\npage: {page}", env!("CARGO_PKG_VERSION"))
    });
    &TEXT
}
