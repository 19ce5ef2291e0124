//! The clips as one page to listen to: nothing but HTML, with its style, its script and the sound inside it.

use super::clips::{Clip, N_PAIRS, Player, TEMPERATURE};
use crate::data;
use crate::data::Dataset;
use crate::measure::web;
use fourbar_model::checkpoint::{DatasetCard, Metadata};
use fourbar_model::groove::STEPS_PER_BAR;
use maud::{Markup, PreEscaped, html};

const STYLE: &str = include_str!("page/style.css");
const SCRIPT: &str = include_str!("page/script.js");

/// Everything that the page shows.
pub(super) struct Page<'a> {
    /// What the model's checkpoint says about it.
    pub(super) model: &'a Metadata,
    /// Where the drummers are from.
    pub(super) dataset: &'a Dataset,
    /// What picked the clips.
    pub(super) seed: u64,
    /// The clips in the order of the page.
    pub(super) clips: &'a [Clip],
    /// Each clip as an Ogg Opus file.
    pub(super) sounds: &'a [Vec<u8>],
}

impl Page<'_> {
    /// The whole page.
    pub(super) fn to_html(&self) -> String {
        let n_clips = self.clips.len();
        let n_bars = self.model.config.window_steps() / STEPS_PER_BAR;
        let body = html! {
            main {
                h1 { "Drummer or machine?" }
                p {
                    (N_PAIRS) " of these " (n_clips) " loops were played by drummers, the other " (N_PAIRS)
                    " by the model " (self.model.config.preset) ", in any order. Each is " (n_bars)
                    " bars, played twice. Listen, say who plays, and look at the answers when you are done."
                }
                p.quiet {
                    "Keys: " kbd { "N" } " plays the next loop, " kbd { "P" } " the one before, " kbd { "D" }
                    " says drummer, " kbd { "M" } " machine. Headphones help."
                }
                form #clips autocomplete="off" {
                    @for (number, sound) in (1..).zip(self.sounds) { (clip(number, sound)) }
                }
                p.quiet #progress role="status" {}
                details #key {
                    summary { "Show the answers" }
                    p #score role="status" {}
                    .scroll {
                        table {
                            thead {
                                tr { th { "Loop" } th { "Played by" } th { "You said" } th { "Tempo, bpm" } th { "From" } }
                            }
                            tbody {
                                @for (number, clip) in (1..).zip(self.clips) { (self.answer(number, clip)) }
                            }
                        }
                    }
                }
                (self.footer())
            }
            script { (PreEscaped(SCRIPT)) }
        };
        web::document("Drummer or machine?", STYLE, &body)
    }

    /// The line of a clip in the key.
    fn answer(&self, number: usize, clip: &Clip) -> Markup {
        let (kind, source) = match &clip.player {
            Player::Drummer { file } => ("drummer", file.clone()),
            Player::Machine { seed } => {
                let preset = &self.model.config.preset;
                ("machine", format!("{preset}, seed {seed}"))
            }
        };
        let bpm = format!("{:.0}", clip.bpm);
        html! {
            tr data-kind=(kind) { td { (number) } td { (kind) } td.guess {} td { (bpm) } td { (source) } }
        }
    }

    /// How the page was made, and whom to credit.
    fn footer(&self) -> Markup {
        let DatasetCard {
            name,
            licence,
            attribution,
            ..
        } = &self.dataset.card;
        html! {
            footer {
                p {
                    "How it was made: the drummers' loops are windows of the test split of " (name) ", no two of one file. \
                     Each is paired with a loop that the model made up at temperature " (TEMPERATURE) ", and both are played \
                     at the drummer's tempo. All " (self.clips.len()) " are grooves of nine drums on a grid of 16ths, with \
                     the velocity and the timing of every hit, and sound through the same synthesised drums with the same \
                     gain. The order and the model's seeds are drawn by seed " (self.seed) "."
                }
                p {
                    "Drummers' loops: " (attribution) ". Licence: "
                    @if licence == data::GMD_LICENCE { a href=(data::GMD_LICENCE_URL) { (licence) } }
                    @else { (licence) }
                    ". Changed: cut, reduced to nine drums, and played by other drums."
                }
            }
        }
    }
}

/// A clip to play and to judge. Nothing in it depends on who plays.
fn clip(number: usize, sound: &[u8]) -> Markup {
    let label = format!("Loop {number}");
    html! {
        fieldset.clip {
            legend { (label) }
            (web::player(sound, &label))
            div {
                @for (kind, word) in [("drummer", "Drummer"), ("machine", "Machine")] {
                    label {
                        input type="radio" name={ "clip" (number) } value=(kind);
                        span { (word) }
                    }
                }
            }
        }
    }
}
