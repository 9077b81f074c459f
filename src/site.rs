//! A catalog, a model and the page → a complete static site.

pub mod check;
pub mod headers;
mod logo;
mod modules;
pub mod packs;
mod published;
pub mod relevance;
mod slim;

use crate::atomic::write_atomic;
use crate::catalog::folder::Folder;
use crate::catalog::format::{FileEntry, MANIFEST, Manifest};
use crate::error::{Error, LeftOut, Result, io};
use crate::hash::sha256_hex;
use crate::model::folder::{DESCRIPTION, Description};
use crate::search::glossary;
use crate::staging::{Before, Claim, Kind};
use base64::Engine;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use walkdir::WalkDir;

/// The page's scripts and its workers.
const ENTRIES: [&str; 6] = ["app.js", "ui/renew.js", "ui/ahead.js", "ui/language.js", "worker.js", "pool.js"];
/// Those whose imports are asked for before any other: what they begin takes longest.
const SOONEST: [&str; 2] = ["ui/ahead.js", "ui/language.js"];
/// What runs in workers alone, beside the bindings in `pkg/`.
const WORKERS: [&str; 3] = ["worker.js", "pool.js", "core/clusters.js"];
/// What the page and its worker load besides for a clustered catalog.
const CLUSTERED: [&str; 2] = ["core/clustered.js", "core/clusters.js"];
/// What the page loads besides for a catalog whose photos are in packs.
const PACKED: [&str; 2] = ["core/packs.js", "ui/packed.js"];
/// A visitor needs one file of these.
const SENTENCES: &str = "ui/strings/";
/// The build that needs nothing and must be there.
const BASELINE: &str = "baseline";
const INDEX: &str = "index.html";
const APP: &str = "manifest.webmanifest";
/// The largest logo: it stands in the way of everything else on the page.
const LOGO_BYTES: usize = 200 << 10;

/// What a shop owner chooses.
pub struct Site<'a> {
    /// Catalog folder.
    pub catalog: &'a Path,
    /// Model folder.
    pub model: &'a Path,
    /// The page's files, with the wasm build in `pkg/`.
    pub www: &'a Path,
    /// Where the site goes.
    pub out: &'a Path,
    /// The page's title; the catalog's without one.
    pub title: Option<String>,
    /// Accent colour as `#rrggbb`.
    pub accent: Option<String>,
    /// A picture in place of the title at the top of the page: PNG, WebP, JPEG, or an SVG of shapes, which is drawn anew.
    pub logo: Option<PathBuf>,
    /// For hosts that send no headers of their own, such as GitHub Pages: the service worker adds those that threads
    /// need, and a visitor's first page is loaded again once to get them.
    pub isolate: bool,
    /// The most files that the host takes: a site of more gets packs of photos in place of a file each. None for a host
    /// that takes any number.
    pub max_files: Option<usize>,
}

/// What was written.
#[derive(Clone, Debug, Default, serde::Serialize)]
pub struct Written {
    /// Number of files.
    pub files: usize,
    /// Those that are not as they were in the site that was there.
    pub changed: usize,
    /// Their bytes together.
    pub bytes: u64,
    /// Photos that products name.
    pub photos: usize,
    /// Files that hold several photos each, where the host does not take one for each.
    pub packs: usize,
    /// Files among the photos that are no whole photos, and are not published.
    pub left_out: Vec<LeftOut>,
    #[serde(skip)]
    names: headers::Files,
}

impl Site<'_> {
    /// Writes the site, which appears, or takes the place of an earlier one, only when it is complete.
    pub fn write(&self) -> Result<Written> {
        check_accent(self.accent.as_deref())?;
        let inputs = [self.catalog, self.model, self.www].into_iter().chain(self.logo.as_deref());
        let mut claim = Claim::new(Kind::Site, self.out, &inputs.collect::<Vec<_>>())?;
        let before = claim.before()?;
        claim.replace(INDEX, |out| {
            let site =
                Site { out, title: self.title.clone(), accent: self.accent.clone(), logo: self.logo.clone(), ..*self };
            Build { site, before }.build()
        })
    }
}

/// A site that is being built.
struct Build<'a> {
    site: Site<'a>,
    before: Before,
}

impl<'a> std::ops::Deref for Build<'a> {
    type Target = Site<'a>;

    fn deref(&self) -> &Site<'a> {
        &self.site
    }
}

