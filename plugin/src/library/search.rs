//! Which presets are shown, and which is next.

use super::{Entry, Key, Origin};
use crate::request::{Request, STYLES};

/// What is looked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Words, each of which is in the name, the style or the tags.
    pub text: String,
    /// A style; `None` for all.
    pub style: Option<usize>,
    /// Whether only those with a heart are meant.
    pub loved: bool,
    /// Those of the plugin or the user's own; `None` for both.
    pub origin: Option<Origin>,
}

impl Filter {
    /// Whether it lets a preset through. One that cannot be played has a name only.
    #[must_use]
    pub fn shows(&self, entry: &Entry) -> bool {
        let summary = entry.contents.as_ref().ok();
        let style = summary.and_then(|summary| summary.request.play.style);
        let tags = summary.map_or(&[][..], |summary| &summary.tags);
        let style_name = summary.map_or("", |summary| style_name(&summary.request));
        let text = [&entry.key.name, style_name, &tags.join(" ")].map(str::to_lowercase);
        let is_found = |word: &str| text.iter().any(|text| text.contains(word));
        (self.style.is_none() || self.style == style)
            && (!self.loved || entry.is_loved)
            && self.origin.is_none_or(|origin| origin == entry.key.origin)
            && self.text.to_lowercase().split_whitespace().all(is_found)
    }
}

/// The style that is asked for, for people; empty if any.
fn style_name(request: &Request) -> &'static str {
    let style = request.play.style.and_then(|style| STYLES.get(style));
    style.map_or("", |style| style.name)
}

/// The preset before (-1) or after (1) the current one among those that are `shown` and can be played; the last follows the first and
/// the other way round.
pub fn neighbour<'a>(
    shown: impl Iterator<Item = &'a Entry>,
    current: Option<&Key>,
    step: isize,
) -> Option<&'a Entry> {
    let shown: Vec<&Entry> = shown.filter(|entry| entry.contents.is_ok()).collect();
    let place = shown.iter().position(|entry| Some(&entry.key) == current);
    let next = match place {
        Some(place) => {
            let n_shown = isize::try_from(shown.len()).ok()?;
            let next = (isize::try_from(place).ok()? + step).rem_euclid(n_shown);
            usize::try_from(next).ok()?
        }
        None if step < 0 => shown.len().checked_sub(1)?,
        None => 0,
    };
    shown.get(next).copied()
}

#[cfg(test)]
mod tests {
    use super::super::Summary;
    use super::*;
    use crate::request::N_LATENT;

    fn entries() -> Vec<Entry> {
        let entry = |name: &str, origin, style: Option<usize>, tags: &[&str], is_loved| {
            let mut request = Request::new(1, 0, 1.0, [0.0; N_LATENT]);
            request.play.style = style;
            let tags = tags.iter().map(|&tag| tag.to_owned()).collect();
            Entry {
                key: Key {
                    name: name.to_owned(),
                    origin,
                },
                contents: Ok(Summary { request, tags }),
                is_loved,
            }
        };
        let mut damaged = entry("Broken funk", Origin::User, None, &[], false);
        damaged.contents = Err("damaged".to_owned());
        vec![
            entry("Alley", Origin::Factory, Some(5), &["ghost notes"], true),
            damaged,
            entry("Dusty", Origin::User, Some(8), &["lazy", "sparse"], false),
            entry("Yard", Origin::User, None, &["sparse"], true),
        ]
    }

    fn names(filter: &Filter) -> Vec<String> {
        let entries = entries();
        let shown = entries.iter().filter(|entry| filter.shows(entry));
        shown.map(|entry| entry.key.name.clone()).collect()
    }

    #[test]
    fn every_word_is_looked_for_in_names_styles_and_tags() {
        let found = |text: &str| {
            let text = text.to_owned();
            names(&Filter {
                text,
                ..Filter::default()
            })
        };
        assert_eq!(found("").len(), 4);
        assert_eq!(found(" FUNK "), ["Alley", "Broken funk"]);
        assert_eq!(found("funk ghost"), ["Alley"]);
        assert_eq!(found("spar hip"), ["Dusty"]);
        assert!(found("waltz").is_empty());
    }

    #[test]
    fn styles_hearts_and_origins_narrow_the_list() {
        let plain = Filter::default;
        let style = Some(8);
        assert_eq!(names(&Filter { style, ..plain() }), ["Dusty"]);
        let loved = Filter {
            loved: true,
            ..plain()
        };
        assert_eq!(names(&loved), ["Alley", "Yard"]);
        let origin = Some(Origin::User);
        assert_eq!(names(&Filter { origin, ..loved }), ["Yard"]);
    }

    #[test]
    fn the_next_one_can_be_played_and_the_last_is_followed_by_the_first() {
        let entries = entries();
        let next = |name: Option<&str>, step| {
            let current = name.map(|name| {
                let entry = entries.iter().find(|entry| entry.key.name == name);
                entry.map_or(Key::of_user(name), |entry| entry.key.clone())
            });
            let next = neighbour(entries.iter(), current.as_ref(), step);
            next.map(|entry| entry.key.name.as_str())
        };
        assert_eq!(next(Some("Alley"), 1), Some("Dusty"), "not the damaged one");
        assert_eq!(next(Some("Yard"), 1), Some("Alley"));
        assert_eq!(next(Some("Alley"), -1), Some("Yard"));
        assert_eq!(
            [next(None, 1), next(None, -1)],
            [Some("Alley"), Some("Yard")]
        );
        assert_eq!(next(Some("not shown"), 1), Some("Alley"));
        assert!(neighbour([].iter(), None, 1).is_none());
    }
}
