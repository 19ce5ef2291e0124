//! The page over the grid: what is looked for on top, the presets that are found, and what saves another one.

use super::{Library, Wish, text_ids};
use crate::editor::button::{Emphasis, button, link, toggle};
use crate::editor::choice::options;
use crate::editor::help::Help as _;
use crate::editor::icon::Icon;
use crate::editor::text_field::text_field;
use crate::editor::{menu, theme};
use crate::library::{Entry, Key, Origin};
use crate::request::{STYLES, Style};
use egui::{
    Align2, CursorIcon, Popup, Rect, RectAlign, ScrollArea, Sense, Ui, UiBuilder, pos2, vec2,
};

/// Height of the rows at the top and the bottom, and of a line of the list.
const ROW: f32 = 30.0;
const LINE: f32 = 28.0;
/// What a column of the list is at least wide.
const MIN_COLUMN: f32 = 440.0;
/// Width of a heart, of the name's share of a line, and of a style.
const HEART: f32 = 28.0;
const NAME: f32 = 0.42;
const STYLE: f32 = 100.0;
const GAP: f32 = theme::UNIT;

impl Library {
    /// Draws the page in `rect`; nothing can be saved unless something sounds.
    pub(in crate::editor) fn show_page(
        &mut self,
        ui: &mut Ui,
        rect: Rect,
        can_save: bool,
    ) -> Option<Wish> {
        let inside = theme::panel(ui.painter(), rect);
        let (top, rest) = inside.split_top_bottom_at_y(inside.top() + ROW);
        let (list, bottom) = rest.split_top_bottom_at_y(rest.bottom() - ROW);
        let wish = [
            self.show_filter(ui, top),
            self.show_list(ui, list.shrink2(vec2(0.0, GAP))),
            self.show_saving(ui, bottom, can_save),
        ];
        wish.into_iter().flatten().next()
    }

    /// The row that says what is looked for.
    fn show_filter(&mut self, ui: &mut Ui, row: Rect) -> Option<Wish> {
        let mut left = row.left();
        let mut place = |width: f32| {
            let place = Rect::from_min_size(pos2(left, row.top()), vec2(width, ROW));
            left += width + GAP;
            place
        };
        let [search, ..] = text_ids();
        let hint = "Search names, styles and tags";
        text_field(ui, place(240.0), search, &mut self.filter.text, hint, 60);
        styles(ui, place(140.0), &mut self.filter.style);
        let hint = "Only those with a heart.";
        if toggle(ui, place(66.0), "Hearts", self.filter.loved, hint) {
            self.filter.loved = !self.filter.loved;
        }
        let origins = [None, Some(Origin::Factory), Some(Origin::User)];
        let chosen = origins
            .iter()
            .position(|&origin| origin == self.filter.origin);
        let hint = "All presets, those that came with the plugin, or your own.";
        let labels = ["All", "Factory", "Yours"];
        if let Some(picked) = options(ui, place(190.0), "origin", &labels, chosen, hint) {
            self.filter.origin = origins[picked];
        }
        let close = Rect::from_min_max(pos2(row.right() - 64.0, row.top()), row.max);
        let mut wish = None;
        if toggle(ui, close, "Close", false, "Back to the grid.") {
            wish = Some(Wish::Page);
        }
        let hint =
            "Your presets are files in a folder: copy them, give them away, or put others there.";
        let at = pos2(close.left() - 1.5 * GAP, row.center().y);
        if link(ui, at, "Open folder", hint).clicked() {
            wish = Some(Wish::Folder);
        }
        wish
    }

    /// The presets that are found, in as many columns as there is room for.
    fn show_list(&self, ui: &mut Ui, rect: Rect) -> Option<Wish> {
        let entries = self.listing.iter().flat_map(|listing| &listing.entries);
        let shown: Vec<&Entry> = entries.filter(|entry| self.filter.shows(entry)).collect();
        if shown.is_empty() {
            let text = match &self.listing {
                None => "Reading\u{2026}",
                Some(_) => "Nothing is called like that: take a word or a filter out.",
            };
            let (at, font) = (rect.center(), theme::medium(12.5));
            theme::text(
                ui.painter(),
                at,
                Align2::CENTER_CENTER,
                text,
                font,
                theme::TEXT_FAINT,
            );
            return None;
        }
        let fits = |n_columns: &u8| f32::from(*n_columns) * MIN_COLUMN <= rect.width();
        let n_columns = (1..=4).rev().find(fits).unwrap_or(1);
        let column = (rect.width() - GAP) / f32::from(n_columns);
        let n_columns = usize::from(n_columns);
        let current = self.key();
        let mut wish = None;
        let mut child = ui.new_child(UiBuilder::new().max_rect(rect));
        child.spacing_mut().item_spacing.y = 0.0;
        ScrollArea::vertical()
            .id_salt("library")
            .auto_shrink(false)
            .show_rows(
                &mut child,
                LINE,
                shown.len().div_ceil(n_columns),
                |ui, rows| {
                    for row in rows {
                        let (line, _) = ui
                            .allocate_exact_size(vec2(ui.available_width(), LINE), Sense::hover());
                        let mut left = line.left();
                        for entry in shown.iter().skip(row * n_columns).take(n_columns) {
                            let at = pos2(left, line.top());
                            let place = Rect::from_min_size(at, vec2(column - GAP, LINE));
                            left += column;
                            wish = line_of(ui, place, entry, current).or(wish.take());
                        }
                    }
                },
            );
        wish
    }