impl Build<'_> {
    /// Everything that others refer to first, `index.html` last.
    fn build(&self) -> Result<Written> {
        let mut catalog = Folder::open(self.catalog)?;
        if catalog.manifest.packs.is_some() {
            return Err(already_packed(self.catalog));
        }
        let manifest = &catalog.manifest;
        let model = Description::open(self.model)?;
        manifest.check_model(&model.fingerprint)?;
        let mut written = Written::default();
        for part in model.files() {
            // read, not copied, so that a damaged weight file is found here and not by visitors
            self.put(&format!("model/{}", part.file), &model.read_file(self.model, part)?, &mut written)?;
        }
        self.copy(&self.model.join(DESCRIPTION), "model/model.json", &mut written)?;
        for file in manifest.files() {
            self.put(&format!("catalog/{}", file.file), &catalog.read(file)?, &mut written)?;
        }
        match self.put_photos(&catalog, &mut written)? {
            None => self.copy(&self.catalog.join(MANIFEST), "catalog/catalog.json", &mut written)?,
            Some(packs) => {
                catalog.manifest.packs = Some(packs);
                let json = serde_json::to_vec_pretty(&catalog.manifest).map_err(|e| Error::Catalog(e.to_string()))?;
                self.put("catalog/catalog.json", &json, &mut written)?;
            }
        }
        self.write_page(&catalog, &model, &mut written)?;
        Ok(written)
    }

    /// The page itself, with `site.json`, and the headers in the file that Netlify and Cloudflare Pages read.
    fn write_page(&self, catalog: &Folder, model: &Description, written: &mut Written) -> Result<()> {
        let (manifest, wasm) = (&catalog.manifest, self.builds()?);
        let title = self.title.as_ref().unwrap_or(&manifest.title);
        let (logo, app) = (self.put_logo(written)?, self.app(title)?);
        let files = tree(self.www)?;
        let page = files.iter().map(|file| Ok((file.as_str(), self.page_file(file)?))).collect::<Result<Vec<_>>>()?;
        let mut hashes: BTreeMap<&str, String> = page.iter().map(|(file, bytes)| (*file, sha256_hex(bytes))).collect();
        let start = self.start(&files, manifest)?;
        hashes.insert(APP, sha256_hex(&app));
        if let Some(logo) = &logo {
            hashes.insert(&logo.file, logo.sha256.clone());
        }
        let unused = unused(manifest);
        let used = hashes.iter().filter(|(file, _)| !unused.contains(file)).map(|(file, hash)| (*file, hash.clone()));
        let soonest = modules::imported(&SOONEST, |file| self.text(file))?;
        let html = signed(&self.index(title, manifest)?, &used.collect(), &start, &soonest);
        hashes.insert(INDEX, sha256_hex(html.as_bytes()));
        let logo = logo.as_ref().map(|logo| logo.file.to_string());
        // a phone's home screen shows the large icon, no page does
        let at_once = |file: &&String| start.contains(*file) && !file.ends_with(".png");
        let (first, later): (Vec<_>, Vec<_>) = shell(&files).partition(at_once);
        let precache: Vec<String> = first.into_iter().chain(&logo).map(|file| format!("./{file}")).collect();
        let used = later.into_iter().filter(|file| !unused.contains(&file.as_str()));
        let later: Vec<String> = used.map(|file| format!("./{file}")).collect();
        let known = self.before.read("site.json").and_then(|site| serde_json::from_slice(&site).ok());
        let (measured, relevance) = relevance::measure_again(catalog, self.model, model, &known.unwrap_or_default())?;
        let glossaries = self.put_glossaries(written)?;
        // The page names its build, so that a copy of it and a newer site.json are never taken for one.
        let files_digest: String = hashes.values().map(String::as_str).collect();
        let digest = format!("{files_digest}{:?}{}{relevance:?}{glossaries:?}", self.accent, self.isolate);
        let version = &sha256_hex(format!("{digest}{}", model.fingerprint).as_bytes())[..16];
        let html = html.replacen("href=\"site.json\"", &format!("href=\"site.json?v={version}\""), 1);
        hashes.insert(INDEX, sha256_hex(html.as_bytes()));
        // for the service worker alone, which keeps these
        let kept: BTreeSet<&str> = precache.iter().chain(&later).filter_map(|file| file.strip_prefix("./")).collect();
        let keeps = |file: &str| file == INDEX || file.starts_with(SENTENCES) || kept.contains(file);
        // the page itself has the hashes of what it runs
        let signed = |file: &str| html.contains(&format!("\"{}\" integrity=", escape(file)));
        let listed: BTreeMap<_, _> = hashes.iter().filter(|(file, _)| keeps(file) && !signed(file)).collect();
        let site = json!({
            "title": title,
            "accent": self.accent,
            "logo": logo,
            "isolate": self.isolate,
            "relevance": relevance,
            "measured": measured,
            "catalog": "catalog/",
            "model": "model/",
            "version": version,
            "wasm": wasm,
            "glossaries": glossaries,
            "precache": precache,
            "later": later,
            "hashes": listed,
        });
        for (file, bytes) in page.iter().filter(|(file, _)| ![INDEX, APP].contains(file)) {
            self.put(file, bytes, written)?;
        }
        self.put(APP, &app, written)?;
        self.put("site.json", &pretty(&site)?, written)?;
        // without it GitHub Pages leaves out files whose names start with an underscore
        self.put(".nojekyll", b"", written)?;
        written.names.add(INDEX, html.as_bytes());
        self.put("_headers", written.names.rules().as_bytes(), written)?;
        self.put(INDEX, html.as_bytes(), written)
    }

    /// The files that a first view and search need: what the page and its workers import before they run, the program's
    /// bindings, and whatever is no code at all. The other modules, with their styles, come when they are used.
    fn start(&self, files: &[String], manifest: &Manifest) -> Result<BTreeSet<String>> {
        let unused = unused(manifest);
        let entries = ENTRIES.iter().chain(&CLUSTERED).chain(&PACKED).copied().filter(|file| !unused.contains(file));
        let mut start = modules::imported(&entries.collect::<Vec<_>>(), |file| self.text(file))?;
        let code = |file: &str| file.ends_with(".js") || (file.ends_with(".css") && file.starts_with("ui/"));
        start.extend(files.iter().filter(|file| !code(file) || file.starts_with("pkg/")).cloned());
        Ok(start)
    }

    /// The builds of the page's program, each in `pkg/<name>/` with a `needs.json` that lists what a browser must have
    /// for it (words that `www/core/builds.js` knows): `{name, file, bytes, sha256, needs}`. Pages take the first that
    /// they can run, so the most demanding comes first.
    fn builds(&self) -> Result<Vec<Value>> {
        let folder = self.www.join("pkg");
        let mut builds: Vec<(Vec<String>, Value)> = Vec::new();
        let files = if folder.exists() { tree(&folder)? } else { Vec::new() };
        for name in files.iter().filter_map(|file| file.strip_suffix("/vitrine_bg.wasm")) {
            let (path, list) =
                (folder.join(format!("{name}/vitrine_bg.wasm")), folder.join(format!("{name}/needs.json")));
            let needs: Vec<String> = match std::fs::read(&list) {
                Ok(json) => serde_json::from_slice(&json).map_err(|e| {
                    Error::Argument(format!("expected a list of words in {}, got something else ({e})", list.display()))
                })?,
                Err(_) if name == BASELINE => Vec::new(),
                Err(error) => return Err(io("reading", &list)(error)),
            };
            let code = std::fs::read(&path).map_err(io("reading", &path))?;
            let file = format!("pkg/{name}/vitrine_bg.wasm");
            let entry = json!({
                "name": name, "file": file, "bytes": code.len(), "sha256": sha256_hex(&code), "needs": &needs,
            });
            builds.push((needs, entry));
        }
        builds.sort_by_key(|(needs, _)| std::cmp::Reverse(needs.len()));
        match builds.last() {
            Some((needs, _)) if needs.is_empty() => Ok(builds.into_iter().map(|(_, entry)| entry).collect()),
            _ => Err(Error::Argument(format!(
                "building the site: expected the wasm build {BASELINE} in {}, got none; run ./build.sh wasm or give --www",
                folder.display()
            ))),
        }
    }

    /// `index.html` with the shop's title, and with the data of the first view asked for at once: each file names the
    /// next, and a phone's connection takes long to answer.
    fn index(&self, title: &str, manifest: &Manifest) -> Result<String> {
        let page = self.text(INDEX)?;
        let title = escape(title);
        let page = page.replace("<title>Vitrine</title>", &format!("<title>{title}</title>"));
        let page = page.replace(r#"data-part="brand">Vitrine<"#, &format!(r#"data-part="brand">{title}<"#));
        let first = match &manifest.clusters {
            Some(clusters) => Some(&clusters.window),
            None => manifest.shards.first().map(|shard| &shard.items),
        };
        let first = first.map(|file| format!("catalog/{}", file.file));
        // in the order in which they are wanted; the worker's code starts the longest download
        let data = ["site.json", "worker.js", "catalog/catalog.json", "model/model.json"].map(str::to_string);
        let links: String = data
            .into_iter()
            .chain(first)
            .map(|file| format!("<link rel=\"preload\" as=\"fetch\" crossorigin href=\"{}\">\n", escape(&file)))
            .collect();
        Ok(page.replacen("</head>", &format!("{links}</head>"), 1))
    }

    /// The web app's manifest under the shop's name.
    fn app(&self, title: &str) -> Result<Vec<u8>> {
        let mut app: Value = serde_json::from_str(&self.text(APP)?).map_err(|e| Error::Argument(e.to_string()))?;
        app["name"] = title.into();
        app["short_name"] = title.chars().take(24).collect::<String>().trim_end().into();
        pretty(&app)
    }

    /// A file of the page as visitors get it.
    fn page_file(&self, file: &str) -> Result<Vec<u8>> {
        match file.rsplit('.').next() {
            Some(kind @ ("js" | "css")) => Ok(slim::slim(&self.text(file)?, kind == "js").into_bytes()),
            _ => {
                let path = self.www.join(file);
                std::fs::read(&path).map_err(io("reading", &path))
            }
        }
    }

    fn text(&self, file: &str) -> Result<String> {
        let path = self.www.join(file);
        std::fs::read_to_string(&path).map_err(io("reading", &path))
    }

    /// Writes the logo under a name with its hash.
    fn put_logo(&self, written: &mut Written) -> Result<Option<FileEntry>> {
        let Some(path) = &self.logo else { return Ok(None) };
        let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_lowercase();
        let bytes = std::fs::read(path).map_err(io("reading", path))?;
        if !["svg", "png", "webp", "jpg", "jpeg"].contains(&extension.as_str()) || bytes.len() > LOGO_BYTES {
            return Err(Error::Argument(format!(
                "building the site: expected a logo in SVG, PNG, WebP or JPEG of at most {} KiB, got {} of {} KiB; \
                 convert it or scale it down",
                LOGO_BYTES >> 10,
                path.display(),
                bytes.len() >> 10
            )));
        }
        let bytes = logo::harmless(&extension, bytes)?;
        let entry = FileEntry::of("logo", &extension, &bytes)?;
        self.put(&entry.file, &bytes, written)?;
        Ok(Some(entry))
    }

    /// Writes the glossaries under names with their hashes: `{language, file, bytes, sha256}` of each, English first. Their
    /// ending is one that every host compresses.
    fn put_glossaries(&self, written: &mut Written) -> Result<Vec<Value>> {
        let mut listed = Vec::new();
        for (language, bytes) in glossary::FILES {
            let entry = FileEntry::of(language, "txt", bytes)?;
            let file = format!("glossary/{}", entry.file);
            self.put(&file, bytes, written)?;
            listed.push(json!({"language": language, "file": file, "bytes": bytes.len(), "sha256": entry.sha256}));
        }
        Ok(listed)
    }

    fn copy(&self, from: &Path, to: &str, written: &mut Written) -> Result<()> {
        self.put(to, &std::fs::read(from).map_err(io("reading", from))?, written)
    }

    fn put(&self, name: &str, bytes: &[u8], written: &mut Written) -> Result<()> {
        let path = self.out.join(name);
        let folder = path.parent().unwrap_or(self.out);
        std::fs::create_dir_all(folder).map_err(io("creating", folder))?;
        if !self.before.keep(name, bytes, &path) {
            write_atomic(&path, bytes)?;
            written.changed += 1;
        }
        written.names.add(name, bytes);
        written.files += 1;
        written.bytes += bytes.len() as u64;
        Ok(())
    }
}

