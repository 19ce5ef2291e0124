//! Colours, type and measures of the editor: everything else asks here, so the window has one look.
//!
//! Distances are multiples of [`UNIT`]. Text colours keep a contrast of at least 4.5 : 1 (WCAG AA) on every surface
//! they are drawn on, and edges of controls one of 3 : 1, which tests check.

use egui::epaint::text::{FontTweak, TextFormat};
use egui::text::LayoutJob;
use egui::{
    Align2, Color32, Context, CornerRadius, FontData, FontDefinitions, FontFamily, FontId, Galley,
    Margin, Painter, Pos2, Rect, Shadow, Stroke, TextStyle, Visuals, vec2,
};
use fourbar_model::drums::{N_VOICES, Voice};
use std::sync::Arc;

/// The step of the layout grid, in points.
pub(super) const UNIT: f32 = 8.0;

/// Behind everything.
pub(super) const BACKGROUND: Color32 = Color32::from_rgb(0x0C, 0x0E, 0x12);
/// A section.
pub(super) const PANEL: Color32 = Color32::from_rgb(0x15, 0x18, 0x1F);
/// Something sunk into a section: the grid, tracks of sliders.
pub(super) const WELL: Color32 = Color32::from_rgb(0x0E, 0x11, 0x16);
/// Something that can be pressed or dragged.
pub(super) const CONTROL: Color32 = Color32::from_rgb(0x20, 0x25, 0x2F);
/// The same under the pointer.
pub(super) const CONTROL_HOVERED: Color32 = Color32::from_rgb(0x29, 0x2F, 0x3B);
/// The same while pressed.
pub(super) const CONTROL_PRESSED: Color32 = Color32::from_rgb(0x1A, 0x1E, 0x26);
/// Edges of sections and wells.
pub(super) const OUTLINE: Color32 = Color32::from_rgb(0x26, 0x2B, 0x36);
/// Edges of what can be pressed, dragged or typed into. Contrast to every surface is at least 3 : 1 (WCAG 1.4.11).
pub(super) const CONTROL_EDGE: Color32 = Color32::from_rgb(0x6A, 0x74, 0x86);
/// Lines that stand out from others: the bars of the grid, the ticks of a scale.
pub(super) const OUTLINE_STRONG: Color32 = Color32::from_rgb(0x3B, 0x43, 0x52);

/// Values and names.
pub(super) const TEXT: Color32 = Color32::from_rgb(0xEC, 0xEE, 0xF3);
/// Labels.
pub(super) const TEXT_SOFT: Color32 = Color32::from_rgb(0xB1, 0xB9, 0xC7);
/// Captions and units.
pub(super) const TEXT_FAINT: Color32 = Color32::from_rgb(0x8D, 0x96, 0xA6);

/// The one accent: what is chosen, set or playing.
pub(super) const ACCENT: Color32 = Color32::from_rgb(0xFD, 0xA8, 0x56);
/// The accent under the pointer.
pub(super) const ACCENT_HOVERED: Color32 = Color32::from_rgb(0xFF, 0xBB, 0x6D);
/// The accent while pressed.
pub(super) const ACCENT_PRESSED: Color32 = Color32::from_rgb(0xE3, 0x8D, 0x3D);
/// Text on the accent.
pub(super) const ON_ACCENT: Color32 = Color32::from_rgb(0x1D, 0x12, 0x05);
/// All is well.
pub(super) const GOOD: Color32 = Color32::from_rgb(0x7F, 0xD6, 0xA2);
/// Something went wrong.
pub(super) const BAD: Color32 = Color32::from_rgb(0xFF, 0x8A, 0x80);

/// One hue per drum, all of the same lightness (0.78) and chroma (0.115) in OKLCH, so that none shouts.
const VOICES: [Color32; N_VOICES] = [
    Color32::from_rgb(0xF8, 0x9A, 0x8E),
    Color32::from_rgb(0xEC, 0xA6, 0x67),
    Color32::from_rgb(0xCB, 0xB8, 0x5C),
    Color32::from_rgb(0x97, 0xC8, 0x7C),
    Color32::from_rgb(0x5D, 0xCF, 0xAF),
    Color32::from_rgb(0x47, 0xCC, 0xDE),
    Color32::from_rgb(0x75, 0xBF, 0xFC),
    Color32::from_rgb(0xB6, 0xAB, 0xFC),
    Color32::from_rgb(0xE9, 0x9A, 0xCF),
];

