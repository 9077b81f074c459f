//! Photos in a folder or a ZIP archive, looked up by id.
//!
//! A photo's id is its file's stem: `dresses/10324.jpg` has the id `10324`. A folder may also be a product, whose photos are
//! its views: see `photos/products.rs`. What a file is is found by its content, unless its ending says that it is a photo. Files
//! that are no pictures are passed over.
//! Whatever looks like a photo and cannot be one is listed with the reason, and the rest goes on.
//! Nothing is unpacked to disk, and an id is looked up in the list made when the source was opened, never joined to a
//! path, so that no id can lead out of the folder.

mod products;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use walkdir::{DirEntry, WalkDir};
use zip::ZipArchive;

use crate::error::{BadPhoto, Error, LeftOut, Reason, Result, data, io as io_error};
use crate::photo_file::{HEAD, Kind, READ_ENDINGS};
pub use products::FolderChoice;

/// File extensions that count as photos, in lower case: what the decoder reads.
pub const EXTENSIONS: [&str; 13] = READ_ENDINGS;

/// A larger file is refused before it is read: no photo needs it, and an archive may claim any size.
pub const MAX_BYTES: u64 = 128 << 20;

/// A set of photos with unique ids. Reading is possible from several threads at once.
#[derive(Debug)]
pub struct PhotoSource {
    /// Every id, sorted, so that the order does not depend on the file system.
    ids: Vec<String>,
    /// Where each id's bytes are.
    places: HashMap<String, Place>,
    /// The product of each photo of one that has several.
    products: HashMap<String, String>,
    /// Photos that have no id yet.
    found: Vec<Found>,
    archives: Vec<Archive>,
    duplicates: Vec<Duplicate>,
    left_out: Vec<LeftOut>,
}

/// A photo that was found: the folder that it lies in, from the top, and its name without the ending.
#[derive(Clone, Debug)]
struct Found {
    folder: String,
    stem: String,
    place: Place,
}

/// Endings of pictures that are not read.
const PICTURES: [&str; 14] =
    ["jxl", "jp2", "svg", "psd", "dng", "cr2", "cr3", "nef", "arw", "raf", "orf", "rw2", "ico", "bigtiff"];

/// A file that was left out because another one before it has the same id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Duplicate {
    /// The id of both.
    pub id: String,
    /// The file that is used.
    pub kept: String,
    /// The file that is not.
    pub left_out: String,
}

#[derive(Clone, Debug)]
enum Place {
    /// A file on disk.
    File(PathBuf),
    /// An entry of one of the archives.
    Entry { archive: usize, index: usize, name: String },
}

#[derive(Debug)]
struct Archive {
    path: PathBuf,
    zip: ZipArchive<SharedFile>,
}

impl PhotoSource {
    /// Opens a folder (with its subfolders) or a ZIP archive. Photos are listed here and read later.
    pub fn open(path: impl AsRef<Path>) -> Result<Self> {
        Self::open_all(&[path])
    }

    /// Opens a folder or archive in which folders may be products; `is_row` says whether the shop's rows name something.
    pub fn open_products(path: &Path, choice: FolderChoice, is_row: &dyn Fn(&str) -> bool) -> Result<Self> {
        let mut source = Self::empty();
        source.list(path)?;
        source.name(choice, is_row);
        Ok(source)
    }

    /// Opens several folders and archives as one. Where two hold the same id, the first one's photo is used and the
    /// other is named in [`duplicates`](Self::duplicates).
    pub fn open_all<P: AsRef<Path>>(paths: &[P]) -> Result<Self> {
        let mut source = Self::empty();
        for path in paths {
            source.list(path.as_ref())?;
            source.name(FolderChoice::Categories, &|_| false);
        }
        Ok(source)
    }

    fn empty() -> Self {
        let (ids, places, products) = (Vec::new(), HashMap::new(), HashMap::new());
        let (found, archives, duplicates, left_out) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
        Self { ids, places, products, found, archives, duplicates, left_out }
    }

