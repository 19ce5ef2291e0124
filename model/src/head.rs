//! Heads: from the numbers that a decoder puts out at a step to a row, and what a row costs in training.
//!
//! A head says which [`RowLayout`]s it consumes, and a model is only built if its converter gives one of them: the
//! decoder's numbers have no meaning but the one that the head gives them. A new head is a file beside the others and
//! its line in the list of heads below.

use crate::parameters::Parameters;
use crate::rows::RowLayout;
use candle_core::{Result, Tensor};
use serde::de::value::{Error as NameError, MapAccessDeserializer, MapDeserializer};
use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use std::fmt::{self, Debug};
use std::str::FromStr;
use std::sync::Arc;

/// Declares the heads' files, and the enum of them for configurations: a new head is a line here.
macro_rules! heads {
    ($($file:ident: $Kind:ident,)*) => {
        $(
            mod $file;
            pub use $file::$Kind;
        )*

        /// Which head a decoder has, with the head's own sizes.
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind", rename_all = "snake_case")]
        pub enum Head {
            $(
                #[doc = concat!("`", stringify!($file), "`.")]
                $Kind($Kind),
            )*
        }

        impl Head {
            /// Its name in configurations.
            #[must_use]
            pub fn name(&self) -> &'static str {
                match self {
                    $(Self::$Kind(_) => stringify!($file),)*
                }
            }

            /// Whether it consumes rows of this layout.
            #[must_use]
            pub fn consumes(&self, layout: &RowLayout) -> bool {
                match self {
                    $(Self::$Kind(_) => $Kind::consumes(layout),)*
                }
            }

            /// What is known of it without its weights.
            #[must_use]
            pub fn kind(&self) -> &dyn HeadKind {
                match self {
                    $(Self::$Kind(kind) => kind,)*
                }
            }
        }

        /// The names of the heads that consume a layout.
        #[must_use]
        pub fn fitting(layout: &RowLayout) -> Vec<&'static str> {
            let all = [$((stringify!($file), $Kind::consumes(layout)),)*];
            all.into_iter().filter(|(_, fits)| *fits).map(|(name, _)| name).collect()
        }
    };
}

heads! {
    boolean: Boolean,
    categorical: Categorical,
    cells: Cells,
    groove: Groove,
    nade: Nade,
}

/// What is known of a head without its weights.
pub trait HeadKind {
    /// Whether it consumes rows of this layout.
    fn consumes(layout: &RowLayout) -> bool
    where
        Self: Sized;

    /// The layouts it consumes, in words.
    fn consumes_words(&self) -> &'static str;

    /// Its own sizes by their names in configurations.
    fn sizes(&self) -> Vec<(&'static str, usize)> {
        Vec::new()
    }

    /// Whether the decoder keeps cells that are known ([`crate::conditions::Known`]).
    fn takes_known(&self) -> bool {
        false
    }

    /// Whether the decoder plays otherwise at another tempo.
    fn takes_tempo(&self) -> bool {
        false
    }

    /// Numbers that it wants from the decoder at each step.
    fn n_outputs(&self, layout: &RowLayout) -> usize {
        layout.width()
    }

    /// Builds it for a layout that it consumes, with tensors of its own below the decoder's.
    ///
    /// # Errors
    /// If a tensor is missing or has another shape.
    fn build(&self, layout: &RowLayout, parameters: &Parameters) -> Result<Arc<dyn HeadLayer>>;
}

/// The last part of a decoder.
pub trait HeadLayer: Debug + Send + Sync {
    /// The parts of the reconstruction loss by name, each `[rows]`, in nats (squared errors count as nats).
    ///
    /// # Shapes
    /// `outputs`: `[rows, n_outputs]`; `targets`: `[rows, width]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    fn loss(&self, outputs: &Tensor, targets: &Tensor) -> Result<Vec<(&'static str, Tensor)>>;

