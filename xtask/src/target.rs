//! What is built for: this system, or another one that cargo and a C compiler build for.

use std::env::consts;
use std::str::FromStr;

use anyhow::{Result, bail};

/// Not a target of rustc's: one program for both processors that macOS runs on.
const UNIVERSAL: &str = "universal-apple-darwin";

/// A system and a processor.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Target {
    pub(crate) os: Os,
    /// The processor as rustc names it, or `universal`.
    pub(crate) arch: String,
    /// As rustc names them; none where that is this system, several where their code ends up in one file.
    pub(crate) triples: Vec<String>,
}

/// Systems whose hosts look for plugins in different places.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Os {
    /// Also every other Unix.
    Linux,
    Windows,
    Mac,
}

impl Target {
    /// This system.
    ///
    /// # Errors
    /// If no host runs on it.
    pub(crate) fn here() -> Result<Self> {
        let os = match consts::OS {
            "linux" | "freebsd" => Os::Linux,
            "windows" => Os::Windows,
            "macos" => Os::Mac,
            other => bail!("no host on {other} says where its plugins lie"),
        };
        Ok(Self {
            os,
            arch: consts::ARCH.to_owned(),
            triples: Vec::new(),
        })
    }

    /// Whether what is built runs with the glibc that it was linked against, or a newer one.
    pub(crate) fn has_glibc(&self) -> bool {
        let is_gnu = |triple: &String| triple.contains("-linux-gnu");
        cfg!(target_os = "linux") && self.triples.is_empty() || self.triples.iter().any(is_gnu)
    }
}

impl FromStr for Target {
    type Err = String;

    fn from_str(triple: &str) -> Result<Self, String> {
        let os = if triple.contains("-windows-") {
            Os::Windows
        } else if triple.ends_with("-apple-darwin") {
            Os::Mac
        } else if triple.contains("-linux-") || triple.ends_with("-freebsd") {
            Os::Linux
        } else {
            return Err(format!(
                "no host runs there; name a target of rustc's, such as x86_64-pc-windows-gnu, or {UNIVERSAL}"
            ));
        };
        let triples = match triple {
            UNIVERSAL => vec!["aarch64-apple-darwin", "x86_64-apple-darwin"],
            triple => vec![triple],
        };
        let arch = triple.split('-').next().unwrap_or(triple);
        Ok(Self {
            os,
            arch: arch.to_owned(),
            triples: triples.into_iter().map(str::to_owned).collect(),
        })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_target_says_its_system_and_its_processor() {
        for (triple, os, arch) in [
            ("x86_64-pc-windows-gnu", Os::Windows, "x86_64"),
            ("aarch64-pc-windows-msvc", Os::Windows, "aarch64"),
            ("aarch64-unknown-linux-gnu", Os::Linux, "aarch64"),
            ("x86_64-apple-darwin", Os::Mac, "x86_64"),
        ] {
            let target: Target = triple.parse().unwrap();
            assert_eq!((target.os, &*target.arch), (os, arch));
            assert_eq!(target.triples, [triple]);
            assert_eq!(target.has_glibc(), os == Os::Linux);
        }
        let both: Target = UNIVERSAL.parse().unwrap();
        assert_eq!((both.os, both.triples.len()), (Os::Mac, 2));
        assert!("wasm32-unknown-unknown".parse::<Target>().is_err());
    }
}