    /// Finds the photos of a folder or archive.
    fn list(&mut self, path: &Path) -> Result<()> {
        let before = self.found.len();
        let metadata = std::fs::metadata(path).map_err(io_error("opening photos", path))?;
        match metadata.is_dir() {
            true => self.add_folder(path)?,
            false => self.add_archive(path)?,
        }
        if self.found.len() > before {
            return Ok(());
        }
        let left_out = self.left_out.first().map(|one| format!(" ({}: {})", one.what, one.message));
        let (kinds, left_out) = (EXTENSIONS.join(", "), left_out.unwrap_or_default());
        let problem = format!("expected photos ({kinds}), found none{left_out}; is this the right path?");
        Err(data(path.display(), problem))
    }

    /// Gives every photo that was found its id.
    fn name(&mut self, choice: FolderChoice, is_row: &dyn Fn(&str) -> bool) {
        let found = std::mem::take(&mut self.found);
        let mut folders: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for Found { folder, stem, .. } in &found {
            folders.entry(folder.clone()).or_default().push(stem.clone());
        }
        let chosen = products::products(&folders, choice, is_row);
        let (mut views, mut single) = (BTreeMap::<String, Vec<Found>>::new(), Vec::new());
        for photo in found {
            match chosen.contains(&photo.folder) {
                true => views.entry(photo.folder.clone()).or_default().push(photo),
                false => single.push(photo),
            }
        }
        single.into_iter().for_each(|photo| self.add(photo.stem, photo.place));
        views.into_iter().for_each(|(folder, photos)| self.add_product(products::name(&folder), photos));
        self.ids = self.places.keys().cloned().collect();
        self.ids.sort_unstable();
    }

    /// Adds the photos of a product: the first under the product's id, the second as `id~2`.
    fn add_product(&mut self, id: &str, mut photos: Vec<Found>) {
        photos.sort_by_cached_key(|photo| products::order(&photo.stem, id));
        let (several, taken) = (photos.len() > 1, self.places.contains_key(id));
        for (at, photo) in photos.into_iter().enumerate() {
            // all photos of a second folder of that name are told of under the id of both
            let row = if at == 0 || taken { id.to_string() } else { format!("{id}~{}", at + 1) };
            self.add(row.clone(), photo.place);
            if several && !taken {
                self.products.insert(row, id.to_string());
            }
        }
    }

    /// Single files under ids of their own; of two with one id the first counts.
    pub fn of_files(files: impl IntoIterator<Item = (String, PathBuf)>) -> Self {
        let mut source = Self::empty();
        files.into_iter().for_each(|(id, file)| source.add(id, Place::File(file)));
        source.ids = source.places.keys().cloned().collect();
        source.ids.sort_unstable();
        source
    }

    /// Every id, sorted.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// The product that a photo shows, where that has several photos.
    pub fn product(&self, id: &str) -> Option<&str> {
        self.products.get(id).map(String::as_str)
    }

    /// Ids of the products that have several photos in a folder of their own.
    pub fn products(&self) -> BTreeSet<&str> {
        self.products.values().map(String::as_str).collect()
    }