    /// One row for each of a batch. At temperature 0 it is the most likely one, and `uniforms` are not looked at.
    ///
    /// # Shapes
    /// `outputs`: `[batch, n_outputs]`; `uniforms`: `[batch, n_uniforms]` in [0, 1); result: `[batch, width]`.
    ///
    /// # Errors
    /// If shapes differ or the device fails.
    fn sample(&self, outputs: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor>;

    /// Numbers from [0, 1) that one row uses up.
    fn n_uniforms(&self) -> usize;
}

impl FromStr for Head {
    type Err = NameError;

    /// A head without sizes by its name.
    fn from_str(name: &str) -> std::result::Result<Self, NameError> {
        Self::deserialize(MapDeserializer::new(std::iter::once(("kind", name))))
    }
}

/// A head in a configuration: a table with its kind and sizes, or the name alone if it has no sizes.
pub(crate) fn by_name_or_table<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> std::result::Result<Head, D::Error> {
    struct NameOrTable;

    impl<'de> Visitor<'de> for NameOrTable {
        type Value = Head;

        fn expecting(&self, f: &mut fmt::Formatter) -> fmt::Result {
            f.write_str("a head's name, or a table with its `kind` and sizes")
        }

        fn visit_str<E: serde::de::Error>(self, name: &str) -> std::result::Result<Head, E> {
            name.parse().map_err(E::custom)
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> std::result::Result<Head, A::Error> {
            Head::deserialize(MapAccessDeserializer::new(map))
        }
    }

    deserializer.deserialize_any(NameOrTable)
}

/// What the `i`th choice of a row is called: the only rows with several are those of a trio.
#[must_use]
pub fn choice_name(i: usize) -> &'static str {
    ["melody", "bass", "drums"][i % 3]
}

/// Where `uniforms` is below the probability of a logit at `temperature`: 1, else 0; at temperature 0, where a one is at
/// least as likely as a zero.
fn draw(logits: &Tensor, temperature: f32, uniforms: &Tensor) -> Result<Tensor> {
    let drawn = if temperature > 0.0 {
        let probabilities = candle_nn::ops::sigmoid(&(logits / f64::from(temperature))?)?;
        uniforms.lt(&probabilities)?
    } else {
        candle_nn::ops::sigmoid(logits)?.ge(0.5)?
    };
    drawn.to_dtype(logits.dtype())
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed test is meant to stop")]

    use super::*;
    use candle_core::Device;

    #[test]
    fn a_head_is_read_by_its_name_or_as_a_table_and_unknown_parts_are_named() {
        #[derive(Debug, serde::Deserialize)]
        struct Decoder {
            #[serde(deserialize_with = "by_name_or_table")]
            head: Head,
        }
        let read = |head: &str| serde_json::from_str(&format!(r#"{{"head": {head}}}"#));
        let head = |text: &str| read(text).map(|decoder: Decoder| decoder.head);
        let problem = |text: &str| head(text).unwrap_err().to_string();
        assert_eq!(head(r#""groove""#).unwrap(), Head::Groove(Groove));
        for head in [
            Head::Categorical(Categorical),
            Head::Nade(Nade { hidden: 4 }),
        ] {
            let text = serde_json::to_string(&head).unwrap();
            assert_eq!(
                read(&text).map(|decoder: Decoder| decoder.head).unwrap(),
                head
            );
        }
        assert!(problem(r#""groove2""#).contains("expected one of `boolean`, `categorical`"));
        assert!(problem(r#""nade""#).contains("missing field `hidden`"));
        assert!(problem(r#"{"kind": "nade", "hidden": 4, "wide": 3}"#).contains("`wide`"));
        assert!(head(r#"{"kind": "boolean", "hidden": 4}"#).is_err());
    }

    #[test]
    fn at_temperature_zero_what_is_as_likely_as_not_plays() {
        let tensor = |values: [f32; 3]| Tensor::new(&values, &Device::Cpu).unwrap();
        let drawn = draw(&tensor([0.0, -0.01, 0.01]), 0.0, &tensor([0.9; 3])).unwrap();
        assert_eq!(drawn.to_vec1::<f32>().unwrap(), [1.0, 0.0, 1.0]);
    }
}
