//! Folders and files that other users of the machine cannot read, whatever the umask: they hold secrets of apps, codes and
//! links.

use std::io::Write;
use std::path::Path;

#[cfg(unix)]
const FOLDER: u32 = 0o700;
#[cfg(unix)]
const FILE: u32 = 0o600;

/// Makes the folder if it is missing. One that is there stays as it is.
pub(crate) fn create_folder(path: &Path) -> std::io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, FOLDER);
    builder.create(path)
}

/// Closes a folder of ours to others.
pub(crate) fn close_folder(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    set_mode(path, FOLDER)?;
    let _ = path;
    Ok(())
}

/// Makes the file if it is missing, and closes it to others.
pub(crate) fn create_file(path: &Path) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE);
    options.open(path)?;
    close_file(path)
}

/// Closes a file to others, if it is there.
pub(crate) fn close_file(path: &Path) -> std::io::Result<()> {
    #[cfg(unix)]
    if path.exists() {
        set_mode(path, FILE)?;
    }
    let _ = path;
    Ok(())
}

/// Writes a file that only its owner can read.
pub(crate) fn write(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, FILE);
    let mut file = options.open(path)?;
    close_file(path)?;
    file.write_all(content)
}

/// The permissions of a folder that others can look into; `None`: they cannot.
#[cfg(unix)]
pub(crate) fn open_to_others(path: &Path) -> Option<u32> {
    use std::os::unix::fs::PermissionsExt;
    let mode = std::fs::metadata(path).ok()?.permissions().mode() & 0o777;
    (mode & 0o077 != 0).then_some(mode)
}

/// Where there are no such permissions, nobody can tell.
#[cfg(not(unix))]
pub(crate) fn open_to_others(_: &Path) -> Option<u32> {
    None
}

/// Changes the mode where it is wider; a file of another user's stays as it is, when it is narrow enough.
#[cfg(unix)]
fn set_mode(path: &Path, mode: u32) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mut permissions = std::fs::metadata(path)?.permissions();
    if permissions.mode() & 0o077 != 0 {
        permissions.set_mode(mode);
        std::fs::set_permissions(path, permissions)?;
    }
    Ok(())
}