    /// Ids of what rows tell of: of products that have several photos, and of the other photos; sorted.
    pub fn subjects(&self) -> Vec<String> {
        let subject = |id: &String| self.products.get(id).unwrap_or(id).clone();
        self.ids.iter().map(subject).collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// Gives photos other ids, each subject's photos in the order that they come in: `(subject, id)` pairs. Those with one id
    /// are photos of one product.
    pub fn rename(&mut self, pairs: &[(String, String)]) {
        let mut photos: BTreeMap<&str, Vec<Place>> = BTreeMap::new();
        for (subject, id) in pairs {
            let own: Vec<String> = self.rows_of(subject);
            for row in own {
                self.products.remove(&row);
                photos.entry(id).or_default().extend(self.places.remove(&row));
            }
        }
        for (id, places) in photos {
            let several = places.len() > 1;
            for (at, place) in places.into_iter().enumerate() {
                let row = if at == 0 { id.to_string() } else { format!("{id}~{}", at + 1) };
                if several {
                    self.products.insert(row.clone(), id.to_string());
                }
                self.add(row, place);
            }
        }
        self.ids = self.places.keys().cloned().collect();
        self.ids.sort_unstable();
    }

    /// The photos of a subject in their order.
    fn rows_of(&self, subject: &str) -> Vec<String> {
        let next = (2..).map(|at| format!("{subject}~{at}"));
        let of = |row: &String| self.products.get(row).is_some_and(|product| product == subject);
        let further = next.take_while(of);
        std::iter::once(subject.to_string()).chain(further).collect()
    }

    /// Whether there is a photo of this id.
    pub fn contains(&self, id: &str) -> bool {
        self.places.contains_key(id)
    }

    /// Files that were left out because their id was taken.
    pub fn duplicates(&self) -> &[Duplicate] {
        &self.duplicates
    }

    /// Everything that looks like a photo and was left out before it was read, duplicates among it.
    pub fn left_out(&self) -> Vec<LeftOut> {
        let named = |Duplicate { id, kept, left_out }: &Duplicate| {
            LeftOut::new(Reason::Duplicate, left_out, format!("{kept} has the same id {id}; rename one of them"))
        };
        self.left_out.iter().cloned().chain(self.duplicates.iter().map(named)).collect()
    }

    /// The file or archive entry that holds a photo, for messages.
    pub fn locate(&self, id: &str) -> Option<String> {
        self.places.get(id).map(|place| self.describe(place))
    }

    /// The bytes of one photo's file.
    pub fn read(&self, id: &str) -> Result<Vec<u8>> {
        let place = self.places.get(id).ok_or_else(|| {
            Error::Argument(format!("reading photo {id}: expected one of {} ids, got an unknown one", self.ids.len()))
        })?;
        match place {
            Place::File(path) => {
                let file = File::open(path).map_err(io_error("reading", path))?;
                let size = file.metadata().map_err(io_error("reading", path))?.len();
                read_limited(file, size, &self.describe(place))
            }
            Place::Entry { archive, index, .. } => {
                let name = self.describe(place);
                // A clone shares the list of entries and has its own position in the file.
                let mut zip = self.archives[*archive].zip.clone();
                let entry = zip.by_index(*index).map_err(|e| data(&name, format!("{e}; make the archive again")))?;
                let size = entry.size();
                read_limited(entry, size, &name)
            }
        }
    }

    fn add_folder(&mut self, folder: &Path) -> Result<()> {
        let walk = WalkDir::new(folder).follow_links(true).sort_by_file_name();
        for entry in walk.into_iter().filter_entry(|e| e.depth() == 0 || !hidden(e)) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if error.depth() == 0 => return Err(data(folder.display(), error.to_string())),
                Err(error) => {
                    self.left_out.push(unreachable_entry(folder, &error));
                    continue;
                }
            };
            match file_id(&entry) {
                Ok(Some(stem)) => {
                    let inside = entry.path().parent().and_then(|parent| parent.strip_prefix(folder).ok());
                    let parts = inside.into_iter().flat_map(Path::components);
                    let parts: Vec<_> = parts.map(|part| part.as_os_str().to_string_lossy()).collect();
                    self.found.push(Found {
                        folder: parts.join("/"),
                        stem,
                        place: Place::File(entry.path().to_owned()),
                    });
                }
                Ok(None) => {}
                Err((reason, message)) => self.left_out.push(LeftOut::new(reason, entry.path().display(), message)),
            }
        }
        Ok(())
    }

    fn add_archive(&mut self, path: &Path) -> Result<()> {
        let file = File::open(path).map_err(io_error("opening photos", path))?;
        let not_zip = |e: zip::result::ZipError| {
            data(path.display(), format!("expected a folder or a ZIP archive of photos, got {e}; give one of them"))
        };
        let zip = ZipArchive::new(SharedFile::new(file)).map_err(not_zip)?;
        let archive = self.archives.len();
        let mut entries = Vec::with_capacity(zip.len());
        for index in 0..zip.len() {
            match zip.name_for_index(index) {
                Some(Ok(name)) => entries.push((name.into_owned(), index)),
                Some(Err(error)) => {
                    let what = format!("{}: entry {}", path.display(), index + 1);
                    self.left_out.push(LeftOut::new(Reason::NotUtf8, what, format!("{error}; make the archive again")));
                }
                None => {}
            }
        }
        entries.sort_unstable();
        for (name, index) in entries {
            let Some(file) = entry_file(&name).map_err(|problem| data(path.display(), problem))? else { continue };
            // a clone has its own position in the file
            let head = || head(zip.clone().by_index(index).ok()?);
            match photo_id(Path::new(file), head) {
                Ok(Some(stem)) => {
                    let parts: Vec<&str> = name.split(['/', '\\']).filter(|part| !["", "."].contains(part)).collect();
                    let folder = parts[..parts.len().saturating_sub(1)].join("/");
                    self.found.push(Found { folder, stem, place: Place::Entry { archive, index, name } });
                }
                Ok(None) => {}
                Err((reason, message)) => {
                    self.left_out.push(LeftOut::new(reason, format!("{}: {name}", path.display()), message));
                }
            }
        }
        self.archives.push(Archive { path: path.to_owned(), zip });
        Ok(())
    }

    fn add(&mut self, id: String, place: Place) {
        match self.places.get(&id) {
            Some(kept) => {
                let kept = self.describe(kept);
                let left_out = self.describe(&place);
                self.duplicates.push(Duplicate { id, kept, left_out });
            }
            None => {
                self.places.insert(id, place);
            }
        }
    }

    fn describe(&self, place: &Place) -> String {
        match place {
            Place::File(path) => path.display().to_string(),
            Place::Entry { archive, name, .. } => match self.archives.get(*archive) {
                Some(archive) => format!("{}: {name}", archive.path.display()),
                None => name.clone(),
            },
        }
    }
}

