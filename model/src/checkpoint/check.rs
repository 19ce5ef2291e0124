//! What has to hold before a checkpoint is used or saved.
//!
//! Every message names what is wrong, what was found, what was expected, and what to do.

use super::{FORMAT_VERSION, Metadata};
use crate::attributes::AttributeVector;
use crate::latent::LatentMap;
use std::collections::{BTreeMap, BTreeSet};

/// The plugin has one control for each of this many principal axes.
const MIN_AXES: usize = 8;

/// Whether a model of this description can exist.
pub(super) fn check_metadata(metadata: &Metadata) -> Result<(), String> {
    if metadata.format_version != FORMAT_VERSION {
        return Err(format!(
            "model format {} does not exist, expected {FORMAT_VERSION}; download or export the model again",
            metadata.format_version
        ));
    }
    let config = metadata.config.check();
    config.map_err(|problem| format!("{problem}; correct the configuration and export again"))?;
    check_latent_map(&metadata.latent, metadata.config.latent)?;
    check_attributes(&metadata.attributes, metadata.config.latent)
}

fn check_latent_map(map: &LatentMap, latent: usize) -> Result<(), String> {
    let remedy = "export the model again with `fourbar train`";
    let min_axes = MIN_AXES.min(latent);
    if map.axes.len() < min_axes || map.axes.len() > latent || map.spreads.len() != map.axes.len() {
        return Err(format!(
            "the latent map has {} axes and {} spreads, expected {min_axes} to {latent} of each; {remedy}",
            map.axes.len(),
            map.spreads.len()
        ));
    }
    let axes = map.axes.iter().map(|axis| ("an axis", axis));
    let styles = map.styles.values().map(|centroid| ("a style", centroid));
    for (what, vector) in std::iter::once(("the mean", &map.mean))
        .chain(axes)
        .chain(styles)
    {
        if vector.len() != latent || !vector.iter().all(|value| value.is_finite()) {
            return Err(format!(
                "{what} of the latent map has {} values, expected {latent} finite ones; {remedy}",
                vector.len()
            ));
        }
    }
    if let Some(prior) = &map.prior
        && prior.latent() != Some(latent)
    {
        return Err(format!(
            "the parts of the latent map's prior do not fit each other and {latent} numbers; {remedy}"
        ));
    }
    if !map
        .spreads
        .iter()
        .all(|spread| spread.is_finite() && *spread >= 0.0)
    {
        return Err(format!(
            "a spread of the latent map is not a finite number of 0 or more; {remedy}"
        ));
    }
    Ok(())
}

fn check_attributes(
    attributes: &BTreeMap<String, AttributeVector>,
    latent: usize,
) -> Result<(), String> {
    for (name, attribute) in attributes {
        let figures = [
            attribute.bottom,
            attribute.top,
            attribute.mean,
            attribute.deviation,
        ];
        let is_finite = figures.iter().all(|figure| figure.is_finite())
            && attribute.vector.iter().all(|value| value.is_finite());
        if attribute.vector.len() != latent || !is_finite {
            return Err(format!(
                "the vector of the attribute `{name}` has {} values, expected {latent} finite ones and finite figures; \
                 measure it again with `fourbar attributes`",
                attribute.vector.len()
            ));
        }
    }
    Ok(())
}

/// Whether the tensors are exactly those of the configuration.
pub(super) fn check_names<'a>(
    shapes: &[(String, Vec<usize>)],
    found: impl Iterator<Item = &'a str>,
) -> Result<(), String> {
    let remedy =
        "the file belongs to another model or lost its description; export the model again";
    let found: BTreeSet<&str> = found.collect();
    for (name, shape) in shapes {
        if !found.contains(name.as_str()) {
            return Err(format!(
                "tensor `{name}` is missing, expected with shape {shape:?}; {remedy}"
            ));
        }
    }
    match found
        .iter()
        .find(|found| !shapes.iter().any(|(name, _)| name == *found))
    {
        Some(name) => Err(format!(
            "tensor `{name}` is not expected in this configuration; {remedy}"
        )),
        None => Ok(()),
    }
}

/// Whether a tensor has its shape.
pub(super) fn check_shape(name: &str, expected: &[usize], found: &[usize]) -> Result<(), String> {
    if expected == found {
        return Ok(());
    }
    Err(format!(
        "tensor `{name}` has shape {found:?}, expected {expected:?}; the weights and the configuration do not belong \
         together, export the model again"
    ))
}