/// Corners of sections.
pub(super) const PANEL_CORNERS: CornerRadius = CornerRadius::same(10);
/// Corners of controls.
pub(super) const CONTROL_CORNERS: CornerRadius = CornerRadius::same(6);

const SEMIBOLD_FAMILY: &str = "semibold";

/// The hue of `voice`.
pub(super) fn voice_colour(voice: Voice) -> Color32 {
    VOICES[voice.index()]
}

/// `from` at 0, `to` at 1.
pub(super) fn mix(from: Color32, to: Color32, amount: f32) -> Color32 {
    from.lerp_to_gamma(to, amount.clamp(0.0, 1.0))
}

/// The face of values and labels.
pub(super) fn medium(size: f32) -> FontId {
    FontId::new(size, FontFamily::Proportional)
}

/// The face of names and headings.
pub(super) fn semibold(size: f32) -> FontId {
    FontId::new(size, FontFamily::Name(SEMIBOLD_FAMILY.into()))
}

/// Gives `ctx` the editor's fonts and colours.
pub(super) fn install(ctx: &Context) {
    ctx.set_fonts(fonts());
    ctx.set_theme(egui::Theme::Dark);
    // Ctrl and plus belong to the host, and the backend would not follow.
    ctx.options_mut(|options| options.zoom_with_keyboard = false);
    ctx.global_style_mut(|style| {
        style.visuals = visuals();
        style.text_styles = [
            (TextStyle::Small, medium(11.0)),
            (TextStyle::Body, medium(12.5)),
            (TextStyle::Button, medium(12.5)),
            (TextStyle::Monospace, medium(12.5)),
            (TextStyle::Heading, semibold(16.0)),
        ]
        .into();
        style.spacing.tooltip_width = 264.0;
        style.spacing.menu_margin = Margin::symmetric(12, 8);
        style.interaction.tooltip_delay = 0.5;
        style.interaction.selectable_labels = false;
    });
}

/// The two weights of Inter, for every family; egui's own fonts would be 1.4 MB for letters that nothing shows.
fn fonts() -> FontDefinitions {
    let mut fonts = FontDefinitions::empty();
    let faces = [
        (
            vec![FontFamily::Proportional, FontFamily::Monospace],
            "Inter Medium",
            &include_bytes!("fonts/Inter-Medium.otf")[..],
        ),
        (
            vec![FontFamily::Name(SEMIBOLD_FAMILY.into())],
            "Inter SemiBold",
            &include_bytes!("fonts/Inter-SemiBold.otf")[..],
        ),
    ];
    for (families, name, bytes) in faces {
        let data = FontData::from_static(bytes).tweak(FontTweak::default());
        fonts.font_data.insert(name.to_owned(), Arc::new(data));
        for family in families {
            fonts.families.insert(family, vec![name.to_owned()]);
        }
    }
    fonts
}

fn visuals() -> Visuals {
    let mut visuals = Visuals::dark();
    visuals.override_text_color = Some(TEXT);
    visuals.panel_fill = BACKGROUND;
    visuals.window_fill = CONTROL;
    visuals.window_stroke = Stroke::new(1.0, OUTLINE_STRONG);
    visuals.window_corner_radius = CONTROL_CORNERS;
    visuals.menu_corner_radius = CONTROL_CORNERS;
    visuals.popup_shadow = Shadow {
        offset: [0, 6],
        blur: 16,
        spread: 0,
        color: Color32::from_black_alpha(140),
    };
    visuals
}

/// Draws one line of text and returns its place.
pub(super) fn text(
    painter: &Painter,
    at: Pos2,
    align: Align2,
    text: &str,
    font: FontId,
    colour: Color32,
) -> Rect {
    painter.text(at, align, text, font, colour)
}

/// Draws `text` cut with an ellipsis to `width`; true if all of it fitted.
pub(super) fn text_within(
    painter: &Painter,
    at: Pos2,
    align: Align2,
    text: &str,
    font: FontId,
    colour: Color32,
    width: f32,
) -> bool {
    let mut job = LayoutJob::simple_singleline(text.to_owned(), font, colour);
    job.wrap = egui::text::TextWrapping::truncate_at_width(width);
    let galley = painter.layout_job(job);
    let whole = !galley.elided;
    place(painter, at, align, galley);
    whole
}

/// Draws a section's heading: small, spaced capitals.
pub(super) fn heading(painter: &Painter, at: Pos2, text: &str, colour: Color32) -> Rect {
    place(
        painter,
        at,
        Align2::LEFT_CENTER,
        heading_galley(painter, text, colour),
    )
}

