//! One process at a time writes to a folder.
//!
//! The lock is the system's own advisory one (`File::try_lock`), which ends with the process, so that a kill leaves
//! nothing to clean up. It lies on the folder itself; where the system locks no folders (Windows, some network file
//! systems), on a hidden file beside it, which is removed at the end.

use super::{beside, place, refused};
use crate::error::{Error, Result, io};
use std::fs::{File, TryLockError};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// What the name of the file begins with that is locked where folders cannot be.
const BESIDE: &str = ".vitrine-lock-";
/// Attempts at a folder that another process replaces meanwhile.
const ATTEMPTS: usize = 100;

/// A locked folder.
pub enum Lock {
    /// By itself.
    Folder { _file: File },
    /// By a file beside the place that it stands for. Of one process, the folder that stands there and the one that is
    /// built for it share the file.
    Beside { _file: Arc<Beside> },
}

impl Lock {
    /// Locks a folder which stands, or is to stand, at `place`.
    ///
    /// # Errors
    /// [`Error::Output`] if another process has locked it.
    pub fn take(folder: &Path, place: &Path) -> Result<Self> {
        for _ in 0..ATTEMPTS {
            let locked = File::open(folder).and_then(|file| match file.try_lock() {
                Ok(()) => Ok(Some(file)),
                Err(TryLockError::WouldBlock) => Ok(None),
                Err(TryLockError::Error(error)) => Err(error),
            });
            match locked {
                Ok(None) => return Err(busy(place)),
                Ok(Some(file)) if place::is_at(&file, folder) => return Ok(Self::Folder { _file: file }),
                // what was locked has been replaced by another process, which is ready now
                Ok(Some(_)) => continue,
                // another process has just swept it away
                Err(error) if error.kind() == ErrorKind::NotFound => return Err(busy(place)),
                Err(_) => return Ok(Self::Beside { _file: Beside::take(place)? }),
            }
        }
        Err(busy(place))
    }
}

/// A locked file beside a place.
pub struct Beside {
    file: File,
    path: PathBuf,
}

/// The files that this process has locked.
static HELD: Mutex<Vec<Weak<Beside>>> = Mutex::new(Vec::new());

impl Beside {
    fn take(place: &Path) -> Result<Arc<Self>> {
        let path = beside(place, BESIDE);
        let mut held = HELD.lock().unwrap_or_else(PoisonError::into_inner);
        held.retain(|one| one.strong_count() > 0);
        if let Some(one) = held.iter().filter_map(Weak::upgrade).find(|one| one.path == path) {
            return Ok(one);
        }
        for _ in 0..ATTEMPTS {
            let file = File::options().create(true).append(true).open(&path).map_err(io("opening", &path))?;
            match file.try_lock() {
                Ok(()) if place::is_at(&file, &path) => {
                    let one = Arc::new(Self { file, path });
                    held.push(Arc::downgrade(&one));
                    return Ok(one);
                }
                Ok(()) => continue,
                Err(TryLockError::WouldBlock) => break,
                Err(TryLockError::Error(error)) => return Err(io("locking", &path)(error)),
            }
        }
        Err(busy(place))
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        // while it is still locked, so that nobody locks a file that is about to go
        let _ = std::fs::remove_file(&self.path);
        let _ = self.file.unlock();
    }
}

/// What is said of a place that another process writes.
pub fn busy(place: &Path) -> Error {
    refused(
        place,
        "expected to be the only one that writes there, got another run of this program that is still at work; wait \
         until it has ended and run again",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_locked_once_and_free_again_afterwards() {
        let home = tempfile::tempdir().unwrap();
        let lock = Lock::take(home.path(), home.path()).unwrap();
        let second = Lock::take(home.path(), home.path()).err().unwrap().to_string();
        assert!(second.contains("still at work"), "{second}");
        drop(lock);
        drop(Lock::take(home.path(), home.path()).unwrap());
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left");
    }

    #[test]
    fn where_folders_cannot_be_locked_a_file_beside_them_is() {
        let home = tempfile::tempdir().unwrap();
        let place = home.path().join("out");
        let one = Beside::take(&place).unwrap();
        let two = Beside::take(&place).unwrap();
        // as another process sees it
        let file = File::open(home.path().join(".vitrine-lock-out")).unwrap();
        assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        drop(one);
        assert!(matches!(file.try_lock(), Err(TryLockError::WouldBlock)));
        drop(two);
        assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "nothing is left");
        drop(Beside::take(&place).unwrap());
    }
}