/// Names that start with a dot: among them the resource forks (`._1.jpg`) that some systems leave beside photos.
fn hidden(entry: &DirEntry) -> bool {
    entry.file_name().to_string_lossy().starts_with('.')
}

/// A file or folder that could not be reached, as the walk tells of it.
fn unreachable_entry(folder: &Path, error: &walkdir::Error) -> LeftOut {
    let path = error.path().unwrap_or(folder);
    let denied = error.io_error().is_some_and(|e| e.kind() == io::ErrorKind::PermissionDenied);
    let link = !denied && std::fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_symlink());
    let path = path.display();
    let (reason, message) = match (error.loop_ancestor(), link) {
        (Some(to), _) => (Reason::BrokenLink, format!("expected files, got a link to {}; remove it", to.display())),
        (_, true) => {
            (Reason::BrokenLink, "expected a file, got a link to one that is not there; mend or remove it".into())
        }
        _ => (Reason::Unreadable, format!("{error}; change its permissions")),
    };
    LeftOut::new(reason, path, message)
}

/// The id of a file in a folder; none if it is no picture.
fn file_id(entry: &DirEntry) -> std::result::Result<Option<String>, (Reason, String)> {
    let (path, kind) = (entry.path(), entry.file_type());
    if entry.depth() == 0 {
        return Ok(None);
    }
    if kind.is_file() {
        return photo_id(path, || head(File::open(path).ok()?));
    }
    if !has_ending(path, &EXTENSIONS) {
        return Ok(None);
    }
    let got = if kind.is_dir() { "a folder, whose files are read" } else { "a pipe or a device" };
    Err((Reason::NotAFile, format!("expected a photo under this name, got {got}; rename it")))
}

