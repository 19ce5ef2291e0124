//! What a release says of itself: its part of CHANGELOG.md.

use std::fs;

use anyhow::{Context as _, Result, ensure};
use clap::Args;

use crate::command::repository;

/// Options of `cargo xtask release-notes`.
#[derive(Args)]
pub(crate) struct ReleaseNotesArgs {
    /// The release's tag, such as v0.1.0.
    tag: String,
}

/// Prints what CHANGELOG.md says of the version that a tag names.
///
/// # Errors
/// If the tag is not that of the version in Cargo.toml, or the changelog says nothing of it.
pub(crate) fn release_notes(args: &ReleaseNotesArgs) -> Result<()> {
    let version = env!("CARGO_PKG_VERSION");
    let tag = &args.tag;
    ensure!(
        tag.strip_prefix('v') == Some(version),
        "the tag {tag} is not that of version {version}, which Cargo.toml has"
    );
    let changelog =
        fs::read_to_string(repository().join("CHANGELOG.md")).context("reading CHANGELOG.md")?;
    let notes = section(&changelog, version)
        .with_context(|| format!("CHANGELOG.md has no section `## {version}`"))?;
    println!("{notes}");
    Ok(())
}

/// The text under the heading of a version, which a date in brackets may follow; `None` where there is no such heading.
fn section(changelog: &str, version: &str) -> Option<String> {
    let mut sections = changelog.split("\n## ").skip(1);
    let section = sections.find(|section| section.split_whitespace().next() == Some(version))?;
    let (_, notes) = section.split_once('\n')?;
    Some(notes.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_has_the_notes_under_its_own_heading() {
        let changelog = "# Changelog\n\n## Unreleased\n\n- Next.\n\n## 0.2.0 (2027-01-02)\n\n- New.\n- Newer.\n\n## 0.1.0\n\n- Old.\n";
        let section = |version| section(changelog, version);
        assert_eq!(section("0.2.0").as_deref(), Some("- New.\n- Newer."));
        assert_eq!(section("0.1.0").as_deref(), Some("- Old."));
        assert_eq!(section("0.3.0"), None);
    }
}
