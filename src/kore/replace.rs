//! Replaces a small file at once or not at all, also when the machine loses power.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

/// Writes the file beside its place under a name of its own, and moves it there: of several writers at the same time
/// each replaces all of it, and the last one stays. Afterwards the content and the
/// move are on disk; after a failure to write or move the place is as it was, and nothing stands beside it.
///
/// # Errors
/// Whatever the disk says.
pub fn replace_file(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    let moved = File::create_new(&beside)
        .and_then(|mut file| file.write_all(content).and_then(|()| file.sync_all()))
        .and_then(|()| fs::rename(&beside, path));
    if let Err(error) = moved {
        let _ = fs::remove_file(&beside);
        return Err(error);
    }
    sync_folder(path)
}

/// A name that no other process or task has: `memory.json.4711-3.new`.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = OsString::from(path);
    // A process of another machine may have the same number, and the same one once had it.
    let time = jiff::Timestamp::now().as_nanosecond();
    name.push(format!(".{}-{time}-{}.new", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    PathBuf::from(name)
}

/// Without it, the move may be lost where the content is not.
#[cfg(unix)]
fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}

/// A folder cannot be opened as a file here.
#[cfg(not(unix))]
fn sync_folder(_: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_replaced_and_nothing_stays_beside_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.json");
        for content in [b"first".as_slice(), b"second"] {
            replace_file(&path, content).unwrap();
            assert_eq!(fs::read(&path).unwrap(), content);
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        let taken = folder.path().join("taken");
        fs::create_dir_all(taken.join("inner")).unwrap();
        assert!(replace_file(&taken, b"third").is_err());
        assert!(taken.join("inner").is_dir());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn writers_at_the_same_time_all_succeed_and_one_of_them_stays() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("memory.json");
        let contents: Vec<String> = (0..8).map(|n| format!("{n}").repeat(10_000)).collect();
        std::thread::scope(|scope| {
            for content in &contents {
                scope.spawn(|| (0..20).for_each(|_| replace_file(&path, content.as_bytes()).unwrap()));
            }
        });
        let kept = fs::read_to_string(&path).unwrap();
        assert!(contents.contains(&kept), "one of them, in one piece");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