/// The id of a file by its name; by its content, where its ending does not say that it is a photo. None if it is no
/// picture.
fn photo_id(
    path: &Path,
    head: impl FnOnce() -> Option<Vec<u8>>,
) -> std::result::Result<Option<String>, (Reason, String)> {
    let by_ending = has_ending(path, &EXTENSIONS);
    if !by_ending {
        let kind = head().map_or(Kind::Unknown, |head| Kind::of(&head));
        let picture = matches!(kind, Kind::Picture(_)) || has_ending(path, &PICTURES);
        if !kind.is_photo() {
            return if picture { Err(unread_picture(path, kind)) } else { Ok(None) };
        }
    }
    let stem = if by_ending || is_ending(path) { path.file_stem() } else { path.file_name() };
    match stem.unwrap_or_default().to_str() {
        Some(id) => Ok(Some(id.to_owned())),
        None => Err((Reason::NotUtf8, "expected a name in UTF-8, got other bytes; rename the file".into())),
    }
}

/// The first bytes of a file.
fn head(reader: impl Read) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(HEAD);
    reader.take(HEAD as u64).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What to say of a picture of a kind that is not read.
fn unread_picture(path: &Path, kind: Kind) -> (Reason, String) {
    let ending = || path.extension().and_then(|e| e.to_str()).unwrap_or_default().to_ascii_lowercase();
    let got = kind.name().filter(|_| matches!(kind, Kind::Picture(_))).map_or_else(ending, str::to_string);
    let message = format!("expected a photo ({}), got {got}; save it as JPEG, PNG or WebP", EXTENSIONS.join(", "));
    (Reason::Unsupported, message)
}

fn has_ending(path: &Path, endings: &[&str]) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    endings.iter().any(|known| known.eq_ignore_ascii_case(extension))
}

/// Whether what stands behind a name's last dot is an ending, such as `.dat`, and no part of a number, such as `.2`.
fn is_ending(path: &Path) -> bool {
    let extension = path.extension().and_then(|e| e.to_str()).unwrap_or_default();
    extension.len() <= 5 && extension.starts_with(|c: char| c.is_ascii_alphabetic())
}

/// The file's name of an archive entry, or none for a folder and what is hidden. A name that leads out of the archive is
/// refused whatever it holds: such an archive was not made by an honest program.
fn entry_file(name: &str) -> std::result::Result<Option<&str>, String> {
    let parts: Vec<&str> = name.split(['/', '\\']).collect();
    let drive = parts[0].len() == 2 && parts[0].ends_with(':');
    if parts[0].is_empty() || drive || parts.contains(&"..") || name.contains('\0') {
        return Err(format!(
            "expected entries inside the archive, got {name:?}, which leads out of it; make the archive again"
        ));
    }
    let file = parts[parts.len() - 1];
    let hidden = |part: &&str| part.starts_with('.') && *part != ".";
    let passed = parts.iter().any(hidden) || parts[0] == "__MACOSX" || file.is_empty();
    Ok(Some(file).filter(|_| !passed))
}

fn read_limited(reader: impl Read, size: u64, name: &str) -> Result<Vec<u8>> {
    let too_large = || {
        let problem = format!("{name}: expected a photo of at most {} MiB; scale it down first", MAX_BYTES >> 20);
        Error::Photo(BadPhoto { reason: Reason::TooLarge, problem })
    };
    if size > MAX_BYTES {
        return Err(too_large());
    }
    // The size is what the file claims: it must not decide alone what is allocated, and the limit holds whatever comes.
    let mut bytes = Vec::with_capacity(size.min(1 << 20) as usize);
    reader.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(|e| data(name, e.to_string()))?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(too_large());
    }
    Ok(bytes)
}

/// One open file, read by several threads, each clone at its own position.
#[derive(Clone, Debug)]
struct SharedFile {
    file: Arc<Mutex<File>>,
    position: u64,
}

