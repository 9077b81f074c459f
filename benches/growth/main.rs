//! What a catalog of n photos costs and finds: memory and time of `merge`, bytes on the host, bytes that the page
//! fetches for a query and the recall that they give.
//!
//!     cargo bench --features cli --bench growth -- CATALOG… [--sizes 10000,100000,1000000] [--cells auto|none|N]
//!
//! Catalogs are made by `vitrine index` from real photos. Where n is more than their photos, vectors are drawn between
//! a real photo and one of its neighbours, with noise that keeps the distance to the nearest one as it is in the real
//! catalog; such rows of the table are marked.

use anyhow::{Context, ensure};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use vitrine::backend::cpu::Cpu;
use vitrine::catalog::assembly::Rows;
use vitrine::catalog::folder::Folder;
use vitrine::catalog::format::{Item, Manifest, ModelRef, Shard};
use vitrine::engine::Engine;
use vitrine::hash::PhotoName;
use vitrine::indexer::{PHOTOS, PartManifest, PartOf, Whole};
use vitrine::photo_file::PhotoFile;
use vitrine::quant::quantize_rows;
use vitrine::search::clustered::Clustered;
use vitrine::search::opened::Catalog;
use vitrine::search::{Filter, Index, Vectors};
use vitrine::site::check::MOST_FILES;
use vitrine::site::packs::{Rows as PhotoRows, small_copy};
use vitrine::staging::{self, Growth};

/// Queries of each kind.
const QUERIES: usize = 100;
/// Hits that the recall is about, and hits that the page asks for.
const K: usize = 50;
const WANTED: usize = 96;
/// Cards of a screen.
const SCREEN: usize = 24;
/// Files of a site beside its catalog, about.
const PAGE_FILES: usize = 130;
/// Photos of a clustered catalog's window, which are files of their own.
const WINDOW: usize = 240;
/// Parts that `merge` is given.
const PARTS: usize = 4;
/// Photos encoded to tell what one costs.
const ENCODED: usize = 128;

/// The real photos: their rows, and what queries are made of.
struct Real {
    model: ModelRef,
    dimension: usize,
    items: Vec<Item>,
    /// Unit vectors `[photos, dimension]`.
    vectors: Vec<f32>,
    /// Rows of `near` neighbours a photo.
    neighbours: Vec<u32>,
    near: usize,
    folders: Vec<PathBuf>,
}

