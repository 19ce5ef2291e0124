//! The presets that come with the plugin, chosen anew by figures of the drummers of the data set.

use anyhow::Result;

use crate::command::{cargo, repository, run};

/// The test that chooses them where it is given a file, and otherwise checks them.
const TEST: &str = "library::factory_presets_are_like_the_drummers_of_their_style";

/// Writes `bundles/presets/factory.json`.
///
/// # Errors
/// If there is no data set, or a style has too few grooves that are like drummers'.
pub(crate) fn factory_presets() -> Result<()> {
    let file = repository().join("bundles/presets/factory.json");
    run(cargo()
        .current_dir(repository())
        .args(["test", "--workspace", "--test", "fourbar", "--", TEST])
        .args(["--exact", "--nocapture"])
        .env("FOURBAR_FACTORY_PRESETS", &file))?;
    println!("{} is chosen anew: build the plugin again.", file.display());
    Ok(())
}
