//! The notices of everything that is linked into the plugin and the trainer and was made by others: `THIRD-PARTY.txt`.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use cargo_metadata::{DependencyKind, Metadata, MetadataCommand, Package};
use spdx::{Expression, ParseMode};
use walkdir::WalkDir;

use crate::command::repository;
use crate::target::Target;

/// What the notices are called in every bundle and archive.
pub(crate) const FILE_NAME: &str = "THIRD-PARTY.txt";

/// The packages whose dependencies reach users.
const DISTRIBUTED: [&str; 2] = ["fourbar-plugin", "fourbar-trainer"];

/// Something made by others, and what its makers ask to be passed on.
struct Component {
    /// Name and version.
    title: String,
    /// An SPDX expression.
    licence: String,
    /// Those that come with it; the standard ones where none does.
    texts: Vec<String>,
}

/// Writes the notices into `bundles/plugins/`, beside the plugins.
///
/// # Errors
/// If a dependency names no licence, or a file can't be read or written.
pub(crate) fn third_party() -> Result<()> {
    let folder = repository().join("bundles/plugins");
    let file = folder.join(FILE_NAME);
    fs::create_dir_all(&folder).with_context(|| format!("creating {}", folder.display()))?;
    fs::write(&file, notices(&Target::here()?)?)
        .with_context(|| format!("writing {}", file.display()))?;
    println!("{}", file.display());
    Ok(())
}

/// The notices for what cargo builds for a system.
///
/// # Errors
/// If a dependency names no licence, or a file can't be read.
pub(crate) fn notices(target: &Target) -> Result<String> {
    let metadata = metadata(target)?;
    let mut components = vec![standard_library()?, typeface()?];
    for package in linked_packages(&metadata) {
        let component = of_package(package)
            .with_context(|| format!("the licence of {} {}", package.name, package.version))?;
        components.push(component);
    }
    components.sort_by_cached_key(|component| component.title.to_lowercase());
    Ok(page(&read(&repository().join("LICENSE"))?, &components))
}

/// What cargo knows of the dependencies that a system needs.
fn metadata(target: &Target) -> Result<Metadata> {
    let mut platforms = target.triples.clone();
    if platforms.is_empty() {
        platforms.push("host-tuple".to_owned());
    }
    let filters = platforms
        .into_iter()
        .map(|platform| format!("--filter-platform={platform}"));
    MetadataCommand::new()
        .current_dir(repository())
        .other_options(filters.collect::<Vec<_>>())
        .exec()
        .context("asking cargo for the dependencies")
}

/// What the distributed packages depend on, but for ourselves and what only tests and build scripts need.
fn linked_packages(metadata: &Metadata) -> Vec<&Package> {
    let resolve = metadata.resolve.as_ref();
    let nodes = resolve.map_or(&[][..], |resolve| &resolve.nodes);
    let nodes: BTreeMap<_, _> = nodes.iter().map(|node| (&node.id, node)).collect();
    let distributed = |package: &&Package| DISTRIBUTED.contains(&package.name.as_str());
    let roots = metadata.packages.iter().filter(distributed);
    let mut waiting: Vec<_> = roots.map(|package| &package.id).collect();
    let mut linked = BTreeSet::new();
    while let Some(id) = waiting.pop() {
        if !linked.insert(id) {
            continue;
        }
        for dependency in &nodes[id].deps {
            let kinds = &dependency.dep_kinds;
            if kinds.iter().any(|of| of.kind == DependencyKind::Normal) {
                waiting.push(&dependency.pkg);
            }
        }
    }
    let packages = metadata.packages.iter();
    packages
        .filter(|package| package.source.is_some() && linked.contains(&package.id))
        .collect()
}

fn of_package(package: &Package) -> Result<Component> {
    let licence = package.license.as_ref().context("none is named")?;
    let folder = package.manifest_path.parent();
    let folder = folder.context("its manifest lies in no folder")?;
    let mut texts = licence_texts(folder.as_std_path())?;
    if texts.is_empty() {
        texts = standard_texts(licence)?;
    }
    Ok(Component {
        title: format!("{} {}", package.name, package.version),
        licence: licence.clone(),
        texts,
    })
}

/// Every licence and notice that a package ships: its own, and those of typefaces and code that it took in.
fn licence_texts(package: &Path) -> Result<Vec<String>> {
    let mut texts = Vec::new();
    for entry in WalkDir::new(package).sort_by_file_name() {
        let entry = entry.with_context(|| format!("reading {}", package.display()))?;
        if entry.file_type().is_file() && is_licence_text(entry.path()) {
            texts.push(read(entry.path())?);
        }
    }
    Ok(texts)
}

fn is_licence_text(file: &Path) -> bool {
    let name = file.file_name().unwrap_or_default().to_string_lossy();
    let name = name.to_lowercase();
    let says_so = ["license", "licence", "copying", "copyright", "notice"];
    let typefaces = ["ofl", "ufl"];
    !name.ends_with(".rs")
        && (says_so.iter().any(|word| name.contains(word))
            || typefaces.iter().any(|word| name.starts_with(word)))
}