    /// The row that saves what plays.
    fn show_saving(&mut self, ui: &mut Ui, row: Rect, can_save: bool) -> Option<Wish> {
        let label = theme::text(
            ui.painter(),
            row.left_center(),
            Align2::LEFT_CENTER,
            "Save what plays",
            theme::medium(12.0),
            theme::TEXT_SOFT,
        );
        let left = label.right() + 1.5 * GAP;
        let save = row.with_min_x(row.right() - 110.0);
        let room = save.left() - left - 2.0 * GAP;
        let name = Rect::from_min_size(pos2(left, row.top()), vec2(room / 2.0, ROW));
        let tags = name.translate(vec2(name.width() + GAP, 0.0));
        let [_, name_id, tags_id] = text_ids();
        text_field(ui, name, name_id, &mut self.typed_name, "Name", 60);
        let hint = "Tags, separated by commas";
        text_field(ui, tags, tags_id, &mut self.typed_tags, hint, 120);
        let can_save = can_save && self.saving.is_none() && !self.typed_name.trim().is_empty();
        let emphasis = if can_save {
            Emphasis::Normal
        } else {
            Emphasis::Disabled
        };
        let (word, hint) = match self.taken() {
            Some(_) => (
                "Replace",
                "Puts what plays in the place of your preset of this name.",
            ),
            None => (
                "Save",
                "Saves what plays, its settings, edits and locks under this name.",
            ),
        };
        let is_clicked = button(ui, save, Icon::Plus, word, emphasis, hint).clicked();
        is_clicked.then_some(Wish::Save)
    }
}

/// The menu of styles.
fn styles(ui: &Ui, rect: Rect, chosen: &mut Option<usize>) {
    let style = chosen.and_then(|style| STYLES.get(style));
    let name = style.map_or("All styles", |style| style.name);
    let response = menu::button(ui, rect, "library style", name);
    let all = std::iter::once((None, "All styles"));
    let each = STYLES.iter().enumerate();
    let lines = all.chain(each.map(|(index, Style { name, .. })| (Some(index), *name)));
    Popup::menu(&response)
        .align(RectAlign::BOTTOM_START)
        .gap(4.0)
        .width(180.0)
        .show(|ui| {
            ScrollArea::vertical().max_height(320.0).show(ui, |ui| {
                for (style, name) in lines {
                    if menu::line(ui, name, "", *chosen == style).clicked() {
                        *chosen = style;
                    }
                }
            });
        });
}

/// A preset in the list: its heart, its name, its style and its tags.
fn line_of(ui: &Ui, rect: Rect, entry: &Entry, current: Option<&Key>) -> Option<Wish> {
    let id = ui
        .id()
        .with(("preset", &entry.key.name, entry.key.origin == Origin::User));
    let (heart, rest) = rect.split_left_right_at_x(rect.left() + HEART);
    let whole = ui
        .interact(rest, id, Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let love = ui
        .interact(heart, id.with("heart"), Sense::click())
        .on_hover_cursor(CursorIcon::PointingHand);
    let painter = ui.painter();
    if whole.hovered() {
        painter.rect_filled(rest, theme::CONTROL_CORNERS, theme::CONTROL_HOVERED);
    }
    let (icon, colour) = match (entry.is_loved, love.hovered()) {
        (true, _) => (Icon::FullHeart, theme::ACCENT),
        (false, true) => (Icon::Heart, theme::TEXT),
        (false, false) => (Icon::Heart, theme::CONTROL_EDGE),
    };
    icon.paint(painter, heart.center(), 12.0, colour);
    let is_current = current == Some(&entry.key);
    let (font, ink) = match (&entry.contents, is_current) {
        (_, true) => (theme::semibold(12.5), theme::ACCENT),
        (Ok(_), false) => (theme::medium(12.5), theme::TEXT),
        (Err(_), false) => (theme::medium(12.5), theme::BAD),
    };
    let text = |x: f32, text: &str, font, colour, width: f32| {
        let at = pos2(x, rest.center().y);
        theme::text_within(painter, at, Align2::LEFT_CENTER, text, font, colour, width)
    };
    let name_at = rest.left() + GAP;
    let style_at = name_at + rest.width() * NAME + GAP;
    let tags_at = style_at + STYLE;
    let remark_font = || theme::medium(11.5);
    text(
        name_at,
        &entry.key.name,
        font,
        ink,
        style_at - name_at - GAP,
    );
    let (style, tags) = match &entry.contents {
        Ok(summary) => {
            let style = summary
                .request
                .play
                .style
                .and_then(|style| STYLES.get(style));
            (
                style.map_or("Any style", |style| style.name),
                summary.tags.join(", "),
            )
        }
        Err(_) => ("", "cannot be played".to_owned()),
    };
    text(
        style_at,
        style,
        remark_font(),
        theme::TEXT_SOFT,
        STYLE - GAP,
    );
    let mine = match entry.key.origin {
        Origin::Factory => tags,
        Origin::User if tags.is_empty() => "yours".to_owned(),
        Origin::User => format!("yours: {tags}"),
    };
    text(
        tags_at,
        &mine,
        remark_font(),
        theme::TEXT_FAINT,
        rest.right() - tags_at - GAP,
    );
    if love.clicked() {
        return Some(Wish::Love(entry.key.clone(), !entry.is_loved));
    }
    if whole.clicked() {
        return Some(Wish::Open(entry.key.clone()));
    }
    if let Err(problem) = &entry.contents {
        whole.help(problem);
    }
    None
}