impl SharedFile {
    fn new(file: File) -> Self {
        Self { file: Arc::new(Mutex::new(file)), position: 0 }
    }
}

impl Read for SharedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // A panic elsewhere leaves the file usable: the position is set before each read.
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(self.position))?;
        let read = file.read(buffer)?;
        self.position += read as u64;
        Ok(read)
    }
}

impl Seek for SharedFile {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(position) => (position, 0),
            SeekFrom::Current(offset) => (self.position, offset),
            SeekFrom::End(offset) => {
                let file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
                (file.metadata()?.len(), offset)
            }
        };
        self.position = base
            .checked_add_signed(offset)
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "seek before the start of the file"))?;
        Ok(self.position)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use tempfile::TempDir;
    use zip::write::{SimpleFileOptions, ZipWriter};

    use super::*;

    fn folder(files: &[(&str, &[u8])]) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, bytes).unwrap();
        }
        folder
    }

    fn archive(folder: &TempDir, files: &[(&str, &[u8])]) -> PathBuf {
        let path = folder.path().join("photos.zip");
        let mut zip = ZipWriter::new(File::create(&path).unwrap());
        for (i, (name, bytes)) in files.iter().enumerate() {
            let method = [zip::CompressionMethod::Stored, zip::CompressionMethod::Deflated][i % 2];
            zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
            zip.write_all(bytes).unwrap();
        }
        zip.finish().unwrap();
        path
    }

    const FILES: [(&str, &[u8]); 6] = [
        ("b.jpg", b"second"),
        ("a.b.WEBP", b"first"),
        ("dresses/c.png", &[7; 5000]),
        ("notes.txt", b"no photo"),
        (".hidden/d.jpg", b"hidden"),
        ("._b.jpg", b"resource fork"),
    ];

    #[test]
    fn folder_and_archive_give_the_same_photos() {
        let (on_disk, elsewhere) = (folder(&FILES), folder(&[]));
        let folder = PhotoSource::open(on_disk.path()).unwrap();
        let archive = PhotoSource::open(archive(&elsewhere, &FILES)).unwrap();
        assert_eq!(folder.ids(), ["a.b", "b", "c"]);
        assert_eq!(folder.ids(), archive.ids());
        for id in folder.ids() {
            assert_eq!(folder.read(id).unwrap(), archive.read(id).unwrap(), "{id}");
        }
        assert_eq!(folder.read("c").unwrap(), [7; 5000]);
    }

    #[test]
    fn several_threads_read_one_archive() {
        let elsewhere = folder(&[]);
        let names: Vec<String> = (0..64).map(|i| format!("{i}.jpg")).collect();
        let bytes: Vec<Vec<u8>> = (0..64).map(|i| vec![i as u8; 1000 + 37 * i]).collect();
        let files: Vec<(&str, &[u8])> = names.iter().zip(&bytes).map(|(n, b)| (n.as_str(), b.as_slice())).collect();
        let source = PhotoSource::open(archive(&elsewhere, &files)).unwrap();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for (i, expected) in bytes.iter().enumerate() {
                        assert_eq!(&source.read(&i.to_string()).unwrap(), expected);
                    }
                });
            }
        });
    }

    #[test]
    fn names_that_lead_out_of_the_archive_are_refused() {
        for name in ["../a.jpg", "x/../../a.jpg", "/etc/a.jpg", "..\\a.jpg", "C:\\a.jpg", "a\0/b.jpg"] {
            assert!(entry_file(name).is_err(), "{name:?}");
        }
        let elsewhere = folder(&[]);
        let error = PhotoSource::open(archive(&elsewhere, &[("ok.jpg", b"1"), ("../../a.jpg", b"2")])).unwrap_err();
        assert!(error.to_string().contains("leads out of it"), "{error}");
    }

    #[test]
    fn only_the_last_part_of_an_entry_names_the_photo() {
        let id = |name| photo_id(Path::new(entry_file(name).unwrap()?), || None).unwrap();
        assert_eq!(id("./a.jpg").as_deref(), Some("a"));
        assert_eq!(id("x\\y\\a.b.PNG").as_deref(), Some("a.b"));
        for name in ["x/", "a.txt", "__MACOSX/a.jpg", "x/._a.jpg", ".trash/a.jpg", "jpg"] {
            assert_eq!(id(name), None, "{name}");
        }
    }

    #[test]
    fn content_decides_where_the_ending_says_nothing() {
        let (jpeg, drawing): (&[u8], &[u8]) = (b"\xff\xd8\xff\xe0", b"<svg xmlns=''/>");
        let files: [(&str, &[u8]); 8] = [
            ("none", jpeg),
            ("wrong.dat", jpeg),
            ("sku.2", jpeg),
            ("IMG_1.HEIC", b"anything"),
            ("sku.3", b"text"),
            ("drawn", drawing),
            ("video.mp4", b"\0\0\0\x14ftypmp42\0\0\0\0isom"),
            ("shoot.psd", b""),
        ];
        let (on_disk, elsewhere) = (folder(&files), folder(&[]));
        let folder = PhotoSource::open(on_disk.path()).unwrap();
        let archive = PhotoSource::open(archive(&elsewhere, &files)).unwrap();
        for source in [folder, archive] {
            assert_eq!(source.ids(), ["IMG_1", "none", "sku.2", "wrong"]);
            let said: Vec<String> = source.left_out().into_iter().map(|one| one.message).collect();
            assert!(said.len() == 2 && said[0].contains("an SVG") && said[1].contains("got psd"), "{said:?}");
        }
    }

    #[test]
    fn ids_are_no_paths() {
        let on_disk = folder(&[("in/a.jpg", b"1"), ("secret.jpg", b"2")]);
        let source = PhotoSource::open(on_disk.path().join("in")).unwrap();
        for id in ["../secret", "in/a", "a.jpg", "", "/etc/passwd"] {
            assert!(source.read(id).is_err() && !source.contains(id), "{id:?}");
        }
    }

    #[test]
    fn the_first_of_two_photos_with_one_id_is_used_and_the_other_named() {
        let first = folder(&[("a.jpg", b"first"), ("b.jpg", b"only here")]);
        let second = folder(&[("a.png", b"second"), ("c.jpg", b"only there")]);
        let source = PhotoSource::open_all(&[first.path(), second.path()]).unwrap();
        assert_eq!(source.ids(), ["a", "b", "c"]);
        assert_eq!(source.read("a").unwrap(), b"first");
        let [duplicate] = source.duplicates() else { panic!("{:?}", source.duplicates()) };
        assert!(duplicate.id == "a" && duplicate.kept.ends_with("a.jpg") && duplicate.left_out.ends_with("a.png"));
        assert_eq!(source.locate("a").unwrap(), duplicate.kept);
    }

    #[test]
    fn what_holds_no_photos_is_an_error() {
        let on_disk = folder(&[("notes.txt", b"no photo")]);
        let no_photos = PhotoSource::open(on_disk.path()).unwrap_err().to_string();
        assert!(no_photos.contains("found none"), "{no_photos}");
        let no_zip = PhotoSource::open(on_disk.path().join("notes.txt")).unwrap_err().to_string();
        assert!(no_zip.contains("expected a folder or a ZIP archive"), "{no_zip}");
        let nothing = PhotoSource::open(on_disk.path().join("nowhere")).unwrap_err().to_string();
        assert!(nothing.contains("opening photos") && nothing.contains("nowhere"), "{nothing}");
    }

    #[test]
    fn a_file_larger_than_any_photo_is_refused_whatever_it_claims() {
        let claimed = read_limited(io::empty(), MAX_BYTES + 1, "big.jpg").unwrap_err();
        let real = read_limited(io::repeat(0), 10, "bomb.jpg").unwrap_err();
        assert!(claimed.to_string().contains("128 MiB") && real.to_string().contains("128 MiB"));
    }
}
