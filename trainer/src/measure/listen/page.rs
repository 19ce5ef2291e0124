//! The clips as one page to listen to: nothing but HTML, with its style, its script and the sound inside it.

use super::clips::{Clip, N_PAIRS, Player, TEMPERATURE};
use crate::data;
use crate::data::Dataset;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use fourbar_model::checkpoint::{DatasetCard, Metadata};
use fourbar_model::groove::STEPS_PER_BAR;
use fourbar_roll::escape;

/// Colours and type are those of the report of `fourbar evaluate`.
const STYLE: &str = concat!(
    include_str!("../page/style.css"),
    include_str!("page/style.css")
);
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
        let players: String = (1..).zip(self.sounds).map(player).collect();
        let answers: String = (1..)
            .zip(self.clips)
            .map(|(number, clip)| self.answer(number, clip))
            .collect();
        format!(
            "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <title>Drummer or machine?</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
             <h1>Drummer or machine?</h1>\n\
             <p>{N_PAIRS} of these {n_clips} loops were played by drummers, the other {N_PAIRS} by the model {preset}, in \
             any order. Each is {n_bars} bars, played twice. Listen, say who plays, and look at the answers when you are done.</p>\n\
             <p class=\"quiet\">Keys: <kbd>N</kbd> plays the next loop, <kbd>P</kbd> the one before, <kbd>D</kbd> says \
             drummer, <kbd>M</kbd> machine. Headphones help.</p>\n\
             <form id=\"clips\" autocomplete=\"off\">\n{players}</form>\n\
             <p id=\"progress\" class=\"quiet\" role=\"status\"></p>\n\
             <details id=\"key\">\n<summary>Show the answers</summary>\n<p id=\"score\" role=\"status\"></p>\n\
             <div class=\"scroll\"><table>\n<thead><tr><th>Loop</th><th>Played by</th><th>You said</th><th>Tempo, bpm</th>\
             <th>From</th></tr></thead>\n<tbody>\n{answers}</tbody>\n</table></div>\n</details>\n{footer}\
             </main>\n<script>\n{SCRIPT}</script>\n</body>\n</html>\n",
            preset = escape(&self.model.config.preset),
            footer = self.footer()
        )
    }

    /// The line of a clip in the key.
    fn answer(&self, number: usize, clip: &Clip) -> String {
        let (kind, source) = match &clip.player {
            Player::Drummer { file } => ("drummer", escape(file)),
            Player::Machine { seed } => {
                let preset = escape(&self.model.config.preset);
                ("machine", format!("{preset}, seed {seed}"))
            }
        };
        format!(
            "<tr data-kind=\"{kind}\"><td>{number}</td><td>{kind}</td><td class=\"guess\"></td><td>{:.0}</td>\
             <td>{source}</td></tr>\n",
            clip.bpm
        )
    }

    /// How the page was made, and whom to credit.
    fn footer(&self) -> String {
        let DatasetCard {
            name,
            licence,
            attribution,
            ..
        } = &self.dataset.card;
        let licence = if licence == data::GMD_LICENCE {
            let url = data::GMD_LICENCE_URL;
            format!("<a href=\"{url}\">{licence}</a>")
        } else {
            escape(licence)
        };
        format!(
            "<footer><p>How it was made: the drummers' loops are windows of the test split of {}, no two of one file. \
             Each is paired with a loop that the model made up at temperature {TEMPERATURE}, \
             and both are played at the drummer's tempo. All {} are grooves of nine drums on a grid of 16ths, with the \
             velocity and the timing of every hit, and sound through the same synthesised drums with the same gain. The \
             order and the model's seeds are drawn by seed {}.</p>\n\
             <p>Drummers' loops: {}. Licence: {licence}. Changed: cut, reduced to nine drums, and played by other drums.</p>\
             </footer>\n",
            escape(name),
            self.clips.len(),
            self.seed,
            escape(attribution)
        )
    }
}

/// A clip to play and to judge. Nothing in it depends on who plays.
fn player((number, sound): (usize, &Vec<u8>)) -> String {
    let choice = |kind: &str, word: &str| {
        format!(
            "<label><input type=\"radio\" name=\"clip{number}\" value=\"{kind}\"><span>{word}</span></label>"
        )
    };
    format!(
        "<fieldset class=\"clip\"><legend>Loop {number}</legend>\
         <audio controls preload=\"none\" aria-label=\"Loop {number}\" src=\"data:audio/ogg;base64,{}\"></audio>\
         <div>{}{}</div></fieldset>\n",
        BASE64_STANDARD.encode(sound),
        choice("drummer", "Drummer"),
        choice("machine", "Machine")
    )
}
