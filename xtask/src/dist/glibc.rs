//! Which glibc a Linux build needs: a system with an older one does not load it.

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result, bail};

/// The oldest that a download runs on: that of Debian 10 and Red Hat Enterprise Linux 8.
pub(super) const OLDEST: Version = Version {
    major: 2,
    minor: 28,
};

/// A version of glibc.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Version {
    major: u32,
    minor: u32,
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

/// Fails if a program or library needs a newer glibc than [`OLDEST`].
///
/// # Errors
/// If it does, or cannot be read.
pub(super) fn check(file: &Path) -> Result<()> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    match needed(&bytes) {
        Some(version) if version > OLDEST => bail!(
            "{} needs glibc {version}, and a download must run with {OLDEST}: link with zig (pip install cargo-zigbuild \
             ziglang), or build on a system as old as that",
            file.display()
        ),
        Some(_) => Ok(()),
        None => bail!("{} does not say which glibc it needs", file.display()),
    }
}

/// The newest version among the names of symbols' versions, which are texts such as `GLIBC_2.28` between zeros.
fn needed(bytes: &[u8]) -> Option<Version> {
    let texts = bytes.split(|&byte| byte == 0);
    texts.filter_map(version).max()
}

fn version(text: &[u8]) -> Option<Version> {
    let text = std::str::from_utf8(text.strip_prefix(b"GLIBC_")?).ok()?;
    let mut numbers = text.split('.').map(str::parse);
    let mut next = || numbers.next()?.ok();
    Some(Version {
        major: next()?,
        minor: next()?,
    })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn checked(bytes: &[u8]) -> Result<(), String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), bytes).unwrap();
        check(file.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn a_build_needs_the_newest_version_that_it_names() {
        let old = b"\x7fELF\0memcpy\0GLIBC_2.14\0GLIBC_2.2.5\0GLIBC_2.28\0GLIBC_PRIVATE\0";
        assert_eq!(needed(old), Some(OLDEST));
        assert_eq!(checked(old), Ok(()));
        let problem = checked(b"\0GLIBC_2.2.5\0GLIBC_2.34\0").unwrap_err();
        assert!(problem.contains("needs glibc 2.34"), "{problem}");
        let problem = checked(b"MZ no ELF").unwrap_err();
        assert!(problem.contains("does not say"), "{problem}");
    }

    #[test]
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    fn this_program_says_which_it_needs() {
        let bytes = fs::read(std::env::current_exe().unwrap()).unwrap();
        assert!(needed(&bytes).unwrap() >= Version { major: 2, minor: 2 });
    }
}