impl Real {
    fn open(folders: &[PathBuf]) -> anyhow::Result<Self> {
        let first = Catalog::open_folder(&folders[0], None)?;
        let (model, dimension, near) = (first.manifest.model, first.manifest.dimension, first.manifest.neighbours.k);
        let mut real = Self {
            model,
            dimension,
            items: vec![],
            vectors: vec![],
            neighbours: vec![],
            near,
            folders: folders.to_vec(),
        };
        for folder in folders {
            let catalog = Catalog::open_folder(folder, Some(&real.model.fingerprint))?;
            let start = real.items.len() as u32;
            for shard in &catalog.manifest.shards {
                real.items
                    .extend(serde_json::from_slice::<Vec<Item>>(&std::fs::read(folder.join(&shard.items.file))?)?);
            }
            let rows = 0..catalog.manifest.count as u32;
            real.vectors.extend(rows.filter_map(|row| catalog.index().vector(row)).flatten());
            let file = catalog.manifest.neighbours.file.as_ref().context("a catalog without clusters was expected")?;
            let table = std::fs::read(folder.join(&file.file))?;
            let rows = table.chunks_exact(4).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) + start);
            real.neighbours.extend(rows);
        }
        Ok(real)
    }

    fn vector(&self, row: usize) -> &[f32] {
        &self.vectors[row * self.dimension..(row + 1) * self.dimension]
    }

    /// Cosine of a photo with its nearest other one, the median of all photos.
    fn closeness(&self) -> f32 {
        let mut cosines: Vec<f32> = (0..self.items.len())
            .map(|row| dot(self.vector(row), self.vector(self.neighbours[row * self.near] as usize)))
            .collect();
        cosines.sort_by(f32::total_cmp);
        cosines[cosines.len() / 2]
    }

    /// Vector and metadata of row `i` of a catalog of `n`: a real photo's while they last, then drawn ones.
    fn row(&self, i: usize, n: usize, noise: f32, random: &mut ChaCha8Rng) -> (Vec<f32>, Item) {
        let count = self.items.len();
        if n <= count {
            let row = i * count / n;
            return (self.vector(row).to_vec(), self.items[row].clone());
        }
        if i < count {
            return (self.vector(i).to_vec(), self.items[i].clone());
        }
        let row = random.random_range(0..count);
        let other = self.neighbours[row * self.near + random.random_range(0..self.near)] as usize;
        let t: f32 = random.random();
        let spread = noise / (self.dimension as f32).sqrt();
        let vector = self.vector(row).iter().zip(self.vector(other)).map(|(a, b)| {
            let normal: f32 = (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
            a + t * (b - a) + spread * normal
        });
        let vector = unit(vector.collect());
        (vector, Item { id: format!("drawn-{i:07}"), ..self.items[row].clone() })
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn unit(mut vector: Vec<f32>) -> Vec<f32> {
    let length = dot(&vector, &vector).sqrt().max(1e-12);
    vector.iter_mut().for_each(|v| *v /= length);
    vector
}

/// A kind of query and the vectors of its queries.
type Kind = (&'static str, Vec<Vec<f32>>);

/// Unit vectors of queries by kind: titles of photos, photos with words, and photos of the catalog.
fn queries(real: &Real, engine: &Engine<Cpu>) -> anyhow::Result<Vec<Kind>> {
    let rows: Vec<usize> = (0..QUERIES).map(|i| i * real.items.len() / QUERIES).collect();
    let titles: Vec<&str> = rows.iter().map(|&row| real.items[row].title.as_str()).collect();
    let changes = ["but in red", "in black", "with stripes", "with longer sleeves", "in a lighter colour"];
    let changes: Vec<&str> = (0..QUERIES).map(|i| changes[i % changes.len()]).collect();
    let photos = photos(real, &rows)?;
    let patches = photos.iter().map(|photo| vitrine::image::prepare(photo, engine.preprocess()));
    let patches = patches.collect::<vitrine::Result<Vec<_>>>()?;
    let split = |vectors: Vec<f32>| vectors.chunks_exact(real.dimension).map(<[f32]>::to_vec).collect::<Vec<_>>();
    let words = pollster::block_on(engine.query_vectors(None, Some(&titles)))?;
    let both = pollster::block_on(engine.query_vectors(Some(&patches), Some(&changes)))?;
    let alike = rows.iter().map(|&row| real.vector(row).to_vec()).collect();
    Ok(vec![("words", split(words)), ("photo and words", split(both)), ("more like this", alike)])
}

fn photos(real: &Real, rows: &[usize]) -> anyhow::Result<Vec<Vec<u8>>> {
    let read = |&row: &usize| {
        let places = real.folders.iter().map(|folder| folder.join(PHOTOS).join(&real.items[row].photo));
        let path = places.into_iter().find(|path| path.exists()).context("a photo of the catalog is missing")?;
        Ok(std::fs::read(path)?)
    };
    rows.iter().map(read).collect()
}

/// Writes the parts of a catalog of n photos, as `index --part` would. One photo file stands for all.
fn write_parts(real: &Real, n: usize, folder: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let noise = (1.0 / real.closeness().powi(2) - 1.0).sqrt();
    let mut random = ChaCha8Rng::seed_from_u64(n as u64);
    let mut rows: Vec<Rows> = (0..PARTS).map(|_| Rows::new(real.dimension)).collect();
    let (photo, bytes) = (real.items[0].photo.clone(), photos(real, &[0])?.remove(0));
    for i in 0..n {
        let (vector, item) = real.row(i, n, noise, &mut random);
        let (values, scales) = quantize_rows(&vector, real.dimension);
        let part = (1..=PARTS).find(|&part| PartOf { part, of: PARTS }.holds(&item.id)).unwrap_or(1);
        rows[part - 1].push(&Item { photo: photo.clone(), ..item }, scales[0], &values)?;
    }
    let mut folders = Vec::new();
    for (i, rows) in rows.into_iter().enumerate() {
        let folder = folder.join(format!("part-{}", i + 1));
        let out = Growth::new(staging::Kind::Part, &folder, &[])?;
        out.put(&format!("{PHOTOS}{photo}"), &bytes)?;
        let whole = Whole {
            parts: PARTS,
            title: "Growth".into(),
            model: real.model.clone(),
            dimension: real.dimension,
            photos: n,
            ids: String::new(),
            metadata: None,
            facets: Default::default(),
        };
        PartManifest::write(&out, i + 1, whole, &rows, Default::default())?;
        folders.push(folder);
    }
    Ok(folders)
}

/// Runs `vitrine merge` and returns its seconds and the most memory that it held, in MB.
fn merge(parts: &[PathBuf], out: &Path, clusters: &str) -> anyhow::Result<(f64, f64)> {
    let start = Instant::now();
    let mut run = Command::new(env!("CARGO_BIN_EXE_vitrine"))
        .arg("merge")
        .args(parts)
        .arg("--out")
        .arg(out)
        .args(["--cells", clusters])
        .stdout(Stdio::null())
        .spawn()?;
    let mut most = 0.0f64;
    loop {
        // the system keeps the high-water mark; it is gone with the process, so it is read while that runs
        let status = std::fs::read_to_string(format!("/proc/{}/status", run.id())).unwrap_or_default();
        let line =
            status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse().ok());
        most = most.max(line.map_or(0.0, |kilobytes: f64| kilobytes / 1e3));
        if let Some(status) = run.try_wait()? {
            ensure!(status.success(), "merge failed");
            return Ok((start.elapsed().as_secs_f64(), most));
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// A merged catalog with everything in memory: the exact search, and what the page would fetch.
struct Site {
    manifest: Manifest,
    folder: PathBuf,
    exact: Index,
    shards: Vec<Shard>,
}

impl Site {
    fn open(folder: &Path) -> anyhow::Result<Self> {
        let catalog = Catalog::open_folder(folder, None)?;
        let shards = catalog.manifest.shards.iter().map(|shard| {
            let bytes = std::fs::read(folder.join(&shard.vectors.file))?;
            Ok(Shard::decode(&bytes)?)
        });
        let shards = shards.collect::<anyhow::Result<_>>()?;
        let (manifest, exact) = (catalog.manifest.clone(), catalog.index().clone());
        Ok(Self { manifest, folder: folder.to_path_buf(), exact, shards })
    }

    fn clusters(&self) -> anyhow::Result<Option<Clustered>> {
        let Some(files) = &self.manifest.clusters else { return Ok(None) };
        Ok(Some(Clustered::open(&self.manifest, &std::fs::read(self.folder.join(&files.centroids.file))?)?))
    }

    /// What the page does for one query, from nothing: the hits, the bytes of vectors, and the bytes of metadata.
    fn visit(&self, mut clusters: Clustered, query: &[f32]) -> anyhow::Result<(HashSet<u32>, u64, u64)> {
        let (mut best, mut vectors) = (Vec::new(), 0);
        for probe in clusters.probes(query, None)? {
            for cluster in probe {
                vectors += self.manifest.shards[cluster as usize].vectors.bytes;
                clusters.put(cluster as usize, self.shards[cluster as usize].clone())?;
            }
            let before = std::mem::replace(&mut best, clusters.top_k(query, WANTED, Filter::default())?);
            if before.iter().map(|hit| hit.row).eq(best.iter().map(|hit| hit.row)) {
                break;
            }
        }
        let mut metadata = HashSet::new();
        let mut end = 0;
        for (cluster, shard) in self.manifest.shards.iter().enumerate() {
            let start = end;
            end += shard.count as u32;
            if best.iter().take(K).any(|hit| (start..end).contains(&hit.row)) {
                metadata.insert(cluster);
            }
        }
        let metadata = metadata.into_iter().map(|cluster| self.manifest.shards[cluster].items.bytes).sum();
        Ok((best.iter().take(K).map(|hit| hit.row).collect(), vectors, metadata))
    }
}

fn bytes(manifest: &Manifest, of: fn(&vitrine::catalog::format::ShardEntry) -> u64) -> f64 {
    manifest.shards.iter().map(of).sum::<u64>() as f64 / 1e6
}

fn size(path: &Path) -> anyhow::Result<f64> {
    Ok(std::fs::metadata(path)?.len() as f64 / 1e6)
}

/// Median milliseconds of the exact search.
fn exact_ms(site: &Site, queries: &[Vec<f32>]) -> anyhow::Result<f64> {
    let mut times = Vec::new();
    for query in queries.iter().take(31) {
        let start = Instant::now();
        site.exact.top_k(query, K, Filter::default())?;
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    times.sort_by(f64::total_cmp);
    Ok(times[times.len() / 2])
}

/// Bytes of a photo and of its small copies by their longest side, the means of some real photos.
struct PhotoBytes {
    own: f64,
    small: HashMap<u32, f64>,
}

impl PhotoBytes {
    fn measure(real: &Real) -> anyhow::Result<Self> {
        let rows: Vec<usize> = (0..ENCODED).map(|i| i * real.items.len() / ENCODED).collect();
        let photos = photos(real, &rows)?;
        let photos = photos.iter().map(|photo| PhotoFile::read(photo)).collect::<vitrine::Result<Vec<_>>>()?;
        let mean = |lengths: Vec<usize>| lengths.iter().sum::<usize>() as f64 / lengths.len() as f64;
        let small = |side: u32| -> anyhow::Result<(u32, f64)> {
            let copies = photos.iter().map(|photo| Ok(small_copy(photo, side)?.len()));
            Ok((side, mean(copies.collect::<anyhow::Result<_>>()?)))
        };
        let own = mean(photos.iter().map(|photo| photo.published.len()).collect());
        Ok(Self { own, small: [256, 320, 400].into_iter().map(small).collect::<anyhow::Result<_>>()? })
    }
}

/// A row of the third table: the files of a site for a host that takes [`MOST_FILES`], and what a screen of cards fetches of
/// its packs. The rows of these catalogs share one photo, so each gets a name of its own here; bytes are those of real photos.
fn packs(site: &Site, name: &str, bytes: &PhotoBytes, queries: &[(&str, Vec<Vec<f32>>)]) -> anyhow::Result<String> {
    let catalog = Folder::open(&site.folder)?;
    let mut rows = PhotoRows::read(&catalog)?;
    for (photo, item) in rows.names.iter_mut().zip(catalog.items()?) {
        *photo = PhotoName::of_content("jpg", item.id.as_bytes())?;
    }
    let others = PAGE_FILES + catalog.manifest.files().count();
    let window = if catalog.manifest.clusters.is_some() { WINDOW } else { 0 };
    if others + rows.names.len() <= MOST_FILES {
        return Ok(format!("| {name} | {} | none | | | | | |", others + rows.names.len()));
    }
    let plan = rows.plan(MOST_FILES - MOST_FILES / 50 - others - window, bytes.own as u64);
    let files = others + window + 1 + plan.cuts.len() * if plan.large { 2 } else { 1 };
    let photo = bytes.small[&plan.side];
    let mut screens = Vec::new();
    for query in queries.iter().flat_map(|(_, queries)| queries) {
        let hits = site.exact.top_k(query, SCREEN, Filter::default())?;
        let of = |row: u32| plan.cuts.partition_point(|cut| cut.end <= row as usize);
        let packs: HashSet<usize> = hits.iter().map(|hit| of(hit.row)).collect();
        let rows: usize = packs.iter().map(|&pack| plan.cuts[pack].len()).sum();
        screens.push((rows as f64 * photo / 1e6, packs.len()));
    }
    screens.sort_by(|a, b| a.0.total_cmp(&b.0));
    let mean = screens.iter().map(|(megabytes, _)| megabytes).sum::<f64>() / screens.len() as f64;
    let (most, asked) = screens[screens.len() - 1];
    let size = rows.names.len() as f64 / plan.cuts.len() as f64;
    let large = if plan.large { format!("{:.2}", size * bytes.own / 1e6) } else { "none".into() };
    Ok(format!(
        "| {name} | {files} | {size:.0} | {} | {:.2} | {mean:.1} | {most:.1} ({asked}) | {large} |",
        plan.side,
        size * photo / 1e6
    ))
}

/// One row of the first table, and the rows of the second.
fn measure(
    real: &Real,
    n: usize,
    clusters: &str,
    queries: &[(&str, Vec<Vec<f32>>)],
    bytes_of: &PhotoBytes,
) -> anyhow::Result<(String, Vec<String>, String)> {
    let folder = tempfile::tempdir()?;
    let out = folder.path().join("catalog");
    let parts = write_parts(real, n, folder.path())?;
    let (seconds, memory) = merge(&parts, &out, clusters)?;
    let site = Site::open(&out)?;
    let manifest = &site.manifest;
    let mark = if n > real.items.len() { "*" } else { "" };
    let total = bytes(manifest, |shard| shard.vectors.bytes);
    let row = format!(
        "| {n}{mark} | {seconds:.0} | {memory:.0} | {} | {total:.1} | {:.1} | {:.2} | {:.1} |",
        manifest.shards.len(),
        bytes(manifest, |shard| shard.items.bytes),
        size(&out.join("catalog.json"))?,
        exact_ms(&site, &queries[0].1)?,
    );
    let mut rows = Vec::new();
    let packs = packs(&site, &format!("{n}{mark}"), bytes_of, queries)?;
    let Some(opened) = site.clusters()? else { return Ok((row, rows, packs)) };
    for (kind, queries) in queries {
        let (mut recall, mut least, mut sums) = (0.0, 1.0f64, [0.0; 2]);
        for query in queries {
            let (found, vectors, metadata) = site.visit(opened.clone(), query)?;
            let exact = site.exact.top_k(query, K, Filter::default())?;
            let hits = exact.iter().filter(|hit| found.contains(&hit.row)).count() as f64 / exact.len() as f64;
            (recall, least) = (recall + hits, least.min(hits));
            sums = [sums[0] + vectors as f64 / 1e6, sums[1] + metadata as f64 / 1e6];
        }
        let count = queries.len() as f64;
        let [vectors, metadata] = sums.map(|sum| sum / count);
        rows.push(format!(
            "| {n}{mark} | {kind} | {:.3} | {least:.2} | {vectors:.2} | {:.1} | {metadata:.2} |",
            recall / count,
            100.0 * vectors / total
        ));
    }
    Ok((row, rows, packs))
}

/// Milliseconds of processor time that indexing takes for a photo, measured on one thread.
fn photo_ms(real: &Real, engine: &Engine<Cpu>) -> anyhow::Result<f64> {
    let rows: Vec<usize> = (0..ENCODED).map(|i| i * real.items.len() / ENCODED).collect();
    let photos = photos(real, &rows)?;
    let start = Instant::now();
    for photos in photos.chunks(16) {
        let patches = photos.iter().map(|photo| vitrine::image::prepare(photo, engine.preprocess()));
        pollster::block_on(engine.catalog_vectors(&patches.collect::<vitrine::Result<Vec<_>>>()?))?;
    }
    Ok(start.elapsed().as_secs_f64() * 1e3 / photos.len() as f64)
}

fn main() -> anyhow::Result<()> {
    let (mut catalogs, mut sizes, mut clusters) = (vec![], "10000,100000,1000000".to_string(), "auto".to_string());
    let mut args = std::env::args().skip(1).filter(|arg| arg != "--bench");
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--sizes" => sizes = args.next().context("--sizes wants numbers")?,
            "--cells" => clusters = args.next().context("--cells wants auto, none or a number")?,
            _ => catalogs.push(PathBuf::from(arg)),
        }
    }
    if catalogs.is_empty() {
        eprintln!(
            "skipped: growth wants catalogs of real photos: cargo bench --features cli --bench growth -- CATALOG…"
        );
        return Ok(());
    }
    let real = Real::open(&catalogs)?;
    let engine = Engine::open(Cpu::new(), Path::new("models/default"))?;
    let queries = queries(&real, &engine)?;
    println!("{} real photos; * rows behind them are drawn; nearest cosine {:.3}", real.items.len(), real.closeness());
    println!(
        "indexing: {:.1} ms a photo on these processors, beside the other work there\n",
        photo_ms(&real, &engine)?
    );
    println!("| photos | merge s | merge MB | shards | vectors MB | metadata MB | catalog.json MB | exact search ms |");
    println!("|---|---|---|---|---|---|---|---|");
    let (mut second, mut third) = (Vec::new(), Vec::new());
    let bytes_of = PhotoBytes::measure(&real)?;
    for n in sizes.split(',') {
        let (row, rows, packs) = measure(&real, n.trim().parse()?, &clusters, &queries, &bytes_of)?;
        println!("{row}");
        second.extend(rows);
        third.push(packs);
    }
    println!("\n| photos | query | recall@{K} | least | vectors fetched MB | of all % | metadata of the hits MB |");
    println!("|---|---|---|---|---|---|---|");
    second.iter().for_each(|row| println!("{row}"));
    println!(
        "\n| photos | files of the site | photos a pack | pixels | a pack MB | a screen of {SCREEN} MB | most MB (packs) | panel MB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    third.iter().for_each(|row| println!("{row}"));
    Ok(())
}
