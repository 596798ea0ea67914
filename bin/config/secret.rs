//! The secret of a cluster: 32 random bytes, which every node knows and nobody else. Written as 64 hex digits.
//!
//! What stands in a secret's place is never part of a message.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// Longer files hold no secret: 64 digits, and white space around them.
const FILE_BYTES_MAX: u64 = 1_024;

/// Reads a secret from 64 hex digits.
///
/// # Errors
/// What is wrong, without the text.
pub(super) fn read_text(text: &str) -> Result<[u8; 32], String> {
    const RIGHT: &str = "`switchboard secret` makes one, and so does `openssl rand -hex 32`";
    let digits = text.trim();
    if digits.len() != 64 || !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(format!("must hold 64 hex digits and nothing else: {RIGHT}"));
    }
    let mut secret = [0; 32];
    for (byte, at) in secret.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&digits[at..at + 2], 16).expect("hex digits must be a number");
    }
    if secret.iter().all(|byte| *byte == secret[0]) {
        return Err(format!("is one byte over and over, which anybody can guess: {RIGHT}"));
    }
    Ok(secret)
}

/// Reads a secret from a file that others cannot read.
///
/// # Errors
/// What is wrong with the file, to be read after its name.
pub(super) fn read_file(path: &Path) -> Result<[u8; 32], String> {
    let file = open_private(path, "whoever knows the secret is a node of the cluster")?;
    let mut text = String::new();
    let read = file.take(FILE_BYTES_MAX).read_to_string(&mut text);
    read.map_err(|error| format!("cannot be read: {error}"))?;
    read_text(&text)
}

/// Opens a file that others cannot read. Its group may: a service's supervisor often gives it that way. `why` says what
/// could happen otherwise.
///
/// # Errors
/// What is wrong with the file, to be read after its name.
pub(super) fn open_private(path: &Path, why: &str) -> Result<File, String> {
    let failed = |error: std::io::Error| format!("cannot be read: {error}");
    let file = File::open(path).map_err(failed)?;
    // Of the file that is open: the name may mean another one by now.
    let mode = file.metadata().map_err(failed)?.permissions().mode() & 0o777;
    if mode & 0o007 != 0 {
        return Err(format!(
            "is open to every user of this machine (mode {mode:o}), and {why}: chmod 600 it"
        ));
    }
    Ok(file)
}

/// Writes a secret as [`read_text`] reads it.
#[must_use]
pub fn secret_text(secret: &[u8; 32]) -> String {
    secret.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("a string must take text");
        text
    })
}

/// Writes a new file with a secret, for the user alone. One that is there is left as it is.
///
/// # Errors
/// Why there is no such file.
pub fn write_secret(path: &Path, secret: &[u8; 32]) -> std::io::Result<()> {
    use std::io::Write as _;
    use std::os::unix::fs::OpenOptionsExt;
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    writeln!(file, "{}", secret_text(secret))?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_reads_as_it_was_written() {
        let secret = std::array::from_fn(|at| u8::try_from(at * 7).expect("small"));
        assert_eq!(read_text(&format!(" {}\n", secret_text(&secret))), Ok(secret));
    }

    #[test]
    fn what_is_no_secret_is_refused_and_not_shown() {
        for wrong in ["", "hunter2", &"0".repeat(64), &"g".repeat(64), &"ab".repeat(31), &"é".repeat(32)] {
            let reason = read_text(wrong).expect_err("no secret");
            assert!(wrong.is_empty() || !reason.contains(wrong), "{reason}");
        }
    }
}
