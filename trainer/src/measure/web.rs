//! What the pages of this room have in common: one file of HTML with everything inside it, for light and dark screens.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use maud::{Markup, PreEscaped, html};

const STYLE: &str = include_str!("web/style.css");

/// A whole page; `style` is what it needs beside the common one.
pub(super) fn document(title: &str, style: &str, body: &Markup) -> String {
    let page = html! {
        (PreEscaped("<!doctype html>\n"))
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(STYLE)) (PreEscaped(style)) }
            }
            body { (body) }
        }
    };
    page.into_string() + "\n"
}

/// A player of an Ogg Opus file; `label` says what it plays to who cannot see the page.
pub(super) fn player(sound: &[u8], label: &str) -> Markup {
    let source = format!("data:audio/ogg;base64,{}", BASE64_STANDARD.encode(sound));
    html! { audio controls preload="none" aria-label=(label) src=(source) {} }
}

/// A card of a page.
pub(super) fn section(title: &str, words: &Markup, body: &Markup) -> Markup {
    html! { section { h2 { (title) } p.quiet { (words) } (body) } }
}

/// A table whose first row is its head.
pub(super) fn table(rows: impl IntoIterator<Item = impl IntoIterator<Item = String>>) -> Markup {
    html! {
        .scroll {
            table {
                @for (place, cells) in rows.into_iter().enumerate() {
                    tr {
                        @for cell in cells {
                            @if place == 0 { th { (cell.trim_start()) } } @else { td { (cell.trim_start()) } }
                        }
                    }
                }
            }
        }
    }
}