/// Modules of the page that only other kinds of catalogs need.
fn unused(manifest: &Manifest) -> Vec<&'static str> {
    let of = |needed: bool, modules: [&'static str; 2]| modules.into_iter().filter(move |_| !needed);
    of(manifest.clusters.is_some(), CLUSTERED).chain(of(manifest.packs.is_some(), PACKED)).collect()
}

/// A site's own catalog has no photos to make another site of.
fn already_packed(catalog: &Path) -> Error {
    Error::Argument(format!(
        "building the site: expected a catalog that `vitrine index` wrote, got that of a site, whose photos are in packs, in \
         {}; name the catalog that the site was made of",
        catalog.display()
    ))
}

fn check_accent(accent: Option<&str>) -> Result<()> {
    let is_colour = |c: &str| c.len() == 7 && c.starts_with('#') && c[1..].chars().all(|c| c.is_ascii_hexdigit());
    match accent {
        Some(accent) if !is_colour(accent) => Err(Error::Argument(format!(
            "building the site: expected an accent colour such as #7a3b2e, got {accent}; write six hex digits"
        ))),
        _ => Ok(()),
    }
}

/// What the service worker keeps: the page without the wasm, which is kept with the model, without its sentences, of
/// which each visitor needs one language, and without what only other pages (`embed/`) or an installation as an app need.
fn shell(files: &[String]) -> impl Iterator<Item = &String> {
    let other = |file: &str| {
        [".wasm", ".d.ts", "/needs.json", "512.png"].iter().any(|end| file.ends_with(end))
            || ["embed/", SENTENCES].iter().any(|start| file.starts_with(start))
            || file == "sw.js"
    };
    files.iter().filter(move |file| !other(file))
}

