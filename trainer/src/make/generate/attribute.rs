//! Attributes on the command line: more or less of a musical property.

use fourbar_model::checkpoint::Metadata;
use std::str::FromStr;

/// The most times that a vector is added, or taken away: the music has long left what the model has learned.
const MOST_TIMES: f32 = 10.0;

/// So many times the vector of an attribute.
#[derive(Debug, Clone, PartialEq)]
pub struct Amount {
    name: String,
    times: f32,
}

impl FromStr for Amount {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let problem = || {
            "not an attribute and how often its vector is added, such as density=+1.5 or swing=-1"
                .to_owned()
        };
        let (name, times) = text.split_once('=').ok_or_else(problem)?;
        match times.trim().parse::<f32>() {
            Ok(times) if times.abs() <= MOST_TIMES => Ok(Self {
                name: name.trim().to_owned(),
                times,
            }),
            Ok(times) if !times.is_nan() => Err(format!(
                "the vector of an attribute is added between -{MOST_TIMES} and {MOST_TIMES} times, not {times} times"
            )),
            _ => Err(problem()),
        }
    }
}

impl Amount {
    /// As it is written on the command line.
    pub(super) fn words(&self) -> String {
        format!("{} {:+}", self.name, self.times)
    }
}

/// What is added to every latent vector, `[latent]`: nothing without amounts.
///
/// # Errors
/// If the model has no attribute of a name.
pub(super) fn shift(metadata: &Metadata, amounts: &[Amount]) -> anyhow::Result<Vec<f32>> {
    let preset = &metadata.config.preset;
    let mut shift = vec![0.0; metadata.config.latent];
    for Amount { name, times } in amounts {
        let known: Vec<&str> = metadata.attributes.keys().map(String::as_str).collect();
        let Some(attribute) = metadata.attributes.get(name) else {
            anyhow::ensure!(
                !known.is_empty(),
                "the model {preset} has no attribute vectors yet: measure them with `fourbar attributes --model FILE --data \
                 PATH`, which writes them into its file"
            );
            anyhow::bail!(
                "the model {preset} has no attribute {name:?}; it has {}",
                known.join(", ")
            );
        };
        for (sum, component) in shift.iter_mut().zip(&attribute.vector) {
            *sum += times * component;
        }
    }
    Ok(shift)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

    use super::*;
    use crate::models::tiny;
    use fourbar_model::attributes::AttributeVector;

    #[test]
    fn an_amount_is_a_name_and_a_number() {
        let amount: Amount = "density=+1.5".parse().unwrap();
        assert_eq!((amount.name.as_str(), amount.times), ("density", 1.5));
        assert_eq!(amount.words(), "density +1.5");
        for text in ["density", "density=much", "density=NaN", ""] {
            let problem = Amount::from_str(text).unwrap_err();
            assert!(problem.contains("density=+1.5"), "{text}");
        }
    }

    #[test]
    fn an_amount_that_leaves_all_music_is_refused_with_the_bounds() {
        for text in ["density=1e38", "density=-1e30", "density=10.1", "x=inf"] {
            let problem = Amount::from_str(text).unwrap_err();
            assert!(problem.contains("between -10 and 10 times"), "{problem}");
        }
        assert!(Amount::from_str("density=-10").is_ok());
    }

    #[test]
    fn amounts_add_up_and_unknown_ones_are_refused() {
        let mut metadata = tiny::open().metadata;
        let amounts = |text: &[&str]| -> Vec<Amount> {
            text.iter().map(|text| text.parse().unwrap()).collect()
        };
        let problem = |metadata: &Metadata| {
            shift(metadata, &amounts(&["density=1"]))
                .unwrap_err()
                .to_string()
        };
        assert!(problem(&metadata).contains("fourbar attributes"));

        for (name, component) in [("swing", 1.0), ("push", 0.5)] {
            let vector = AttributeVector {
                vector: vec![component; 8],
                bottom: 0.0,
                top: 1.0,
                mean: 0.5,
                deviation: 0.5,
                n_sequences: 100,
            };
            metadata.attributes.insert(name.to_owned(), vector);
        }
        assert!(problem(&metadata).contains("it has push, swing"));
        let sum = shift(&metadata, &amounts(&["swing=2", "push=-1"])).unwrap();
        assert_eq!(sum, [1.5; 8]);
        assert_eq!(shift(&metadata, &[]).unwrap(), [0.0; 8]);
    }
}