/// How wide a section's heading is.
pub(super) fn heading_width(painter: &Painter, text: &str) -> f32 {
    heading_galley(painter, text, TEXT).size().x
}

fn heading_galley(painter: &Painter, text: &str, colour: Color32) -> Arc<Galley> {
    let format = TextFormat {
        extra_letter_spacing: 1.1,
        ..TextFormat::simple(semibold(11.0), colour)
    };
    painter.layout_job(LayoutJob::single_section(text.to_uppercase(), format))
}

/// Draws the product's name.
pub(super) fn wordmark(painter: &Painter, at: Pos2, text: &str) -> Rect {
    let format = TextFormat {
        extra_letter_spacing: 2.6,
        ..TextFormat::simple(semibold(17.0), TEXT)
    };
    place(
        painter,
        at,
        Align2::LEFT_CENTER,
        painter.layout_job(LayoutJob::single_section(text.to_owned(), format)),
    )
}

/// A slow swell between 0 and 1.
#[expect(clippy::cast_possible_truncation, reason = "a brightness")]
pub(super) fn pulse(seconds: f64) -> f32 {
    (0.5 - 0.5 * (seconds * 5.0).cos()) as f32
}

fn place(painter: &Painter, at: Pos2, align: Align2, galley: Arc<Galley>) -> Rect {
    let rect = align.anchor_size(at, galley.size());
    painter.galley(rect.min, galley, TEXT);
    rect
}

/// Draws an empty section and returns the part for its contents.
pub(super) fn panel(painter: &Painter, rect: Rect) -> Rect {
    painter.rect(
        rect,
        PANEL_CORNERS,
        PANEL,
        Stroke::new(1.0, OUTLINE),
        egui::StrokeKind::Inside,
    );
    rect.shrink2(vec2(2.0 * UNIT, 1.5 * UNIT))
}

/// Draws what the value of a control lies in.
pub(super) fn well(painter: &Painter, rect: Rect, edge: Color32) {
    body(painter, rect, WELL, edge);
}

/// The body of a control and its edge.
pub(super) fn body(painter: &Painter, rect: Rect, fill: Color32, edge: Color32) {
    let stroke = Stroke::new(1.0, edge);
    painter.rect(
        rect,
        CONTROL_CORNERS,
        fill,
        stroke,
        egui::StrokeKind::Inside,
    );
}

/// Draws a control's `label` at the left of its row and returns the room for the control.
pub(super) fn labelled(painter: &Painter, row: Rect, label: &str) -> Rect {
    const LABEL: f32 = 68.0;
    text(
        painter,
        row.left_center(),
        Align2::LEFT_CENTER,
        label,
        medium(12.0),
        TEXT_SOFT,
    );
    row.with_min_x(row.left() + LABEL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn luminance(colour: Color32) -> f32 {
        let linear = egui::Rgba::from(colour);
        0.2126 * linear.r() + 0.7152 * linear.g() + 0.0722 * linear.b()
    }

    fn contrast(a: Color32, b: Color32) -> f32 {
        let (a, b) = (luminance(a), luminance(b));
        (a.max(b) + 0.05) / (a.min(b) + 0.05)
    }

    #[test]
    fn every_text_colour_can_be_read_on_every_surface() {
        for surface in [BACKGROUND, PANEL, WELL, CONTROL] {
            for text in [TEXT, TEXT_SOFT, TEXT_FAINT, ACCENT, GOOD, BAD] {
                assert!(
                    contrast(text, surface) >= 4.5,
                    "{text:?} on {surface:?}: {}",
                    contrast(text, surface)
                );
            }
        }
        for surface in [ACCENT, ACCENT_HOVERED, ACCENT_PRESSED] {
            assert!(contrast(ON_ACCENT, surface) >= 4.5);
        }
    }

    #[test]
    fn every_control_stands_out_from_what_it_is_on() {
        for surface in [BACKGROUND, PANEL, WELL, CONTROL] {
            for edge in [CONTROL_EDGE, ACCENT, TEXT_FAINT] {
                let contrast = contrast(edge, surface);
                assert!(contrast >= 3.0, "{edge:?} on {surface:?}: {contrast}");
            }
        }
    }

    #[test]
    fn no_two_drums_share_a_hue_and_all_stand_out_from_the_grid() {
        for (index, &colour) in VOICES.iter().enumerate() {
            assert!(contrast(colour, WELL) >= 4.5);
            assert!(!VOICES[..index].contains(&colour));
        }
    }
}