/// The page with the hashes of its scripts and styles, so that a browser runs no others: neither damaged ones nor those of
/// another build that a half-finished upload leaves beside it. The page's own modules are listed ahead with theirs, since
/// an import has no place for a hash; those that are not in `start` wait until `www/ui/verified.js` asks for them, and
/// so do the modules of workers, which it fetches, checks against these hashes and starts from the very bytes. What is in
/// `soonest` stands before everything else that is asked for ahead, since a host may answer few requests at a time.
fn signed(html: &str, hashes: &BTreeMap<&str, String>, start: &BTreeSet<String>, soonest: &BTreeSet<String>) -> String {
    let mut html = html.to_string();
    let (mut first, mut modules) = (String::new(), String::new());
    for (file, hash) in hashes {
        let integrity = format!("integrity=\"{}\"", subresource_hash(hash));
        let name = escape(file);
        for link in [format!("src=\"{name}\""), format!("rel=\"stylesheet\" href=\"{name}\"")] {
            html = html.replace(&link, &format!("{link} {integrity}"));
        }
        let of_worker = WORKERS.contains(file) || (file.starts_with("pkg/") && file.ends_with(".js"));
        if ["core/", "ui/"].iter().any(|folder| file.starts_with(folder)) || of_worker {
            let rel = if start.contains(*file) && !of_worker { "modulepreload" } else { "later" };
            let among = if soonest.contains(*file) { &mut first } else { &mut modules };
            among.push_str(&format!("<link rel=\"{rel}\" href=\"{name}\" {integrity}>\n"));
        }
    }
    let html = html.replacen("<link rel=\"preload\"", &format!("{first}<link rel=\"preload\""), 1);
    html.replacen("</head>", &format!("{modules}</head>"), 1)
}

