//! The list that every folder carries of what this program wrote into it: a first line with the kind, then a path a line.
//! Only what stands in it is ever overwritten or removed.

use super::{Files, Kind, in_the_way, refused, what};
use crate::atomic::write_atomic;
use crate::error::{Result, io};
use std::path::Path;

/// Name of the list in its folder.
pub const NAME: &str = ".vitrine-files";
const MARK: &str = "vitrine-files 1 ";
/// Behind the kind of a folder that is still being built.
const UNFINISHED: &str = " unfinished";

/// The list of a folder.
#[derive(Clone, Debug, PartialEq)]
pub struct Record {
    pub kind: Kind,
    pub files: Files,
    /// Whether the folder is still being built, so that all that is in it is the program's.
    pub unfinished: bool,
}

impl Record {
    pub fn new(kind: Kind, files: Files) -> Self {
        Self { kind, files, unfinished: false }
    }

    pub fn unfinished(kind: Kind) -> Self {
        Self { kind, files: Files::new(), unfinished: true }
    }

    /// Reads a folder's list; none where there is none.
    pub fn read(folder: &Path) -> Result<Option<Self>> {
        let path = folder.join(NAME);
        match what(&path) {
            None => return Ok(None),
            Some("a file") => {}
            Some(_) => return Err(in_the_way(&path)),
        }
        let bytes = std::fs::read(&path).map_err(io("reading", &path))?;
        let text = String::from_utf8_lossy(&bytes);
        let (head, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let kind = head.strip_prefix(MARK).map(|kind| (kind.trim_end_matches(UNFINISHED), kind.ends_with(UNFINISHED)));
        let known = |(word, unfinished)| Some((Kind::ALL.into_iter().find(|kind| kind.word() == word)?, unfinished));
        let Some((kind, unfinished)) = kind.and_then(known) else {
            let got = format!("got {head:?}; write with the version that made it, or name another folder");
            return Err(refused(&path, format!("expected a list of version 1 of what this program wrote, {got}")));
        };
        // a last line without an end was cut by a kill before its file was made; a name that leads elsewhere is nobody's
        let lines = rest.split_inclusive('\n').filter_map(|line| line.strip_suffix('\n'));
        let files = lines.filter(|name| is_below(name)).map(str::to_string).collect();
        Ok(Some(Self { kind, files, unfinished }))
    }

    /// Writes the list into its folder.
    pub fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(NAME);
        let end = if self.unfinished { UNFINISHED } else { "" };
        let mut text = format!("{MARK}{}{end}\n", self.kind.word());
        for name in &self.files {
            if !is_below(name) {
                return Err(refused(&folder.join(name), "expected a plain name, got one that leads elsewhere"));
            }
            text.push_str(name);
            text.push('\n');
        }
        write_atomic(&path, text.as_bytes())
    }
}

/// Whether a name means a file below its folder, whatever the system.
pub fn is_below(name: &str) -> bool {
    let plain = |part: &str| !["", ".", ".."].contains(&part) && !part.contains(|c: char| c == '\\' || c.is_control());
    let here = Path::new(name).components().all(|part| matches!(part, std::path::Component::Normal(_)));
    here && name.split('/').all(plain) && name != NAME
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_read_as_it_was_written_and_names_that_lead_elsewhere_are_nobodys() {
        let home = tempfile::tempdir().unwrap();
        let files = ["a", "deep/b c", ".nojekyll"].map(str::to_string).into_iter().collect();
        let record = Record::new(Kind::Site, files);
        record.write(home.path()).unwrap();
        assert_eq!(Record::read(home.path()).unwrap().unwrap(), record);
        Record::unfinished(Kind::Log).write(home.path()).unwrap();
        assert_eq!(Record::read(home.path()).unwrap().unwrap(), Record::unfinished(Kind::Log));
        let odd = "vitrine-files 1 site\n../x\n/etc/passwd\n\na//b\n./c\n.vitrine-files\nd\\e\nok\ncut";
        std::fs::write(home.path().join(NAME), odd).unwrap();
        let read = Record::read(home.path()).unwrap().unwrap();
        assert_eq!(read.files.into_iter().collect::<Vec<_>>(), ["ok"]);
        for foreign in ["", "notes", "vitrine-files 2 site\n", "vitrine-files 1 shop\n"] {
            std::fs::write(home.path().join(NAME), foreign).unwrap();
            assert!(Record::read(home.path()).is_err(), "{foreign:?}");
        }
    }
}
