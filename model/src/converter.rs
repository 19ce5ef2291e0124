//! stub
use crate::error::Error;
use crate::rows::RowLayout;
use serde::{Deserialize, Serialize};
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Converter {
    Groove(GrooveConverter),
    Drums(DrumsConverter),
}
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct GrooveConverter {
    #[serde(default)]
    pub hits_as_controls: bool,
}
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Default)]
pub struct DrumsConverter {
    #[serde(default)]
    /// o
    pub output: String,
}
impl Converter {
    pub fn input(&self) -> RowLayout {
        match self {
            Self::Groove(_) => RowLayout::Groove { drums: 9 },
            Self::Drums(_) => RowLayout::RollWithRest { classes: 9 },
        }
    }
    pub fn output(&self) -> RowLayout {
        match self {
            Self::Groove(_) => RowLayout::Groove { drums: 9 },
            Self::Drums(d) => {
                if d.output == "roll" {
                    RowLayout::Roll { classes: 9 }
                } else {
                    RowLayout::OneHot { classes: 512 }
                }
            }
        }
    }
    pub fn controls(&self) -> Option<RowLayout> {
        match self {
            Self::Groove(g) if g.hits_as_controls => Some(RowLayout::Roll { classes: 9 }),
            _ => None,
        }
    }
    pub fn check(&self) -> Result<(), Error> {
        Ok(())
    }
}
impl Converter {
    /// stub
    pub fn groove(&self, rows: &crate::rows::Rows) -> Option<crate::groove::Groove> {
        Some(crate::groove::Groove::from_rows(rows.numbers()?))
    }
}
#[derive(Debug, Clone, PartialEq)]
/// stub
pub struct Example {
    /// i
    pub input: crate::rows::Rows,
    /// o
    pub output: crate::rows::Rows,
    /// c
    pub controls: Option<crate::rows::Rows>,
}