/// A hash as HTML writes it: in base64 instead of hexadecimal.
fn subresource_hash(hex: &str) -> String {
    let bytes: Vec<u8> =
        (0..hex.len() / 2).filter_map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).ok()).collect();
    format!("sha256-{}", base64::engine::general_purpose::STANDARD.encode(bytes))
}

/// Text as HTML shows it, in an element and in an attribute alike: whatever goes into `index.html` goes through here.
fn escape(text: &str) -> String {
    let pairs = [('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('"', "&quot;"), ('\'', "&#39;")];
    pairs.into_iter().fold(text.to_string(), |text, (character, name)| text.replace(character, name))
}

fn pretty(value: &Value) -> Result<Vec<u8>> {
    serde_json::to_vec_pretty(value).map_err(|e| Error::Argument(e.to_string()))
}

/// Every file below a folder, as sorted paths with slashes; hidden files are left out.
fn tree(folder: &Path) -> Result<Vec<String>> {
    let hidden = |name: &std::ffi::OsStr| name.to_string_lossy().starts_with('.');
    let mut files = Vec::new();
    let walk = WalkDir::new(folder).sort_by_file_name().into_iter();
    for entry in walk.filter_entry(|entry| entry.depth() == 0 || !hidden(entry.file_name())) {
        let entry = entry.map_err(|e| Error::Argument(format!("reading {}: {e}", folder.display())))?;
        if entry.file_type().is_file() {
            let path: PathBuf = entry.path().strip_prefix(folder).unwrap_or(entry.path()).to_path_buf();
            let parts: Vec<_> = path.components().map(|c| c.as_os_str().to_string_lossy().into_owned()).collect();
            files.push(parts.join("/"));
        }
    }
    Ok(files)
}