/// The texts of every licence in an expression, as SPDX has them.
fn standard_texts(licence: &str) -> Result<Vec<String>> {
    let expression = Expression::parse_mode(licence, ParseMode::LAX)
        .with_context(|| format!("`{licence}` is no SPDX expression"))?;
    let identifiers = expression
        .requirements()
        .filter_map(|of| of.req.license.id());
    Ok(identifiers.map(|id| id.text().to_owned()).collect())
}

/// The part of Rust that every program carries.
fn standard_library() -> Result<Component> {
    let licence = "MIT OR Apache-2.0";
    Ok(Component {
        title: "Rust standard library".to_owned(),
        licence: licence.to_owned(),
        texts: standard_texts(licence)?,
    })
}

/// The editor's own typeface.
fn typeface() -> Result<Component> {
    Ok(Component {
        title: "Inter".to_owned(),
        licence: "OFL-1.1".to_owned(),
        texts: vec![read(&repository().join("plugin/src/editor/fonts/OFL.txt"))?],
    })
}

/// Fourbar's own licence, what is in it of others, and every licence text once, under the names of those who have it.
fn page(own_licence: &str, components: &[Component]) -> String {
    let mut page = format!(
        "{own_licence}\nFourbar contains the following work of others. The source of each package is at\n\
         https://crates.io/crates/NAME/VERSION. Where several licences are offered, each of them may be chosen.\n\n"
    );
    // The same text comes with other line breaks.
    let mut texts: BTreeMap<String, (&str, Vec<&str>)> = BTreeMap::new();
    for component in components {
        page += &format!("{}: {}\n", component.title, component.licence);
        for text in &component.texts {
            let words = text.split_whitespace().collect::<Vec<_>>().join(" ");
            let (_, titles) = texts.entry(words).or_insert((text, Vec::new()));
            if !titles.contains(&component.title.as_str()) {
                titles.push(&component.title);
            }
        }
    }
    let line = "=".repeat(80);
    for (text, titles) in texts.values() {
        page += &format!(
            "\n{line}\n{}\n{line}\n\n{}\n",
            titles.join(", "),
            text.trim_end()
        );
    }
    page
}

/// A text of somebody else's, whatever its encoding.
fn read(file: &Path) -> Result<String> {
    let bytes = fs::read(file).with_context(|| format!("reading {}", file.display()))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn what_is_linked_is_noticed_and_what_only_tests_need_is_not() {
        let notices = notices(&Target::here().unwrap()).unwrap();
        for linked in ["candle-core", "nice-plug", "epaint_default_fonts", "Inter"] {
            let line = format!("\n{linked}");
            assert!(notices.contains(&line), "{linked} is missing");
        }
        for other in ["fourbar-model", "proptest", "criterion", "cargo_metadata"] {
            let line = format!("\n{other} ");
            assert!(!notices.contains(&line), "{other} reaches no user");
        }
        for typeface in ["UBUNTU FONT LICENCE", "The Inter Project Authors"] {
            assert!(notices.contains(typeface), "the text of {typeface}");
        }
    }

    #[test]
    fn a_text_that_several_share_stands_once() {
        let component = |title: &str, text: &str| Component {
            title: title.to_owned(),
            licence: "MIT".to_owned(),
            texts: vec![text.to_owned()],
        };
        let page = page(
            "Ours.",
            &[
                component("one 1.0.0", "Do as you\nlike."),
                component("two 2.0.0", "Do as\r\nyou like."),
                component("three 3.0.0", "Do not."),
            ],
        );
        assert!(page.contains("\none 1.0.0: MIT\n"), "{page}");
        assert!(page.contains("\none 1.0.0, two 2.0.0\n"), "{page}");
        assert_eq!(page.matches("like.").count(), 1, "{page}");
        assert!(page.contains("Do not."), "{page}");
    }

    #[test]
    fn licences_are_found_wherever_they_lie_in_a_package() {
        let package = tempfile::tempdir().unwrap();
        for (file, text) in [
            ("LICENSE-MIT", "MIT"),
            ("fonts/OFL.txt", "OFL"),
            ("src/copying.rs", "code"),
            ("src/lib.rs", "code"),
            ("UNLICENSE", "none"),
        ] {
            let path = package.path().join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        assert_eq!(
            licence_texts(package.path()).unwrap(),
            ["MIT", "none", "OFL"]
        );
    }

    #[test]
    fn a_package_without_a_text_gets_the_standard_ones() {
        let texts = standard_texts("MIT/Apache-2.0").unwrap();
        assert!(
            texts[0].contains("Permission is hereby granted"),
            "{texts:?}"
        );
        assert!(texts[1].contains("Apache License"), "{texts:?}");
        assert!(standard_texts("whatever you want").is_err());
    }
}
